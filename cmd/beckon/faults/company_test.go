package faults

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	beckon "github.com/beckonrtc/beckon/clients/go"
)

// company is the people of a scenario, and what they say.
type company struct {
	// Immutable.
	t       *testing.T
	people  map[string]*person  // By name.
	members map[string][]string // By room: the names of who joins it.
	sent    *ledger
	pace    time.Duration // How often each lane brings a burst of messages.
	changed chan struct{} // Of size 1, never closed: something was seen.
	silence chan struct{} // Closed when nobody is to begin anything any more.
	talking sync.WaitGroup

	// Owned by the scenario.
	lanes []lane          // That are spoken on.
	gone  map[string]bool // The names of who does not come back.

	// As in story.
	forgets, dies bool
	retries       bool // Who cannot come in tries again.
}

// The rooms. In the hall people talk in pairs, in the others everybody hears everybody.
const hall = "hall"

// newCompany returns nobody, who is about to talk at that pace in these rooms.
func newCompany(t *testing.T, members map[string][]string, pace time.Duration) *company {
	return &company{
		t:       t,
		people:  make(map[string]*person),
		members: members,
		sent:    newLedger(),
		pace:    pace,
		changed: make(chan struct{}, 1),
		silence: make(chan struct{}),
		gone:    make(map[string]bool),
	}
}

// meet opens a session for everybody, who go the ways that dialer returns, and returns when they know of each other.
func (w *company) meet(dialer func(i int) func(context.Context, string) (net.Conn, error)) {
	w.t.Helper()
	var mu sync.Mutex
	var dialing sync.WaitGroup
	for i, name := range w.members[hall] {
		presence := []beckon.Presence{beckon.PresenceDelta, beckon.PresenceFull}[i%2]
		dialing.Go(func() {
			p, err := w.enter(name, presence, dialer(i))
			if err != nil {
				w.t.Errorf("%s: %v", name, err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			w.people[name] = p
		})
	}
	dialing.Wait()
	if w.t.Failed() {
		w.t.FailNow()
	}
	w.await("everybody sees everybody", func() []string { return w.verdict().faults })
}

// enter opens a session and joins the rooms.
func (w *company) enter(
	name string, presence beckon.Presence, dial func(context.Context, string) (net.Conn, error),
) (*person, error) {
	var p *person
	err := w.attempt(func() (err error) {
		p, err = enter(w.t, name, w.changed, dial)
		return err
	})
	for room, members := range w.members {
		if err == nil && slices.Contains(members, name) {
			err = w.attempt(func() error { return p.join(room, presence) })
		}
	}
	return p, err
}

// attempt does what may be tried again.
func (w *company) attempt(do func() error) error {
	for begun := time.Now(); ; <-time.After(100 * time.Millisecond) {
		if err := do(); err == nil || !w.retries || time.Since(begun) > patience {
			return err
		}
	}
}

// verdict judges what was seen so far.
func (w *company) verdict() verdict { return judge(w.story()) }

func (w *company) story() story {
	s := story{people: make(map[string]*history), members: w.members, gone: w.gone, forgets: w.forgets, dies: w.dies}
	for name, p := range w.people {
		s.people[name] = p.look()
	}
	s.sent = w.sent.look(s.people)
	return s
}

// await waits until nothing is missing any more.
func (w *company) await(what string, missing func() []string) {
	w.t.Helper()
	deadline := time.After(patience)
	for {
		left := missing()
		if len(left) == 0 {
			return
		}
		select {
		case <-w.changed:
		case <-deadline:
			w.t.Fatalf("%s: not within %s; there is\n%s", what, patience, excerpt(left))
		}
	}
}

// excerpt gives the first lines.
func excerpt(lines []string) string {
	const most = 30
	if len(lines) > most {
		lines = append(slices.Clone(lines[:most]), fmt.Sprintf("and %d more", len(lines)-most))
	}
	return strings.Join(lines, "\n")
}

// lacking tells of whom, of those who are not gone, is does not hold.
func (w *company) lacking(is func(*history) bool) []string {
	var lines []string
	for name, p := range w.people {
		if h := p.look(); !w.gone[name] && !is(h) {
			lines = append(lines, fmt.Sprintf("not %s, whose session ended: %v; cuts: %v", name, h.end, h.why))
		}
	}
	return lines
}

// awaitCut waits until everybody has lost the connection for the times-th time.
func (w *company) awaitCut(times int) {
	w.t.Helper()
	w.await("everybody is cut", func() []string {
		return w.lacking(func(h *history) bool { return h.cuts >= times })
	})
}

// awaitBack waits until nobody is without a connection.
func (w *company) awaitBack() {
	w.t.Helper()
	w.await("everybody is back", func() []string { return w.lacking(func(h *history) bool { return !h.alone }) })
}

// pass lets a fault last for some time.
func (w *company) pass(d time.Duration) { <-time.After(d) }

// close ends all sessions in order.
func (w *company) close() {
	for _, p := range w.people {
		p.record(func(h *history) { h.frozen = true })
	}
	var closing sync.WaitGroup
	for name, p := range w.people {
		closing.Go(func() {
			if err := p.session.Close(); err != nil && !w.gone[name] {
				w.t.Errorf("%s: close: %v", name, err)
			}
			<-p.over
		})
	}
	closing.Wait()
}
