package hub

import (
	"time"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/wire"
)

// Whole lists cost their length times their number: in a room of n where everybody wants them, each change costs n². So
// a room sends its members no more than listRate of them, and a session has one in its outbox at a time. Either way the
// newest list goes out, not those in between. A room of thirty users with names never waits.
const (
	// Bytes of lists per second that the changes of a room may cause.
	listRate = 64 << 20
	// Pauses shorter than this are not kept, and none is longer than that: in a room of ten thousand a list for everybody is
	// 6 GB.
	shortPause, longPause = time.Millisecond, 10 * time.Second
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
		if m.owed || !m.liveLocked() { // The list to come says it all.
			continue
		}
		if m.presence == beckonv1.Presence_PRESENCE_DELTA || m.presence == beckonv1.Presence_PRESENCE_NONE && m.user == u {
			m.out.push(event)
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
	var shared *wire.List
	sent := 0
	for _, m := range r.members {
		if !m.outdatedLocked() || !m.turnLocked() {
			continue
		}
		if shared == nil {
			shared = r.snapshotLocked(r.order)
		}
		m.sendListLocked(shared)
		sent++
	}
	if sent > 0 {
		pause := time.Duration(sent) * time.Duration(r.bytes) * time.Second / listRate
		if pause >= shortPause {
			r.lists.next = now.Add(min(pause, longPause))
		}
	}
}

// listLocked sends m its list, or sees to it that it comes after the one in m's outbox. A session on no stream gets it when
// it is taken up. r.mu must be held.
func (r *room) listLocked(m *member) {
	if !m.liveLocked() || !m.turnLocked() {
		return
	}
	users := r.order
	if m.presence == beckonv1.Presence_PRESENCE_NONE {
		users = []*user{m.user}
	}
	m.sendListLocked(r.snapshotLocked(users))
}

// list sends m the list that it has waited for. It returns false if m has gone, or is no longer on that outbox.
func (r *room) list(m *member, out *outbox) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m.user == nil || m.out != out || !m.liveLocked() {
		return false
	}
	r.listLocked(m)
	return true
}

// outdatedLocked reports whether m is to have whole lists and has not been sent the present one. m.room.mu must be held.
func (m *member) outdatedLocked() bool {
	return m.presence == beckonv1.Presence_PRESENCE_FULL && m.seen != m.room.version && m.liveLocked()
}

// turnLocked reports whether m may be sent a list now. If not, it is owed one. m.room.mu must be held.
func (m *member) turnLocked() bool {
	m.owed = !m.out.takeList(m)
	return !m.owed
}

// waitNoMoreLocked takes m out of its outbox's line. m.room.mu must be held.
func (m *member) waitNoMoreLocked() {
	if m.owed {
		m.owed = false
		m.out.leaveLine(m)
	}
}

// sendListLocked queues a list for m, whose turn it is. m.room.mu must be held.
func (m *member) sendListLocked(list *wire.List) {
	m.seen = m.room.version
	m.out.put(frame{list: list})
}

// snapshotLocked returns the list of users. r.mu must be held.
func (r *room) snapshotLocked(users []*user) *wire.List {
	entries := make([][]byte, len(users))
	for i, u := range users {
		entries[i] = u.entry
	}
	return wire.NewList(r.name, r.epoch, uint64(r.head), entries)
}
