package memlog

import (
	"cmp"
	"context"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/beckonrtc/beckon/server/roomlog"
)

// room is the log of one room.
type room struct {
	mu         sync.Mutex
	users      map[string]*user // Guarded by mu. Who is in the room.
	broadcasts queue            // Guarded by mu.
	dead       bool             // Guarded by mu. Nobody is in it: it is no longer in the list of rooms.
}

// user is somebody in a room.
type user struct {
	join       roomlog.Record
	appearance *roomlog.Record // Nil: as in join.
	inbox      queue           // Messages.

	// The highest CSeq of the user's records and the number that the record got.
	cseq   uint64
	cseqAt roomlog.Seq
}

// check returns a ConflictError if the condition of rec does not hold for users.
func check(users map[string]*user, rec *roomlog.Record) error {
	owner := func(id string) roomlog.Seq {
		if u := users[id]; u != nil {
			return u.join.Seq
		}
		return 0
	}
	if e := rec.Expect; e.User != "" {
		if at := owner(e.User); at != e.Seq {
			return &roomlog.ConflictError{Expect: e, Seq: at}
		}
	}
	needed := rec.From
	switch rec.Kind {
	case roomlog.Join:
		return nil
	case roomlog.Message:
		needed = rec.To
	}
	if owner(needed) == 0 {
		return &roomlog.ConflictError{Expect: roomlog.Expect{User: needed}}
	}
	return nil
}

// Read implements roomlog.Log.
func (l *Log) Read(_ context.Context, q roomlog.Query) (roomlog.Page, error) {
	if q.Limit == 0 {
		q.Limit = 1000
	}
	page := roomlog.Page{Epoch: l.epoch, Head: roomlog.Seq(l.seq.Load())} // Before the look-up: what comes after it counts after Head.
	r := l.room(q.Room, false)
	if r == nil {
		return page, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dead {
		return page, nil
	}
	add := func(rec roomlog.Record) {
		if rec.Seq > q.After {
			rec.Data = slices.Clip(rec.Data)
			page.Records = append(page.Records, rec)
		}
	}
	for id, u := range r.users {
		add(u.join)
		if u.appearance != nil {
			add(*u.appearance)
		}
		if id != q.User {
			continue
		}
		l.trim(&u.inbox, l.opts.MemberBytes)
		l.trim(&r.broadcasts, l.opts.MemberBytes)
		after := max(q.After, u.join.Seq)
		page.Dropped = u.inbox.dropped > after || r.broadcasts.dropped > after
		for _, k := range u.inbox.kept {
			add(k.record(roomlog.Message, q.Room, id))
		}
		for _, k := range r.broadcasts.kept {
			if k.seq > u.join.Seq && k.from != id {
				add(k.record(roomlog.Broadcast, q.Room, ""))
			}
		}
	}
	slices.SortFunc(page.Records, func(a, b roomlog.Record) int { return cmp.Compare(a.Seq, b.Seq) })
	page.Head = roomlog.Seq(l.seq.Load())
	if len(page.Records) > q.Limit {
		page.Records = page.Records[:q.Limit]
		page.More = true
		page.Head = page.Records[q.Limit-1].Seq
	}
	return page, nil
}

// Forget implements roomlog.Log. Broadcasts are kept for the others.
func (l *Log) Forget(_ context.Context, room, user string, upTo roomlog.Seq) error {
	r := l.room(room, false)
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if u := r.users[user]; u != nil {
		n := sort.Search(len(u.inbox.kept), func(i int) bool { return u.inbox.kept[i].seq > upTo })
		l.kept.Add(-u.inbox.pop(n))
	}
	return nil
}

// sweep drops what was kept for its time, until the log is closed.
func (l *Log) sweep() {
	tick := time.NewTicker(l.opts.Retention / 4)
	defer tick.Stop()
	for {
		select {
		case <-l.closed.Done():
			return
		case <-tick.C:
		}
		l.mu.RLock()
		rooms := make([]*room, 0, len(l.rooms))
		for _, r := range l.rooms {
			rooms = append(rooms, r)
		}
		l.mu.RUnlock()
		for _, r := range rooms {
			r.mu.Lock()
			l.trim(&r.broadcasts, l.opts.MemberBytes)
			for _, u := range r.users {
				l.trim(&u.inbox, l.opts.MemberBytes)
			}
			r.mu.Unlock()
		}
	}
}
