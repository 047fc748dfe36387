package hub

import (
	"context"
	"time"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/wire"
)

const (
	// ticksPerInterval is how often in a heartbeat interval the hub looks after its streams.
	ticksPerInterval = 10
	// silentIntervals is how many heartbeat intervals a client that pings may be silent.
	silentIntervals = 3
)

// pulse is what the hub has seen of a stream at its last looks. Owned by Hub.beat.
type pulse struct {
	pushes, handled uint64 // What the session's counters were.
	quiet, silent   int    // For how many ticks they have not changed.
	lost            bool   // Conn.ends has TooSilent.
	warned, expired bool   // That the grant runs out; Conn.ends has Expired.
}

// beat looks after all streams once a tick, until ctx ends: one timer for all of them.
func (h *Hub) beat(ctx context.Context) {
	tick := time.NewTicker(h.cfg.HeartbeatInterval / ticksPerInterval)
	defer tick.Stop()
	heartbeat := wire.Event(&beckonv1.ConnectResponse{Event: &beckonv1.ConnectResponse_Pong{Pong: &beckonv1.Pong{}}})
	var conns []*Conn
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		h.mu.Lock()
		for c := range h.conns {
			conns = append(conns, c)
		}
		h.mu.Unlock()
		now := time.Now()
		for _, c := range conns {
			c.beat(heartbeat)
			c.beatGrant(now)
		}
		clear(conns)
		conns = conns[:0]
	}
}

// beat sends a heartbeat if the client was sent nothing for an interval. It tells that the client is silent if it
// promised to ping and was not heard of for three, or said nothing at all for one; the time in which a message is being
// handled does not count.
func (c *Conn) beat(heartbeat []byte) {
	p := &c.pulse
	pushes, idle := c.out.activity()
	if pushes != p.pushes || !idle || pushes == 0 { // Before the first event, `welcome`, nothing may be sent.
		p.pushes, p.quiet = pushes, 0
	} else if p.quiet++; p.quiet >= ticksPerInterval {
		p.quiet = 0
		c.out.push(heartbeat)
	}

	handled := c.handled.Load()
	patience := silentIntervals * ticksPerInterval
	if handled == 0 {
		patience = ticksPerInterval
	}
	if handled != p.handled || handled%2 == 1 || handled > 0 && !c.pings.Load() {
		p.handled, p.silent = handled, 0
	} else if p.silent++; p.silent >= patience && !p.lost {
		p.lost = true
		c.ends.add(TooSilent)
	}
}
