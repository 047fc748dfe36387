package server

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"github.com/beckonrtc/beckon/server/hub"
)

// A stream of Connect is served by the goroutine that its transport has for it: it reads, handles, and reads on, for as long as
// the stream lives. Whatever else may end the stream, of which there is much while it waits, does so on a goroutine of the
// moment, which writes the status; that makes the reading return. So an idle session costs one goroutine of ours, not two:
// stacks are the larger part of what it takes up.

// finisher is a transport's stream, which ends when its status is written: then Recv returns.
type finisher interface{ WriteStatus(*status.Status) error }

// finisherOf returns how st can be ended from beside; nil if it cannot.
func finisherOf(ctx context.Context, st stream) finisher {
	switch st := st.(type) {
	case webStream:
		return st
	case *grpcStream:
		f, _ := grpc.ServerTransportStreamFromContext(ctx).(finisher) // As it is, though nothing promises it.
		return f
	}
	return nil
}

// closing is how a stream ends: by its client, or by the server. Whichever is first has its way.
type closing struct {
	// Immutable.
	server *Server
	ctx    context.Context
	conn   *hub.Conn
	stream finisher

	mu    sync.Mutex
	begun bool // Guarded by mu.

	concluded sync.WaitGroup // Of whoever has begun.
	err       error          // Written before that. What the stream ends with.
}

// serveAlone serves a stream on the goroutine that its transport has for it.
func (s *Server) serveAlone(ctx context.Context, st stream, f finisher) error {
	e := &closing{server: s, ctx: ctx, stream: f}
	e.mu.Lock() // It may have to end at once.
	e.conn = s.hub.Open(st, remote(ctx), e.begin)
	e.mu.Unlock()
	s.watchOver(e)
	defer s.overlook(e)
	err := s.read(ctx, st, e.conn)
	if !e.claim() {
		e.concluded.Wait() // Until then the stream must stay.
		return e.err
	}
	defer e.concluded.Done()
	return s.conclude(ctx, e.conn, err)
}

// watchOver has the stream ended when the server shuts down.
func (s *Server) watchOver(e *closing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isDraining() {
		s.drainLater(e)
	}
	s.alone[e] = struct{}{}
}

// overlook ends what watchOver began.
func (s *Server) overlook(e *closing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.alone, e)
}

// drainLater tells the client when to come back, and has the stream ended then.
func (s *Server) drainLater(e *closing) {
	after := rand.N(s.spread)
	e.conn.Drain(after)
	time.AfterFunc(after, e.drain)
}

// begin has the server end the stream, as far as its conn tells why. It does not wait.
func (e *closing) begin() { go e.end(func() error { return e.server.why(e.conn) }) }

// drain has the server end the stream since it shuts down.
func (e *closing) drain() {
	e.end(func() error {
		e.conn.Stop()
		return errDraining
	})
}

// claim reports whether the caller is the first who ends the stream, and so has to.
func (e *closing) claim() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.begun {
		return false
	}
	e.begun = true
	e.concluded.Add(1)
	return true
}

// end ends the stream unless that has begun.
func (e *closing) end(why func() error) {
	if !e.claim() {
		return
	}
	defer e.concluded.Done()
	e.err = e.server.conclude(e.ctx, e.conn, why())
	_ = e.stream.WriteStatus(status.Convert(e.err)) // If it cannot be written, the client is lost.
}
