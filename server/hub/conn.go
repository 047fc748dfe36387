package hub

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/auth"
	"github.com/beckonrtc/beckon/server/wire"
)

// Stream is how a session's events reach its client.
type Stream interface {
	// Send writes an encoded ConnectResponse. It may block. It is called by one goroutine at a time. event must not be
	// changed or written to.
	Send(event []byte) error
}

// Conn is one stream. Its first message opens a session, or takes one up. Handle, Leave and Lose are called by one
// goroutine; the other methods may be called concurrently.
type Conn struct {
	// Immutable.
	hub    *Hub
	remote netip.AddrPort // Where it comes from. May be invalid.
	opened time.Time
	out    outbox

	waiting *list.Element // Guarded by Hub.mu. In Hub.pending, until the client has said something; then nil.
	ends    ends
	stopped atomic.Bool // Nothing more is to be handled.

	// Set with the first message.
	session atomic.Pointer[Session]

	handled atomic.Uint64 // Grows by 1 at the start and at the end of each message.
	pings   atomic.Bool   // Has promised to be heard of.
	// When the client is to get new ICE servers, in nanoseconds since 1970; 0: never.
	renewICE atomic.Int64
	pulse    pulse
}

// ErrLeft is what Handle returns once the client has ended the session.
var ErrLeft = errors.New("the session was ended by its client")

// Open begins a stream from that address, which may be invalid. Its events go to st. It must be ended by Leave or Lose. If
// there are too many that have yet to say something, the oldest of them counts as silent: who has something to say does so
// at once. ended, which may be nil, is called when there is a reason more for the stream to end, which MustEnd tells; it must not
// wait.
func (h *Hub) Open(st Stream, from netip.AddrPort, ended func()) *Conn {
	c := &Conn{
		hub:    h,
		remote: from,
		ends:   ends{tell: ended},
		opened: time.Now(),
		out:    outbox{stream: st, stats: &h.stats, limit: h.cfg.MaxOutboxBytes},
	}
	c.out.ends = &c.ends
	h.mu.Lock()
	defer h.mu.Unlock()
	if most := h.cfg.MaxPending; most > 0 && h.pending.Len() >= most {
		oldest := h.pending.Front()
		h.pending.Remove(oldest)
		oldest.Value.(*Conn).ends.add(TooSilent)
	}
	c.waiting = h.pending.PushBack(c)
	h.conns[c] = struct{}{}
	return c
}

// ID returns the session's user id; empty before the first message.
func (c *Conn) ID() string {
	if s := c.session.Load(); s != nil {
		return s.id
	}
	return ""
}

// takeOver tells that the session is on another stream, or has ended here for a reason of that kind.
func (c *Conn) takeOver(why End) {
	c.out.close()
	c.ends.add(why)
}

// Revoke ends the session, whose grant was revoked. What is queued can still be written.
func (c *Conn) Revoke() {
	s := c.session.Load()
	if s == nil {
		return
	}
	c.ends.add(Revoked)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(beckonv1.LeaveReason_LEAVE_REASON_KICKED)
}

// Sent returns how many events have been written.
func (c *Conn) Sent() uint64 { return c.out.sent.Load() }

// Unwritten returns how many bytes of events, lists of users left out, have yet to be written.
func (c *Conn) Unwritten() int64 { return c.out.bytes.Load() }

// Written returns a channel that is closed once the client has been written all that it has to be sent.
func (c *Conn) Written() <-chan struct{} { return c.out.written() }

// Drain tells the client that its stream is about to end, and to come back in after. Who was not welcomed is not told.
func (c *Conn) Drain(after time.Duration) {
	if pushes, _ := c.out.activity(); pushes == 0 {
		return
	}
	c.out.push(wire.Event(&beckonv1.ConnectResponse{Event: &beckonv1.ConnectResponse_Draining{
		Draining: &beckonv1.Draining{ReconnectAfter: durationpb.New(after)},
	}}))
}

// Stop has nothing more handled, and returns when what is being handled is answered: the client can know that what has no
// answer when the stream ends was not handled. It must be called once at most.
func (c *Conn) Stop() {
	c.stopped.Store(true)
	if s := c.session.Load(); s != nil {
		s.mu.Lock()
		defer s.mu.Unlock() // Nothing is to be done: whoever held it has seen that all is over, or was done.
	}
}

// Handle does what the client asks for in b, an encoded ConnectRequest. A mistake in it is answered with an event; an
// error ends the stream: ErrLeft, or an *Error. b may be used again afterwards.
func (c *Conn) Handle(ctx context.Context, b []byte) error {
	c.handled.Add(1)
	defer c.handled.Add(1)

	req, err := c.hub.parse(b)
	if err != nil {
		return err
	}
	s := c.session.Load()
	switch {
	case s == nil && c.hub.touch.isLost():
		return errOutOfTouch
	case s == nil && req.Kind == wire.Resume:
		return c.resume(ctx, &req)
	case s == nil:
		if s, err = c.begin(ctx, req.Room()); err != nil {
			return err
		}
	case req.Kind == wire.Resume:
		return &Error{ResumeNotFirst, "resume came after another message: it must be a stream's first"}
	}
	if req.Kind == wire.Ping {
		c.pings.Store(true)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn.Load() != c {
		return c.whyGone()
	}
	if c.stopped.Load() {
		return errStopped
	}
	return s.handle(ctx, &req, len(b))
}

var (
	// errTakenOver ends a stream whose session is on another.
	errTakenOver = &Error{TakenOver, "the session was taken up on another stream"}
	// errStopped ends a stream on which the client goes on speaking though it is to end.
	errStopped = &Error{ShuttingDown, "the server shuts down"}
	// errOutlived ends a stream of a process that the others took for dead.
	errOutlived = &Error{NoLog, "the server was out of touch with the cluster: resume, here or on another node"}
	// errKicked ends a stream whose session's grant was revoked.
	errKicked = &Error{Reason(auth.Kicked), "the access was revoked: an operator has to grant it anew"}
)

// whyGone returns why the session is no longer on c.
func (c *Conn) whyGone() error {
	switch why := c.MustEnd(); {
	case why&Revoked != 0:
		return errKicked
	case why&Outlived != 0:
		return errOutlived
	}
	return errTakenOver
}

// begin opens a session, on c, whose client asks for that room first.
func (c *Conn) begin(ctx context.Context, room string) (*Session, error) {
	grant, err := c.hub.grantFor(ctx, room)
	if err != nil {
		return nil, err
	}
	s := newSession(c.hub, newID(), grant)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := c.hub.admit(s, sourceOf(c.remote.Addr())); err != nil {
		return nil, err
	}
	c.speakFor(s)
	s.conn.Store(c)
	if err := s.found(ctx); err != nil {
		s.end(beckonv1.LeaveReason_LEAVE_REASON_LEFT)
		return nil, err
	}
	s.attach(c)
	s.own.hold(&c.out)
	s.own.release(0)
	s.out.push(s.welcome(beckonv1.Resumption_RESUMPTION_NEW, c.iceServers(s)))
	c.hub.stats.opened.Add(1)
	s.traceSession(ctx, SessionEvent{What: SessionWelcome, Resumption: "NEW"})
	c.hub.stats.handshake.Observe(time.Since(c.opened))
	attrs := []any{"session", s.id}
	if grant.Identity != "" {
		attrs = append(attrs, "identity", grant.Identity)
	}
	c.hub.log.InfoContext(ctx, "session opened", append(attrs, "remote", c.remoteText())...)
	return s, nil
}

// remoteText returns where the client is, for logs. As a text it needs little of the stack to be logged; as an address the log
// would have it encoded by reflection, for which the stacks of all streams would have to be twice as large.
func (c *Conn) remoteText() string { return c.remote.String() }

// speakFor makes s the session of c, which has said something.
func (c *Conn) speakFor(s *Session) {
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	c.waitNoMoreLocked()
	c.session.Store(s)
}

// waitNoMoreLocked takes c out of those that have yet to say something, if it is among them. c.hub.mu must be held.
func (c *Conn) waitNoMoreLocked() {
	if c.waiting != nil {
		c.hub.pending.Remove(c.waiting) // Does nothing if it was found to be silent.
		c.waiting = nil
	}
}

// Leave ends the session, as its client asked, and the stream. What is queued can still be written.
func (c *Conn) Leave() {
	c.end()
	s := c.session.Load()
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn.Load() == c {
		s.end(beckonv1.LeaveReason_LEAVE_REASON_LEFT)
	}
}

// Lose ends the stream, which was lost. If its session is on no other, it waits to be taken up.
func (c *Conn) Lose() {
	c.end()
	if s := c.session.Load(); s != nil {
		s.lose(c)
	}
}

// end takes c out of the hub's list.
func (c *Conn) end() {
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	if _, ok := c.hub.conns[c]; !ok {
		return
	}
	delete(c.hub.conns, c)
	c.waitNoMoreLocked()
}

// maxEntries is how many cursors and rooms a message may have if a session may be in any number of rooms.
const maxEntries = 4096

// parse decodes a message.
func (h *Hub) parse(b []byte) (wire.Request, error) {
	most := maxEntries
	if h.cfg.MaxRooms > 0 {
		most = 2*h.cfg.MaxRooms + 16 // A cursor and a join of each, the session's own log, and the other fields.
	}
	if n := wire.CountEntries(b); n > most {
		return wire.Request{}, &Error{Undecodable, fmt.Sprintf("the message has %d cursors and rooms: expected at most %d", n, most)}
	}
	req, err := wire.ParseRequest(b)
	if err != nil {
		return req, &Error{Undecodable, "the message is not a ConnectRequest: " + err.Error()}
	}
	return req, nil
}
