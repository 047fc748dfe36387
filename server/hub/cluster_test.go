package hub

import (
	"errors"
	"testing"

	"github.com/beckonrtc/beckon/server/roomlog"
)

// TestMoved: a session is given away when another process has taken it, but not when it was taken from that one since,
// and this process is only now told of the former.
func TestMoved(t *testing.T) {
	h := startHub(t, Config{})
	ana := open(t, h)
	ana.join("lobby", none)
	s := ana.state()
	move := func(seq roomlog.Seq) bool {
		h.followOwn(s.id, &roomlog.Record{Kind: roomlog.Move, Room: s.own.name(s), From: s.id, Node: "elsewhere", Seq: seq})
		h.clearing.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.givenAway
	}
	if move(s.own.owner - 1) {
		t.Error("the session was given away to a process from which it had been taken")
	}
	if h.Sessions() != 1 {
		t.Error("the session is not known any more")
	}
	if !move(s.own.owner + 1) {
		t.Error("the session was not given away")
	}
	if h.Sessions() != 0 {
		t.Error("the session is still known")
	}
}

// TestForsaken: a process that was taken for dead gives up all its sessions, even one that waits to be told of its own
// record: it never will be.
func TestForsaken(t *testing.T) {
	h := startHub(t, Config{})
	ana := open(t, h)
	ana.join("lobby", none)
	s := ana.state()
	waiting, over := make(chan struct{}), make(chan error, 1)
	go func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		r := s.members[0].room
		r.mu.Lock()
		next := r.head + 1
		r.mu.Unlock()
		close(waiting)
		over <- r.reach(t.Context(), next)
	}()
	<-waiting
	h.forsakeAll()
	if err := <-over; !errors.Is(err, errForsaken) {
		t.Errorf("who waited for a room was told %v, want %v", err, errForsaken)
	}
	if h.Sessions() != 0 || h.Rooms() != 0 {
		t.Errorf("%d sessions in %d rooms are left", h.Sessions(), h.Rooms())
	}
}
