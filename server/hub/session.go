package hub

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/wire"
)

// Session is one client: its id, the rooms that it is in, and what it has yet to be sent. Handle and End are called by
// one goroutine; the other methods may be called concurrently.
type Session struct {
	// Immutable.
	hub *Hub
	id  string
	out outbox
	// Closed when the session has been silent for too long.
	silent chan struct{}

	// Owned by the goroutine that calls Handle and End.
	welcomed bool
	ended    bool
	members  []*member
	outcomes outcomes

	handled atomic.Uint64 // Grows by 1 at the start and at the end of each message.
	pings   atomic.Bool   // Has promised to be heard of.
	pulse   pulse
}

// ErrLeft is what Handle returns once the client has ended the session.
var ErrLeft = errors.New("the session was ended by its client")

// ErrFull is what Open returns when there are as many sessions as there may be.
var ErrFull = errors.New("the server has as many sessions as it may have")

// Open begins a session. Its events go to st. It must be ended by End.
func (h *Hub) Open(st Stream) (*Session, error) {
	s := &Session{
		hub:    h,
		id:     newID(),
		out:    outbox{stream: st, limit: h.cfg.MaxOutboxBytes, overflowed: make(chan struct{})},
		silent: make(chan struct{}),
	}
	h.sessionsMu.Lock()
	defer h.sessionsMu.Unlock()
	if h.cfg.MaxSessions > 0 && len(h.sessions) >= h.cfg.MaxSessions {
		return nil, ErrFull
	}
	h.sessions[s.id] = s
	return s, nil
}

// newID returns a user id: 80 random bits in 16 letters and digits.
func newID() string {
	var b [10]byte
	_, _ = rand.Read(b[:]) // Never fails.
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}

// ID returns the session's user id.
func (s *Session) ID() string { return s.id }

// Stream returns where the session's events go.
func (s *Session) Stream() Stream { return s.out.stream }

// Overflowed returns a channel that is closed when the client reads too slowly. The stream must end then.
func (s *Session) Overflowed() <-chan struct{} { return s.out.overflowed }

// Silent returns a channel that is closed when a client that used to send pings has been silent for three intervals, or
// one that has yet to say anything for one. The stream must end then.
func (s *Session) Silent() <-chan struct{} { return s.silent }

// Sent returns how many events have been written.
func (s *Session) Sent() uint64 { return s.out.sent.Load() }

// Unwritten returns how many bytes of events, lists of users left out, have yet to be written.
func (s *Session) Unwritten() int64 { return s.out.bytes.Load() }

// Written returns a channel that is closed once the client has been written all that it has to be sent.
func (s *Session) Written() <-chan struct{} { return s.out.written() }

// Drain tells the client that its stream is about to end, and to come back in after. Who was not welcomed is not told.
func (s *Session) Drain(after time.Duration) {
	if pushes, _ := s.out.activity(); pushes == 0 {
		return
	}
	s.out.push(wire.Event(&beckonv1.ConnectResponse{Event: &beckonv1.ConnectResponse_Draining{
		Draining: &beckonv1.Draining{ReconnectAfter: durationpb.New(after)},
	}}))
}

// Handle does what the client asks for in b, an encoded ConnectRequest. A mistake in it is answered with an event; an
// error ends the session: ErrLeft, or an *Error. b may be used again afterwards.
func (s *Session) Handle(ctx context.Context, b []byte) error {
	s.handled.Add(1)
	defer s.handled.Add(1)

	req, err := wire.ParseRequest(b)
	if err != nil {
		return &Error{Undecodable, "the message is not a ConnectRequest: " + err.Error()}
	}
	if req.Kind == wire.Resume {
		if s.welcomed {
			return &Error{ResumeNotFirst, "resume came after another message: it must be a stream's first"}
		}
		return &Error{NoSuchSession, "no session has this resume token: connect anew"}
	}
	if !s.welcomed {
		s.welcomed = true
		s.out.push(s.welcome())
	}
	if req.Kind == wire.Ping {
		s.pong(ctx, &req)
		return nil
	}
	if req.ID != 0 && req.ID <= s.outcomes.last {
		s.repeat(&req)
		return nil
	}
	room, seq, err := s.do(ctx, &req, len(b))
	left := errors.Is(err, ErrLeft)
	if left {
		err = nil
	}
	s.settle(ctx, &req, room, seq, err)
	if left {
		return ErrLeft
	}
	return nil
}

// do does what req asks for. It returns the room that req is about and the number under which it was recorded there, or
// a *failure, or ErrLeft.
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

// welcome returns the session's first event.
func (s *Session) welcome() []byte {
	return wire.Event(&beckonv1.ConnectResponse{Event: &beckonv1.ConnectResponse_Welcome{Welcome: &beckonv1.Welcome{
		UserId:            s.id,
		ResumeToken:       s.hub.token(s.id),
		ResumeWindow:      durationpb.New(0),
		HeartbeatInterval: durationpb.New(s.hub.cfg.HeartbeatInterval),
		Limits:            s.hub.limits(),
		ServerVersion:     s.hub.cfg.Version,
		Resumption:        beckonv1.Resumption_RESUMPTION_NEW,
	}}})
}

// pong answers a ping.
func (s *Session) pong(ctx context.Context, req *wire.Request) {
	s.pings.Store(true)
	ping := req.Message.GetPing()
	if n := len(ping.GetPayload()); n > maxPing {
		s.settle(ctx, req, "", 0, invalid("payload", "the payload of a ping has %d bytes: expected at most %d", n, maxPing))
		return
	}
	s.received(ctx, ping.GetReceived())
	s.out.push(wire.Event(&beckonv1.ConnectResponse{
		RequestId: req.ID,
		Event:     &beckonv1.ConnectResponse_Pong{Pong: &beckonv1.Pong{Payload: ping.GetPayload()}},
	}))
}

// maxPing is the size of a ping's payload, in bytes.
const maxPing = 64

// received lets the log forget what the client has received.
func (s *Session) received(ctx context.Context, cursors []*beckonv1.Cursor) {
	for _, c := range cursors {
		m := s.member(c.GetRoom())
		if m == nil || c.GetEpoch() != m.room.epochNow() {
			continue
		}
		if err := s.hub.cfg.Log.Forget(ctx, m.room.name, s.id, roomlog.Seq(c.GetSeq())); err != nil {
			s.hub.log.WarnContext(ctx, "cannot forget what was received", "session", s.id, "room", m.room.name, "err", err)
		}
	}
}

// member returns the session's membership of a room, nil if it is not in it.
func (s *Session) member(room string) *member {
	for _, m := range s.members {
		if m.room.name == room {
			return m
		}
	}
	return nil
}

// End leaves all rooms, for that reason, and ends the session. What is queued can still be written.
func (s *Session) End(reason beckonv1.LeaveReason) {
	if s.ended {
		return
	}
	s.ended = true
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	rooms := make([]string, len(s.members))
	for i, m := range slices.Backward(s.members) {
		rooms[i] = m.room.name
		if s.hub.closing.Load() {
			m.room.detach(m)
			s.hub.exit(m.room)
			continue
		}
		if err := s.part(ctx, m, reason); err != nil {
			s.hub.log.ErrorContext(ctx, "cannot leave a room", "session", s.id, "room", m.room.name, "err", err)
		}
	}
	s.members = nil
	s.hub.sessionsMu.Lock()
	delete(s.hub.sessions, s.id)
	s.hub.sessionsMu.Unlock()
	s.hub.log.InfoContext(ctx, "session ended", "session", s.id, "reason", reasonName(reason), slog.Any("rooms", rooms))
}

// leaveTimeout bounds how long the log may take for the leaves of one session.
const leaveTimeout = 10 * time.Second
