package hub

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/auth"
	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/wire"
)

// Session is one client: its id, the rooms that it is in, and the stream that it is on, if any. All methods may be
// called concurrently.
type Session struct {
	// Immutable.
	hub *Hub
	id  string

	// The stream that the session is on. Nil: it was lost. The newest one wins: it swaps itself in, and then takes mu.
	conn atomic.Pointer[Conn]
	// Whether the client tells what it has received.
	receives atomic.Bool
	// Set while the client, on a stream, leaves a room or ends the session.
	leaves atomic.Bool
	// What the client may do. Its identity never changes.
	grant atomic.Pointer[auth.Grant]
	// What came back to the client.
	own own

	// Held while a message is handled, and while a stream is taken up or lost.
	mu      sync.Mutex
	out     *outbox // Guarded by mu. Of conn; nil if there is none.
	founded bool    // Guarded by mu. The own log has begun.
	taken   bool    // Guarded by mu. The session was taken from another process.
	// Guarded by mu. When the client has come back last; zero: it was never lost.
	resumedAt time.Time
	// Guarded by mu. When it was sure, after the hub's start, that the session is this process's.
	sure time.Duration
	// Guarded by mu. Ended, since another process has taken the session.
	givenAway bool
	ended     bool             // Guarded by mu.
	members   []*member        // Guarded by mu.
	outcomes  outcomes         // Guarded by mu.
	budget    budget           // Guarded by mu.
	lostAt    time.Time        // Guarded by mu. When the last stream was lost.
	overdue   *time.Timer      // Guarded by mu. Calls late.
	away      bool             // Guarded by mu. Others see that the session has no stream.
	unmoved   []*beckonv1.Join // Guarded by mu. Rooms that the session is in as another node knows it.
	// Guarded by mu. What tells the client of rooms that it was taken out of, until it has heard or joins anew.
	farewells map[string]farewell

	source netip.Prefix // Guarded by Hub.mu. Where it comes from. May be invalid.
}

// newSession returns a session of that id, on no stream.
func newSession(h *Hub, id string, g *auth.Grant) *Session {
	s := &Session{hub: h, id: id, budget: newBudget(h.cfg)}
	s.grant.Store(g)
	s.own.mu = &s.own.lock
	return s
}

// newID returns a user id: 80 random bits in 16 letters and digits.
func newID() string {
	var b [10]byte
	_, _ = rand.Read(b[:]) // Never fails.
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}

// Stream returns where the session's events go, nil if it is on no stream.
func (s *Session) Stream() Stream {
	if c := s.conn.Load(); c != nil {
		return c.out.stream
	}
	return nil
}

// HandleLost does what the client of a session on no stream asks for, as Conn.Handle does; what it comes to is told when
// the message is repeated. It returns false if the session is on a stream.
func (s *Session) HandleLost(ctx context.Context, b []byte) (bool, error) {
	req, err := s.hub.parse(b)
	if err != nil {
		return true, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.conn.Load() != nil:
		return false, nil
	case s.ended:
		return true, errNoSession
	case req.Kind == wire.Resume:
		return true, &Error{ResumeNotFirst, "resume came with other messages: it must be a stream's first"}
	case s.grant.Load().HasExpired(time.Now()):
		return true, &Error{Reason(auth.TokenExpired), "your access has run out: resume with a new access token, or show again what let you in"}
	}
	return true, s.handle(ctx, &req, len(b))
}

// found begins the session's own log, in which the session itself is the only user.
func (s *Session) found(ctx context.Context) error {
	join := roomlog.Record{Kind: roomlog.Join, Room: s.own.name(s), From: s.id, Node: s.hub.cfg.Node}
	s.sure = time.Since(s.hub.started)
	owner, err := s.hub.cfg.Log.Append(ctx, join)
	if err == nil {
		s.founded, s.own.owner = true, owner
		err = s.readEpoch(ctx)
	}
	if err != nil {
		return &Error{NoLog, "the session could not be recorded: " + err.Error()}
	}
	return nil
}

// readEpoch reads in which epoch the session's own log counts. s.mu must be held.
func (s *Session) readEpoch(ctx context.Context) error {
	q := roomlog.Query{Room: s.own.name(s), User: s.id, After: s.own.owner, AtLeast: s.own.owner, Limit: 1}
	page, err := s.hub.cfg.Log.Read(ctx, q)
	s.own.epoch = page.Epoch
	return err
}

// attach makes c the session's stream. s.mu must be held.
func (s *Session) attach(c *Conn) {
	s.out = &c.out
	if s.overdue != nil {
		s.overdue.Stop()
	}
}

// push sends the client an event that is in no log. s.mu must be held.
func (s *Session) push(event []byte) {
	if s.out != nil {
		s.out.push(event)
	}
}

// handle does what the client asks for in req, a message of that size. s.mu must be held.
func (s *Session) handle(ctx context.Context, req *wire.Request, size int) error {
	if f, err := s.budget.spend(time.Now(), size); err != nil {
		return err
	} else if f != nil {
		if s.isRepeated(req) { // Its outcome is what it was.
			s.repeat(req)
		} else {
			s.settle(ctx, req, "", 0, f.about(&req.Relay))
		}
		return nil
	}
	if req.Kind == wire.Ping {
		s.pong(ctx, req)
		return nil
	}
	if s.isRepeated(req) {
		s.repeat(req)
		return nil
	}
	s.own.pause() // What comes back at once comes after its outcome.
	defer s.own.release(0)
	room, seq, err := s.do(ctx, req, size)
	left := errors.Is(err, ErrLeft)
	ends, over := errors.AsType[*Error](err)
	switch {
	case left:
		err = nil
	case over:
		return ends
	case errors.Is(err, roomlog.ErrUnknown) && req.ID != 0 && req.Kind.Relayed():
		s.hub.log.WarnContext(ctx, "the outcome of a message is not known", "session", s.id, "room", room, "request_id", req.ID)
		return errUnknown
	}
	s.settle(ctx, req, room, seq, err)
	if left {
		s.end(beckonv1.LeaveReason_LEAVE_REASON_LEFT)
		return ErrLeft
	}
	return nil
}

// errUnknown ends a stream on which a message was sent that the log may have recorded or not: when the client repeats it, the log
// knows. To be told that it failed would be false if it is delivered.
var errUnknown = &Error{NoLog, "the room log did not answer in time: resume and repeat the last message, whose outcome is not known"}

// do does what req asks for. It returns the room that req is about and the number under which it was recorded there, or
// a *failure, or ErrLeft. s.mu must be held.
func (s *Session) do(ctx context.Context, req *wire.Request, size int) (room string, seq roomlog.Seq, err error) {
	if most := s.hub.cfg.MaxMessageBytes; most > 0 && size > most {
		f := fail(beckonv1.FailureCode_FAILURE_CODE_TOO_LARGE, largest(req.Kind), "the message has %d bytes: expected at most %d", size, most)
		return req.Room(), 0, f.about(&req.Relay)
	}
	switch m := req.Message; req.Kind {
	case wire.Join:
		seq, err = s.join(ctx, m.GetJoin(), req.ID)
	case wire.Leave:
		if req.Room() == "" {
			return "", 0, ErrLeft
		}
		seq, err = s.leave(ctx, req.Room(), req.ID)
	case wire.Update:
		seq, err = s.update(ctx, m.GetUpdate(), req.ID)
	case wire.Received:
		s.received(ctx, m.GetReceived().GetCursors())
	case wire.None:
		err = invalid("message", "the message is empty: expected one of join, leave, offer, answer, candidate, reject, hangup, data, update, resume, received, ping")
	default:
		return s.relay(ctx, &req.Relay, req.ID)
	}
	return req.Room(), seq, err
}

// largest names the field that makes a message of that kind large.
func largest(k wire.Kind) string {
	switch k {
	case wire.Offer, wire.Answer:
		return "sdp"
	case wire.Candidate:
		return "candidates"
	case wire.Reject, wire.Hangup:
		return "detail"
	case wire.Data:
		return "payload"
	case wire.Join, wire.Update:
		return "attributes"
	case wire.Received:
		return "cursors"
	}
	return ""
}

// welcome returns the first event of a stream.
func (s *Session) welcome(r beckonv1.Resumption, servers []*beckonv1.IceServer) []byte {
	return wire.Event(&beckonv1.ConnectResponse{Event: &beckonv1.ConnectResponse_Welcome{Welcome: &beckonv1.Welcome{
		UserId:            s.id,
		ResumeToken:       s.hub.token(s.id, s.grant.Load().Identity),
		ResumeWindow:      durationpb.New(s.hub.cfg.ResumeWindow),
		HeartbeatInterval: durationpb.New(s.hub.cfg.HeartbeatInterval),
		IceServers:        servers,
		Limits:            s.hub.limits(),
		ServerVersion:     s.hub.cfg.Version,
		Resumption:        r,
		Epoch:             s.own.epoch,
	}}})
}

// pong answers a ping. s.mu must be held.
func (s *Session) pong(ctx context.Context, req *wire.Request) {
	ping := req.Message.GetPing()
	if n := len(ping.GetPayload()); n > maxPing {
		s.settle(ctx, req, "", 0, invalid("payload", "the payload of a ping has %d bytes: expected at most %d", n, maxPing))
		return
	}
	s.received(ctx, ping.GetReceived())
	s.hub.stats.came(wire.Ping, nil)
	s.push(wire.Event(&beckonv1.ConnectResponse{
		RequestId: req.ID,
		Event:     &beckonv1.ConnectResponse_Pong{Pong: &beckonv1.Pong{Payload: ping.GetPayload()}},
	}))
}

// maxPing is the size of a ping's payload, in bytes.
const maxPing = 64

// received lets the log forget what the client says that it has received. s.mu must be held.
func (s *Session) received(ctx context.Context, cursors []*beckonv1.Cursor) {
	if len(cursors) > 0 {
		s.receives.Store(true)
		s.forget(ctx, cursors)
	}
}

// forget lets the log forget what came before cursors. s.mu must be held.
func (s *Session) forget(ctx context.Context, cursors []*beckonv1.Cursor) {
	for _, c := range cursors {
		log, epoch := s.own.name(s), s.own.epoch
		if c.GetRoom() != "" {
			m := s.member(c.GetRoom())
			if m == nil {
				continue
			}
			log, epoch = m.room.name, m.room.epochNow()
		}
		if c.GetEpoch() != epoch {
			continue
		}
		if err := s.hub.cfg.Log.Forget(ctx, log, s.id, roomlog.Seq(c.GetSeq())); err != nil {
			s.hub.log.WarnContext(ctx, "cannot forget what was received", "session", s.id, "room", c.GetRoom(), "err", err)
		}
	}
}

// member returns the session's membership of a room, nil if it is not in it. s.mu must be held.
func (s *Session) member(room string) *member {
	for _, m := range s.members {
		if m.room.name != room {
			continue
		}
		if m.expelled.Load() {
			s.drop(m)
			return nil
		}
		return m
	}
	return nil
}

// drop forgets a membership that has ended, but for what the client may have yet to hear of that. s.mu must be held.
func (s *Session) drop(m *member) {
	if m.expelled.Load() {
		s.keepFarewell(m)
	}
	s.hub.exit(m.room)
	s.members = slices.DeleteFunc(s.members, func(o *member) bool { return o == m })
}

// end leaves all rooms, for that reason, and ends the session. What is queued can still be written. s.mu must be held.
func (s *Session) end(reason beckonv1.LeaveReason) {
	if s.ended {
		return
	}
	s.ended = true
	if reason == beckonv1.LeaveReason_LEAVE_REASON_LEFT && len(s.members) > 0 {
		s.finishReading()
	}
	s.leaves.Store(reason == beckonv1.LeaveReason_LEAVE_REASON_LEFT && s.out != nil)
	if s.overdue != nil {
		s.overdue.Stop()
	}
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	rooms := make([]string, len(s.members))
	for i, m := range slices.Backward(s.members) {
		rooms[i] = m.room.name
		m.room.mayLeave(m, reason)
		if err := s.part(ctx, m, reason); err != nil {
			s.hub.log.ErrorContext(ctx, "cannot leave a room", "session", s.id, "room", m.room.name, "err", err)
			s.hub.owe(leaveOf(m.room.name, m.shown, reason, roomlog.Expect{User: s.id, Seq: m.owner}))
		}
	}
	s.members = nil
	if s.founded {
		s.endOwn(ctx)
	}
	s.hub.dismiss(s)
	s.hub.stats.ended[reason].Add(1)
	s.traceSession(ctx, SessionEvent{What: SessionEnded, Reason: reasonName(reason), Rooms: len(rooms)})
	s.conn.Store(nil)
	s.out = nil
	s.hub.log.InfoContext(ctx, "session ended", "session", s.id, "reason", reasonName(reason), slog.Any("rooms", rooms))
}

// endOwn ends the session's own log, if that is this process's to end. s.mu must be held.
func (s *Session) endOwn(ctx context.Context) {
	leave := roomlog.Record{Kind: roomlog.Leave, Room: s.own.name(s), From: s.id, Expect: roomlog.Expect{User: s.id, Seq: s.own.owner}}
	if s.own.owner == 0 { // It was to be taken from another process, and what came of that was not told.
		page, err := s.hub.cfg.Log.Read(ctx, roomlog.Query{Room: leave.Room})
		if err != nil {
			s.hub.log.ErrorContext(ctx, "it cannot be seen where the session is: if it is here, others end it once this node is gone", "session", s.id, "err", err)
			return
		}
		owner, node, _ := ownRecords(page.Records, s.id)
		if owner == 0 || node != s.hub.cfg.Node {
			return
		}
		leave.Expect.Seq = owner
	}
	_, err := s.hub.cfg.Log.Append(ctx, leave)
	if _, elsewhere := errors.AsType[*roomlog.ConflictError](err); err != nil && !elsewhere {
		s.hub.log.ErrorContext(ctx, "cannot end the session's log", "session", s.id, "err", err)
		s.hub.owe(leave)
	}
}

// leaveTimeout bounds how long the log may take for the leaves of one session.
const leaveTimeout = 10 * time.Second
