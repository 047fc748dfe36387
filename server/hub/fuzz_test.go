package hub

import (
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
	*client
	modes  map[string]beckonv1.Presence // The rooms that it is in.
	want   []string                     // The messages for it.
	asked  uint64
	events []*beckonv1.ConnectResponse
}

func newModel(t *testing.T) *model {
	m := &model{T: t, hub: startHub(t, Config{MaxRooms: 2})}
	for i := range m.clients {
		m.clients[i] = m.open()
	}
	return m
}

func (m *model) open() *modelClient {
	return &modelClient{client: open(m.T, m.hub), modes: map[string]beckonv1.Presence{}}
}

// run does three bytes at a time: what, who, and how.
func (m *model) run(ops []byte) {
	for len(ops) >= 3 {
		what, c, how := ops[0]%8, m.clients[int(ops[1])%len(m.clients)], int(ops[2])
		room := fmt.Sprint("room ", how%3)
		ops = ops[3:]
		switch what {
		case 0, 1:
			m.join(c, room, []beckonv1.Presence{full, delta, none}[how/3%3])
		case 2:
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
		}
		synctest.Wait()
		if err := checkConsistency(m.hub); err != nil {
			m.Fatal(err)
		}
	}
	for _, c := range m.clients {
		c.thaw()
	}
	time.Sleep(time.Second) // Virtual: lists that were put off come.
	for i, c := range m.clients {
		m.check(i, c)
	}
	for _, c := range m.clients {
		c.End(beckonv1.LeaveReason_LEAVE_REASON_LEFT)
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
	text := fmt.Sprint("message ", m.sent)
	from.asked++
	from.ask(data(from.asked, to.ID(), room, text))
	if _, in := from.modes[room]; !in || from == to {
		return
	}
	if _, in := to.modes[room]; in {
		to.want = append(to.want, text)
	}
}

func (m *model) broadcast(from *modelClient, room string) {
	m.sent++
	text := fmt.Sprint("message ", m.sent)
	from.asked++
	from.ask(data(from.asked, "", room, text))
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
		c.End(beckonv1.LeaveReason_LEAVE_REASON_LOST)
		c.thaw()
		m.clients[i] = m.open()
		return
	}
	c.thaw()
	time.Sleep(time.Second)
	m.check(i, c)
	if how%2 == 0 {
		c.End(beckonv1.LeaveReason_LEAVE_REASON_LEFT)
	} else {
		c.End(beckonv1.LeaveReason_LEAVE_REASON_LOST)
	}
	if more := c.take(); len(more) > 0 {
		m.Errorf("client %d was sent %v after its end", i, more)
	}
	m.clients[i] = m.open()
}

// check checks what client i was sent against what is the case.
func (m *model) check(i int, c *modelClient) {
	c.events = append(c.events, c.take()...)
	var got []string
	outcomes := map[uint64]int{}
	for _, e := range c.events {
		if d := e.GetDataReceived(); d != nil {
			got = append(got, string(d.GetPayload()))
		}
		if e.GetRequestId() != 0 {
			outcomes[e.GetRequestId()]++
		}
	}
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
				want = append(want, o.ID())
			}
		}
		if view := slices.Sorted(slices.Values(views[room])); !slices.Equal(view, slices.Sorted(slices.Values(want))) {
			m.Errorf("client %d sees %v in %s, with %s; there are %v", i, view, room, mode, want)
		}
	}
	if n := len(slices.Collect(maps.Keys(c.modes))); n != len(c.members) {
		m.Errorf("client %d is in %d rooms, want %d", i, len(c.members), n)
	}
}
