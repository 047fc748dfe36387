package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/roomlog/memlog"
)

// startHub starts a hub on a log of its own; both end with the test.
func startHub(tb testing.TB, cfg Config) *Hub {
	tb.Helper()
	log := memlog.New(memlog.Options{})
	cfg.Log, cfg.Node = log, "here"
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	h, err := Start(tb.Context(), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		h.Close()
		if err := log.Close(); err != nil {
			tb.Error(err)
		}
	})
	return h
}

// client is a stream, with its session, and what it was sent.
type client struct {
	*Conn
	tb testing.TB

	mu     sync.Mutex
	events []*beckonv1.ConnectResponse // Guarded by mu.
	gate   chan struct{}               // Guarded by mu. Not nil: Send waits until it is closed.
	dead   bool                        // Guarded by mu. Nothing arrives any more.
}

// open opens a session.
func open(tb testing.TB, h *Hub) *client {
	tb.Helper()
	c := listen(tb, h)
	c.ask(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Received{}}) // Which has no outcome.
	return c
}

// listen opens a stream on which nothing has been said.
func listen(tb testing.TB, h *Hub) *client {
	tb.Helper()
	c := &client{tb: tb}
	conn := h.Open(c, netip.AddrPort{}, nil)
	c.Conn = conn
	return c
}

// state returns the client's session.
func (c *client) state() *Session { return c.session.Load() }

// End ends the stream, for that reason.
func (c *client) End(reason beckonv1.LeaveReason) {
	if reason == beckonv1.LeaveReason_LEAVE_REASON_LEFT {
		c.Leave()
	} else {
		c.Lose()
	}
}

// Send implements Stream.
func (c *client) Send(event []byte) error {
	c.mu.Lock()
	gate := c.gate
	c.mu.Unlock()
	if gate != nil {
		<-gate
	}
	m := new(beckonv1.ConnectResponse)
	if err := proto.Unmarshal(event, m); err != nil {
		c.tb.Errorf("an event cannot be decoded: %v", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		return io.ErrClosedPipe
	}
	c.events = append(c.events, m)
	return nil
}

// cut loses the stream, with what is on its way.
func (c *client) cut() {
	c.mu.Lock()
	c.dead = true
	c.mu.Unlock()
	c.thaw()
	c.Lose()
}

// freeze makes the client stop reading, thaw go on.
func (c *client) freeze() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gate == nil {
		c.gate = make(chan struct{})
	}
}

func (c *client) thaw() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gate != nil {
		close(c.gate)
		c.gate = nil
	}
}

// take returns the events since the last call, once all is settled.
func (c *client) take() []*beckonv1.ConnectResponse {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	events := c.events
	c.events = nil
	return events
}

// say hands a message to the session.
func (c *client) say(m *beckonv1.ConnectRequest) error {
	c.tb.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		c.tb.Fatal(err)
	}
	return c.Handle(c.tb.Context(), b)
}

// ask hands a message to a session that must go on.
func (c *client) ask(m *beckonv1.ConnectRequest) {
	c.tb.Helper()
	if err := c.say(m); err != nil {
		c.tb.Fatalf("%v: %v", m, err)
	}
}

func (c *client) join(room string, p beckonv1.Presence) {
	c.tb.Helper()
	c.ask(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Join{Join: &beckonv1.Join{Room: room, Presence: p}}})
}

// data returns a message that says text, with a request id.
func data(id uint64, to, room, text string) *beckonv1.ConnectRequest {
	return &beckonv1.ConnectRequest{RequestId: id, Message: &beckonv1.ConnectRequest_Data{Data: &beckonv1.Data{To: to, Room: room, Payload: []byte(text)}}}
}

const (
	full  = beckonv1.Presence_PRESENCE_FULL
	delta = beckonv1.Presence_PRESENCE_DELTA
	none  = beckonv1.Presence_PRESENCE_NONE
)

// TestLists: under a burst of joins a member that wants whole lists gets few of them, and the newest in the end.
func TestLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const joins = 500
		h := startHub(t, Config{})
		first := open(t, h)
		first.join("lobby", full)
		frozen := open(t, h)
		frozen.join("lobby", full)
		frozen.freeze()
		for range joins {
			open(t, h).join("lobby", full)
		}
		time.Sleep(5 * time.Second) // Virtual: longer than any pause.
		lists := 0
		var last *beckonv1.JoinedUsers
		for _, e := range first.take() {
			if l := e.GetJoinedUsers(); l != nil {
				lists++
				last = l
			}
		}
		if n := len(last.GetUsers()); n != joins+2 {
			t.Errorf("the last list has %d users, want %d", n, joins+2)
		}
		if lists > joins/2 {
			t.Errorf("%d lists for %d joins: nothing is left out", lists, joins)
		}
		if n := len(frozen.out.queue); n > 2 {
			t.Errorf("%d lists wait for a member that does not read, want 1", n)
		}
		frozen.take()
		frozen.thaw()
		events := frozen.take()
		if n := len(events); n > 3 || len(events[n-1].GetJoinedUsers().GetUsers()) != joins+2 {
			t.Errorf("the slow member got %d events, the last a list of %d", n, len(events[n-1].GetJoinedUsers().GetUsers()))
		}
		if err := checkConsistency(h); err != nil {
			t.Error(err)
		}
	})
}

// TestFrozenVisitor: a client that does not read can come and go as often as it likes: no more than one list waits for it,
// however many rooms there are.
func TestFrozenVisitor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startHub(t, Config{MaxOutboxBytes: 64 << 10})
		for i := range 30 {
			open(t, h).join(fmt.Sprint("room ", i%3), delta)
		}
		frozen := open(t, h)
		frozen.freeze()
		for i := range 3000 {
			room := fmt.Sprint("room ", i%3)
			frozen.join(room, full)
			if i%7 > 0 {
				frozen.ask(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Leave{Leave: &beckonv1.Leave{Room: room}}})
			}
			synctest.Wait()
			if err := checkConsistency(h); err != nil {
				t.Fatal(err)
			}
			if n := len(frozen.out.queue) + len(frozen.out.line); n > 5 {
				t.Fatalf("after %d visits %d things wait for the client", i+1, n)
			}
		}
		frozen.thaw()
		views := viewsOf(t, frozen.take())
		for _, m := range frozen.state().members {
			if n := len(views[m.room.name]); n != 11 {
				t.Errorf("in the end the client sees %d users in %s, want 11", n, m.room.name)
			}
		}
	})
}

// TestEndLeavesAll: a session that ends leaves all of its rooms, and everybody hears it once.
func TestEndLeavesAll(t *testing.T) {
	for _, reason := range []beckonv1.LeaveReason{beckonv1.LeaveReason_LEAVE_REASON_LEFT, beckonv1.LeaveReason_LEAVE_REASON_LOST} {
		synctest.Test(t, func(t *testing.T) {
			h := startHub(t, Config{})
			ana := open(t, h)
			var others []*client
			for i := range 5 {
				room := fmt.Sprint("room ", i)
				ana.join(room, none)
				other := open(t, h)
				other.join(room, delta)
				other.take()
				others = append(others, other)
			}
			ana.End(reason)
			ana.End(reason)
			for i, other := range others {
				events := other.take()
				if len(events) != 1 || events[0].GetUserLeft().GetUser().GetId() != ana.ID() || events[0].GetUserLeft().GetReason() != reason {
					t.Errorf("room %d hears %v, want one user_left with %s", i, events, reason)
				}
			}
			if h.Sessions() != 5 || h.Rooms() != 5 {
				t.Errorf("%d sessions in %d rooms are left", h.Sessions(), h.Rooms())
			}
			if err := checkConsistency(h); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestSlowConsumer: a client that does not read costs itself.
func TestSlowConsumer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const bound = 64 << 10
		h := startHub(t, Config{MaxOutboxBytes: bound})
		ana, bob, eve := open(t, h), open(t, h), open(t, h)
		for _, c := range []*client{ana, bob, eve} {
			c.join("lobby", none)
		}
		eve.freeze()
		text := strings.Repeat("x", 1000)
		for i := range 200 {
			ana.ask(data(0, "", "lobby", text))
			synctest.Wait()
			if got := eve.out.bytes.Load(); got > bound+2000 {
				t.Fatalf("after %d messages %d bytes wait for the slow client, with a bound of %d", i, got, bound)
			}
		}
		if eve.MustEnd() != Overflowed {
			t.Fatal("the slow client goes on")
		}
		received := 0
		for _, e := range bob.take() {
			if e.GetDataReceived() != nil {
				received++
			}
		}
		if received != 200 {
			t.Errorf("the other client got %d of 200 messages", received)
		}
		eve.thaw()
		eve.End(beckonv1.LeaveReason_LEAVE_REASON_LOST)
		if err := checkConsistency(h); err != nil {
			t.Error(err)
		}
	})
}

// TestWritten: a channel of Written is closed when all is written, not before.
func TestWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startHub(t, Config{})
		c := open(t, h)
		closed := func() bool {
			synctest.Wait()
			select {
			case <-c.Written():
				return true
			default:
				return false
			}
		}
		if !closed() {
			t.Error("an outbox in which nothing was ever queued is not written")
		}
		c.freeze()
		c.join("lobby", full)
		written := c.Written()
		if closed() {
			t.Error("a frozen outbox counts as written")
		}
		c.thaw()
		<-written
		if !closed() {
			t.Error("an outbox that was written does not count as that")
		}
	})
}

// TestOutcomes: a message with a request id has one outcome, however often it is sent.
func TestOutcomes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startHub(t, Config{})
		ana, bob := open(t, h), open(t, h)
		ana.join("lobby", none)
		bob.join("lobby", none)
		bob.take()
		var first []*beckonv1.ConnectResponse
		for i := range 200 {
			ana.take()
			to := bob.ID()
			if i%3 == 0 {
				to = "nobody"
			}
			ana.ask(data(uint64(10*i+1), to, "lobby", fmt.Sprint(i)))
			events := ana.take()
			if len(events) != 1 || (events[0].GetAck() == nil) != (i%3 == 0) {
				t.Fatalf("message %d: %v", i, events)
			}
			first = append(first, events[0])
		}
		if n := len(bob.take()); n != 133 {
			t.Errorf("bob got %d messages, want 133", n)
		}
		for i := range 200 {
			ana.ask(data(uint64(10*i+1), bob.ID(), "lobby", "again"))
			events := ana.take()
			if i >= 200-maxOutcomes {
				if len(events) != 1 || !proto.Equal(events[0], first[i]) {
					t.Errorf("message %d again: %v, at first %v", i, events, first[i])
				}
			} else if len(events) != 1 || events[0].GetFailure().GetField() != "request_id" {
				t.Errorf("message %d again, which is long ago: %v", i, events)
			}
		}
		ana.ask(data(1985, bob.ID(), "lobby", "never sent before"))
		if events := ana.take(); len(events) != 1 || events[0].GetFailure().GetField() != "request_id" {
			t.Errorf("a request id that goes back: %v", events)
		}
		if events := bob.take(); len(events) > 0 {
			t.Errorf("messages had a second effect: %v", events)
		}
	})
}

// TestHeartbeat: a client is sent something in every interval; one that has pinged must go on.
func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startHub(t, Config{HeartbeatInterval: 10 * time.Second})
		script, pinging, early := open(t, h), open(t, h), listen(t, h)
		for _, c := range []*client{script, pinging} {
			c.join("lobby", full)
			c.take()
		}
		ping := &beckonv1.ConnectRequest{RequestId: 5, Message: &beckonv1.ConnectRequest_Ping{Ping: &beckonv1.Ping{Payload: []byte("hi")}}}
		for range 30 {
			pinging.ask(ping)
			if events := pinging.take(); len(events) != 1 || string(events[0].GetPong().GetPayload()) != "hi" || events[0].GetRequestId() != 5 {
				t.Fatalf("a ping was answered with %v", events)
			}
			time.Sleep(9 * time.Second)
		}
		if n := len(script.take()); n < 24 || n > 28 { // 270 s.
			t.Errorf("the silent client got %d heartbeats in 270 s", n)
		}
		closed := func(c *client) bool { return c.MustEnd() == TooSilent }
		if closed(pinging) {
			t.Error("a client that pings counts as silent")
		}
		time.Sleep(20 * time.Second)
		if closed(pinging) {
			t.Error("two intervals count as three")
		}
		time.Sleep(12 * time.Second)
		if !closed(pinging) {
			t.Error("a client that has ceased to ping does not count as silent")
		}
		time.Sleep(time.Hour)
		if closed(script) {
			t.Error("a client that never pinged counts as silent")
		}
		if events := early.take(); len(events) > 0 || !closed(early) {
			t.Errorf("a client that has said nothing was sent %v; counts as silent: %v", events, closed(early))
		}
	})
}

// TestConcurrentJoins: many sessions enter and leave few rooms at one time, and those that stay agree in the end.
func TestConcurrentJoins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startHub(t, Config{})
		var wg sync.WaitGroup
		stay := make([]*client, 20)
		for i := range stay {
			wg.Go(func() {
				c := open(t, h)
				for j := range 20 {
					room := fmt.Sprint("room ", (i+j)%3)
					c.join(room, []beckonv1.Presence{full, delta}[i%2])
					c.ask(data(0, "", room, "hello"))
					if j < 17 {
						c.ask(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Leave{Leave: &beckonv1.Leave{Room: room}}})
					}
				}
				stay[i] = c
			})
		}
		wg.Wait()
		time.Sleep(time.Second)
		if err := checkConsistency(h); err != nil {
			t.Error(err)
		}
		for _, c := range stay {
			for room, view := range viewsOf(t, c.take()) {
				if len(view) != len(stay) {
					t.Errorf("a member sees %d users in %s, want %d", len(view), room, len(stay))
				}
			}
		}
		for _, c := range stay {
			c.End(beckonv1.LeaveReason_LEAVE_REASON_LEFT)
		}
		if h.Rooms() != 0 || h.Sessions() != 0 {
			t.Errorf("%d sessions in %d rooms are left", h.Sessions(), h.Rooms())
		}
	})
}

// viewsOf returns who is in each room, to somebody who was sent these events and was in each room to the end.
func viewsOf(tb testing.TB, events []*beckonv1.ConnectResponse) map[string][]string {
	views := map[string][]string{}
	last := map[string]uint64{}
	for _, e := range events {
		if e.GetSeq() != 0 {
			if e.GetSeq() < last[e.GetRoom()] {
				tb.Errorf("in %q, number %d comes after %d: %v", e.GetRoom(), e.GetSeq(), last[e.GetRoom()], e)
			}
			last[e.GetRoom()] = e.GetSeq()
		}
		view := views[e.GetRoom()]
		switch {
		case e.GetJoinedUsers() != nil:
			view = []string{}
			for _, u := range e.GetJoinedUsers().GetUsers() {
				view = append(view, u.GetId())
			}
		case e.GetUserJoined() != nil:
			view = append(view, e.GetUserJoined().GetUser().GetId())
		case e.GetUserLeft() != nil:
			i := slices.Index(view, e.GetUserLeft().GetUser().GetId())
			if i < 0 {
				tb.Errorf("in %q, somebody left who was not there", e.GetRoom())
				continue
			}
			view = slices.Delete(view, i, i+1)
		default:
			continue
		}
		views[e.GetRoom()] = view
	}
	return views
}

// TestClosing: when the process ends, nobody is told that the others left.
func TestClosing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startHub(t, Config{})
		ana, bob := open(t, h), open(t, h)
		ana.join("lobby", delta)
		bob.join("lobby", delta)
		ana.take()
		h.Closing()
		bob.End(beckonv1.LeaveReason_LEAVE_REASON_LOST)
		if events := ana.take(); len(events) > 0 {
			t.Errorf("ana was told %v", events)
		}
		ana.End(beckonv1.LeaveReason_LEAVE_REASON_LOST)
		if h.Sessions() != 2 || h.Rooms() != 1 {
			t.Errorf("%d sessions in %d rooms are left to be taken up, want 2 in 1", h.Sessions(), h.Rooms())
		}
	})
}

// TestMaxSessions: no more sessions are opened than there may be.
func TestMaxSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startHub(t, Config{MaxSessions: 2})
		first := open(t, h)
		open(t, h)
		third := listen(t, h)
		if err := third.say(data(0, "", "lobby", "hello")); reasonOf(err) != Limit {
			t.Errorf("a third of two sessions: %v", err)
		}
		third.Lose()
		first.End(beckonv1.LeaveReason_LEAVE_REASON_LEFT)
		open(t, h)
	})
}

// reasonOf returns the reason for which a stream ends.
func reasonOf(err error) Reason {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Reason
	}
	return ""
}

// silentLog is a log that never tells its followers anything.
type silentLog struct{ roomlog.Log }

// Follow implements roomlog.Log.
func (silentLog) Follow(ctx context.Context, _ string, _ func(roomlog.Event)) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestStartFails: a hub whose log cannot be followed says so.
func TestStartFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := memlog.New(memlog.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := Start(ctx, Config{Log: silentLog{log}, Node: "here", Logger: slog.New(slog.DiscardHandler)}); !errors.Is(err, context.Canceled) {
			t.Errorf("Start: %v", err)
		}
	})
}
