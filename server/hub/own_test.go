package hub

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/roomlog/memlog"
)

// hasOwn reports whether there is an own log of the session of that id.
func hasOwn(t *testing.T, h *Hub, id string) bool {
	t.Helper()
	page, err := h.cfg.Log.Read(t.Context(), roomlog.Query{Room: ownName(id)})
	if err != nil {
		t.Fatal(err)
	}
	return len(page.Records) > 0
}

// TestOwnBegins: the own log of a session begins with what comes back, and ends with the session.
func TestOwnBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startKeeping(t, Config{})
		ana, bob := call(t, h), call(t, h)
		ana.enter("lobby", "ana", none)
		bob.enter("lobby", "bob", none)
		bob.read()
		for id := range uint64(2) {
			bob.cut()
			ana.ask(data(id+1, bob.ID(), "lobby", "one"))
			if had := hasOwn(t, h, ana.ID()); had != (id > 0) {
				t.Errorf("before message %d came back: an own log %t", id+1, had)
			}
			time.Sleep(2 * window)
			ana.read()
			if !hasOwn(t, h, ana.ID()) {
				t.Errorf("message %d came back, and there is no own log", id+1)
			}
			bob = call(t, h)
			bob.enter("lobby", "bob", none)
			bob.read()
		}
		if len(ana.got) != 2 {
			t.Errorf("ana got %q, want two messages that came back", ana.got)
		}
		id := ana.ID()
		ana.Leave()
		synctest.Wait()
		if hasOwn(t, h, id) {
			t.Error("the session has ended, and its own log has not")
		}
	})
}

// TestOwnEnds: no own log is left of a session that ends while something comes back to it.
func TestOwnEnds(t *testing.T) {
	h := startKeeping(t, Config{Log: memlog.New(memlog.Options{Retention: time.Hour})})
	for range 1000 {
		ana, bob := open(t, h), open(t, h)
		ana.join("lobby", none)
		bob.join("lobby", none)
		s := ana.state()
		b := bounce{room: "lobby", from: s.id, to: bob.state().id, seq: 1}
		var both sync.WaitGroup
		both.Go(func() {
			if err := h.bringBack(b); err != nil {
				t.Error(err)
			}
		})
		both.Go(func() { ana.Leave() })
		both.Wait()
		bob.Leave()
		if hasOwn(t, h, s.id) {
			t.Fatal("the session has ended, and its own log has not")
		}
	}
}
