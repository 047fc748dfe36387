package faults

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	beckon "github.com/beckonrtc/beckon/clients/go"
)

// heartbeat is that of the server: a short one, so that silence is noticed soon.
const heartbeat = time.Second

// world is a server, a network and the people on it.
type world struct {
	// Immutable.
	t       *testing.T
	server  *server
	way     atomic.Pointer[network] // On which connections are made.
	people  map[string]*person      // By name.
	members map[string][]string     // By room: the names of who joins it.
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
}

// The rooms. In the hall people talk in pairs, in the others everybody hears everybody.
const hall = "hall"

// newWorld starts a server and opens sessions that know of each other. Its end ends them.
func newWorld(t *testing.T, window, pace time.Duration) *world {
	t.Helper()
	key := filepath.Join(t.TempDir(), "session.key")
	if err := os.WriteFile(key, []byte(strings.Repeat("a secret of a test", 2)), 0o600); err != nil {
		t.Fatal(err)
	}
	names := []string{"ana", "bob", "cleo", "dan", "eva", "fay", "gus", "hal"}
	w := &world{
		t: t,
		server: startServer(t, "--session-key-file="+key, "--resume-window="+window.String(),
			"--heartbeat-interval="+heartbeat.String()),
		people:  make(map[string]*person),
		members: map[string][]string{hall: names, "red": names[:4], "blue": names[4:]},
		sent:    newLedger(),
		pace:    pace,
		changed: make(chan struct{}, 1),
		silence: make(chan struct{}),
		gone:    make(map[string]bool),
	}
	w.way.Store(newNetwork(t, w.server.addr))
	var mu sync.Mutex
	var dialing sync.WaitGroup
	for i, name := range names {
		presence := []beckon.Presence{beckon.PresenceDelta, beckon.PresenceFull}[i%2]
		dialing.Go(func() {
			p, err := w.enter(name, presence)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			w.people[name] = p
		})
	}
	dialing.Wait()
	if t.Failed() {
		t.FailNow()
	}
	w.await("everybody sees everybody", func() []string { return w.verdict().faults })
	return w
}

// enter opens a session and joins the rooms.
func (w *world) enter(name string, presence beckon.Presence) (*person, error) {
	p, err := enter(w.t, name, w.changed, func(ctx context.Context, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", w.way.Load().addr)
	})
	if err != nil {
		return nil, err
	}
	for room, members := range w.members {
		if slices.Contains(members, name) {
			if err := p.join(room, presence); err != nil {
				return nil, err
			}
		}
	}
	return p, nil
}

// verdict judges what was seen so far.
func (w *world) verdict() verdict { return judge(w.story()) }

func (w *world) story() story {
	s := story{people: make(map[string]*history), members: w.members, gone: w.gone, forgets: w.forgets, dies: w.dies}
	for name, p := range w.people {
		s.people[name] = p.look()
	}
	s.sent = w.sent.look(s.people)
	return s
}

// await waits until nothing is missing any more.
func (w *world) await(what string, missing func() []string) {
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
func (w *world) lacking(is func(*history) bool) []string {
	var lines []string
	for name, p := range w.people {
		if h := p.look(); !w.gone[name] && !is(h) {
			lines = append(lines, fmt.Sprintf("not %s, whose session ended: %v; cuts: %v", name, h.end, h.why))
		}
	}
	return lines
}

// awaitCut waits until everybody has lost the connection for the times-th time.
func (w *world) awaitCut(times int) {
	w.t.Helper()
	w.await("everybody is cut", func() []string {
		return w.lacking(func(h *history) bool { return h.cuts >= times })
	})
}

// awaitBack waits until nobody is without a connection.
func (w *world) awaitBack() {
	w.t.Helper()
	w.await("everybody is back", func() []string { return w.lacking(func(h *history) bool { return !h.alone }) })
}

// pass lets a fault last for some time.
func (w *world) pass(d time.Duration) { <-time.After(d) }

// close ends all sessions in order.
func (w *world) close() {
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
