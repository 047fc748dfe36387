package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/hub"
	"github.com/beckonrtc/beckon/server/web"
)

// stream is a connection with one client, over whatever transport. Recv is called by one goroutine, Send by another.
type stream interface {
	hub.Stream
	// Recv returns the next message, to be freed by the caller; io.EOF after a half-close. If there was a message that
	// could not be taken, the error is the status with which the stream is to end.
	Recv() (received, error)
}

// lingerTimeout is how long a client may take to read an event that it has yet to be sent when its stream ends.
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
		err = ending(silent, "nothing was heard of the client: it has to begin with a message, and to go on with pings once it has sent one")
	case <-s.draining:
		session.Drain(rand.N(reconnectSpread))
		err = errDraining
	}
	if ctx.Err() == nil && !linger(ctx, session) && err == nil {
		err = errSlowConsumer
	}
	final, ok := status.FromError(err)
	if !ok {
		final = status.FromContextError(err) // The client is lost.
	}
	s.log.InfoContext(ctx, "stream ended", "session", session.ID(), "status", final.Code(), "detail", final.Message(), "unwritten", session.Unwritten())
	return final.Err()
}

// linger waits until the client has been written all that it has to be sent, as long as it goes on reading. It reports
// whether that was all.
func linger(ctx context.Context, session *hub.Session) bool {
	for {
		before := session.Sent()
		patience := time.NewTimer(lingerTimeout)
		select {
		case <-session.Written():
			patience.Stop()
			return true
		case <-session.Overflowed():
		case <-ctx.Done():
		case <-patience.C:
			if session.Sent() > before {
				continue
			}
		}
		patience.Stop()
		return false
	}
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
		if n, most := message.Len(), 2*s.cfg.MaxMessageBytes; n > most {
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
	g.event.event = event
	return g.SendMsg(&g.event)
}

// Recv implements stream.
func (g *grpcStream) Recv() (m received, err error) {
	err = g.RecvMsg(&m)
	// What gRPC itself cannot take it has answered with a status of its own by now; ours is for the log.
	switch {
	case err == nil || errors.Is(err, io.EOF) || g.Context().Err() != nil:
		return m, err
	case status.Code(err) == codes.ResourceExhausted: // Far too large.
		return m, ending(messageTooLarge, status.Convert(err).Message())
	}
	return m, ending(hub.Undecodable, "the message cannot be read: "+status.Convert(err).Message())
}

// webStream is a stream on a websocket.
type webStream struct {
	*web.Stream
}

// Recv implements stream.
func (w webStream) Recv() (received, error) {
	message, err := w.Stream.Recv()
	switch {
	case err == nil:
		return received{Buffer: mem.SliceBuffer(message)}, nil
	case errors.Is(err, web.ErrTooLarge):
		return received{}, ending(messageTooLarge, err.Error())
	case errors.Is(err, web.ErrCompressed):
		return received{}, status.Error(codes.Unimplemented, err.Error())
	case errors.Is(err, web.ErrMalformed):
		return received{}, ending(hub.Undecodable, err.Error())
	}
	return received{}, err
}

// remote returns the client's address, for logs.
func remote(ctx context.Context) string {
	if p, ok := peer.FromContext(ctx); ok {
		return p.Addr.String()
	}
	return ""
}
