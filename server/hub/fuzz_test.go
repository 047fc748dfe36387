package hub

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// FuzzOperations: whatever clients do, in whatever order, the hub's state holds together, every client sees its rooms as
// they are, and every message that was acknowledged arrives once, in order, where it should and nowhere else.
func FuzzOperations(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 1, 0, 3, 0, 1, 3, 1, 0})                            // Two meet and talk.
	f.Add([]byte{0, 0, 0, 0, 1, 3, 6, 1, 0, 0, 2, 0, 0, 3, 0, 5, 2, 0, 7, 1, 0}) // One is frozen while others come and go.
	f.Add([]byte{0, 0, 1, 0, 1, 4, 0, 1, 5, 0, 0, 2, 3, 0, 1, 4, 1, 2, 2, 1, 1, 4, 0, 1})
	f.Add([]byte{0, 0, 0, 0, 1, 0, 5, 1, 1, 3, 0, 1, 0, 1, 0, 3, 0, 1})
	f.Add([]byte{0, 0, 0, 0, 1, 0, 3, 0, 3, 8, 1, 0, 3, 0, 3, 4, 0, 0, 9, 1, 0, 3, 1, 0}) // One goes away and comes back.
	f.Add([]byte{0, 0, 0, 0, 1, 1, 6, 1, 0, 3, 0, 3, 8, 1, 0, 0, 2, 0, 9, 1, 0, 9, 1, 0, 3, 0, 3})
	f.Fuzz(func(t *testing.T, ops []byte) {
		if len(ops) > 300 {
			ops = ops[:300]
		}
		synctest.Test(t, func(t *testing.T) { newModel(t).run(ops) })
	})
}

// model is what should be the case.
type model struct {
	*testing.T
	hub     *Hub
	clients [6]*modelClient
	sent    int
}

// modelClient is a client, and what it should have seen.
type modelClient struct {
	*phone
	id      string
	modes   map[string]beckonv1.Presence // The rooms that it is in.
	want    []string                     // The messages for it.
	asked   uint64
	pending []*beckonv1.ConnectRequest // Those of its messages that have no outcome.
	events  []*beckonv1.ConnectResponse
	away    bool
	since   time.Time // When it went away.
}

func newModel(t *testing.T) *model {
	m := &model{T: t, hub: startKeeping(t, Config{MaxRooms: 2})}
	for i := range m.clients {
		m.clients[i] = m.open()
	}
	return m
}

func (m *model) open() *modelClient {
	c := &modelClient{phone: call(m.T, m.hub), modes: map[string]beckonv1.Presence{}}
	c.id = c.ID()
	return c
}

// see takes what the client was sent.
func (c *modelClient) see() {
	events := c.read()
	for _, e := range events {
		c.pending = slices.DeleteFunc(c.pending, func(r *beckonv1.ConnectRequest) bool { return r.GetRequestId() == e.GetRequestId() })
	}
	c.events = append(c.events, events...)
}

// goAway cuts the client's stream, comeBack resumes, and sends again what has had no outcome.
func (c *modelClient) goAway() {
	if !c.away {
		c.see()
		c.cut()
		c.away, c.since = true, time.Now()
	}
}

func (c *modelClient) comeBack() {
	c.see() // What came before the cut.
	old := c.client
	c.phone.comeBack()
	if !c.away {
		old.cut()
	}
	c.away = false
	for _, r := range c.pending {
		c.ask(r)
	}
	c.see()
}

// run does three bytes at a time: what, who, and how.
func (m *model) run(ops []byte) {
	for len(ops) >= 3 {
		what, c, how := ops[0]%10, m.clients[int(ops[1])%len(m.clients)], int(ops[2])
		room := fmt.Sprint("room ", how%3)
		ops = ops[3:]
		for _, c := range m.clients {
			if c.away && time.Since(c.since) > window/2 || len(c.pending) >= maxOutcomes-1 {
				c.comeBack() // In time for all to be kept.
			}
		}
		if c.away && what < 8 {
			what = 9
		}
		switch what {
		case 0, 1:
			m.join(c, room, []beckonv1.Presence{full, delta, none}[how/3%3])
		case 2:
			c.thaw() // What it has not read of a room by the time it leaves is not kept.
			c.see()
			c.ask(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Leave{Leave: &beckonv1.Leave{Room: room}}})
			delete(c.modes, room)
		case 3:
			m.send(c, m.clients[how/3%len(m.clients)], room)
		case 4:
			m.broadcast(c, room)
		case 5:
			m.end(c, how)
		case 6:
			c.freeze()
		case 7:
			c.thaw()
		case 8:
			c.goAway()
		case 9:
			c.comeBack()
		}
		synctest.Wait()
		if err := checkConsistency(m.hub); err != nil {
			m.Fatal(err)
		}
	}
	for _, c := range m.clients {
		if c.away {
			c.comeBack()
		}
		c.thaw()
	}
	time.Sleep(time.Second) // Virtual: lists that were put off come.
	for i, c := range m.clients {
		m.check(i, c)
	}
	for _, c := range m.clients {
		c.Leave()
	}
	if m.hub.Sessions() != 0 || m.hub.Rooms() != 0 {
		m.Errorf("%d sessions in %d rooms are left", m.hub.Sessions(), m.hub.Rooms())
	}
}

func (m *model) join(c *modelClient, room string, p beckonv1.Presence) {
	name := fmt.Sprint("name ", len(c.modes))
	c.ask(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Join{Join: &beckonv1.Join{Room: room, Presence: p, Name: &name}}})
	if _, in := c.modes[room]; in || len(c.modes) < 2 {
		c.modes[room] = p
	}
}

func (m *model) send(from, to *modelClient, room string) {
	m.sent++
	text := fmt.Sprint(room, ": message ", m.sent)
	from.say(data(0, to.id, room, text))
	if _, in := from.modes[room]; !in || from == to {
		return
	}
	if _, in := to.modes[room]; in {
		to.want = append(to.want, text)
	}
}

// say sends a message that has an outcome.
func (c *modelClient) say(r *beckonv1.ConnectRequest) {
	c.asked++
	r.RequestId = c.asked
	c.pending = append(c.pending, r)
	c.ask(r)
}

func (m *model) broadcast(from *modelClient, room string) {
	m.sent++
	text := fmt.Sprint(room, ": message ", m.sent)
	from.say(data(0, "", room, text))
	if _, in := from.modes[room]; !in {
		return
	}
	for _, to := range m.clients {
		if _, in := to.modes[room]; in && to != from {
			to.want = append(to.want, text)
		}
	}
}

// end ends c's session and puts a new one in its place.
func (m *model) end(c *modelClient, how int) {
	i := slices.Index(m.clients[:], c)
	if how%3 == 0 { // In the middle of things; what it has seen is of no account.
		c.Leave()
		c.thaw()
		m.clients[i] = m.open()
		return
	}
	for _, o := range m.clients {
		if o.away { // In time, before the window of c has passed.
			o.comeBack()
		}
	}
	c.thaw()
	time.Sleep(time.Second)
	m.check(i, c)
	if how%2 == 0 {
		c.Leave()
	} else {
		c.cut()
		time.Sleep(window)
	}
	if more := c.take(); len(more) > 0 {
		m.Errorf("client %d was sent %v after its end", i, more)
	}
	m.clients[i] = m.open()
}

// check checks what client i was sent against what is the case.
func (m *model) check(i int, c *modelClient) {
	c.see()
	var got []string
	outcomes := map[uint64]int{}
	for _, e := range c.events {
		if d := e.GetDataReceived(); d != nil {
			got = append(got, string(d.GetPayload()))
		}
		if e.GetRequestId() != 0 && e.GetFailure().GetCode() != beckonv1.FailureCode_FAILURE_CODE_UNDELIVERED {
			outcomes[e.GetRequestId()]++
		}
	}
	byRoom := func(a, b string) int { return cmp.Compare(a[:len("room 0")], b[:len("room 0")]) }
	slices.SortStableFunc(got, byRoom) // Between rooms there is no order.
	slices.SortStableFunc(c.want, byRoom)
	if !slices.Equal(got, c.want) {
		m.Errorf("client %d got %q, want %q", i, got, c.want)
	}
	for id := uint64(1); id <= c.asked; id++ {
		if outcomes[id] != 1 {
			m.Errorf("client %d has %d outcomes of message %d", i, outcomes[id], id)
		}
	}
	views := viewsOf(m, c.events)
	for room, mode := range c.modes {
		want := []string{}
		for _, o := range m.clients {
			if _, in := o.modes[room]; in && (mode != none || o == c) {
				want = append(want, o.id)
			}
		}
		if view := slices.Sorted(slices.Values(views[room])); !slices.Equal(view, slices.Sorted(slices.Values(want))) {
			m.Errorf("client %d sees %v in %s, with %s; there are %v", i, view, room, mode, want)
		}
	}
	if n := len(slices.Collect(maps.Keys(c.modes))); n != len(c.state().members) {
		m.Errorf("client %d is in %d rooms, want %d", i, len(c.state().members), n)
	}
}
