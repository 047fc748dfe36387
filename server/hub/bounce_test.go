package hub

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/roomlog/memlog"
)

// TestUndelivered: what comes back when its target goes is what the target is not known to have received.
func TestUndelivered(t *testing.T) {
	type end func(bob *phone)
	lost := func(bob *phone) { bob.cut() }
	left := func(bob *phone) { bob.Leave() }
	leaves := func(bob *phone) {
		bob.ask(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Leave{Leave: &beckonv1.Leave{Room: "lobby"}}})
	}
	for _, c := range []struct {
		name string
		// Whether bob says what he has received: of three messages the first. The third he does not read.
		receives bool
		end      end
		want     []string
	}{
		{"a script is lost", false, lost, []string{"UNDELIVERED 3", "UNDELIVERED 4"}},
		{"a client is lost", true, lost, []string{"UNDELIVERED 2", "UNDELIVERED 3", "UNDELIVERED 4"}},
		{"a script goes", false, left, []string{"UNDELIVERED 3"}},
		{"a client goes", true, left, []string{"UNDELIVERED 3"}}, // It was there to the end.
		{"a client leaves the room", true, leaves, []string{"UNDELIVERED 3"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := startKeeping(t, Config{})
				ana, bob := call(t, h), call(t, h)
				ana.enter("lobby", "ana", none)
				bob.enter("lobby", "bob", none)
				bob.read()
				id := bob.ID()
				ana.ask(data(1, id, "lobby", "one"))
				bob.read()
				if c.receives {
					bob.ask(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Received{Received: &beckonv1.Received{
						Cursors: []*beckonv1.Cursor{bob.cursors["lobby"]},
					}}})
				}
				ana.ask(data(2, id, "lobby", "two"))
				bob.read()
				bob.freeze()
				ana.ask(data(3, id, "lobby", "three"))
				synctest.Wait()
				c.end(bob)
				ana.read()
				ana.ask(data(4, id, "lobby", "four")) // To somebody away, or to nobody.
				time.Sleep(2 * window)
				bob.thaw()
				ana.read()
				got := slices.DeleteFunc(ana.got, func(s string) bool { return s == "NO_SUCH_USER 4" })
				if !slices.Equal(got, c.want) {
					t.Errorf("ana got %q, want %q", got, c.want)
				}
			})
		})
	}
}

// TestUndeliveredCounted: what comes back is counted by why: its target went, or the log kept it no longer.
func TestUndeliveredCounted(t *testing.T) {
	for _, c := range []struct {
		why  string
		kept time.Duration
	}{{"LEFT", time.Hour}, {"DROPPED", window / 4}} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := startKeeping(t, Config{Log: memlog.New(memlog.Options{Retention: c.kept})})
				ana, bob := call(t, h), call(t, h)
				ana.enter("lobby", "ana", none)
				bob.enter("lobby", "bob", none)
				bob.read()
				id := bob.ID()
				bob.cut()
				ana.ask(data(1, id, "lobby", "one"))
				ana.ask(data(2, id, "lobby", "two"))
				time.Sleep(2 * window)
				ana.read()
				want := map[string]uint64{"LEFT": 0, "DROPPED": 0}
				want[c.why] = 2
				if got := h.Stats().Undelivered; !maps.Equal(got, want) {
					t.Errorf("got %v, want %v", got, want)
				}
			})
		})
	}
}

// TestWrittenWhileLeaving: what is just being written to who leaves does not come back.
func TestWrittenWhileLeaving(t *testing.T) {
	for _, leave := range []func(bob *phone){
		func(bob *phone) { bob.Leave() },
		func(bob *phone) {
			bob.ask(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Leave{Leave: &beckonv1.Leave{Room: "lobby"}}})
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := startKeeping(t, Config{})
			ana, bob := call(t, h), call(t, h)
			ana.enter("lobby", "ana", none)
			bob.enter("lobby", "bob", none)
			bob.read()
			bob.freeze()
			ana.ask(data(1, bob.ID(), "lobby", "one"))
			time.AfterFunc(writingMoment/2, bob.thaw)
			leave(bob)
			ana.read()
			bob.read()
			if len(ana.got) > 0 || !slices.Equal(bob.got, []string{"one"}) {
				t.Errorf("bob got %q, and ana %q", bob.got, ana.got)
			}
		})
	}
}

// TestComesBackAgain: what came back is kept for a sender that is away itself, and for one whose cursor is older.
func TestComesBackAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startKeeping(t, Config{})
		ana, bob := call(t, h), call(t, h)
		ana.enter("lobby", "ana", none)
		bob.enter("lobby", "bob", none)
		bob.read()
		ana.read()
		bob.cut()
		ana.ask(&beckonv1.ConnectRequest{RequestId: 7, Message: &beckonv1.ConnectRequest_Offer{Offer: &beckonv1.Offer{To: bob.ID(), CallId: "c", Sdp: "o"}}})
		ana.read()
		time.Sleep(window / 2)
		ana.cut()
		time.Sleep(window/2 + time.Second)
		for range 2 {
			ana.comeBack()
			before := ana.cursors[""].GetSeq()
			events := ana.read()
			i := slices.IndexFunc(events, func(e *beckonv1.ConnectResponse) bool { return e.GetFailure() != nil })
			if i != 1 || events[i].GetRequestId() != 7 || events[i].GetFailure().GetCallId() != "c" || events[i].GetFailure().GetTo() != bob.ID() {
				t.Fatalf("ana was sent %v", events)
			}
			if c := ana.cursors[""]; c.GetSeq() != events[i].GetSeq() || c.GetSeq() <= before {
				t.Errorf("what came back is record %d of ana's own log; her cursor went from %d to %d", events[i].GetSeq(), before, c.GetSeq())
			}
			ana.cursors[""].Seq = 0 // As if it had not arrived.
		}
		ana.comeBack()
		ana.read()
		ana.comeBack() // Now it has.
		if events := ana.read(); slices.ContainsFunc(events, func(e *beckonv1.ConnectResponse) bool { return e.GetFailure() != nil }) {
			t.Errorf("it came back once more: %v", events)
		}
	})
}

// TestSlowResume: what was missed is sent as fast as it is read, whatever the bound of the outbox; a stream that takes
// the session up in the meantime goes on from there.
func TestSlowResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startKeeping(t, Config{MaxOutboxBytes: 16 << 10})
		ana, bob := call(t, h), call(t, h)
		ana.enter("lobby", "ana", none)
		bob.enter("lobby", "bob", full)
		bob.read()
		bob.cut()
		var want []string
		for i := range 200 {
			text := fmt.Sprint(i, strings.Repeat(".", 1000))
			ana.ask(data(0, bob.ID(), "lobby", text))
			want = append(want, text)
		}
		bob.client = listen(t, h)
		bob.freeze()
		stuck := bob.client
		go func() { _ = stuck.say(bob.resume()) }()
		synctest.Wait()
		if n := bob.Unwritten(); n == 0 || n > 16<<10 {
			t.Errorf("%d bytes wait for a client that does not read", n)
		}
		second := bob.client
		bob.client = listen(t, h)
		go bob.ask(bob.resume())
		synctest.Wait()
		second.cut()
		synctest.Wait()
		ana.ask(data(0, bob.ID(), "lobby", "the last"))
		bob.read()
		if want = append(want, "the last"); !slices.Equal(bob.got, want) {
			t.Errorf("bob got %d messages, want %d in order", len(bob.got), len(want))
		}
		if n := len(bob.view["lobby"]); n != 2 {
			t.Errorf("bob sees %d users", n)
		}
		if err := checkConsistency(h); err != nil {
			t.Error(err)
		}
	})
}

// TestGiveUpWhileLive: for a client that does not say what it receives, written is received; for one that says so once and
// then no more, what is no longer kept comes back, and it is told when it comes back itself.
func TestGiveUpWhileLive(t *testing.T) {
	for _, receives := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			h := startKeeping(t, Config{})
			ana, bob := call(t, h), call(t, h)
			ana.enter("lobby", "ana", none)
			bob.enter("lobby", "bob", none)
			bob.read()
			if receives {
				bob.ask(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Ping{Ping: &beckonv1.Ping{Received: []*beckonv1.Cursor{bob.cursors["lobby"]}}}})
			}
			before := bob.resume()
			ana.ask(data(1, bob.ID(), "lobby", "hello"))
			bob.read()
			time.Sleep(2 * time.Hour) // Longer than it is kept.
			ana.read()
			if want := map[bool]string{true: "UNDELIVERED 1"}[receives]; strings.Join(ana.got, " ") != want {
				t.Errorf("receives: %v: ana got %v, want %q", receives, ana.got, want)
			}
			bob.cut()
			bob.client = listen(t, h)
			bob.ask(before)
			if bob.read(); bob.welcome.GetResumption() != beckonv1.Resumption_RESUMPTION_RESYNCED {
				t.Errorf("a client whose cursor is before what was kept is welcomed with %v", bob.welcome)
			}
			bob.comeBack()
			if bob.read(); bob.welcome.GetResumption() != beckonv1.Resumption_RESUMPTION_RESUMED {
				t.Errorf("a client whose cursor is after it is welcomed with %v", bob.welcome)
			}
		})
	}
}
