//go:build unix

package faults

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// clusterScenario is a way in which a cluster may fail.
type clusterScenario struct {
	name    string
	brief   bool             // Runs with the other tests, on one NATS server.
	proxied bool             // Between nodes and NATS there is a network that can fail.
	disks   bool             // The disks of the NATS servers can be slow.
	inside  bool             // Each node has its NATS server inside.
	usual   bool             // The window, the heartbeat and the lease are the defaults.
	window  time.Duration    // For how long sessions are kept; 0: 5 s.
	pace    time.Duration    // How often each lane brings messages; 0: every 100 ms.
	fault   func(w *cluster) // From when everybody talks.
}

var clusterScenarios = []clusterScenario{
	{name: "a node is killed", brief: true, fault: func(w *cluster) {
		w.nodes[0].kill()
		w.awaitBack()
		w.passGrace()
		w.nodes[0].restart()
	}},
	{name: "a node is killed and comes back at once", fault: func(w *cluster) {
		w.nodes[1].kill()
		w.nodes[1].restart()
		w.awaitBack()
		w.passGrace()
	}},
	{name: "two of three nodes are killed", fault: func(w *cluster) {
		w.nodes[0].kill()
		w.nodes[2].kill()
		w.awaitBack()
		w.passGrace()
		w.nodes[0].restart()
		w.nodes[2].restart()
	}},
	{name: "all nodes restart in order", brief: true, fault: func(w *cluster) {
		for _, node := range w.nodes {
			node.terminate()
			node.restart()
			w.awaitBack()
			w.awaitTalk(1)
		}
		w.passGrace()
	}},
	{name: "each NATS server is killed in turn", fault: func(w *cluster) {
		for _, broker := range w.brokers {
			broker.kill()
			w.pass(2 * time.Second)
			broker.restart()
			w.awaitTalk(3)
		}
	}},
	{name: "NATS is killed", brief: true, fault: func(w *cluster) {
		for _, broker := range w.brokers {
			broker.kill()
		}
		w.pass(time.Second)
		for _, broker := range w.brokers {
			broker.restart()
		}
		w.awaitTalk(3)
		w.passGrace()
	}},
	{name: "NATS is gone for 15 s", fault: func(w *cluster) {
		for _, broker := range w.brokers {
			broker.kill()
		}
		w.pass(15 * time.Second)
		for _, broker := range w.brokers {
			broker.restart()
		}
		w.awaitTalk(3)
		w.passGrace()
	}},
	{name: "a node stands still for less than a lease", fault: func(w *cluster) {
		w.stop(w.nodes[0], 2*time.Second)
		w.awaitTalk(3)
	}},
	{name: "a node stands still for two leases", brief: true, fault: func(w *cluster) {
		w.stop(w.nodes[0], 6*time.Second)
		w.awaitBack()
		w.awaitTalk(3)
		w.passGrace()
	}},
	{name: "a node stands still for 15 s", fault: func(w *cluster) {
		w.stop(w.nodes[0], 15*time.Second)
		w.awaitBack()
		w.awaitTalk(3)
	}},
	{name: "a NATS server stands still for 6 s", fault: func(w *cluster) {
		w.stop(w.brokers[0], 6*time.Second)
		w.awaitTalk(3)
		w.passGrace()
	}},
	{name: "a NATS server stands still for 15 s", fault: func(w *cluster) {
		w.stop(w.brokers[1], 15*time.Second)
		w.awaitTalk(3)
		w.passGrace()
	}},
	{name: "as usual: all NATS servers stand still for 70 s", usual: true, pace: time.Second, fault: func(w *cluster) {
		for _, broker := range w.brokers { // For longer than a node waits for an answer.
			broker.signal(syscall.SIGSTOP)
		}
		w.pass(70 * time.Second)
		for _, broker := range w.brokers {
			broker.signal(syscall.SIGCONT)
		}
		w.awaitBack()
		w.awaitTalk(3)
		w.passGrace()
	}},
	{name: "a node is cut off from NATS for 2 s", proxied: true, fault: func(w *cluster) {
		w.cutOff(0, 2*time.Second)
		w.awaitTalk(3)
		w.passGrace()
	}},
	{name: "a node is cut off from NATS for 5 s", proxied: true, fault: func(w *cluster) {
		w.cutOff(0, 5*time.Second)
		w.awaitBack()
		w.awaitTalk(3)
		w.passGrace()
	}},
	{name: "a node is cut off from NATS for 20 s", proxied: true, fault: func(w *cluster) {
		w.cutOff(0, 20*time.Second) // Longer than a lease and the window.
		w.awaitBack()
		w.awaitTalk(3)
		w.passGrace()
	}},
	{name: "what a node says to NATS is swallowed for 5 s", proxied: true, fault: func(w *cluster) {
		for _, way := range w.ways[0] {
			way.poison(w.t, toxic{"timeout", upstream, map[string]int{"timeout": 0}})
		}
		w.pass(5 * time.Second)
		for _, way := range w.ways[0] {
			way.heal()
		}
		w.awaitBack()
		w.awaitTalk(3)
		w.passGrace()
	}},
	{name: "NATS is slow", proxied: true, fault: func(w *cluster) {
		delay, rate := map[string]int{"latency": 100, "jitter": 80}, map[string]int{"rate": 400} // In ms and KB/s.
		for _, ways := range w.ways {
			for _, way := range ways {
				way.poison(w.t, toxic{"latency", upstream, delay}, toxic{"latency", downstream, delay},
					toxic{"bandwidth", upstream, rate}, toxic{"bandwidth", downstream, rate})
			}
		}
		w.awaitTalk(5)
		w.passGrace()
		for _, ways := range w.ways {
			for _, way := range ways {
				way.heal()
			}
		}
	}},
	{name: "the disk of a NATS server is slow", disks: true, fault: func(w *cluster) {
		w.slowDown(w.brokers[:1], 200*time.Millisecond)
	}},
	{name: "all disks are slow", disks: true, pace: time.Second, fault: func(w *cluster) {
		w.slowDown(w.brokers, 10*time.Millisecond)
	}},
	{name: "one thing after another", proxied: true, window: 30 * time.Second, pace: 500 * time.Millisecond, fault: func(w *cluster) {
		for round := range 6 {
			node, broker := w.nodes[rand.IntN(len(w.nodes))], w.brokers[rand.IntN(len(w.brokers))]
			w.t.Logf("round %d: node %d, NATS server %d", round, slices.Index(w.nodes, node), slices.Index(w.brokers, broker))
			var failing sync.WaitGroup
			failing.Go(func() { w.fail(node) })
			failing.Go(func() {
				w.pass(rand.N(3 * time.Second))
				broker.kill()
				w.pass(rand.N(3 * time.Second))
				broker.restart()
			})
			cut := (slices.Index(w.nodes, node) + 1) % len(w.nodes)
			failing.Go(func() { w.cutOff(cut, rand.N(3*time.Second)) })
			failing.Wait()
			w.awaitBack()
			w.awaitTalk(2)
		}
		w.passGrace()
	}},
	{name: "NATS fails while a node is cleared", fault: func(w *cluster) {
		w.nodes[0].kill()
		w.pass(w.lease + w.window - time.Second)
		for range 2 { // Of three: no stream has a majority.
			for _, broker := range w.brokers[:2] {
				broker.kill()
			}
			w.pass(2 * time.Second)
			for _, broker := range w.brokers[:2] {
				broker.restart()
			}
			w.pass(time.Second)
		}
		w.nodes[0].restart()
		w.awaitBack()
		w.awaitTalk(3)
		w.passGrace()
	}},
	{name: "nodes are killed while they clear after one another", window: 10 * time.Second, pace: 500 * time.Millisecond, fault: func(w *cluster) {
		for i := range 4 {
			node := w.nodes[i%len(w.nodes)]
			node.kill()
			w.awaitBack()
			w.pass(w.lease + w.window/2) // When the next is killed, this one's leftovers are yet to be cleared, or just were.
			node.restart()
			w.pass(rand.N(w.window))
		}
		w.passGrace()
	}},
	{name: "NATS inside: a node is killed", inside: true, fault: func(w *cluster) {
		w.nodes[0].kill()
		w.awaitBack()
		w.passGrace()
		w.nodes[0].restart()
		w.awaitTalk(1)
	}},
	{name: "NATS inside: all nodes restart in order", inside: true, fault: func(w *cluster) {
		for _, node := range w.nodes {
			node.terminate()
			node.restart()
			w.awaitBack()
			w.awaitTalk(3) // Until its streams have followed.
		}
		w.passGrace()
	}},
	{name: "NATS inside: a node stands still for 6 s", inside: true, fault: func(w *cluster) {
		w.stop(w.nodes[1], 6*time.Second)
		w.awaitBack()
		w.awaitTalk(3)
		w.passGrace()
	}},
	{name: "as usual: a NATS server stands still for 150 s", usual: true, pace: time.Second, fault: func(w *cluster) {
		w.stop(w.brokers[0], 150*time.Second) // For longer than NATS knows what comes again.
		w.awaitBack()
		w.awaitTalk(3)
		w.passGrace()
	}},
	{name: "as usual: a node is cut off from NATS for 15 s", usual: true, proxied: true, pace: 500 * time.Millisecond, fault: func(w *cluster) {
		w.cutOff(0, 15*time.Second)
		w.awaitBack()
		w.awaitTalk(3)
		w.passGrace()
	}},
	{name: "as usual: a node stands still for 15 s", usual: true, fault: func(w *cluster) {
		w.stop(w.nodes[0], 15*time.Second)
		w.awaitBack()
		w.awaitTalk(3)
		w.passGrace()
	}},
}

// fail has a node fail in some way, and come back.
func (w *cluster) fail(node *server) {
	w.t.Helper()
	switch way := rand.IntN(3); way {
	case 0:
		node.kill()
		w.pass(rand.N(4 * time.Second))
		node.restart()
	case 1:
		w.stop(node, rand.N(8*time.Second))
	case 2:
		node.terminate()
		node.restart()
	}
}

// cutOff takes a node's connections to NATS away. It sends its clients away, if that lasts.
func (w *cluster) cutOff(node int, d time.Duration) {
	w.t.Helper()
	for _, way := range w.ways[node] {
		way.cut()
	}
	w.pass(d)
	for _, way := range w.ways[node] {
		way.open(w.t)
	}
}

// slowDown has all that these NATS servers write to their disks take longer by d, for some time.
func (w *cluster) slowDown(brokers []*server, d time.Duration) {
	w.t.Helper()
	for _, broker := range brokers {
		broker.disk.slow(d)
	}
	w.pass(6 * time.Second)
	w.awaitTalk(2)
	for _, broker := range brokers {
		broker.disk.slow(0)
	}
	w.awaitTalk(3)
	w.passGrace()
}

// passGrace lets the time pass after which what is left behind is cleared, while people talk.
func (w *cluster) passGrace() { w.pass(w.lease + w.window + time.Second) }

// TestCluster has nodes, and the NATS servers that they share, fail.
func TestCluster(t *testing.T) {
	var r report
	t.Cleanup(func() { t.Log(r.String()) }) // When all scenarios have ended.
	for _, s := range clusterScenarios {
		if !s.brief && !*long {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			r.add(s.run(t))
		})
	}
}

// run lets people talk while the cluster fails, and judges what they saw.
func (s clusterScenario) run(t *testing.T) row {
	config := clusterConfig{brokers: 1, proxied: s.proxied, slowDisks: s.disks, window: cmp.Or(s.window, 5*time.Second), heartbeat: heartbeat, lease: 3 * time.Second}
	if *long {
		config.brokers = 3
	}
	if s.inside {
		config.brokers, config.inside = 0, true
	}
	if s.usual {
		config.window, config.heartbeat, config.lease = 30*time.Second, 10*time.Second, 10*time.Second
	}
	w := newCluster(t, config, cmp.Or(s.pace, 100*time.Millisecond))
	w.talk()
	w.passBy()
	w.awaitTalk(1)
	w.pass(w.heartbeat * 3 / 2) // With it clients tell what they have received: of who never told, what was written counts.

	begun := time.Now()
	w.lose()
	s.fault(w)
	w.awaitBack()
	took := time.Since(begun)

	w.awaitTalk(1)
	close(w.silence)
	w.talking.Wait()
	w.passing.Wait()
	w.await("nothing is missing", func() []string { return w.verdict().faults })
	w.awaitSame()
	w.await("the observers are gone", func() []string { return w.verdict().faults })
	w.close()
	v := w.verdict() // Again: what should not come may come late.
	if len(v.faults) > 0 {
		t.Errorf("in the end:\n%s", excerpt(v.faults))
	}
	if v.returned == 0 {
		t.Error("nothing has come back")
	}
	for _, node := range w.nodes {
		node.terminate()
	}
	t.Logf("%d strangers have passed by", w.passed.Load())
	return w.row(s.name, took, v, w.rss())
}
