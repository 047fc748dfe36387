//go:build unix

package faults

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	beckon "github.com/beckonrtc/beckon/clients/go"
)

// nodesOf is how many nodes a cluster has.
const nodesOf = 3

// clusterConfig is what a cluster is like.
type clusterConfig struct {
	brokers           int  // NATS servers, each of which has everything.
	inside            bool // Instead, each node has one.
	window, heartbeat time.Duration
	lease             time.Duration
	proxied           bool // Between each node and NATS is a network that can fail.
	slowDisks         bool // Those of the NATS servers can be slow.
}

// cluster is nodes, the NATS servers that they share, and the people on them.
type cluster struct {
	*company

	// Immutable.
	clusterConfig
	brokers []*server
	nodes   []*server
	ways    [][]*network // By node and broker. Nil: there is nothing between them.
	passing sync.WaitGroup
	passed  atomic.Int64 // How many have come and gone.
}

// newCluster starts everything, and opens sessions that know of each other, on all nodes. Its end ends them.
func newCluster(t *testing.T, config clusterConfig, pace time.Duration) *cluster {
	t.Helper()
	names := []string{"ana", "bob", "cleo", "dan", "eva", "fay", "gus", "hal", "ida", "jim", "kim", "leo"}
	w := &cluster{
		company:       newCompany(t, map[string][]string{hall: names, "red": names[:6], "blue": names[6:]}, pace),
		clusterConfig: config,
	}
	w.dies = true    // Messages may be without outcome.
	w.retries = true // A cluster that has just been started may take its time.
	w.startBrokers()
	w.startNodes()
	w.meet(w.dialer)
	return w
}

// startBrokers runs the NATS servers.
func (w *cluster) startBrokers() {
	w.t.Helper()
	var addrs, routes []string
	for range w.clusterConfig.brokers {
		addrs, routes = append(addrs, freeAddr(w.t)), append(routes, freeAddr(w.t))
	}
	var starting sync.WaitGroup
	for i, addr := range addrs {
		config := &brokerConfig{Name: fmt.Sprint("nats", i), Dir: w.t.TempDir()}
		if len(addrs) > 1 {
			config.Route, config.Routes = routes[i], routes
		}
		s := &server{t: w.t, addr: addr, errors: true}
		if w.slowDisks {
			config.OnDisk, s.disk = true, &disk{t: w.t}
		}
		s.command = func(addr string) *exec.Cmd {
			command := child{Addr: addr, Broker: config}.command(w.t)
			if s.disk != nil {
				s.disk.attach(command)
			}
			return command
		}
		w.brokers = append(w.brokers, s)
		starting.Go(func() { s.start(addr) })
	}
	starting.Wait()
	for _, s := range w.brokers {
		w.t.Cleanup(s.kill)
	}
}

// startNodes runs the nodes.
func (w *cluster) startNodes() {
	w.t.Helper()
	key := sessionKey(w.t)
	var starting sync.WaitGroup
	var routes []string
	for range nodesOf {
		routes = append(routes, freeAddr(w.t))
	}
	for i := range nodesOf {
		config := &childNode{
			SessionKeyFile: key, Window: w.window, Heartbeat: w.heartbeat, Lease: w.lease, Shards: 4, Replicas: len(w.brokers),
		}
		if dir := os.Getenv(logsVariable); dir != "" {
			config.Log = filepath.Join(dir, fmt.Sprintf("%s-%d.log", strings.ReplaceAll(w.t.Name(), "/", "-"), i))
		}
		var ways []*network
		for _, broker := range w.brokers {
			addr := broker.addr
			if w.proxied {
				way := newNetwork(w.t, addr)
				ways = append(ways, way)
				addr = way.addr
			}
			config.NATS = append(config.NATS, addr)
		}
		if w.inside {
			config.Replicas, config.Inside = nodesOf, &brokerConfig{Name: fmt.Sprint("node", i), Dir: w.t.TempDir(), Route: routes[i], Routes: routes}
		} else { // Each begins with another one.
			config.NATS = append(config.NATS[i%len(config.NATS):], config.NATS[:i%len(config.NATS)]...)
		}
		if ways != nil {
			w.ways = append(w.ways, ways)
		}
		s := &server{t: w.t, errors: true, command: func(addr string) *exec.Cmd { return child{Addr: addr, Node: config}.command(w.t) }}
		w.nodes = append(w.nodes, s)
		starting.Go(func() { s.addr = s.start(freeAddr(w.t)) })
	}
	starting.Wait()
	for _, s := range w.nodes {
		w.t.Cleanup(s.kill)
	}
}

// freeAddr returns an address that nobody listens at, and that no connection is given by the kernel while a server is away.
func freeAddr(t *testing.T) string {
	t.Helper()
	for {
		addr := fmt.Sprint("127.0.0.1:", 10_000+rand.IntN(20_000))
		lis, err := net.Listen("tcp", addr)
		if err != nil {
			continue
		}
		if err := lis.Close(); err != nil {
			t.Fatal(err)
		}
		if _, taken := addresses.LoadOrStore(addr, true); !taken {
			return addr
		}
	}
}

// addresses are those that freeAddr has returned.
var addresses sync.Map

// dialer returns a way to the nodes: to one of them at first, and each time that a connection is made to the next that
// can be reached.
func (w *cluster) dialer(first int) func(context.Context, string) (net.Conn, error) {
	var turn atomic.Int64
	turn.Store(int64(first))
	return func(ctx context.Context, _ string) (conn net.Conn, err error) {
		for range w.nodes {
			node := w.nodes[int(turn.Add(1)-1)%len(w.nodes)]
			dialer := net.Dialer{Timeout: w.heartbeat}
			if conn, err = dialer.DialContext(ctx, "tcp", node.addr); err == nil {
				return impatient{conn, 3 * w.heartbeat}, nil
			}
		}
		return nil, err
	}
}

// impatient is a connection that is given up when nothing comes: else gRPC waits for longer than a session is kept.
type impatient struct {
	net.Conn
	limit time.Duration
}

// Read fails when nothing comes for too long.
func (c impatient) Read(b []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.limit)); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

// passBy has strangers come to two rooms and go, one after the other, until there is silence: some leave, some end their
// sessions, and some are lost.
func (w *cluster) passBy() {
	w.passing.Go(func() {
		tick := time.NewTicker(250 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-w.silence:
				return
			case <-tick.C:
			}
			w.passing.Go(func() { w.passOnce(n) })
		}
	})
}

// passOnce has one stranger come and go. What fails fails: it is others who must not see what is not so.
func (w *cluster) passOnce(n int) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	session, err := beckon.Dial(ctx, "passthrough:///beckon", dialOptions(w.dialer(n))...)
	if err != nil {
		return
	}
	defer session.Abort()
	go func() {
		for range session.Events(context.Background()) {
		}
	}()
	name := fmt.Sprint("stranger ", n)
	for _, room := range []string{hall, "red"} {
		if err := session.Join(ctx, &beckon.Join{Room: room, Name: &name, Presence: beckon.PresenceDelta}); err != nil {
			return
		}
	}
	w.passed.Add(1)
	switch n % 3 {
	case 0:
		if session.Leave(ctx, hall) == nil {
			_ = session.Leave(ctx, "red")
		}
	case 1:
		_ = session.Close()
	}
}

// lose has two people go for good, who are on different nodes and are talking.
func (w *cluster) lose() {
	for _, name := range []string{"kim", "bob"} {
		w.gone[name] = true
		w.people[name].session.Abort()
	}
}

// awaitSame waits until every node shows a new session the people who are there, and nobody else.
func (w *cluster) awaitSame() {
	w.t.Helper()
	for i, node := range w.nodes {
		name := fmt.Sprint("observer ", i)
		var p *person
		err := w.attempt(func() (err error) {
			p, err = enter(w.t, name, w.changed, straightTo(node.addr))
			return err
		})
		if err != nil {
			w.t.Fatalf("%s: %v", name, err)
		}
		for room := range w.members {
			if err := w.attempt(func() error { return p.join(room, beckon.PresenceFull) }); err != nil {
				w.t.Fatalf("%s: join %s: %v", name, room, err)
			}
		}
		w.await(name+" sees who is there", func() []string { return w.differs(p.look()) })
		if err := p.session.Close(); err != nil {
			w.t.Errorf("%s: %v", name, err)
		}
		<-p.over
	}
}

// differs tells in what the lists that an observer was sent are not as they should be.
func (w *cluster) differs(h *history) []string {
	var lines []string
	for room, members := range w.members {
		listed := maps.Clone(h.present[room])
		delete(listed, h.id)
		for _, name := range members {
			id := w.people[name].session.ID()
			if _, there := listed[id]; there == w.gone[name] {
				lines = append(lines, fmt.Sprintf("%s: %s is in %s: %t", h.name, name, room, there))
			}
			delete(listed, id)
		}
		for id := range listed {
			lines = append(lines, fmt.Sprintf("%s: somebody else is in %s: %s", h.name, room, id))
		}
	}
	return lines
}

// stop has a process stand still for some time.
func (w *cluster) stop(s *server, d time.Duration) {
	w.t.Helper()
	s.signal(syscall.SIGSTOP)
	w.pass(d)
	s.signal(syscall.SIGCONT)
}

// rss is the most memory that one of the nodes has had, in bytes.
func (w *cluster) rss() int64 {
	return slices.MaxFunc(w.nodes, func(a, b *server) int { return int(a.rss - b.rss) }).rss
}
