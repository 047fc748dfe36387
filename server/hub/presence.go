package hub

import (
	"time"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/wire"
)

// A change of a room costs a write to each member that hears of single changes, however short it is. So in a room of many
// those that come soon after one another are told of together. What else a member is sent stands behind them, so that each still
// has everything in order.
const (
	// Writes of changes per second that the changes of a room may cause; a room of twenty never waits.
	tellRate = 20_000
	// What waits at most: then it is told of at once.
	maxNews = 1024
)

// news are changes that members with PRESENCE_DELTA are yet to be told of.
type news struct {
	events  [][]byte
	next    time.Time // Not before this, unless a member is sent something else.
	pending bool      // A timer is set for next.
}

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

// tellLocked tells the members that hear of single changes that u has changed, now or soon: those with PRESENCE_DELTA, and u
// itself if it is a member. Who comes or goes is not a member at that moment. r.mu must be held.
func (r *room) tellLocked(u *user, event []byte) {
	r.news.events = append(r.news.events, event)
	if m := u.member; m != nil {
		if m.presence == beckonv1.Presence_PRESENCE_NONE && !m.owed && m.liveLocked() {
			m.out.push(event)
		}
		m.newsLocked() // It is what its client has asked for.
	}
	if r.news.pending && len(r.news.events) < maxNews {
		return
	}
	now := time.Now()
	if pause := r.news.next.Sub(now); pause > 0 && len(r.news.events) < maxNews {
		r.news.pending = true
		time.AfterFunc(pause, func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.news.pending = false
			r.tellAllLocked(time.Now())
		})
		return
	}
	r.tellAllLocked(now)
}

// tellAllLocked tells all members what they are yet to be told. r.mu must be held.
func (r *room) tellAllLocked(now time.Time) {
	for _, m := range r.members {
		m.newsLocked()
		m.told = 0
	}
	r.news.events = nil
	if pause := time.Duration(len(r.members)) * time.Second / tellRate; pause >= shortPause {
		r.news.next = now.Add(pause)
	}
}

// newsLocked tells m what it is yet to be told. m.room.mu must be held.
func (m *member) newsLocked() {
	events := m.room.news.events
	if m.presence == beckonv1.Presence_PRESENCE_DELTA && !m.owed && m.liveLocked() { // Else the list to come says it all.
		for _, e := range events[m.told:] {
			m.out.push(e)
		}
	}
	m.told = len(events)
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
	m.seen, m.told = m.room.version, len(m.room.news.events)
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
