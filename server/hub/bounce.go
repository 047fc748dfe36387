package hub

import (
	"context"
	"errors"
	"fmt"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/wire"
)

// bounce is a message that comes back.
type bounce struct {
	room, from, to string
	seq            roomlog.Seq
	id             uint64 // The sender's request id.
	callID         string
	left           bool // The user to whom it was sent has left, or has joined anew. Else the log keeps it no longer.
}

// log returns the log in which its sender hears of it.
func (b bounce) log() string { return ownName(b.from) }

// giveUp takes what the log has ceased to keep for one user of a room. Those messages that are not known to have been
// received come back: what was written counts as received if the client never tells, or if it was there when it left.
func (h *Hub) giveUp(messages []roomlog.Record, left bool) {
	room, user := messages[0].Room, messages[0].To
	received := roomlog.Seq(0)
	if _, own := ownerOf(room); own {
		received = messages[len(messages)-1].Seq // Nobody is told what became of the news that something came back.
	} else if r := h.room(room); r != nil {
		received = r.receivedBy(user, left)
	}
	var back []bounce
	for _, rec := range messages {
		if rec.Seq <= received {
			h.discard(room, rec.Seq)
			continue
		}
		back = append(back, bounce{room: room, from: rec.From, to: user, seq: rec.Seq, id: rec.CSeq, callID: string(wire.GistOf(rec.Data).CallID), left: left})
	}
	if len(back) > 0 {
		h.bounces.add(back...)
	}
}

// discard tells a log that nodes share that nobody need see to a message any more.
func (h *Hub) discard(room string, message roomlog.Seq) {
	if h.shared != nil {
		h.shared.Discard(room, message)
	}
}

// receivedBy returns up to where what was written to a user counts as received.
func (r *room) receivedBy(user string, left bool) roomlog.Seq {
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.users[user]
	if u == nil || u.member == nil {
		return 0
	}
	s := u.member.session
	if s.receives.Load() && !(left && s.leaves.Load()) {
		return 0
	}
	return roomlog.Seq(u.member.written.Load())
}

// bringBack records in the own log of m's sender that m was not delivered. An error tells that it has to be tried again.
func (h *Hub) bringBack(m bounce) error {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	f := fail(beckonv1.FailureCode_FAILURE_CODE_UNDELIVERED, "", "user %q is not known to have received the message in room %q", m.to, m.room)
	f.to, f.callID = m.to, m.callID
	_, err := h.cfg.Log.Append(ctx, roomlog.Record{
		Kind: roomlog.Message, Room: ownPrefix + m.from, From: m.to, To: m.from,
		Key:   fmt.Sprintf("%s %d", m.room, m.seq), // Of several nodes that bring it back one does.
		Again: true,
		Data:  failureEvent(m.id, "", f),
	})
	if _, gone := errors.AsType[*roomlog.ConflictError](err); gone {
		h.discard(m.room, m.seq)
		return nil
	}
	if err != nil {
		return err
	}
	h.discard(m.room, m.seq)
	h.stats.codes[f.code].Add(1)
	if m.left {
		h.stats.leftBefore.Add(1)
	} else {
		h.stats.dropped.Add(1)
	}
	h.log.DebugContext(ctx, "undelivered", "session", m.from, "room", m.room, "to", m.to, "request_id", m.id, "call_id", m.callID)
	return nil
}
