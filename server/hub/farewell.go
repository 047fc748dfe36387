package hub

import (
	"slices"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/roomlog"
)

// farewell is what tells a client that it was taken out of a room. It is kept after it was sent: if the stream was lost
// with it, the client would come back and enter the room again, though nobody has asked it to.
type farewell struct {
	event []byte
	epoch string // In which seq counts.
	seq   roomlog.Seq
	sent  bool // On some stream.
}

// maxFarewells is how many rooms a session remembers that its client was taken out of.
const maxFarewells = 64

// keepFarewell keeps what tells the client that m has ended. s.mu must be held.
func (s *Session) keepFarewell(m *member) {
	m.room.mu.Lock()
	told := m.farewell
	m.room.mu.Unlock()
	if s.farewells == nil {
		s.farewells = map[string]farewell{}
	}
	for other := range s.farewells {
		if len(s.farewells) < maxFarewells {
			break
		}
		delete(s.farewells, other)
	}
	s.farewells[m.room.name] = told
}

// wasExpelled reports whether the client was taken out of that room, and may not have heard of it before it came back.
// s.mu must be held.
func (s *Session) wasExpelled(room string) bool {
	_, was := s.farewells[room]
	return was
}

// forgetFarewells forgets what the client has heard, as its resume shows. s.mu must be held.
func (s *Session) forgetFarewells(r *beckonv1.Resume) {
	s.dropExpelled()
	for room, told := range s.farewells {
		i := slices.IndexFunc(r.GetCursors(), func(c *beckonv1.Cursor) bool { return c.GetRoom() == room })
		named := i >= 0 || slices.ContainsFunc(r.GetRejoin(), func(j *beckonv1.Join) bool { return j.GetRoom() == room })
		read := i >= 0 && r.GetCursors()[i].GetEpoch() == told.epoch && r.GetCursors()[i].GetSeq() >= uint64(told.seq)
		if read || told.sent && !named {
			delete(s.farewells, room)
			continue
		}
		told.sent = false
		s.farewells[room] = told
	}
}

// pushFarewells tells the client of rooms that it was taken out of and has yet to be told. s.mu must be held.
func (s *Session) pushFarewells() {
	s.dropExpelled()
	for room, told := range s.farewells {
		if !told.sent {
			s.push(told.event)
			told.sent = true
			s.farewells[room] = told
		}
	}
}

// dropExpelled forgets the memberships that have ended though the client did not ask for it. s.mu must be held.
func (s *Session) dropExpelled() {
	for _, m := range slices.Clone(s.members) {
		if m.expelled.Load() {
			s.drop(m)
		}
	}
}
