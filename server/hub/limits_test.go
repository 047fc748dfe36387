package hub

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// openFrom opens a stream from that address.
func openFrom(t *testing.T, h *Hub, addr string) *client {
	t.Helper()
	c := &client{tb: t}
	conn := h.Open(c, netip.AddrPortFrom(netip.MustParseAddr(addr), 1), nil)
	c.Conn = conn
	return c
}

// TestMaxSessionsPerIP: one address has so many sessions and no more; of IPv6 it is the network that counts.
func TestMaxSessionsPerIP(t *testing.T) {
	for _, c := range []struct {
		addrs []string
		ok    bool // For the third.
	}{
		{[]string{"192.0.2.1", "192.0.2.1", "192.0.2.1"}, false},
		{[]string{"192.0.2.1", "192.0.2.1", "192.0.2.2"}, true},
		{[]string{"192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1"}, false}, // The same, as a dual-stack socket has it.
		{[]string{"2001:db8::1", "2001:db8::2", "2001:db8::ffff:3"}, false},
		{[]string{"2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"}, true},
		{[]string{"fe80::1%eth0", "fe80::2%eth1", "fe80::3"}, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := startKeeping(t, Config{MaxSessionsPerIP: 2})
			var sessions []*client
			for i, addr := range c.addrs {
				s := openFrom(t, h, addr)
				err := s.say(data(0, "", "lobby", "hello"))
				if want := i < 2 || c.ok; want != (err == nil) || !want && reasonOf(err) != Limit {
					t.Errorf("%v: session %d: %v", c.addrs, i+1, err)
				}
				sessions = append(sessions, s)
			}
			// Who comes back is let in, whatever the number; who moves makes room.
			back := openFrom(t, h, c.addrs[0])
			if err := back.say(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Resume{Resume: &beckonv1.Resume{ResumeToken: h.token(sessions[1].ID(), "")}}}); err != nil {
				t.Errorf("%v: a resume: %v", c.addrs, err)
			}
			for _, s := range append(sessions, back) {
				s.Leave()
			}
			if len(h.sources) > 0 || h.pending.Len() > 0 || len(h.conns) > 0 {
				t.Errorf("%v: in the end %v are counted, and %d streams of %d", c.addrs, h.sources, h.pending.Len(), len(h.conns))
			}
		})
	}
}

// TestMaxRevived: tokens of an earlier process do not bring more sessions from one address than may be.
func TestMaxRevived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startKeeping(t, Config{MaxSessionsPerIP: 2, SessionKey: []byte(strings.Repeat("k", 32))})
		for i := range 3 {
			c := openFrom(t, h, "192.0.2.1")
			err := c.say(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Resume{Resume: &beckonv1.Resume{ResumeToken: h.token(fmt.Sprint("user", i), "")}}})
			if want := map[bool]Reason{true: Limit}[i == 2]; reasonOf(err) != want {
				t.Errorf("session %d: %v, want %q", i+1, err, want)
			}
		}
	})
}

// TestMaxPending: so many streams may have said nothing yet; of more the oldest is taken to be silent.
func TestMaxPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startKeeping(t, Config{MaxPending: 2})
		var streams []*client
		for range 4 {
			streams = append(streams, listen(t, h))
		}
		for i, c := range streams {
			switch silent := c.MustEnd() == TooSilent; {
			case silent && i > 1:
				t.Errorf("stream %d counts as silent", i)
			case !silent && i < 2:
				t.Errorf("stream %d, one too many, goes on", i)
			}
		}
		streams[0].join("lobby", none) // It has spoken all the same; its stream is about to end.
		streams[2].join("lobby", none)
		streams[3].Lose()
		listen(t, h).Leave()
		for _, c := range streams[:3] {
			c.Lose()
		}
		if h.pending.Len() > 0 || len(h.conns) > 0 {
			t.Errorf("in the end %d of %d streams are pending", h.pending.Len(), len(h.conns))
		}
	})
}

// TestMaxUsers: a room has so many users and no more.
func TestMaxUsers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startKeeping(t, Config{MaxUsers: 2})
		ana, bob, eve := open(t, h), open(t, h), open(t, h)
		for _, c := range []*client{ana, bob, eve} {
			c.join("lobby", none)
		}
		if got := strings.Join(failures(eve.take()), " "); got != "ROOM_FULL" {
			t.Errorf("the third of two users: %q, want ROOM_FULL", got)
		}
		bob.ask(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Leave{Leave: &beckonv1.Leave{Room: "lobby"}}})
		eve.join("lobby", none)
		if events := eve.take(); len(events) != 1 || events[0].GetJoinedUsers() == nil {
			t.Errorf("once there is a place: %v", events)
		}
		if err := checkConsistency(h); err != nil {
			t.Error(err)
		}
	})
}

// TestRate: a client that sends too much is refused, in messages and in bytes, and let go if it does not care; one that
// keeps to its rate never is.
func TestRate(t *testing.T) {
	for _, c := range []struct {
		name      string
		cfg       Config
		perSecond int    // How many messages the client sends.
		text      string // What they say.
		refused   bool
		ends      bool
	}{
		{"at the rate", Config{MaxMessagesPerSecond: 20}, 20, "", false, false},
		{"over it", Config{MaxMessagesPerSecond: 20}, 30, "", true, false},
		{"far over it", Config{MaxMessagesPerSecond: 20}, 100, "", true, true},
		{"bytes at the rate", Config{MaxBytesPerSecond: 10_000}, 9, strings.Repeat("x", 1000), false, false},
		{"bytes over it", Config{MaxBytesPerSecond: 10_000}, 15, strings.Repeat("x", 1000), true, false},
		{"bytes far over it", Config{MaxBytesPerSecond: 10_000}, 100, strings.Repeat("x", 1000), true, true},
		{"few but large", Config{MaxMessagesPerSecond: 100, MaxBytesPerSecond: 10_000}, 60, strings.Repeat("x", 20_000), true, true},
		{"no bound", Config{}, 1000, "", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := startKeeping(t, c.cfg)
				ana, bob := open(t, h), open(t, h)
				ana.join("lobby", none)
				bob.join("lobby", none)
				bob.take()
				id, acks, refusals := uint64(0), 0, 0
				var end error
				for range 120 {
					for range c.perSecond {
						id++
						if end = ana.say(data(id, "", "lobby", c.text)); end != nil {
							break
						}
					}
					for _, e := range ana.take() {
						switch {
						case e.GetAck() != nil:
							acks++
						case e.GetFailure().GetCode() == beckonv1.FailureCode_FAILURE_CODE_RATE_LIMITED && e.GetRequestId() > 0:
							refusals++
						case e.GetFailure() != nil:
							t.Errorf("ana was sent %v", e)
						}
					}
					if end != nil {
						break
					}
					time.Sleep(time.Second)
				}
				received := 0
				for _, e := range bob.take() {
					if e.GetDataReceived() != nil {
						received++
					}
				}
				if (refusals > 0) != c.refused || (reasonOf(end) == Limit) != c.ends || received != acks {
					t.Errorf("%d acks, %d received, %d refusals, then: %v", acks, received, refusals, end)
				}
				if end == nil { // A repetition of what was refused is refused as before.
					time.Sleep(time.Minute)
					ana.ask(data(id, "", "lobby", c.text))
					if events := ana.take(); len(events) != 1 || events[0].GetRequestId() != id {
						t.Errorf("a repetition: %v", events)
					}
				}
			})
		})
	}
}

// TestResumeRate: who does nothing but come back, or asks for rooms without end when it does, is let go.
func TestResumeRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startKeeping(t, Config{MaxMessagesPerSecond: 20, MaxRooms: 3})
		bob := call(t, h)
		var many []*beckonv1.Join
		for i := range 18 {
			many = append(many, &beckonv1.Join{Room: fmt.Sprint("room ", i)})
		}
		for name, rejoin := range map[string][]*beckonv1.Join{"a loop": nil, "many rooms": many} {
			var err error
			for range 1000 {
				bob.cut()
				bob.client = listen(t, h)
				if err = bob.say(bob.resume(rejoin...)); err != nil {
					break
				}
				bob.take()
			}
			if reasonOf(err) != Limit {
				t.Errorf("%s: %v, want LIMIT", name, err)
			}
			bob.cut()
			time.Sleep(window / 2)
			bob.comeBack() // Later it may.
			bob.read()
			if n := len(bob.state().members); n > 3 {
				t.Errorf("%s: bob is in %d rooms", name, n)
			}
			if err := checkConsistency(h); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestAwayRate: when all are lost at one time, few are shown to be away at one time, and none of those who are back.
func TestAwayRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 3 * awayRate
		h := startKeeping(t, Config{})
		watch := open(t, h)
		watch.join("lobby", delta)
		phones := make([]*client, n)
		for i := range phones {
			phones[i] = open(t, h)
			phones[i].join("lobby", none)
		}
		watch.take()
		for _, p := range phones {
			p.cut()
		}
		var shown []string
		for second := range 6 {
			time.Sleep(time.Second)
			count := 0
			for _, e := range watch.take() {
				if e.GetUserUpdated().GetUser().GetStatus() == beckonv1.UserStatus_USER_STATUS_AWAY {
					count++
				}
			}
			if count > 2*awayRate {
				t.Errorf("in second %d, %d users were shown to be away", second, count)
			}
			shown = append(shown, fmt.Sprint(count))
		}
		t.Log("shown to be away, by second:", strings.Join(shown, " "))
		time.Sleep(window)
		left := 0
		for _, e := range watch.take() {
			if e.GetUserLeft() != nil {
				left++
			}
		}
		if left != n {
			t.Errorf("%d of %d were seen leaving", left, n)
		}
	})
}
