package hub

import (
	"context"
	"errors"
	"sync"

	"google.golang.org/protobuf/proto"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/roomlog"
)

// debt is a record that has to be appended though the log could not be reached: above all the leave of a session that is gone. A
// condition that does not hold settles it.
type debt struct {
	record roomlog.Record
	// Of a join that may have been recorded or not: that record. When it is known what has become of it, the leave in record ends
	// just that membership. It can be recorded only then; nil: none.
	join *roomlog.Record
	// The session that has left the record's user behind when another process took it; empty: none has. The other process has
	// to have moved what it wants first.
	moving string
}

// room returns the log that it is for.
func (d *debt) room() string { return d.record.Room }

// line returns what is the same for what belongs to the same user of a room.
func (d *debt) line() string { return d.record.Room + " " + d.record.From }

// owe has rec appended, now or later.
func (h *Hub) owe(rec roomlog.Record) { h.debts.add(&debt{record: rec}) }

// pay appends what is owed.
func (h *Hub) pay(owed *debt) error {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	if owed.moving != "" {
		moving, err := h.isMoving(ctx, owed.moving, "")
		if err != nil {
			return err
		}
		if moving {
			h.oweLater(owed)
			return nil
		}
	}
	if owed.join != nil {
		seq, err := h.cfg.Log.Append(ctx, *owed.join)
		if _, isNot := errors.AsType[*roomlog.ConflictError](err); isNot {
			return nil
		}
		if err != nil {
			return err
		}
		owed.join, owed.record.Expect = nil, roomlog.Expect{User: owed.record.From, Seq: seq}
	}
	_, err := h.cfg.Log.Append(ctx, owed.record)
	if _, settled := errors.AsType[*roomlog.ConflictError](err); settled {
		return nil
	}
	return err
}

// notes are the rooms that sessions are in, on their way to the sessions' own logs: for the process that takes a session
// up when this one is gone. The newest of each session is enough, and none is waited for.
type notes struct {
	sessions *backlog[string] // Ids of those of which one is to be written.

	mu     sync.Mutex
	latest map[string]roomlog.Record // Guarded by mu. By session.
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
	n.latest[s.id] = rec
	n.sessions.add(s.id)
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

// write writes the note of a session. One that has ended or is elsewhere needs none.
func (n *notes) write(id string) error {
	n.mu.Lock()
	rec, is := n.latest[id]
	delete(n.latest, id)
	n.mu.Unlock()
	if !is { // It was written by now.
		return nil
	}
	h := n.sessions.hub
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	_, err := h.cfg.Log.Append(ctx, rec)
	if _, elsewhere := errors.AsType[*roomlog.ConflictError](err); elsewhere || err == nil {
		return nil
	}
	if errors.Is(err, roomlog.ErrTooLarge) {
		h.log.Warn("the rooms of a session cannot be noted: if this process is killed, its client has to name them", "session", id, "err", err)
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, newer := n.latest[id]; !newer {
		n.latest[id] = rec
	}
	return err
}
