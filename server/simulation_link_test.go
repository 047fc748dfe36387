//go:build !race

package server_test

import (
	"context"
	"io"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/web/webtest"
)

// link is one stream of a client, or the attempt at one.
type link struct {
	// Immutable.
	peer    *peer
	session *session
	process *process
	opened  time.Time
	resumes bool
	ctx     context.Context
	cancel  context.CancelFunc
	wake    chan struct{} // Of size 1; wakes the writer. Never closed.
	// What the connection is to carry before it is cut, in bytes; negative: any number.
	reads, writes int

	// Guarded by world.mu.
	cable    *cable // Nil before the connection is dialled.
	queue    []*beckonv1.ConnectRequest
	welcomed bool      // The first event has arrived.
	events   int       // How many have arrived.
	heard    time.Time // When the last did.
	proved   bool      // The server has answered a ping: it knows that the client pings.
	hangUp   int       // After how many events the client cancels the stream; negative: it does not.
	stalled  chan struct{}
	closing  bool      // The client has asked for the session's end.
	halfway  bool      // By half-close, once the queue is written.
	drainBy  time.Time // When the client no longer waits for the server to end the stream.
	ended    bool
	// Why the stream may end in a way that is not the server's own: where it was broken. Empty: it is sound.
	fault   string
	faulted time.Time
	// What the stream has been used for: how often each request id was sent and is not yet answered, and the pings without
	// a pong.
	unanswered map[uint64]int
	pings      map[uint64]*pinged
	// The highest seq that has arrived, by room; "" is the session's own log.
	last map[string]uint64
}

// pinged is what a ping said.
type pinged struct {
	at      time.Time
	cursors []*beckonv1.Cursor
	stays   map[*stay]uint64
}

// open starts a stream: to take the session up, or, with a first message, to open one. w.mu must be held.
func (w *world) open(s *session, first *beckonv1.ConnectRequest) *link {
	p := s.peer
	ctx, cancel := context.WithCancel(w.ctx)
	l := &link{
		peer: p, session: s, process: w.process, opened: time.Now(), heard: time.Now(), resumes: first == nil,
		ctx: ctx, cancel: cancel, wake: make(chan struct{}, 1),
		reads: -1, writes: -1, hangUp: -1,
		unanswered: map[uint64]int{}, pings: map[uint64]*pinged{}, last: map[string]uint64{},
	}
	p.link = l
	if p.open > 0 {
		p.doubled = time.Now()
	}
	p.open++
	if first == nil {
		first = s.resume()
	}
	w.breakEarly(l)
	l.push(first)
	go w.run(l)
	return l
}

// push queues a message for the writer. w.mu must be held.
func (l *link) push(m *beckonv1.ConnectRequest) {
	if m != nil {
		l.queue = append(l.queue, m)
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// spoil notes that the stream is no longer sound from now on. w.mu must be held.
func (l *link) spoil(fault string) {
	if l.fault == "" {
		l.fault, l.faulted = fault, time.Now()
	}
}

// sound reports whether the client hears what it is sent, as far as that lies with the network and the client. w.mu must
// be held.
func (l *link) sound() bool {
	return l != nil && l.welcomed && l.fault == "" && !l.ended && l.stalled == nil && !l.process.dead
}

// connection returns how to call the server over a connection of the link's own.
func (w *world) connection(l *link) (conn grpc.ClientConnInterface, closeConn func() error) {
	if l.peer.web {
		c := webtest.New("localhost", func(ctx context.Context, _, _ string) (net.Conn, error) { return w.dial(ctx, l) })
		return c, c.Close
	}
	c, err := grpc.NewClient("passthrough:///simulation",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return w.dial(ctx, l) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithReadBufferSize(4<<10), grpc.WithWriteBufferSize(4<<10))
	if err != nil {
		w.t.Fatal(err)
	}
	return c, c.Close
}

// run carries the stream from its start to its end.
func (w *world) run(l *link) {
	conn, closeConn := w.connection(l)
	st, err := beckonv1.NewSignalClient(conn).Connect(l.ctx)
	written := make(chan struct{})
	if err == nil {
		go func() {
			defer close(written)
			w.write(l, st)
		}()
		err = w.read(l, st)
	} else {
		close(written)
	}
	l.cancel()
	<-written
	_ = closeConn() // Of a connection that is over.
	w.mu.Lock()
	defer w.mu.Unlock()
	w.finish(l, err)
}

// write sends what is queued.
func (w *world) write(l *link, st grpc.BidiStreamingClient[beckonv1.ConnectRequest, beckonv1.ConnectResponse]) {
	for {
		w.mu.Lock()
		batch := l.queue
		l.queue = nil
		halfway := l.halfway
		w.mu.Unlock()
		for _, m := range batch {
			if st.Send(m) != nil {
				return // The reader is told why.
			}
		}
		if len(batch) == 0 && halfway {
			_ = st.CloseSend() // Likewise.
			return
		}
		if len(batch) > 0 {
			continue
		}
		select {
		case <-l.wake:
		case <-l.ctx.Done():
			return
		}
	}
}

// read takes events until the stream ends.
func (w *world) read(l *link, st grpc.BidiStreamingClient[beckonv1.ConnectRequest, beckonv1.ConnectResponse]) error {
	for {
		e, err := st.Recv()
		w.mu.Lock()
		for l.stalled != nil && !l.ended {
			stalled := l.stalled
			w.mu.Unlock()
			select {
			case <-stalled:
			case <-l.ctx.Done():
			}
			w.mu.Lock()
			if l.ctx.Err() != nil {
				break
			}
		}
		if err == nil && l.ctx.Err() != nil {
			err = l.ctx.Err()
		}
		if err != nil {
			w.mu.Unlock()
			return err
		}
		l.events++
		l.heard = time.Now()
		if l.peer.link == l {
			w.take(l, e)
		}
		if l.events == l.hangUp {
			w.drop(l, "cancelled after events")
		}
		w.mu.Unlock()
	}
}

// drop cancels the stream. w.mu must be held.
func (w *world) drop(l *link, why string) {
	if l.ended {
		return
	}
	l.spoil(why)
	w.note(l.session, "stream of process %d: %s", l.process.gen, why)
	l.cancel()
}

// finish brings the end of a stream to the session. w.mu must be held.
func (w *world) finish(l *link, err error) {
	p, s := l.peer, l.session
	l.ended = true
	p.open--
	if l.cable != nil && !l.cable.halfOpen() { // Of one that is, the server's end is still there.
		delete(l.process.cables, l.cable)
	}
	code, reason := statusOf(err)
	if err == io.EOF {
		code, reason = codes.OK, ""
	}
	w.note(s, "stream of process %d ended: %s %s (%s, fault %q)", l.process.gen, code, reason, shorten(err), l.fault)
	s.lostAt(l)
	w.countEnd(l, reason)
	if l.fault == "" && !l.process.dead && l.stalled == nil && code != codes.OK && reason == "" && !w.over {
		if !l.process.draining || l.welcomed { // One that is about to go accepts no connections.
			w.fail("a sound stream broke off with "+shorten(err), s)
		}
	}
	switch reason {
	case "SILENT":
		if l.fault == "" && l.welcomed {
			w.fail("a client that pings was taken to be silent", s)
		}
	case "UNDECODABLE", "RESUME_NOT_FIRST", "BAD_FIRST_MESSAGE", "LIMIT", "NO_LOG", "MESSAGE_TOO_LARGE":
		if l.fault == "" && (reason != "LIMIT" || w.plan.config.MaxMessagesPerSecond == 0) {
			w.fail("a stream ended with "+reason, s)
		}
	}
	if p.link != l { // The session is on another stream, or has ended.
		p.doubled = time.Now()
		if l.fault == "" && l.welcomed && reason != "TAKEN_OVER" && reason != "SHUTTING_DOWN" && !l.process.dead && !w.over && !l.closing {
			w.fail("a stream whose session was taken up on another ended with "+code.String()+" "+reason, s)
		}
		return
	}
	p.link = nil
	for _, former := range p.formers { // No client keeps a stream that it does not read.
		w.drop(former, "abandoned")
	}
	p.formers = nil
	switch {
	case l.closing:
		if code == codes.OK && len(s.pending) > 0 {
			w.fail("the session ended in order, and "+s.pending[0].String()+" has no outcome", s)
		}
		w.endSession(s, code == codes.OK, l)
		return
	case code == codes.OK:
		w.fail("a stream ended with OK though nobody asked for it", s)
	case reason == "NO_SUCH_SESSION":
		w.checkRefusal(l)
		w.tally["resumes NOT_FOUND"]++
		w.loseSession(s)
		return
	case reason == "TAKEN_OVER" && p.open == 0 && time.Since(p.doubled) > 2*time.Second:
		w.fail("a stream was taken over though its session has no other", s)
	}
	s.settleEnd(l, reason)
	if reason == "SHUTTING_DOWN" && l.welcomed {
		for _, in := range s.places {
			if l.fault == "" && l.stalled == nil && in.stay != nil && in.listed == l {
				in.stay.shutAt = time.Now()
			}
		}
	}
	if s.token == "" { // It was never told who it is: nobody can take the session up.
		w.loseSession(s)
		return
	}
	w.retry(p)
}

// shorten returns what an error says, without what is long.
func shorten(err error) string {
	text := err.Error()
	return text[:min(len(text), 160)]
}
