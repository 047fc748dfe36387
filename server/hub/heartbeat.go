package hub

import (
	"context"
	"time"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/wire"
)

const (
	// ticksPerInterval is how often in a heartbeat interval the hub looks after its sessions.
	ticksPerInterval = 10
	// silentIntervals is how many heartbeat intervals a client that pings may be silent.
	silentIntervals = 3
)

// pulse is what the hub has seen of a session at its last looks. Owned by Hub.beat.
type pulse struct {
	pushes, handled uint64 // What the session's counters were.
	quiet, silent   int    // For how many ticks they have not changed.
	lost            bool   // Session.silent is closed.
}

// beat looks after all sessions once a tick, until ctx ends: one timer for all of them.
func (h *Hub) beat(ctx context.Context) {
	tick := time.NewTicker(h.cfg.HeartbeatInterval / ticksPerInterval)
	defer tick.Stop()
	heartbeat := wire.Event(&beckonv1.ConnectResponse{Event: &beckonv1.ConnectResponse_Pong{Pong: &beckonv1.Pong{}}})
	var sessions []*Session
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		h.sessionsMu.Lock()
		for _, s := range h.sessions {
			sessions = append(sessions, s)
		}
		h.sessionsMu.Unlock()
		for i, s := range sessions {
			s.beat(heartbeat)
			sessions[i] = nil
		}
		sessions = sessions[:0]
	}
}

// beat sends a heartbeat if the session was sent nothing for an interval. It tells that the session is silent if it
// promised to ping and was not heard of for three, or said nothing at all for one; the time in which a message is being
// handled does not count.
func (s *Session) beat(heartbeat []byte) {
	p := &s.pulse
	pushes, idle := s.out.activity()
	if pushes != p.pushes || !idle || pushes == 0 { // Before the first event, `welcome`, nothing may be sent.
		p.pushes, p.quiet = pushes, 0
	} else if p.quiet++; p.quiet >= ticksPerInterval {
		p.quiet = 0
		s.out.push(heartbeat)
	}

	handled := s.handled.Load()
	patience := silentIntervals * ticksPerInterval
	if handled == 0 {
		patience = ticksPerInterval
	}
	if handled != p.handled || handled%2 == 1 || handled > 0 && !s.pings.Load() {
		p.handled, p.silent = handled, 0
	} else if p.silent++; p.silent >= patience && !p.lost {
		p.lost = true
		close(s.silent)
	}
}
