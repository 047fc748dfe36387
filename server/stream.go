package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/realip"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/auth"
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

// serve runs a stream, from its first message to its end. The caller owns the stream: it ends when serve returns, which
// makes blocked calls of Recv and Send return.
func (s *Server) serve(ctx context.Context, st stream) error {
	e := s.gate.entrance(ctx)
	e.begin()
	if !s.enter() {
		e.end(true)
		s.ends.add(status.Convert(errDraining))
		return errDraining
	}
	defer s.streams.Done()
	ctx = s.traces.open(ctx, st)
	defer s.traces.close(ctx)
	if f := finisherOf(ctx, st); f != nil {
		return s.serveAlone(ctx, st, f)
	}
	over := make(chan struct{}, 1) // Holds a value once the hub wants the stream ended.
	conn := s.hub.Open(st, remote(ctx), func() {
		select {
		case over <- struct{}{}:
		default:
		}
	})
	end := make(chan error, 1) // Gets one value.
	s.readers.Go(func() {
		end <- s.read(ctx, st, conn)
		if l, ok := st.(*listener); ok {
			close(l.over)
		}
	})
	return s.conclude(ctx, conn, s.await(conn, end, over))
}

// conclude returns the status with which a stream is to end, for that reason; nil: as its client has asked. It waits until
// the client has been sent what it has to be sent. It is called once; a message of the client's may still be being handled.
func (s *Server) conclude(ctx context.Context, conn *hub.Conn, err error) error {
	defer func() { s.gate.entrance(ctx).end(s.isLeaving()) }()
	switch why := conn.MustEnd(); {
	case why&hub.TakenUp != 0: // It is sent nothing more.
		err = ending(hub.TakenOver, "the session was taken up on another stream")
	case why&hub.Outlived != 0:
		err = errOutlived
	case why&hub.Revoked != 0: // Whatever came of that first.
		conn.Revoke() // It may have yet to end.
		linger(ctx, conn)
		err = errKicked
	case ctx.Err() == nil && !linger(ctx, conn) && err == nil:
		err = errSlowConsumer
	}
	final, ok := status.FromError(err)
	if !ok {
		final = status.FromContextError(err) // The client is lost.
	}
	s.ends.add(final)
	s.traces.conclude(ctx, conn, final)
	s.log.InfoContext(ctx, "stream ended", "session", conn.ID(), "status", final.Code(), "detail", final.Message(), "unwritten", conn.Unwritten())
	return final.Err()
}

// await returns why a stream is to end, when it is. end gets what the client's messages came to; over a value once
// the hub wants the stream ended.
func (s *Server) await(conn *hub.Conn, end <-chan error, over <-chan struct{}) error {
	draining := s.draining
	var drained <-chan time.Time // Nil before the server is draining.
	for {
		select {
		case err := <-end:
			return err
		case <-over:
			return s.why(conn)
		case <-draining:
			draining = nil
			after := rand.N(s.spread)
			conn.Drain(after)
			drained = time.After(after)
		case <-drained:
			conn.Stop()
			return errDraining
		}
	}
}

// why returns why a stream that the hub wants ended is to end.
func (s *Server) why(conn *hub.Conn) error {
	switch why := conn.MustEnd(); {
	case why&hub.TakenUp != 0:
		return nil // See conclude.
	case why&hub.Outlived != 0:
		return errOutlived
	case why&hub.Revoked != 0:
		return errKicked
	case why&hub.Expired != 0:
		return errExpired
	case why&hub.OutOfTouch != 0:
		return errOutOfTouch
	case why&hub.Overflowed != 0:
		return errSlowConsumer
	}
	return errSilent
}

// isClosed reports whether done is closed.
func isClosed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// lingerMost is how long it may take for all of them.
const lingerMost = 30 * time.Second

// linger waits until the client has been written all that it has to be sent, as long as it goes on reading. It reports
// whether that was all.
func linger(ctx context.Context, conn *hub.Conn) bool {
	ctx, cancel := context.WithTimeout(ctx, lingerMost)
	defer cancel()
	for {
		before := conn.Sent()
		patience := time.NewTimer(lingerTimeout)
		select {
		case <-conn.Written():
			patience.Stop()
			return conn.MustEnd()&hub.Overflowed == 0
		case <-ctx.Done():
		case <-patience.C:
			if conn.Sent() > before {
				continue
			}
		}
		patience.Stop()
		return false
	}
}

var (
	errDraining     = ending(hub.ShuttingDown, "the server shuts down: resume on another, or on this one in a while")
	errSlowConsumer = ending(hub.SlowConsumer, "the client reads more slowly than events come for it")
	errSilent       = ending(silent, "nothing was heard of the client: it has to begin with a message, and to go on with pings once it has sent one")
	errExpired      = ending(hub.Reason(auth.TokenExpired), "your access has run out: resume with a new access token, or show again what let you in")
	errOutlived     = ending(hub.NoLog, "the server was out of touch with the cluster: resume, here or on another node")
	errOutOfTouch   = ending(hub.NoLog, "the server is out of touch with the cluster: resume on another node, or on this one in a while")
	errKicked       = ending(hub.Reason(auth.Kicked), "the access was revoked: an operator has to grant it anew")
)

// read hands the client's messages to the hub until the stream or the session ends.
func (s *Server) read(ctx context.Context, st stream, conn *hub.Conn) error {
	for {
		message, err := st.Recv()
		if errors.Is(err, io.EOF) {
			conn.Leave()
			return nil
		}
		if err != nil {
			conn.Lose()
			return err
		}
		if n, most := message.Len(), 2*s.cfg.MaxMessageBytes; n > most {
			message.Free()
			conn.Lose()
			return ending(messageTooLarge, fmt.Sprintf("a message has %d bytes: expected at most %d; from %d on the stream ends", n, s.cfg.MaxMessageBytes, most+1))
		}
		err = conn.Handle(ctx, message.ReadOnlyData())
		if hub.Unhandled(err) {
			message.Return()
		} else {
			message.Free()
		}
		switch {
		case errors.Is(err, hub.ErrLeft):
			conn.Leave()
			return nil
		case err != nil:
			conn.Lose()
			return endingOf(err)
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

// remote returns the client's address; invalid if it is none of the Internet's. Behind a proxy the port is 0: nobody
// tells it.
func remote(ctx context.Context) netip.AddrPort {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return netip.AddrPort{}
	}
	addr, _ := netip.ParseAddrPort(p.Addr.String())
	if tcp, ok := p.Addr.(*net.TCPAddr); ok {
		addr = tcp.AddrPort()
	}
	if client, ok := realip.FromContext(ctx); ok && client.Unmap() != addr.Addr().Unmap() {
		return netip.AddrPortFrom(client.Unmap(), 0)
	}
	return addr
}
