package hub

import (
	"context"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
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
	// Call is told of what belongs to calls.
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
	e := CallEvent{Kind: m.Kind, Candidates: m.Candidates}
	if m.Kind != wire.Candidate && m.Kind != wire.Offer {
		e.read(m.Event("", nil))
	}
	e.What, e.Room, e.From, e.To, e.CallID = CallSettled, string(bounded([]byte(room))), s.id, string(bounded(m.To)), string(bounded(m.CallID))
	e.RequestID, e.Seq = req.ID, uint64(seq)
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
		e.What = CallArrived
		if !e.read(rec.Data) {
			return
		}
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

// read takes from a relayed event what is told of it. It returns false if the event is of no call.
func (e *CallEvent) read(event []byte) bool {
	if e.Kind = relayedKind(event); e.Kind == wire.None || e.Kind == wire.Data {
		return false
	}
	if e.Kind == wire.Offer { // Its description, which is long, need not be read.
		e.CallID = wire.CallID(event)
		return true
	}
	var told beckonv1.ConnectResponse
	if proto.Unmarshal(event, &told) != nil {
		return false
	}
	switch told.GetEvent().(type) {
	case *beckonv1.ConnectResponse_AnswerMade:
		e.CallID, e.Provisional = told.GetAnswerMade().GetCallId(), told.GetAnswerMade().GetProvisional()
	case *beckonv1.ConnectResponse_CandidateReceived:
		e.CallID, e.Candidates = told.GetCandidateReceived().GetCallId(), len(told.GetCandidateReceived().GetCandidates())
	case *beckonv1.ConnectResponse_CallRejected:
		e.CallID = told.GetCallRejected().GetCallId()
		e.Reason = strings.TrimPrefix(told.GetCallRejected().GetReason().String(), "REJECT_REASON_")
	case *beckonv1.ConnectResponse_CallEnded:
		e.CallID = told.GetCallEnded().GetCallId()
		e.Reason = strings.TrimPrefix(told.GetCallEnded().GetReason().String(), "HANGUP_REASON_")
	}
	return true
}

// The fields of ConnectResponse that hold the first and the last kind of a relayed message. Their order is that of the kinds.
const callMadeField, dataReceivedField = 9, 14

// relayedKind returns of which kind the message was that an event was made of; None if it was made of none.
func relayedKind(event []byte) wire.Kind {
	for len(event) > 0 {
		num, typ, n := protowire.ConsumeTag(event)
		if n < 0 {
			return wire.None
		}
		if num >= callMadeField && num <= dataReceivedField {
			return wire.Offer + wire.Kind(num-callMadeField)
		}
		m := protowire.ConsumeFieldValue(num, typ, event[n:])
		if m < 0 {
			return wire.None
		}
		event = event[n+m:]
	}
	return wire.None
}
