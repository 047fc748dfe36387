//go:build !race

package server_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server"
)

// plan is what a seed stands for, but for what happens.
type plan struct {
	peers, rooms, steps int
	calm                float64 // How rare faults are: 1 is usual.
	config              server.Config
}

// newPlan returns the plan of a seed.
func newPlan(rng *rand.Rand) plan {
	p := plan{peers: 12 + rng.IntN(19), rooms: 2 + rng.IntN(5), steps: 2500, calm: 0.5 + 2*rng.Float64()}
	p.config = server.Config{MaxMessageBytes: 32 << 10, MaxOutboxBytes: 64 << 10 << rng.IntN(3)}
	if rng.IntN(3) == 0 {
		p.config.MaxMessagesPerSecond = 3 // And ten times as many at once.
	}
	return p
}

// window returns for how long a lost session can be taken up.
func (p plan) window() time.Duration { return server.Defaults().ResumeWindow }

// retention returns for how long a message is kept that was not received.
func (p plan) retention() time.Duration { return 90 * time.Second }

// world is one run: the server, its clients, and what is known of both.
type world struct {
	// Immutable.
	t      *testing.T
	seed   uint64
	plan   plan
	key    string // The file with the server's session key.
	began  time.Time
	ctx    context.Context // Of all streams.
	cancel context.CancelFunc

	mu        sync.Mutex
	rng       *rand.Rand
	process   *process // That clients find.
	processes []*process
	peers     []*peer
	sessions  []*session
	messages  []*message
	stays     []*stay
	byName    map[string]*session
	byID      map[string]*session
	byTag     map[string]*message
	changes   map[string]string // What each record of presence said.
	quiet     bool              // No new faults, no new sessions.
	over      bool
	focus     time.Time // When the next failure came about. Zero: now.

	// What the report tells.
	tally                               map[string]int
	lost, duplicated, reordered, ghosts int
	failures                            int
}

// note adds to the trace of a session. w.mu must be held.
func (w *world) note(s *session, format string, args ...any) {
	s.trace = append(s.trace, happening{time.Now(), fmt.Sprintf(format, args...)})
}

// fail tells that a promise was broken, and what the sessions concerned did and saw around that time, or around
// w.focus. w.mu must be held.
func (w *world) fail(what string, concerned ...*session) {
	if w.failures++; w.failures > 3 || w.over {
		return
	}
	const before, after = time.Minute, 30 * time.Second
	focus := w.focus
	if w.focus = (time.Time{}); focus.IsZero() {
		focus = time.Now()
	}
	var trace strings.Builder
	slices.SortFunc(concerned, func(a, b *session) int { return strings.Compare(a.name, b.name) })
	for _, s := range slices.Compact(concerned) {
		p := s.peer
		fmt.Fprintf(&trace, "%s: id %q, over a websocket %t, pings %t, tells %t\n", s.name, s.id, p.web, p.pings, p.tells)
		for _, h := range s.trace {
			if h.at.After(focus.Add(-before)) && h.at.Before(focus.Add(after)) || h.at.After(time.Now().Add(-after)) {
				fmt.Fprintf(&trace, "%14s %s %s\n", h.at.Sub(w.began), s.name, h.what)
			}
		}
	}
	w.t.Errorf("seed %d, after %s: %s\n%s", w.seed, time.Since(w.began), what, trace.String())
}

// tick does, once a second, what clients do by the clock: pings, and giving up streams on which nothing comes.
func (w *world) tick() {
	for t := time.NewTicker(time.Second); ; {
		select {
		case <-t.C:
		case <-w.ctx.Done():
			t.Stop()
			return
		}
		w.mu.Lock()
		for i, p := range w.peers {
			if p.link != nil {
				w.tend(p, i)
			}
		}
		if time.Since(w.began)/time.Second%5 == 0 {
			w.checkGhosts()
		}
		w.mu.Unlock()
	}
}

// heartbeat is how often clients ping, and three of it are how long they bear silence.
const heartbeat = 10 * time.Second

// tend does what is due on a peer's stream. w.mu must be held.
func (w *world) tend(p *peer, i int) {
	l, s, now := p.link, p.link.session, time.Now()
	if !l.welcomed {
		if now.Sub(l.opened) > 3*heartbeat {
			w.drop(l, "gave up waiting for the welcome")
		}
		return
	}
	if p.pings && (int(now.Sub(w.began)/time.Second)+i)%int(heartbeat/time.Second) == 0 && !l.closing {
		w.ping(l)
	}
	if l.sound() && now.Sub(l.opened) > 2*time.Second {
		s.soundAt[l.process.gen] = now
	}
	switch {
	case !l.drainBy.IsZero() && now.After(l.drainBy):
		if l.sound() {
			w.fail("the server does not end a stream that it said it would", s)
		}
		w.drop(l, "gave up waiting for the end")
	case l.stalled != nil:
	case now.Sub(l.heard) > 3*heartbeat:
		if l.sound() {
			w.fail("the server said nothing for three intervals", s)
		}
		w.drop(l, "heard nothing")
	case len(s.pending) > 0 && l.welcomed && now.Sub(s.pending[0].sentAt) > 4*heartbeat && now.Sub(l.opened) > 3*heartbeat:
		if l.sound() {
			w.fail(s.pending[0].String()+" gets no outcome", s)
		}
		w.drop(l, "gave up waiting for an outcome")
	}
}

// ping shows that the client is there, and what it has received.
func (w *world) ping(l *link) {
	s := l.session
	id := uint64(len(l.pings)) + w.rng.Uint64N(1<<40)<<8
	said := &pinged{at: time.Now()}
	ping := &beckonv1.Ping{}
	if l.peer.tells {
		ping.Received = s.cursors()
		said.cursors, said.stays = ping.Received, map[*stay]uint64{}
		for _, in := range s.places {
			if in.stay != nil && in.epoch != "" {
				said.stays[in.stay] = in.cursor
			}
		}
	}
	l.pings[id] = said
	l.push(&beckonv1.ConnectRequest{RequestId: id, Message: &beckonv1.ConnectRequest_Ping{Ping: ping}})
}

// countEnd counts how a stream ended.
func (w *world) countEnd(l *link, reason string) {
	if l.fault != "" {
		when := "before the welcome"
		if l.welcomed {
			when = "later"
			if l.resumes {
				for _, in := range l.session.places {
					if in.listed != l && !in.joining {
						when = "in the midst of what was missed"
					}
				}
			}
		}
		kind := "on a first stream"
		if l.resumes {
			kind = "on a resume"
		}
		w.tally["cuts "+kind+", "+when]++
		w.tally["cuts: "+l.fault]++
	}
	if reason != "" {
		w.tally["ends "+reason]++
	}
}

// report returns the counts, a line each.
func report(tally map[string]int) string {
	var b strings.Builder
	for _, what := range slices.Sorted(maps.Keys(tally)) {
		fmt.Fprintf(&b, "%9d %s\n", tally[what], what)
	}
	return b.String()
}
