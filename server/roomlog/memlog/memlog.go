// Package memlog keeps room logs in the memory of one process.
//
// Each room has a mutex, under which records are numbered and followers are called: so a record's followers have been
// told when Append returns, and a room's order is the order of its mutex. A room is kept while somebody is in it.
//
// Lock order: a room's mutex, then the log's own.
package memlog

import (
	"context"
	"crypto/rand"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/beckonrtc/beckon/server/roomlog"
)

// Options bound what is kept for members that have not said that they received it. The zero value keeps nothing.
type Options struct {
	// How long a message or broadcast is kept. 0: not at all.
	Retention time.Duration
	// The most that is kept for one member, and of one room's broadcasts, in bytes of data. 0: 256 KiB.
	MemberBytes int
	// The most that is kept in all, in bytes of data; the members' bounds shrink as it fills up. 0: 256 MiB.
	TotalBytes int
}

// Log implements roomlog.Log.
type Log struct {
	// Immutable.
	opts   Options
	epoch  string
	close  context.CancelFunc
	closed context.Context // Ends with Close.

	// The last number given out, in any room: so that a room that comes to life again goes on counting.
	seq atomic.Uint64
	// What is kept in all, in bytes of data.
	kept atomic.Int64

	followers atomic.Pointer[[]*follower]
	following sync.Mutex // Guards changes of followers.

	mu    sync.RWMutex
	rooms map[string]*room // Guarded by mu.
}

var _ roomlog.Log = (*Log)(nil)

// follower is one call of Follow.
type follower struct {
	node   string
	handle func(roomlog.Event)
}

// New returns an empty log of an epoch of its own.
func New(opts Options) *Log {
	if opts.MemberBytes == 0 {
		opts.MemberBytes = 256 << 10
	}
	if opts.TotalBytes == 0 {
		opts.TotalBytes = 256 << 20
	}
	l := &Log{opts: opts, epoch: rand.Text(), rooms: make(map[string]*room)}
	l.closed, l.close = context.WithCancel(context.Background())
	l.followers.Store(new([]*follower))
	if opts.Retention > 0 {
		go l.sweep()
	}
	return l
}

// Close implements roomlog.Log.
func (l *Log) Close() error {
	l.close()
	return nil
}

// Append implements roomlog.Log. The outcome is always known.
func (l *Log) Append(_ context.Context, rec roomlog.Record) (roomlog.Seq, error) {
	for {
		r := l.room(rec.Room, rec.Kind == roomlog.Join)
		if r == nil {
			return 0, check(nil, &rec)
		}
		r.mu.Lock()
		if r.dead { // Its last user went between look-up and lock.
			r.mu.Unlock()
			continue
		}
		seq, err := l.appendLocked(r, &rec)
		if len(r.users) == 0 {
			l.dropLocked(rec.Room, r)
		}
		r.mu.Unlock()
		return seq, err
	}
}

// appendLocked stores rec and tells the followers. r.mu must be held.
func (l *Log) appendLocked(r *room, rec *roomlog.Record) (roomlog.Seq, error) {
	if rec.CSeq != 0 {
		if u := r.users[rec.From]; u != nil && rec.CSeq <= u.cseq {
			if rec.CSeq < u.cseq {
				return 0, roomlog.ErrSuperseded
			}
			return u.cseqAt, nil
		}
	}
	if err := check(r.users, rec); err != nil {
		return 0, err
	}
	rec.Seq = roomlog.Seq(l.seq.Add(1))
	rec.Time = time.Now()

	node := "" // Where a message goes; empty: everywhere.
	switch rec.Kind {
	case roomlog.Join:
		r.users[rec.From] = &user{join: *rec}
	case roomlog.Leave:
		l.kept.Add(-r.users[rec.From].inbox.clear())
		delete(r.users, rec.From)
	case roomlog.Appearance:
		shown := *rec
		r.users[rec.From].appearance = &shown
	case roomlog.Message:
		u := r.users[rec.To]
		node = u.join.Node
		l.keep(&u.inbox, rec)
	case roomlog.Broadcast:
		l.keep(&r.broadcasts, rec)
	}
	if u := r.users[rec.From]; u != nil && rec.CSeq != 0 {
		u.cseq, u.cseqAt = rec.CSeq, rec.Seq
	}

	told := rec
	for _, f := range *l.followers.Load() {
		if node != "" && f.node != node {
			continue
		}
		f.handle(roomlog.Event{Record: told})
		again := *rec // Only one follower may append to the data.
		again.Data = slices.Clip(rec.Data)
		told = &again
	}
	return rec.Seq, nil
}

// Follow implements roomlog.Log.
func (l *Log) Follow(ctx context.Context, node string, h func(roomlog.Event)) error {
	f := &follower{node: node, handle: h}
	l.changeFollowers(func(others []*follower) []*follower {
		for _, o := range others {
			o.handle(roomlog.Event{Node: node, Up: true})
			h(roomlog.Event{Node: o.node, Up: true})
		}
		return append(others, f)
	})
	h(roomlog.Event{Node: node, Up: true})
	select {
	case <-ctx.Done():
	case <-l.closed.Done():
	}
	l.changeFollowers(func(all []*follower) []*follower {
		all = slices.DeleteFunc(all, func(o *follower) bool { return o == f })
		for _, o := range all {
			o.handle(roomlog.Event{Node: node})
		}
		return all
	})
	return ctx.Err()
}

// changeFollowers replaces the list of followers by what change makes of a copy of it.
func (l *Log) changeFollowers(change func([]*follower) []*follower) {
	l.following.Lock()
	defer l.following.Unlock()
	changed := change(slices.Clone(*l.followers.Load()))
	l.followers.Store(&changed)
}

// room returns the room of that name; if there is none, nil or, with create, a new one.
func (l *Log) room(name string, create bool) *room {
	l.mu.RLock()
	r := l.rooms[name]
	l.mu.RUnlock()
	if r != nil || !create {
		return r
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if r = l.rooms[name]; r == nil {
		r = &room{users: make(map[string]*user)}
		l.rooms[name] = r
	}
	return r
}

// dropLocked ends the life of a room that nobody is in. r.mu must be held; l.mu is taken under it.
func (l *Log) dropLocked(name string, r *room) {
	r.dead = true
	l.kept.Add(-r.broadcasts.clear())
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.rooms, name)
}
