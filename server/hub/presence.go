package hub

import (
	"time"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/wire"
)

// Whole lists cost their length times their number: in a room of n where everybody wants them, each change costs n². So
// a room spends on them no more than listRate, and a member whose last list is still in its outbox waits for the next.
// Either way the newest list goes out, not those in between. Rooms of up to some twenty users never wait.
const (
	// Bytes of lists per second that a room may have written.
	listRate = 64 << 20
	// Pauses shorter than this are not kept.
	shortPause = time.Millisecond
)

// lists is when a room's members get whole lists.
type lists struct {
	next    time.Time // Not before this.
	pending bool      // A timer is set for next.
}

// tellLocked tells the members that hear of single changes that u has changed: those with PRESENCE_DELTA, and u itself
// if it is a member. Who comes or goes is not a member at that moment. r.mu must be held.
func (r *room) tellLocked(u *user, event []byte) {
	for _, m := range r.members {
		if m.owed { // The list to come says it all.
			continue
		}
		if m.presence == beckonv1.Presence_PRESENCE_DELTA || m.presence == beckonv1.Presence_PRESENCE_NONE && m.user == u {
			m.session.out.push(event)
		}
	}
}

// relistLocked sees to it that members with PRESENCE_FULL get the list as it has become, now or soon. r.mu must be held.
func (r *room) relistLocked() {
	if r.lists.pending {
		return
	}
	now := time.Now()
	if pause := r.lists.next.Sub(now); pause > 0 {
		r.lists.pending = true
		time.AfterFunc(pause, func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.lists.pending = false
			r.relistLocked()
		})
		return
	}
	var events [][]byte
	size := 0
	for _, m := range r.members {
		if !m.outdatedLocked() || m.listed {
			continue
		}
		if events == nil {
			events = r.encodeLocked(r.order)
		}
		m.sendLocked(events)
		for _, e := range events {
			size += len(e)
		}
	}
	if pause := time.Duration(size) * time.Second / listRate; pause >= shortPause {
		r.lists.next = now.Add(pause)
	}
}

// listLocked sends m its list, or remembers to do so when the one in its outbox is written. r.mu must be held.
func (r *room) listLocked(m *member) {
	if m.listed {
		m.owed = true
		return
	}
	users := r.order
	if m.presence == beckonv1.Presence_PRESENCE_NONE {
		users = []*user{m.user}
	}
	m.sendLocked(r.encodeLocked(users))
}

// listWritten tells that the list of m that was in its outbox has been written.
func (r *room) listWritten(m *member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m.listed = false
	if m.user == nil { // It has left.
		return
	}
	if m.owed || m.outdatedLocked() && !r.lists.pending {
		r.listLocked(m)
	}
}

// outdatedLocked reports whether m wants whole lists and has not been sent the present one. m.room.mu must be held.
func (m *member) outdatedLocked() bool {
	return m.presence == beckonv1.Presence_PRESENCE_FULL && m.seen != m.room.changed
}

// sendLocked queues a list for m. m.room.mu must be held.
func (m *member) sendLocked(list [][]byte) {
	for i, e := range list {
		m.session.out.put(frame{event: e, list: m, more: i < len(list)-1})
	}
	m.listed, m.owed, m.seen = true, false, m.room.changed
}

// encodeLocked returns the list of users, as events. r.mu must be held.
func (r *room) encodeLocked(users []*user) [][]byte {
	entries := make([][]byte, len(users))
	for i, u := range users {
		entries[i] = u.entry
	}
	events := wire.List(r.name, r.epoch, entries)
	for i, e := range events {
		events[i] = wire.AppendSeq(e, uint64(r.head))
	}
	return events
}
