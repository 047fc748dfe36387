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
	"sync"
	"sync/atomic"
	"time"

	"github.com/beckonrtc/beckon/server/roomlog"
)

// Options bound what is kept for members that have not said that they received it. The zero value keeps nothing.
type Options struct {
	// How long a message or broadcast is kept. 0: not at all.
	Retention time.Duration
	// The most that is kept for one member, and of one room's broadcasts, in bytes: of data, and 128 more for each
	// record. The oldest go first. 0: 256 KiB.
	MemberBytes int
	// The most that is kept in all, counted likewise. From 7/8 of it on, the oldest of all are dropped until 3/4 is
	// left. If that does not come in time, what grows gives up its own. 0: 256 MiB.
	TotalBytes int
}

// Log implements roomlog.Log.
type Log struct {
	// Immutable.
	opts   Options
	epoch  string
	opened time.Time
	close  context.CancelFunc
	closed context.Context // Ends with Close.
	full   chan struct{}   // Of size 1; wakes the sweep. Never closed.

	// The last number given out, in any room: so that a room that comes to life again goes on counting, and age can be
	// told across rooms.
	seq atomic.Uint64
	// What is kept in all, in bytes; see Options.
	bytes atomic.Int64

	followers atomic.Pointer[[]*follower]
	following sync.Mutex // Guards changes of followers.

	mu    sync.RWMutex
	rooms map[string]*room // Guarded by mu.
}

var _ roomlog.Log = (*Log)(nil)

// New returns an empty log of an epoch of its own.
func New(opts Options) *Log {
	if opts.MemberBytes == 0 {
		opts.MemberBytes = 256 << 10
	}
	if opts.TotalBytes == 0 {
		opts.TotalBytes = 256 << 20
	}
	l := &Log{
		opts:   opts,
		epoch:  rand.Text(),
		opened: time.Now(),
		full:   make(chan struct{}, 1),
		rooms:  make(map[string]*room),
	}
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

// Retained returns how much is kept, in bytes, counted as Options.TotalBytes counts it.
func (l *Log) Retained() int64 { return l.bytes.Load() }

// Append implements roomlog.Log. The outcome is always known.
func (l *Log) Append(_ context.Context, rec roomlog.Record) (roomlog.Seq, error) {
	for {
		r := l.room(rec.Room, rec.Kind == roomlog.Join)
		if r == nil {
			return 0, new(users).check(&rec)
		}
		r.mu.Lock()
		if r.dead { // Its last user went between look-up and lock.
			r.mu.Unlock()
			continue
		}
		seq, err := l.appendLocked(r, &rec)
		if r.users.len() == 0 {
			l.dropLocked(r)
		}
		r.mu.Unlock()
		return seq, err
	}
}

// appendLocked stores rec and tells the followers. r.mu must be held.
func (l *Log) appendLocked(r *room, rec *roomlog.Record) (roomlog.Seq, error) {
	from := r.users.get(rec.From)
	if rec.CSeq != 0 && from != nil && rec.CSeq <= from.cseq {
		if rec.CSeq < from.cseq {
			return 0, roomlog.ErrSuperseded
		}
		return from.cseqAt, nil
	}
	if err := r.users.check(rec); err != nil {
		return 0, err
	}
	rec.Seq = roomlog.Seq(l.seq.Add(1))
	rec.Time = time.Now()

	switch rec.Kind {
	case roomlog.Join, roomlog.Leave:
		from = l.changeOwner(r, from, rec)
	case roomlog.Move:
		from.move(rec, l.kept(rec))
		l.tell(roomlog.Event{Record: rec}, from.node, true)
	case roomlog.Appearance:
		shown := l.kept(rec)
		from.appearance = &shown
		l.tell(roomlog.Event{Record: rec}, from.node, true)
	case roomlog.Message:
		to := r.users.get(rec.To)
		l.tell(roomlog.Event{Record: rec}, to.node, false)
		l.keepMessage(r, to, rec)
	case roomlog.Broadcast:
		l.tell(roomlog.Event{Record: rec}, from.node, true)
		l.keepBroadcast(r, rec)
	}
	if from != nil && rec.CSeq != 0 {
		from.cseq, from.cseqAt = rec.CSeq, rec.Seq
	}
	return rec.Seq, nil
}

// changeOwner ends the ownership of former, if it is not nil, and begins that which rec tells of, if it is a Join. It
// tells the followers, and returns who is in the room now. r.mu must be held.
func (l *Log) changeOwner(r *room, former *user, rec *roomlog.Record) (now *user) {
	if rec.Kind == roomlog.Join {
		now = &user{node: rec.Node, kind: rec.Kind, owner: l.kept(rec), since: rec.Seq}
	}
	event, node := roomlog.Event{Record: rec}, rec.Node
	if former != nil {
		event.GivenUp, node = l.giveUp(r, former), former.node
		r.users.remove(former)
	}
	if now != nil {
		if former != nil {
			now.cseq, now.cseqAt = former.cseq, former.cseqAt
		}
		r.users.add(now)
	}
	l.tell(event, node, true)
	return now
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
		r = &room{name: name}
		l.rooms[name] = r
	}
	return r
}

// dropLocked ends the life of a room that nobody is in. r.mu must be held; l.mu is taken under it.
func (l *Log) dropLocked(r *room) {
	r.dead = true
	l.bytes.Add(-r.broadcasts.pop(len(r.broadcasts.held())))
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.rooms, r.name)
}
