package hub

import (
	"context"
	"errors"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/roomlog"
)

// debtPause is how long the hub waits before it tries again to append what it owes.
const debtPause = time.Second

// debts are records that have to be appended though the log could not be reached: above all the leaves of sessions that
// are gone. A goroutine of the moment appends them.
type debts struct {
	hub     *Hub
	running sync.WaitGroup

	mu      sync.Mutex
	queue   []roomlog.Record // Guarded by mu.
	working bool             // Guarded by mu.
	closed  bool             // Guarded by mu.
}

// owe has rec appended, now or later. A condition that does not hold settles it.
func (h *Hub) owe(rec roomlog.Record) {
	d := &h.debts
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	d.queue = append(d.queue, rec)
	if !d.working {
		d.working = true
		d.running.Go(d.work)
	}
}

// close tries once more what is owed, and takes nothing more.
func (d *debts) close() {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.running.Wait()
}

// work appends what is owed until nothing is left.
func (d *debts) work() {
	for {
		d.mu.Lock()
		batch := d.queue
		d.queue = nil
		d.working = len(batch) > 0
		closed := d.closed
		d.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		var left []roomlog.Record
		for _, rec := range batch {
			if err := d.pay(rec); err != nil {
				d.hub.log.Warn("a record is still to be appended", "kind", rec.Kind, "room", rec.Room, "session", rec.From, "err", err)
				left = append(left, rec)
			}
		}
		if len(left) == 0 {
			continue
		}
		if closed {
			return
		}
		d.mu.Lock()
		d.queue = append(left, d.queue...)
		d.mu.Unlock()
		select {
		case <-time.After(debtPause):
		case <-d.hub.following.Done():
		}
	}
}

// pay appends rec.
func (d *debts) pay(rec roomlog.Record) error {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	_, err := d.hub.cfg.Log.Append(ctx, rec)
	if _, settled := errors.AsType[*roomlog.ConflictError](err); settled {
		return nil
	}
	return err
}

// notes are the rooms that sessions are in, on their way to the sessions' own logs: for the process that takes a session
// up when this one is gone. The newest of each session is enough, and none is waited for.
type notes struct {
	hub     *Hub
	running sync.WaitGroup

	mu      sync.Mutex
	latest  map[string]roomlog.Record // Guarded by mu. By session.
	working bool                      // Guarded by mu.
}

// noteRooms has the rooms that the session is in noted. s.mu must be held.
func (s *Session) noteRooms() {
	if s.hub.shared == nil {
		return
	}
	rec := s.note()
	n := &s.hub.notes
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.latest == nil {
		n.latest = map[string]roomlog.Record{}
	}
	n.latest[s.id] = rec
	if !n.working {
		n.working = true
		n.running.Go(n.work)
	}
}

// note returns what is to be noted of the session, on condition that it is this process's. s.mu must be held.
func (s *Session) note() roomlog.Record {
	return roomlog.Record{
		Kind: roomlog.Appearance, Room: s.own.name(s), From: s.id, Data: note(s.rooms()),
		Expect: roomlog.Expect{User: s.id, Seq: s.own.owner},
	}
}

// rooms returns the rooms that the session is in. s.mu must be held.
func (s *Session) rooms() (all []*beckonv1.Join) {
	for _, m := range s.members {
		m.room.mu.Lock()
		all = append(all, &beckonv1.Join{Room: m.room.name, Presence: m.presence})
		m.room.mu.Unlock()
	}
	return append(all, s.unmoved...)
}

// note returns what is noted of rooms. It is not empty.
func note(rooms []*beckonv1.Join) []byte {
	data, err := proto.Marshal(&beckonv1.Resume{Rejoin: rooms, ResumeToken: "-"})
	if err != nil { // Names of rooms are valid.
		return []byte{}
	}
	return data
}

// notedRooms returns the rooms of a note.
func notedRooms(data []byte) []*beckonv1.Join {
	noted := new(beckonv1.Resume)
	if proto.Unmarshal(data, noted) != nil {
		return nil
	}
	return noted.GetRejoin()
}

// work writes what is to be noted until nothing is left.
func (n *notes) work() {
	for {
		n.mu.Lock()
		batch := n.latest
		n.latest = nil
		n.working = len(batch) > 0
		n.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		for _, rec := range batch {
			ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
			if _, err := n.hub.cfg.Log.Append(ctx, rec); err != nil {
				n.hub.log.Debug("the rooms of a session could not be noted", "session", rec.From, "err", err)
			}
			cancel()
		}
	}
}

// close waits for what is being noted.
func (n *notes) close() { n.running.Wait() }
