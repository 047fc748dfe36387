//go:build !race

// The race detector takes part in timers that are due at once, of which the network here has many, and in a bubble it now
// and then brings the process down.

package server_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// TestSimulation runs the server for hours, in virtual time, for a population whose network breaks in every way at every
// moment, through upgrades and crashes, and holds what each client has seen against what signal.proto promises. See
// simulation_checks_test.go for what must hold when.
//
// BECKON_SIM_SEED is the first seed, to repeat one, and BECKON_SIM_RUNS how many there are.
func TestSimulation(t *testing.T) {
	number := func(name string, otherwise uint64) uint64 {
		v := os.Getenv(name)
		if v == "" {
			return otherwise
		}
		n, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			t.Fatalf("%s is %q: expected a number", name, v)
		}
		return n
	}
	first, runs := number("BECKON_SIM_SEED", 1), uint64(8)
	if os.Getenv("BECKON_SIM_SEED") != "" {
		runs = 1
	}
	runs = number("BECKON_SIM_RUNS", runs)

	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(strings.Repeat("k", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := map[string]int{}
	simulated, most := time.Duration(0), int64(0)
	for seed := first; seed < first+runs; seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, seed, key)
				defer w.close()
				w.live(&most)
				simulated += time.Since(w.began)
				for what, n := range w.tally {
					sum[what] += n
				}
				sum["sessions"] += len(w.sessions)
				sum["processes"] += len(w.processes)
				sum["lost"] += w.lost
				sum["duplicated"] += w.duplicated
				sum["reordered"] += w.reordered
				sum["ghosts"] += w.ghosts
			})
		})
		if t.Failed() {
			break
		}
	}
	t.Logf("%s simulated in %d runs, at most %d KiB of live heap, the clients' included:\n%s", simulated.Round(time.Second), runs, most>>10, report(sum))
}

// newWorld returns the world of a seed, with a server that runs.
func newWorld(t *testing.T, seed uint64, key string) *world {
	w := &world{
		t: t, seed: seed, key: key, began: time.Now(), rng: rand.New(rand.NewPCG(seed, 0)),
		byName: map[string]*session{}, byID: map[string]*session{}, byTag: map[string]*message{},
		changes: map[string]string{}, tally: map[string]int{},
	}
	w.plan = newPlan(w.rng)
	w.ctx, w.cancel = context.WithCancel(context.Background())
	for range w.plan.peers {
		p := &peer{web: w.rng.IntN(3) == 0, pings: w.rng.IntN(6) > 0, rng: rand.New(rand.NewPCG(seed, w.rng.Uint64()))}
		p.tells = p.pings && w.rng.IntN(5) > 0
		w.peers = append(w.peers, p)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.startProcess()
	go w.tick()
	return w
}

// live has everything happen, and then looks at what is left. most is raised to the largest live heap.
func (w *world) live(most *int64) {
	for i := range w.plan.steps {
		time.Sleep(w.step())
		if i%500 == 499 {
			*most = max(*most, heap())
		}
		switch w.roll(600) {
		case 0:
			w.restart()
		case 1:
			w.loseServer()
		}
		if w.failed() {
			return
		}
	}
	w.calmDown()
}

// roll returns a number below n.
func (w *world) roll(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rng.IntN(n)
}

// loseServer crashes the server, and starts another after a while.
func (w *world) loseServer() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tally["crashes"]++
	w.crash(w.process)
	pause := time.Duration(w.rng.IntN(8000)) * time.Millisecond
	w.mu.Unlock()
	time.Sleep(pause)
	w.mu.Lock()
	w.startProcess()
}

// failed reports whether a promise was broken.
func (w *world) failed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failures > 0
}

// restart replaces the server by another, in order: the new one is there before the old one begins to end, or comes once
// that is gone.
func (w *world) restart() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tally["drains"]++
	old := w.process
	if w.rng.IntN(2) == 0 {
		w.startProcess()
		w.drain(old)
		return
	}
	w.drain(old)
	pause := time.Duration(w.rng.IntN(8000)) * time.Millisecond
	w.mu.Unlock()
	<-old.over
	time.Sleep(pause)
	w.mu.Lock()
	w.startProcess()
}

// calmDown lets everybody come back who is to, and the others be given up, and then checks that all that was recorded has
// arrived and that everybody knows who is there.
func (w *world) calmDown() {
	w.mu.Lock()
	w.quiet = true
	for i, p := range w.peers {
		if l := p.link; l != nil && l.cable != nil && l.stalled == nil && l.ctx.Err() == nil && !l.cable.halfOpen() {
			l.cable.cutLater(-1, -1)
			l.fault, l.faulted = "", time.Time{}
		}
		switch {
		case p.session == nil || p.link != nil && p.link.fault == "":
		case i%3 == 0:
			p.awayUntil = time.Now().Add(time.Hour)
			if p.link != nil {
				w.drop(p.link, "gone for good")
			}
		default:
			p.awayUntil = time.Now()
		}
	}
	w.mu.Unlock()
	time.Sleep(unnoticed + 2*w.plan.window() + time.Minute)

	w.mu.Lock()
	for _, p := range w.peers {
		s, l := p.session, p.link
		if s == nil {
			continue
		}
		if l == nil {
			w.loseSession(s)
			continue
		}
		if !l.sound() || len(s.pending) > 0 {
			w.fail("a client has not come to rest", s)
		}
	}
	w.compare(false)
	for _, p := range w.peers {
		if s := p.session; s != nil && p.link != nil {
			for _, in := range s.places {
				in.unsure = false
				w.ask(&message{from: s, kind: "join", room: in.room, place: in, request: &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Join{
					Join: &beckonv1.Join{Room: in.room, Name: &in.name, Attributes: in.attributes, Presence: in.presence},
				}}})
				in.listed = nil
			}
		}
	}
	w.mu.Unlock()
	time.Sleep(20 * time.Second)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.compare(true)
	w.checkGhosts()
	w.verdict()
}

// compare holds the lists that clients have against who is there. fresh tells that they were asked for anew.
func (w *world) compare(fresh bool) {
	for i := range w.plan.rooms {
		room := fmt.Sprintf("room %d", i)
		var there []*session
		for _, p := range w.peers {
			if s := p.session; s != nil && p.link != nil && s.places[room] != nil {
				there = append(there, s)
			}
		}
		order := ""
		for _, s := range there {
			in := s.places[room]
			if in.listed != s.peer.link {
				w.fail("there was no list of "+room, s)
			}
			if in.presence == none {
				continue
			}
			var ids []string
			for _, u := range in.view {
				ids = append(ids, u.GetId())
				who := w.byID[u.GetId()]
				if who == nil || !slices.Contains(there, who) {
					w.ghosts++
					w.fail(room+" has "+u.GetName()+", which is not there", s)
					continue
				}
				w.checkLooks(s, u, who, who.places[room], fresh)
			}
			if len(ids) != len(there) {
				w.fail(fmt.Sprintf("%s has %d users, and %d are there", room, len(ids), len(there)), s)
			}
			if all := strings.Join(ids, " "); order == "" {
				order = all
			} else if order != all {
				w.fail(room+" is not in the order in which others see it", s)
			}
		}
	}
}

// checkLooks checks that a user looks as it has asked to.
func (w *world) checkLooks(s *session, u *beckonv1.User, who *session, in *place, fresh bool) {
	if u.GetStatus() != beckonv1.UserStatus_USER_STATUS_UNSPECIFIED {
		w.fail(who.name+" is there and shown as "+u.GetStatus().String(), s, who)
	}
	if in.unsure && !fresh {
		return
	}
	if u.GetName() != in.name {
		w.fail(fmt.Sprintf("%s is shown as %q, and calls itself %q", who.name, u.GetName(), in.name), s, who)
	}
	for key, value := range in.attributes {
		if u.GetAttributes()[key] != value {
			w.fail(fmt.Sprintf("%s is shown with %s=%q, and has %q", who.name, key, u.GetAttributes()[key], value), s, who)
		}
	}
}

// close ends the world.
func (w *world) close() {
	w.mu.Lock()
	w.over = true
	last := w.process
	w.drain(last)
	w.mu.Unlock()
	w.cancel()
	<-last.over
	w.mu.Lock()
	all := w.processes
	w.mu.Unlock()
	for _, p := range all {
		<-p.over
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range all {
		for c := range p.cables {
			c.cut()
		}
	}
}
