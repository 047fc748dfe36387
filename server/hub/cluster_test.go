package hub

import (
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
