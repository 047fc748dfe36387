package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/hub"
)

// stream is a connection with one client, over whatever transport. Recv is called by one goroutine, Send by another.
type stream interface {
	hub.Stream
	// Recv returns the next message, to be freed by the caller; io.EOF after a half-close. If there was a message that
	// could not be taken, the error is the status with which the stream is to end.
	Recv() (received, error)
}

// lingerTimeout is how long a client may take to read what it has yet to be sent when its stream ends.
const lingerTimeout = 5 * time.Second

// reconnectSpread is the time over which clients come back after a shutdown, so that they do not all come at once.
const reconnectSpread = 5 * time.Second

// serve runs a session on st, from its first message to its end. The caller owns the stream: it ends when serve returns,
// which makes blocked calls of Recv and Send return.
func (s *Server) serve(ctx context.Context, st stream) error {
	if !s.enter() {
		return errDraining
	}
	defer s.streams.Done()
	session, err := s.hub.Open(st)
	if err != nil {
		return ending(limit, err.Error())
	}
	s.log.InfoContext(ctx, "session opened", "session", session.ID(), "remote", remote(ctx))

	end := make(chan error, 1) // Gets one value.
	s.readers.Go(func() { end <- s.read(ctx, st, session) })
	select {
	case err = <-end:
	case <-session.Overflowed():
		err = errSlowConsumer
	case <-session.Silent():
		err = ending(silent, fmt.Sprintf("nothing was heard of the client for %s, though it had promised to ping", 3*s.cfg.HeartbeatInterval))
	case <-s.draining:
		session.Drain(rand.N(reconnectSpread))
		err = errDraining
	}
	if ctx.Err() == nil {
		linger := time.NewTimer(lingerTimeout)
		defer linger.Stop()
		select {
		case <-session.Written():
		case <-session.Overflowed():
		case <-linger.C:
		case <-ctx.Done():
		}
	}
	s.log.LogAttrs(ctx, slog.LevelInfo, "stream ended", slog.String("session", session.ID()), slog.String("status", status.Code(err).String()), slog.String("detail", status.Convert(err).Message()))
	return err
}

var (
	errDraining     = ending(shuttingDown, "the server shuts down: try another, or this one in a while")
	errSlowConsumer = ending(slowConsumer, "the client reads more slowly than events come for it")
)

// read hands the client's messages to the session until the stream or the session ends, and leaves the session's rooms.
func (s *Server) read(ctx context.Context, st stream, session *hub.Session) error {
	for {
		message, err := st.Recv()
		if errors.Is(err, io.EOF) {
			session.End(beckonv1.LeaveReason_LEAVE_REASON_LEFT)
			return nil
		}
		if err != nil {
			session.End(beckonv1.LeaveReason_LEAVE_REASON_LOST)
			return err
		}
		if n, most := message.Len(), 2*s.cfg.MaxMessageBytes; most > 0 && n > most {
			message.Free()
			session.End(beckonv1.LeaveReason_LEAVE_REASON_LOST)
			return ending(messageTooLarge, fmt.Sprintf("a message has %d bytes: expected at most %d; from %d on the stream ends", n, s.cfg.MaxMessageBytes, most+1))
		}
		err = session.Handle(ctx, message.ReadOnlyData())
		message.Free()
		if errors.Is(err, hub.ErrLeft) {
			session.End(beckonv1.LeaveReason_LEAVE_REASON_LEFT)
			return nil
		}
		if bad, ok := errors.AsType[*hub.Error](err); ok {
			session.End(beckonv1.LeaveReason_LEAVE_REASON_LOST)
			return ending(bad.Reason, bad.Detail)
		}
	}
}

// signal implements beckonv1.SignalServer.
type signal struct {
	beckonv1.UnimplementedSignalServer
	server *Server
}

// Connect implements beckonv1.SignalServer.
func (g signal) Connect(st grpc.BidiStreamingServer[beckonv1.ConnectRequest, beckonv1.ConnectResponse]) error {
	return g.server.serve(st.Context(), &grpcStream{ServerStream: st})
}

// grpcStream is a stream on gRPC's own transport.
type grpcStream struct {
	grpc.ServerStream
	event sent // What is being sent.
}

// Send implements stream.
func (g *grpcStream) Send(event []byte) error {
	g.event = event
	return g.SendMsg(&g.event)
}

// Recv implements stream.
func (g *grpcStream) Recv() (m received, err error) {
	err = g.RecvMsg(&m)
	switch {
	case err == nil || errors.Is(err, io.EOF) || g.Context().Err() != nil:
		return m, err
	case status.Code(err) == codes.ResourceExhausted:
		return m, ending(messageTooLarge, status.Convert(err).Message())
	}
	return m, ending(hub.Undecodable, "the message cannot be read: "+status.Convert(err).Message())
}

// remote returns the client's address, for logs.
func remote(ctx context.Context) string {
	if p, ok := peer.FromContext(ctx); ok {
		return p.Addr.String()
	}
	return ""
}
