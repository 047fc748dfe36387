package faults

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	beckon "github.com/beckonrtc/beckon/clients/go"
	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// TestCrowd cuts 1,000 clients at the same moment, each on a connection of its own and in two rooms. While none can
// connect, each is sent a message; when all can, all come back at once. It tells how long that takes, once by closing the
// clients' own sockets and once with the proxy between them and the server, and how much of it is whose.
func TestCrowd(t *testing.T) {
	t.Run("own sockets", func(t *testing.T) {
		c := newCrowd(t)
		g := &gate{addr: c.server.addr, opened: make(chan struct{}), conns: make(map[net.Conn]bool)}
		g.open()
		c.enter(g.dial)
		c.cut(g.cut, g.open)
	})
	t.Run("proxy", func(t *testing.T) {
		c := newCrowd(t)
		n := newNetwork(t, c.server.addr)
		c.enter(straightTo(n.addr))
		c.cut(n.cut, func() { n.open(t) })
	})
}

const (
	crowdSize = 1000
	stadium   = "stadium" // The room of all.
	herald    = "herald"  // Who speaks to all there, and is not cut.
)

// crowd is a server and many clients.
type crowd struct {
	// Immutable.
	t      *testing.T
	server *server
	herald *person

	// Written by enter.
	people  []*person
	changed []chan struct{} // By person; of size 1, never closed: something was seen.
}

func newCrowd(t *testing.T) *crowd {
	t.Helper()
	c := &crowd{t: t, server: startServer(t, "--max-messages-per-second=none")}
	c.herald = c.enterStadium(herald, make(chan struct{}, 1), straightTo(c.server.addr))
	if c.herald == nil {
		t.FailNow()
	}
	return c
}

// straightTo connects to addr, whatever it is asked for.
func straightTo(addr string) func(context.Context, string) (net.Conn, error) {
	return func(ctx context.Context, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", addr)
	}
}

// enterStadium opens a session in the stadium, in which nobody hears who is there; nil: that has failed the test.
func (c *crowd) enterStadium(
	name string, changed chan<- struct{}, dial func(context.Context, string) (net.Conn, error),
) *person {
	p, err := enter(c.t, name, changed, dial)
	if err == nil {
		err = p.join(stadium, beckon.PresenceNone)
	}
	if err != nil {
		c.t.Errorf("%s: %v", name, err)
		return nil
	}
	return p
}

// enter opens the sessions. Two each meet in a room of their own.
func (c *crowd) enter(dial func(context.Context, string) (net.Conn, error)) {
	c.t.Helper()
	begun := time.Now()
	c.people = make([]*person, crowdSize)
	c.changed = make([]chan struct{}, crowdSize)
	var entering sync.WaitGroup
	doors := make(chan struct{}, 50) // So many at a time.
	for i := range crowdSize {
		c.changed[i] = make(chan struct{}, 1)
		entering.Go(func() {
			doors <- struct{}{}
			defer func() { <-doors }()
			p := c.enterStadium(fmt.Sprintf("p%d", i), c.changed[i], dial)
			if p == nil {
				return
			}
			if err := p.join(fmt.Sprintf("pair %d", i/2), beckon.PresenceFull); err != nil {
				c.t.Errorf("%s: %v", p.name, err)
			}
			c.people[i] = p
		})
	}
	entering.Wait()
	if c.t.Failed() {
		c.t.FailNow()
	}
	c.await("the partner", func(i int, h *history) bool { return len(h.present[fmt.Sprintf("pair %d", i/2)]) == 2 })
	c.t.Logf("%d clients connected in %s", crowdSize, time.Since(begun).Round(time.Millisecond))
}

// await waits until is holds of everybody.
func (c *crowd) await(what string, is func(i int, h *history) bool) {
	c.t.Helper()
	deadline := time.After(patience)
	for i, p := range c.people {
		for {
			var done bool
			p.record(func(h *history) { done = is(i, h) })
			if done {
				break
			}
			select {
			case <-c.changed[i]:
			case <-deadline:
				c.t.Fatalf("%s: no %s within %s", p.name, what, patience)
			}
		}
	}
}

// cut has everybody lose the connection, miss a message, and come back.
func (c *crowd) cut(cut, open func()) {
	c.t.Helper()
	cut()
	c.await("loss of the connection", func(_ int, h *history) bool { return h.alone })
	c.tell()

	server, own := c.server.cpu(), cpuOf(os.Getpid())
	opened := time.Now()
	open()
	to := func(p *person) lane { return lane{stadium, herald, p.name} }
	c.await("return", func(_ int, h *history) bool { return !h.alone })
	c.await("message", func(i int, h *history) bool { return len(h.arrived[to(c.people[i])]) > 0 })
	all := time.Since(opened)
	server, own = c.server.cpu()-server, cpuOf(os.Getpid())-own

	var after []time.Duration
	for _, p := range c.people {
		h := p.look()
		after = append(after, h.back.Sub(opened))
		if h.resumes == 0 || h.resumes != h.cuts || h.resyncs != 0 {
			c.t.Errorf("%s: was cut %d times, resumed %d times, resynced %d times: %v", p.name, h.cuts, h.resumes, h.resyncs, h.why)
		}
		if got := h.arrived[to(p)]; !slices.Equal(got, []int{0}) {
			c.t.Errorf("%s: of what was sent in the meantime arrived %v, want the one message", p.name, got)
		}
		if len(h.odd) > 0 || len(h.left) > 0 {
			c.t.Errorf("%s: saw %v leave; %v", p.name, h.left, h.odd)
		}
	}
	slices.Sort(after)
	c.t.Logf("%d clients were resumed %s after the network was back (half of them after %s, 99 %% after %s) and had what they missed "+
		"after %s; CPU: server %s, clients and proxy %s; the server's RSS %d MiB",
		crowdSize, rounded(after[len(after)-1]), rounded(after[len(after)/2]), rounded(after[len(after)*99/100]), rounded(all),
		server, own, c.server.residentBytes()>>20)
	c.end()
}

// tell sends each a message.
func (c *crowd) tell() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	send := c.herald.session.Send
	for i, p := range c.people {
		if i == len(c.people)-1 {
			send = c.herald.session.Do // Its outcome comes after those of the others.
		}
		text := lane{stadium, herald, p.name}.text(0)
		err := send(ctx, &beckon.ConnectRequest{Message: &beckonv1.ConnectRequest_Data{Data: &beckon.Data{
			To: p.session.ID(), Room: stadium, Payload: []byte(text),
		}}})
		if err != nil {
			c.t.Fatalf("to %s: %v", p.name, err)
		}
	}
	if h := c.herald.look(); len(h.odd) > 0 || len(h.unnamed) > 0 {
		c.t.Fatalf("messages failed: %v, %v", h.odd, h.unnamed)
	}
}

// end ends all sessions and the server.
func (c *crowd) end() {
	for _, p := range append(c.people, c.herald) {
		p.session.Abort()
		<-p.over
	}
	c.server.terminate()
}

func rounded(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// gate is the way of many clients to a server, with no proxy between them: it closes their sockets. All methods may be
// called concurrently.
type gate struct {
	addr string // Immutable.

	mu     sync.Mutex
	opened chan struct{}     // Guarded by mu. Closed while connections can be made.
	conns  map[net.Conn]bool // Guarded by mu. Made since the gate was opened.
}

// dial connects when the gate is open.
func (g *gate) dial(ctx context.Context, _ string) (net.Conn, error) {
	g.mu.Lock()
	opened := g.opened
	g.mu.Unlock()
	select {
	case <-opened:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", g.addr)
	if err == nil {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.conns[conn] = true
	}
	return conn, err
}

// cut resets all connections; new ones wait for open.
func (g *gate) cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.opened = make(chan struct{})
	for conn := range g.conns {
		conn.(*net.TCPConn).SetLinger(0) // A reset, not an end in order.
		conn.Close()
	}
	clear(g.conns)
}

// open lets connections be made.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.opened)
}
