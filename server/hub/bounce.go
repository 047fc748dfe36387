package hub

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/wire"
)

// bounces are the messages that are on their way back to their senders. A goroutine of the moment takes them there.
type bounces struct {
	hub     *Hub
	running sync.WaitGroup

	mu      sync.Mutex
	queue   []bounce // Guarded by mu.
	working bool     // Guarded by mu.
	closed  bool     // Guarded by mu. Nothing is brought back any more.
}

// bounce is a message that comes back.
type bounce struct {
	room, from, to string
	seq            roomlog.Seq
	id             uint64 // The sender's request id.
	callID         string
}

// giveUp takes what the log has ceased to keep for one user of a room. Those messages that are not known to have been
// received come back: what was written counts as received if the client never tells, or if it was there when it left.
func (h *Hub) giveUp(messages []roomlog.Record, left bool) {
	room, user := messages[0].Room, messages[0].To
	if _, own := ownerOf(room); own {
		return // Nobody is told what became of the news that something came back.
	}
	received := roomlog.Seq(0)
	if r := h.room(room); r != nil {
		received = r.receivedBy(user, left)
	}
	var back []bounce
	for _, rec := range messages {
		if rec.Seq > received {
			back = append(back, bounce{room: room, from: rec.From, to: user, seq: rec.Seq, id: rec.CSeq, callID: wire.CallID(rec.Data)})
		}
	}
	if len(back) > 0 {
		h.bounces.add(back)
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

// add queues messages.
func (b *bounces) add(back []bounce) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	b.queue = append(b.queue, back...)
	if !b.working {
		b.working = true
		b.running.Go(b.work)
	}
}

// close waits until what is queued has been brought back, and takes nothing more.
func (b *bounces) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.running.Wait()
}

// work brings back what is queued, until nothing is left.
func (b *bounces) work() {
	for {
		b.mu.Lock()
		batch := b.queue
		b.queue = nil
		b.working = len(batch) > 0
		b.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		var left []bounce
		for _, m := range batch {
			if err := b.hub.bringBack(m); err != nil {
				b.hub.log.Warn("a message is still to be brought back", "session", m.from, "room", m.room, "request_id", m.id, "err", err)
				left = append(left, m)
			}
		}
		if len(left) == 0 {
			continue
		}
		b.mu.Lock()
		b.queue = append(left, b.queue...)
		closed := b.closed
		b.mu.Unlock()
		if closed {
			return
		}
		select {
		case <-time.After(debtPause):
		case <-b.hub.following.Done():
			return
		}
	}
}

// bringBack records in the own log of m's sender that m was not delivered. An error tells that it has to be tried again.
func (h *Hub) bringBack(m bounce) error {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	f := fail(beckonv1.FailureCode_FAILURE_CODE_UNDELIVERED, "", "user %q is not known to have received the message in room %q", m.to, m.room)
	f.to, f.callID = m.to, m.callID
	_, err := h.cfg.Log.Append(ctx, roomlog.Record{
		Kind: roomlog.Message, Room: ownPrefix + m.from, From: m.to, To: m.from,
		Key:  fmt.Sprintf("%s %d", m.room, m.seq), // Of several nodes that bring it back one does.
		Data: failureEvent(m.id, "", f),
	})
	if _, gone := errors.AsType[*roomlog.ConflictError](err); gone {
		return nil
	}
	if err != nil {
		return err
	}
	h.stats.undelivered.Add(1)
	h.log.DebugContext(ctx, "undelivered", "session", m.from, "room", m.room, "to", m.to, "request_id", m.id, "call_id", m.callID)
	return nil
}
