package memlog

import (
	"cmp"
	"context"
	"slices"

	"github.com/beckonrtc/beckon/server/roomlog"
)

// Read implements roomlog.Log.
func (l *Log) Read(_ context.Context, q roomlog.Query) (roomlog.Page, error) {
	if q.Limit == 0 {
		q.Limit = 1000
	}
	// The head before the look-up: what comes after it counts after Head.
	page := roomlog.Page{Epoch: l.epoch, Head: roomlog.Seq(l.seq.Load())}
	r := l.room(q.Room, false)
	if r == nil {
		return page, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dead {
		return page, nil
	}
	if q.User == "" {
		page.Records, page.More = l.presence(r, q)
	} else if u := r.users.get(q.User); u != nil {
		l.trimInbox(r, u, l.limit())
		l.trimBroadcasts(r, l.limit())
		page.Records, page.More = l.sent(r, u, q)
		page.Dropped = max(u.lost, r.lost.of(q.User)) > max(q.After, u.since, u.forgotten)
	}
	page.Head = roomlog.Seq(l.seq.Load())
	if page.More {
		page.Head = page.Records[q.Limit-1].Seq
	}
	return page, nil
}

// presence returns the presence records of r that q asks for, and whether there are more than its limit. r.mu must be
// held.
func (l *Log) presence(r *room, q roomlog.Query) (records []roomlog.Record, more bool) {
	type shown struct { // To be sorted; a record is large.
		*kept
		user *user
	}
	var all []shown
	for u := range r.users.all() {
		if u.owner.seq > q.After {
			all = append(all, shown{&u.owner, u})
		}
		if u.appearance != nil && u.appearance.seq > q.After {
			all = append(all, shown{u.appearance, u})
		}
	}
	slices.SortFunc(all, func(a, b shown) int { return cmp.Compare(a.seq, b.seq) })
	if len(all) > q.Limit {
		all, more = all[:q.Limit], true
	}
	records = make([]roomlog.Record, 0, len(all))
	for _, s := range all {
		rec := l.record(s.kept, roomlog.Appearance, r.name, "")
		if s.kept == &s.user.owner {
			rec.Kind, rec.Node = s.user.kind, s.user.node
		}
		records = append(records, rec)
	}
	return records, more
}

// sent returns the messages and broadcasts for u in r that q asks for, and whether there are more than its limit. r.mu
// must be held.
func (l *Log) sent(r *room, u *user, q roomlog.Query) (records []roomlog.Record, more bool) {
	after := max(q.After, u.since)
	messages := u.inbox.held()[u.inbox.upTo(after):]
	broadcasts := r.broadcasts.held()[r.broadcasts.upTo(after):]
	records = make([]roomlog.Record, 0, min(len(messages)+len(broadcasts), q.Limit))
	for {
		for len(broadcasts) > 0 && broadcasts[0].from == u.id() {
			broadcasts = broadcasts[1:]
		}
		if len(messages)+len(broadcasts) == 0 {
			return records, false
		}
		if len(records) == q.Limit {
			return records, true
		}
		if len(broadcasts) == 0 || len(messages) > 0 && messages[0].seq < broadcasts[0].seq {
			records = append(records, l.record(&messages[0], roomlog.Message, r.name, u.id()))
			messages = messages[1:]
		} else {
			records = append(records, l.record(&broadcasts[0], roomlog.Broadcast, r.name, ""))
			broadcasts = broadcasts[1:]
		}
	}
}
