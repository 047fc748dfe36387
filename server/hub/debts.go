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
	queue   []debt // Guarded by mu.
	working bool   // Guarded by mu.
	closed  bool   // Guarded by mu.
}

// debt is what is owed at once.
type debt struct {
	records []roomlog.Record
	// Of a join that may have been recorded or not: that record. When it is known what has become of it, the one of records ends
	// just that membership. It can be recorded only then; nil: none.
	join *roomlog.Record
	// The session that has left the records' users behind when another process took it; empty: none has. The other process has
	// to have moved what it wants first.
	moving string
}

// owe has rec appended, now or later. A condition that does not hold settles it.
func (h *Hub) owe(rec roomlog.Record) { h.debts.add(debt{records: []roomlog.Record{rec}}) }

// add has what is owed appended.
func (d *debts) add(owed debt) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	d.queue = append(d.queue, owed)
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
		var left []debt
		for _, owed := range batch {
			if err := d.pay(&owed); err != nil {
				rec := owed.records[0]
				d.hub.log.Warn("a record is still to be appended", "kind", rec.Kind, "room", rec.Room, "session", rec.From, "err", err)
				left = append(left, owed)
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
			return
		}
	}
}

// pay appends what is owed, and takes it off from it.
func (d *debts) pay(owed *debt) error {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	if owed.moving != "" {
		moving, err := d.hub.isMoving(ctx, owed.moving, "")
		if err != nil {
			return err
		}
		if moving {
			d.hub.oweLater(*owed)
			return nil
		}
	}
	if owed.join != nil {
		seq, err := d.hub.cfg.Log.Append(ctx, *owed.join)
		if _, isNot := errors.AsType[*roomlog.ConflictError](err); isNot {
			return nil
		}
		if err != nil {
			return err
		}
		owed.join, owed.records[0].Expect = nil, roomlog.Expect{User: owed.records[0].From, Seq: seq}
	}
	for ; len(owed.records) > 0; owed.records = owed.records[1:] {
		_, err := d.hub.cfg.Log.Append(ctx, owed.records[0])
		if _, settled := errors.AsType[*roomlog.ConflictError](err); err != nil && !settled {
			return err
		}
	}
	return nil
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
		Kind: roomlog.Appearance, Room: s.own.name(s), From: s.id, Data: note(s.rooms(), len(s.unmoved) == 0),
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

// moved is the resume token of a note of a session that is in its rooms as a session of the process that has noted it.
const moved = "-"

// note returns what is noted of rooms, and whether they have moved to where the session is. It is not empty.
func note(rooms []*beckonv1.Join, haveMoved bool) []byte {
	token := "moving"
	if haveMoved {
		token = moved
	}
	data, err := proto.Marshal(&beckonv1.Resume{Rejoin: rooms, ResumeToken: token})
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

// hasMoved reports what a note says of whether its rooms have moved.
func hasMoved(data []byte) bool {
	noted := new(beckonv1.Resume)
	return proto.Unmarshal(data, noted) == nil && noted.GetResumeToken() == moved
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
		failed := false
		for id, rec := range batch {
			if err := n.write(rec); err != nil {
				n.hub.log.Debug("the rooms of a session are still to be noted", "session", id, "err", err)
				failed = true
				n.keep(rec)
			}
		}
		if !failed {
			continue
		}
		select {
		case <-time.After(debtPause):
		case <-n.hub.following.Done():
			return
		}
	}
}

// write writes a note. A session that has ended or is elsewhere needs none.
func (n *notes) write(rec roomlog.Record) error {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	_, err := n.hub.cfg.Log.Append(ctx, rec)
	if _, elsewhere := errors.AsType[*roomlog.ConflictError](err); elsewhere {
		return nil
	}
	if errors.Is(err, roomlog.ErrTooLarge) {
		n.hub.log.Warn("the rooms of a session cannot be noted: if this process is killed, its client has to name them", "session", rec.From, "err", err)
		return nil
	}
	return err
}

// keep has a note tried again, unless there is a newer one.
func (n *notes) keep(rec roomlog.Record) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.latest == nil {
		n.latest = map[string]roomlog.Record{}
	}
	if _, newer := n.latest[rec.From]; !newer {
		n.latest[rec.From] = rec
	}
}

// close waits for what is being noted.
func (n *notes) close() { n.running.Wait() }
