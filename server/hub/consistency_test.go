package hub

import (
	"context"
	"fmt"
	"slices"

	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/wire"
)

// checkConsistency returns an error unless the hub's state holds together and agrees with its log. Nothing else may be
// under way.
func checkConsistency(h *Hub) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.roomsMu.RLock()
	defer h.roomsMu.RUnlock()

	entered, expelled := map[*room]int{}, map[*room]int{}
	for id, s := range h.sessions {
		if id != s.id || s.ended || !s.founded {
			return fmt.Errorf("session %s is listed as %s; ended: %v", s.id, id, s.ended)
		}
		for i, m := range s.members {
			if m.session != s || h.rooms[m.room.name] != m.room {
				return fmt.Errorf("session %s has a membership of another, or of a room that is not listed: %s", id, m.room.name)
			}
			if m.expelled.Load() { // The session has yet to notice.
				entered[m.room]++
				expelled[m.room]++
				if m.user != nil {
					return fmt.Errorf("session %s was taken out of room %s and is its user", id, m.room.name)
				}
				continue
			}
			if m.user == nil || m.user.member != m || m.user.id != id || m.user.owner != m.owner {
				return fmt.Errorf("session %s is a member of room %s without being its user", id, m.room.name)
			}
			if slices.ContainsFunc(s.members[:i], func(o *member) bool { return o.room == m.room }) {
				return fmt.Errorf("session %s is in room %s twice", id, m.room.name)
			}
			entered[m.room]++
		}
		if c := s.conn.Load(); c != nil {
			if _, listed := h.conns[c]; !listed || s.out != &c.out || c.session.Load() != s || s.own.out != s.out || s.own.holding {
				return fmt.Errorf("session %s is on a stream that is not its own; listed: %v", id, listed)
			}
			if err := c.out.checkConsistency(); err != nil {
				return fmt.Errorf("session %s: %w", id, err)
			}
		} else if s.out != nil || s.own.out != nil {
			return fmt.Errorf("session %s is sent something on no stream", id)
		}
	}
	for name, r := range h.rooms {
		if r.name != name || r.entered != entered[r] || r.entered == 0 {
			return fmt.Errorf("room %s is listed as %s, entered %d times by %d sessions", r.name, name, r.entered, entered[r])
		}
		if err := r.checkConsistency(h.cfg.Log, expelled[r]); err != nil {
			return fmt.Errorf("room %s: %w", name, err)
		}
	}
	return nil
}

// checkConsistency checks a room against itself and its log. So many members were taken out of it.
func (r *room) checkConsistency(log roomlog.Log, expelled int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.live || len(r.early) > 0 || len(r.arriving) > 0 || len(r.members)+expelled != r.entered {
		return fmt.Errorf("live: %v, early records: %d, arriving: %d, members: %d of %d", r.live, len(r.early), len(r.arriving), len(r.members), r.entered)
	}
	if len(r.users) != len(r.order) || !slices.IsSortedFunc(r.order, func(a, b *user) int { return int(a.owner) - int(b.owner) }) {
		return fmt.Errorf("%d users, of whom %d are in order", len(r.users), len(r.order))
	}
	if len(r.news.events) > 0 && !r.news.pending {
		return fmt.Errorf("%d changes that nobody will be told of", len(r.news.events))
	}
	for i, m := range r.members {
		if m.told > len(r.news.events) {
			return fmt.Errorf("member %s was told of %d changes of %d", m.session.id, m.told, len(r.news.events))
		}
		if m.place != i || m.room != r || m.user == nil {
			return fmt.Errorf("member %s is at place %d, not %d", m.session.id, i, m.place)
		}
		if m.outdatedLocked() && !m.owed && !r.lists.pending {
			return fmt.Errorf("member %s has an old list that nothing will replace", m.session.id)
		}
		if m.out != m.session.out || m.holding || len(m.held) > 0 {
			return fmt.Errorf("member %s is not sent what its session is sent", m.session.id)
		}
		if m.out != nil && m.owed != m.out.inLine(m) || m.out == nil && m.owed {
			return fmt.Errorf("member %s is owed a list: %v; in line: %v", m.session.id, m.owed, !m.owed)
		}
	}
	// The log, read anew, is the same room.
	page, err := log.Read(context.Background(), roomlog.Query{Room: r.name, Limit: 1 << 20})
	if err != nil {
		return err
	}
	entries := map[string]string{}
	for _, rec := range page.Records {
		if rec.Kind == roomlog.Join && (r.users[rec.From] == nil || r.users[rec.From].owner != rec.Seq) {
			return fmt.Errorf("the log has user %s by record %d", rec.From, rec.Seq)
		}
		entries[rec.From] = string(wire.Entry(rec.Data))
	}
	if len(entries) != len(r.users) || page.Epoch != r.epoch {
		return fmt.Errorf("%d users in epoch %s, in the log %d in %s", len(r.users), r.epoch, len(entries), page.Epoch)
	}
	for id, u := range r.users {
		if string(u.entry) != entries[id] || u.id != id {
			return fmt.Errorf("user %s looks different in the log", id)
		}
	}
	return nil
}

// checkConsistency checks that an outbox counts what it holds.
func (o *outbox) checkConsistency() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return nil
	}
	held, lists := 0, 0
	for _, f := range o.queue {
		if f.list == nil {
			held += len(f.event) + frameCost
		} else {
			lists++
		}
	}
	if lists > 1 || lists == 1 && !o.listing || o.listing && !o.writing || len(o.line) > 0 && !o.listing {
		return fmt.Errorf("%d lists in the outbox, %d members in line, listing: %v, writing: %v", lists, len(o.line), o.listing, o.writing)
	}
	counted := int(o.bytes.Load())
	if o.writing && counted < held || !o.writing && (counted != 0 || len(o.queue) > 0) {
		return fmt.Errorf("%d frames of %d bytes in the outbox, %d bytes counted, writing: %v", len(o.queue), held, counted, o.writing)
	}
	return nil
}

// inLine reports whether m waits for a list.
func (o *outbox) inLine(m *member) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Contains(o.line, m)
}
