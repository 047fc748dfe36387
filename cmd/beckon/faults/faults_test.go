//go:build unix

package faults

import (
	"cmp"
	"syscall"
	"testing"
	"time"
)

// scenario is a way to fail.
type scenario struct {
	name    string
	fault   func(w *world) // From when everybody talks until everybody is back.
	window  time.Duration  // For how long sessions are kept; 0: 20 s.
	pace    time.Duration  // How often each lane brings messages; 0: every 100 ms.
	cuts    bool           // Everybody loses the connection. Otherwise nobody does.
	forgets bool           // The server ends, and what it has in memory with it.
	dies    bool           // And does so in no order.
}

var scenarios = []scenario{
	{name: "resets", cuts: true, fault: func(w *world) {
		for round := range 3 {
			w.poison(toxic{"reset_peer", upstream, map[string]int{"timeout": 0}})
			w.awaitCut(round + 1)
			w.heal()
			w.awaitBack()
			w.awaitTalk(1)
		}
	}},
	{name: "blackhole to the server", cuts: true, fault: func(w *world) {
		w.poison(toxic{"timeout", upstream, map[string]int{"timeout": 0}})
		w.awaitCut(1)
		w.heal()
	}},
	{name: "blackhole to the clients", cuts: true, fault: func(w *world) {
		w.poison(toxic{"timeout", downstream, map[string]int{"timeout": 0}})
		w.awaitCut(1)
		w.heal()
	}},
	{name: "dead connections, a new way", cuts: true, fault: func(w *world) {
		dead := w.way.Load()
		w.poison(
			toxic{"timeout", upstream, map[string]int{"timeout": 0}},
			toxic{"timeout", downstream, map[string]int{"timeout": 0}},
		)
		w.way.Store(newNetwork(w.t, w.server.addr))
		w.awaitCut(1)
		w.awaitBack()
		dead.heal()
	}},
	{name: "latency and jitter", fault: func(w *world) {
		delay := map[string]int{"latency": 150, "jitter": 100}
		w.poison(toxic{"latency", upstream, delay}, toxic{"latency", downstream, delay})
		w.awaitTalk(5)
		w.heal()
	}},
	{name: "slow close in mid-frame", cuts: true, pace: 300 * time.Millisecond, fault: func(w *world) {
		w.poison(
			toxic{"limit_data", downstream, map[string]int{"bytes": 5003}},
			toxic{"slow_close", downstream, map[string]int{"delay": 1000}},
		)
		w.awaitCut(1)
		w.heal()
	}},
	{name: "little bandwidth", fault: func(w *world) {
		rate := map[string]int{"rate": 10} // In KB/s, of each connection.
		w.poison(toxic{"bandwidth", upstream, rate}, toxic{"bandwidth", downstream, rate})
		w.awaitTalk(5)
		w.heal()
	}},
	{name: "small fragments", fault: func(w *world) {
		fragments := map[string]int{"average_size": 50, "size_variation": 25, "delay": 200}
		w.poison(toxic{"slicer", upstream, fragments}, toxic{"slicer", downstream, fragments})
		w.awaitTalk(5)
		w.heal()
	}},
	{name: "cut after 7 KB each time", cuts: true, pace: 300 * time.Millisecond, fault: func(w *world) {
		// Odd numbers, so that frames are cut anywhere. They are enough to come back and to say something.
		w.poison(toxic{"limit_data", downstream, map[string]int{"bytes": 7001}})
		w.awaitCut(2)
		w.heal()
		w.poison(toxic{"limit_data", upstream, map[string]int{"bytes": 7001}})
		w.awaitCut(4)
		w.heal()
	}},
	{name: "no network for 5 s", cuts: true, fault: func(w *world) {
		way := w.way.Load()
		way.cut()
		w.awaitCut(1)
		w.pass(5 * time.Second)
		way.open(w.t)
	}},
	{name: "server restarts in order", cuts: true, forgets: true, fault: func(w *world) {
		w.server.terminate()
		w.server.restart()
		w.awaitCut(1)
	}},
	{name: "server is killed", cuts: true, forgets: true, dies: true, fault: func(w *world) {
		w.server.kill()
		w.server.restart()
		w.awaitCut(1)
	}},
	{name: "server stands still for 5 s", cuts: true, fault: func(w *world) {
		w.server.signal(syscall.SIGSTOP)
		w.pass(5 * time.Second)
		w.server.signal(syscall.SIGCONT)
		w.awaitCut(1)
	}},
	{name: "two go and never come back", window: 2 * time.Second, fault: func(w *world) {
		for _, name := range []string{"bob", "eva"} {
			w.gone[name] = true
			w.people[name].session.Abort()
		}
		w.await("who is gone is seen leaving", func() []string {
			return w.lacking(func(h *history) bool {
				for name := range w.gone {
					if h.left[place{hall, w.people[name].session.ID()}] == 0 {
						return false
					}
				}
				return true
			})
		})
	}},
}

func TestFaults(t *testing.T) {
	var r report
	t.Cleanup(func() { t.Log(r.String()) }) // When all scenarios have ended.
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			r.add(s.run(t))
		})
	}
}

// run lets people talk while the network or the server fails, and judges what they saw.
func (s scenario) run(t *testing.T) row {
	w := newWorld(t, cmp.Or(s.window, 20*time.Second), cmp.Or(s.pace, 100*time.Millisecond))
	w.forgets, w.dies = s.forgets, s.dies
	w.talk()
	w.awaitTalk(1)

	begun := time.Now()
	s.fault(w)
	w.awaitBack()
	took := time.Since(begun)

	w.awaitTalk(1)
	close(w.silence)
	w.talking.Wait()
	w.await("nothing is missing", func() []string { return w.verdict().faults })
	w.close()
	v := w.verdict() // Again: what should not come may come late.
	if len(v.faults) > 0 {
		t.Errorf("in the end:\n%s", excerpt(v.faults))
	}
	for name, p := range w.people {
		if h := p.look(); !w.gone[name] && h.cuts > 0 != s.cuts {
			t.Errorf("%s: was cut %d times, want %t: %v", name, h.cuts, s.cuts, h.why)
		}
	}
	if s.forgets && w.lacking(func(h *history) bool { return h.resyncs > 0 }) != nil {
		t.Error("the server has restarted, and not everybody was resynced")
	}
	if len(w.gone) > 0 && v.returned == 0 {
		t.Error("nothing has come back")
	}
	w.server.terminate()
	return w.row(s.name, took, v, w.server.rss)
}

// poison and heal are those of the way that connections take.
func (w *world) poison(toxics ...toxic) { w.way.Load().poison(w.t, toxics...) }
func (w *world) heal()                  { w.way.Load().heal() }
