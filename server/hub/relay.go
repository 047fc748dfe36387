package hub

import (
	"context"
	"errors"
	"time"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/wire"
)

// relay sends a message to one user or to everybody else in a room.
func (s *Session) relay(ctx context.Context, m *wire.Relay, id uint64) (room string, seq roomlog.Seq, err error) {
	if f := s.checkRelay(m); f != nil {
		return string(bounded(m.Room)), 0, f.about(m)
	}
	from, f := s.route(m)
	if f != nil {
		return string(bounded(m.Room)), 0, f.about(m)
	}
	if f := checkSend(s.grant.Load(), m); f != nil {
		return from.room.name, 0, f.about(m)
	}
	m, f = s.filter(m, from.room.name)
	switch {
	case f != nil:
		return from.room.name, 0, f.about(m)
	case m.Kind == wire.Candidate && m.Candidates == 0: // None of them may pass.
		return from.room.name, 0, nil
	}
	if err := s.makeSure(ctx); err != nil {
		return from.room.name, 0, err
	}
	s.traceOffer(m, from.room.name, id)
	rec := roomlog.Record{Room: from.room.name, From: s.id, CSeq: id, Again: s.mayRepeat(), Tried: s.mayBeTried(), Data: m.Event(from.room.name, from.sender)}
	if len(m.To) == 0 {
		rec.Kind = roomlog.Broadcast
		rec.Expect = roomlog.Expect{User: s.id, Seq: from.owner}
		began := s.hub.stats.beginAppend()
		seq, err = s.hub.cfg.Log.Append(ctx, rec)
		s.hub.stats.endAppend(began, err)
	} else {
		rec.Kind = roomlog.Message
		seq, err = s.send(ctx, from.room, m.To, rec)
	}
	if f, ok := errors.AsType[*failure](err); ok {
		err = f.about(m)
	}
	return from.room.name, seq, err
}

// mayRepeat reports whether the client may repeat what was recorded so long ago that the log would not know it by its number
// alone. s.mu must be held.
func (s *Session) mayRepeat() bool {
	return s.mayBeTried() && time.Since(s.hub.touch.sinceWhen()) < s.hub.cfg.ResumeWindow+time.Minute
}

// triedFor is how long after a client has come back another process may still try to record what it repeats.
const triedFor = time.Minute

// mayBeTried reports whether another process, or this one before the client came back, may have tried to record what the client
// sends, and may yet succeed: that it cannot be recorded now tells nothing then. s.mu must be held.
func (s *Session) mayBeTried() bool {
	return s.hub.shared != nil && !s.resumedAt.IsZero() && time.Since(s.resumedAt) < triedFor
}

// filter returns m as it may pass in that room; with a failure, m itself.
func (s *Session) filter(m *wire.Relay, room string) (*wire.Relay, *failure) {
	if s.hub.cfg.Filter == nil {
		return m, nil
	}
	filter := s.hub.cfg.Filter(room)
	if filter == nil {
		return m, nil
	}
	passed, err := m.Rewrite(filter)
	if err != nil {
		return m, invalid(largest(m.Kind), "the room does not show all addresses: %v", err)
	}
	return passed, nil
}

// send appends a message for a user, whoever owns the user's place in the room at that moment.
func (s *Session) send(ctx context.Context, r *room, to []byte, rec roomlog.Record) (roomlog.Seq, error) {
	for {
		u, ok := r.find(to)
		switch {
		case ok:
			rec.To, rec.Node, rec.Expect = u.id, u.node, roomlog.Expect{User: u.id, Seq: u.owner}
		case s.hub.shared != nil: // The room may be behind the log, or the message may be there from another process.
			rec.To, rec.Node, rec.Expect = string(to), "", roomlog.Expect{}
		default:
			return 0, fail(beckonv1.FailureCode_FAILURE_CODE_NO_SUCH_USER, "to", "user %q is not in room %q", bounded(to), r.name)
		}
		began := s.hub.stats.beginAppend()
		seq, err := s.hub.cfg.Log.Append(ctx, rec)
		s.hub.stats.endAppend(began, err)
		conflict, ok := errors.AsType[*roomlog.ConflictError](err)
		if !ok {
			return seq, err
		}
		if conflict.Seq == 0 {
			return 0, fail(beckonv1.FailureCode_FAILURE_CODE_NO_SUCH_USER, "to", "user %q has left room %q", bounded(to), r.name)
		}
		// Between look-up and Append the user has joined anew, or moved.
		if err := r.reach(ctx, conflict.Seq); err != nil {
			return 0, err
		}
	}
}

// route returns the membership as which the session sends m.
func (s *Session) route(m *wire.Relay) (*member, *failure) {
	if len(m.Room) > 0 {
		for _, in := range s.members {
			if in.room.name == string(m.Room) && !in.expelled.Load() {
				return in, nil
			}
		}
		return s.in(string(m.Room)) // Which tells why not.
	}
	if len(m.To) == 0 {
		return nil, invalid("to", "both to and room are empty: expected a user, a room, or both")
	}
	if len(s.members) == 0 {
		return nil, fail(beckonv1.FailureCode_FAILURE_CODE_NOT_IN_ROOM, "room", "the session is in no room: join one first")
	}
	var shared *member
	for _, in := range s.members {
		if _, ok := in.room.find(m.To); !ok || in.expelled.Load() {
			continue
		}
		if shared != nil {
			return nil, invalid("room", "user %q is in several rooms of this session, %q and %q among them: expected the room to use", bounded(m.To), shared.room.name, in.room.name)
		}
		shared = in
	}
	if shared == nil && s.hub.shared != nil && len(s.members) == 1 && !s.members[0].expelled.Load() {
		return s.members[0], nil // The log knows best.
	}
	if shared == nil {
		return nil, fail(beckonv1.FailureCode_FAILURE_CODE_NO_SUCH_USER, "to", "user %q is in no room of this session", bounded(m.To))
	}
	return shared, nil
}

// checkRelay checks the fields of m.
func (s *Session) checkRelay(m *wire.Relay) *failure {
	if len(m.To) > 0 {
		if f := checkName("to", m.To); f != nil {
			return f
		}
		if string(m.To) == s.id {
			return invalid("to", "the message is for its sender: expected another user")
		}
	}
	if m.Kind == wire.Data {
		if len(m.Type) > 0 {
			return checkName("type", m.Type)
		}
		return nil
	}
	if f := checkName("call_id", m.CallID); f != nil {
		return f
	}
	switch m.Kind {
	case wire.Offer, wire.Answer:
		if len(m.SDP) == 0 {
			return invalid("sdp", "the session description is empty")
		}
	case wire.Candidate:
		if m.Candidates == 0 {
			return invalid("candidates", "there are no candidates: expected at least one; an empty one tells that there will be no more")
		}
	case wire.Reject, wire.Hangup:
		if len(m.Detail) > maxDetail {
			return invalid("detail", "the detail has %d bytes: expected at most %d", len(m.Detail), maxDetail)
		}
	}
	return nil
}

// maxDetail is the size of the detail of a reject or a hangup, in bytes.
const maxDetail = 1 << 10
