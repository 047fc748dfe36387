package hub

import (
	"context"
	"strings"

	"google.golang.org/protobuf/proto"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/wire"
)

// A Tracer is told what becomes of sessions and of calls, so that traces can be made of it. Its methods are called
// concurrently and under locks: they must not wait, and must not call the hub.
type Tracer interface {
	// Session is told of a session. Of one that is welcome, ctx is that of its stream.
	Session(ctx context.Context, e SessionEvent)
	// Watches reports whether there is a call of that id in a room of which it wants to know more.
	Watches(room, callID string) bool
	// Call is told of what belongs to calls: of offers, of what failed or came back, of who has left, and of all else of those calls that
	// are watched.
	Call(e CallEvent)
}

// SessionEvent is what became of a session.
type SessionEvent struct {
	What    SessionChange
	Session string // Its user id.
	Rooms   int    // How many it is in, or was in before it ended.

	Resumption string // If it is welcome: "NEW", "RESUMED" or "RESYNCED".
	Missed     int    // If it is welcome: how many messages it was sent that it had missed.
	Reason     string // If it has ended: such as "LEFT", as others were told.
}

// SessionChange says what kind of a SessionEvent it is.
type SessionChange int

const (
	// The session is on a stream.
	SessionWelcome SessionChange = iota
	// It has lost its stream, and waits to be taken up.
	SessionLost
	// It has ended.
	SessionEnded
	// It has ended here: another process has it.
	SessionMoved
)

// CallEvent is something that belongs to a call. Of what users say it has no word.
type CallEvent struct {
	What CallChange
	// Of a message. One that came back is of any kind.
	Kind   wire.Kind
	Room   string
	From   string // The user id of its sender.
	To     string // That of the recipient; empty: everybody else in the room.
	CallID string

	RequestID   uint64 // Of a message: its sender's number. 0: it has none.
	Seq         uint64 // If it was recorded: its number in the room's log.
	Candidates  int    // Of a candidate: how many it has.
	Provisional bool   // Of an answer.
	Reason      string // Of a reject, a hangup, or a user who has left: such as "BUSY".
	Waits       bool   // If it has arrived: the recipient is on no stream.

	// If it failed or came back: such as "TOO_LARGE", and the field that is wrong, if it is one.
	Code, Field string
}

// CallChange says what kind of a CallEvent it is.
type CallChange int

const (
	// An offer is about to be recorded.
	CallOffering CallChange = iota
	// A message has got its outcome.
	CallSettled
	// A message was recorded, and its recipient is here, or it is for everybody.
	CallArrived
	// A message has come back to its sender, who is here.
	CallCameBack
	// The user From has left Room.
	CallUserLeft
)

// traceSession tells of the session. s.mu must be held.
func (s *Session) traceSession(ctx context.Context, e SessionEvent) {
	if t := s.hub.cfg.Tracer; t != nil {
		e.Session = s.id
		if e.What != SessionEnded {
			e.Rooms = len(s.members)
		}
		t.Session(ctx, e)
	}
}

// What follows is called for every message. So each looks first whether anybody wants to be told, and leaves the telling to
// another: that takes a frame of some hundred bytes, by which the stacks of streams would be twice as large, for good.

// traceOffer tells that m, if it is an offer, is about to be recorded in that room. Its outcome may come later than the
// answer to it. s.mu must be held.
func (s *Session) traceOffer(m *wire.Relay, room string, id uint64) {
	if s.hub.cfg.Tracer != nil && m.Kind == wire.Offer {
		s.tellOffer(m, room, id)
	}
}

func (s *Session) tellOffer(m *wire.Relay, room string, id uint64) {
	s.hub.cfg.Tracer.Call(CallEvent{What: CallOffering, Kind: m.Kind, Room: room, From: s.id, To: string(m.To), CallID: string(m.CallID), RequestID: id})
}

// traceSettled tells what a message of a call came to. s.mu must be held.
func (s *Session) traceSettled(req *wire.Request, room string, seq roomlog.Seq, f *failure) {
	if s.hub.cfg.Tracer != nil && req.Kind.Relayed() && req.Kind != wire.Data {
		s.tellSettled(req, room, seq, f)
	}
}

func (s *Session) tellSettled(req *wire.Request, room string, seq roomlog.Seq, f *failure) {
	m := &req.Relay
	room, callID := string(bounded([]byte(room))), string(bounded(m.CallID))
	if f == nil && !s.hub.cfg.Tracer.Watches(room, callID) {
		return
	}
	e := CallEvent{
		What: CallSettled, Kind: m.Kind, Room: room, From: s.id, To: string(bounded(m.To)), CallID: callID,
		RequestID: req.ID, Seq: uint64(seq), Candidates: m.Candidates,
	}
	if m.Kind == wire.Answer || m.Kind == wire.Reject || m.Kind == wire.Hangup {
		e.read(wire.GistOf(m.Event("", nil)))
	}
	if f != nil {
		e.Code, e.Field = codeName(f.code), f.field
	}
	s.hub.cfg.Tracer.Call(e)
}

// traceRecord tells of the next record of r that it is of a call, or that a user has left.
func (h *Hub) traceRecord(rec *roomlog.Record, r *room) {
	if h.cfg.Tracer != nil {
		h.tellRecord(rec, r)
	}
}

func (h *Hub) tellRecord(rec *roomlog.Record, r *room) {
	e := CallEvent{Room: rec.Room, From: rec.From, To: rec.To, Seq: uint64(rec.Seq)}
	switch rec.Kind {
	case roomlog.Message, roomlog.Broadcast:
		g := wire.GistOf(rec.Data)
		if e.CallID = string(g.CallID); g.Kind == wire.None || g.Kind == wire.Data || !h.cfg.Tracer.Watches(e.Room, e.CallID) {
			return
		}
		e.What = CallArrived
		e.read(g)
		e.Waits = rec.Kind == roomlog.Message && r.waits(rec.To)
	case roomlog.Leave:
		var told beckonv1.ConnectResponse
		if proto.Unmarshal(rec.Data, &told) != nil {
			return
		}
		e.What, e.Reason = CallUserLeft, reasonName(told.GetUserLeft().GetReason())
	default:
		return
	}
	h.cfg.Tracer.Call(e)
}

// waits reports whether a user is here, on no stream.
func (r *room) waits(user string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.users[user]
	return u != nil && u.member != nil && u.member.out == nil
}

// traceCameBack tells that a message has come back, as a record in the own log of its sender.
func (h *Hub) traceCameBack(sender string, rec *roomlog.Record) {
	if h.cfg.Tracer != nil && rec.Kind == roomlog.Message {
		h.tellCameBack(sender, rec)
	}
}

func (h *Hub) tellCameBack(sender string, rec *roomlog.Record) {
	var told beckonv1.ConnectResponse
	if proto.Unmarshal(rec.Data, &told) != nil || told.GetFailure().GetCallId() == "" {
		return
	}
	f := told.GetFailure()
	h.cfg.Tracer.Call(CallEvent{
		What: CallCameBack, From: sender, To: f.GetTo(), CallID: f.GetCallId(), RequestID: told.GetRequestId(), Code: codeName(f.GetCode()),
	})
}

// read takes what is told of a relayed event.
func (e *CallEvent) read(g wire.Gist) {
	e.Kind, e.Candidates, e.Provisional = g.Kind, g.Candidates, g.Provisional
	switch g.Kind {
	case wire.Reject:
		e.Reason = strings.TrimPrefix(beckonv1.RejectReason(g.Reason).String(), "REJECT_REASON_")
	case wire.Hangup:
		e.Reason = strings.TrimPrefix(beckonv1.HangupReason(g.Reason).String(), "HANGUP_REASON_")
	}
}
