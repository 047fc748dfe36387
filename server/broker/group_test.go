package broker_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/beckonrtc/beckon/server/broker"
	"github.com/beckonrtc/beckon/server/roomlog/natslog"
	"github.com/beckonrtc/beckon/server/starting"
)

// patience is how long a test waits for what has to come.
const patience = 60 * time.Second

// await waits until that is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !so(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not in %s", what, patience)
		}
	}
}

// group is servers inside of nodes that share a secret.
type group struct {
	t      *testing.T
	secret string
	addrs  map[string]string // By name.
	dirs   map[string]string // By name.
}

// newGroup returns a group of nodes, which are yet to be opened.
func newGroup(t *testing.T, names ...string) *group {
	g := &group{t, file(t, strings.Repeat("secret", 6)), map[string]string{}, map[string]string{}}
	for _, name := range names {
		g.addrs[name], g.dirs[name] = address(t), t.TempDir()
	}
	return g
}

// config returns that of a node which knows those peers.
func (g *group) config(name string, peers ...string) broker.Config {
	cfg := broker.Config{Name: name, Dir: g.dirs[name], ClusterAddr: g.addrs[name], SecretFile: g.secret, Logger: slog.New(slog.DiscardHandler)}
	for _, peer := range peers {
		cfg.Peers = append(cfg.Peers, g.addrs[peer])
	}
	cfg.Waiting = starting.New(cfg.Logger)
	return cfg
}

// open opens nodes, all at once, which know each other.
func (g *group) open(names ...string) map[string]*broker.Broker {
	g.t.Helper()
	type opened struct {
		name string
		*broker.Broker
		error
	}
	done := make(chan opened, len(names))
	for _, name := range names {
		go func() {
			b, err := broker.Open(g.t.Context(), g.config(name, names...))
			done <- opened{name, b, err}
		}()
	}
	nodes := map[string]*broker.Broker{}
	for range names {
		o := <-done
		if o.error != nil {
			g.t.Fatal(o.error)
		}
		g.t.Cleanup(o.Close)
		nodes[o.name] = o.Broker
	}
	return nodes
}

// peers returns what the servers are called that a node knows of, with those that are away in brackets, and whether one leads.
func peers(b *broker.Broker) (names string, led bool) {
	var all []string
	g := b.Group(context.Background())
	for _, p := range g.Peers {
		name := p.Name
		if p.Offline {
			name = "(" + name + ")"
		}
		all = append(all, name)
	}
	return strings.Join(all, " "), g.Leader != ""
}

// keptBy returns which servers have all of the stream s.
func keptBy(t *testing.T, js jetstream.JetStream) string {
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	stream, err := js.Stream(ctx, "s")
	if err != nil {
		return ""
	}
	c := stream.CachedInfo().Cluster
	kept := []string{c.Leader}
	for _, p := range c.Replicas {
		if p.Current && !p.Offline {
			kept = append(kept, p.Name)
		}
	}
	slices.Sort(kept)
	return strings.Join(kept, " ")
}

// TestTooFewPeers: a node that was not given all peers is refused before the others count it among themselves.
func TestTooFewPeers(t *testing.T) {
	g := newGroup(t, "a", "b", "c", "d")
	nodes := g.open("a", "b", "c")
	await(t, "three servers", func() bool { names, _ := peers(nodes["a"]); return names == "a b c" })
	b, err := broker.Open(t.Context(), g.config("d", "a"))
	if err == nil {
		b.Close()
	}
	if _, ok := errors.AsType[*broker.PeersError](err); !ok || !strings.Contains(err.Error(), "3 NATS servers already (a, b, c), and this node, d, has the addresses of 2") {
		t.Errorf("it says %v", err)
	}
	if names, led := peers(nodes["b"]); names != "a b c" || !led {
		t.Errorf("there are the servers %s", names)
	}
	b, err = broker.Open(t.Context(), g.config("d", "a", "b", "c"))
	if err != nil {
		t.Fatalf("with all peers: %v", err)
	}
	defer b.Close()
	await(t, "a fourth server", func() bool { names, _ := peers(nodes["b"]); return names == "a b c d" })
}

// TestTooFewPeersAtFirst: so is one while the others, too, are only about to find each other.
func TestTooFewPeersAtFirst(t *testing.T) {
	g := newGroup(t, "a", "b", "c", "d")
	ctx, cancel := context.WithCancel(t.Context())
	first := g.config("a", "a", "b", "c")
	done := make(chan struct{})
	go func() {
		defer close(done)
		if b, err := broker.Open(ctx, first); err == nil { // It may have heard of the other first.
			<-ctx.Done()
			b.Close()
		}
	}()
	defer func() { cancel(); <-done }()
	b, err := broker.Open(t.Context(), g.config("d", "a"))
	if err == nil {
		b.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "node a has the addresses of 3 NATS servers, and this one of 2") {
		t.Errorf("it says %v", err)
	}
}

// TestForget: a machine that is lost for good can be replaced by another: what it kept is kept there.
func TestForget(t *testing.T) {
	g := newGroup(t, "a", "b", "c", "d")
	nodes := g.open("a", "b", "c")
	use(t, nodes["a"], 3)
	if err := nodes["a"].Forget(t.Context(), "nobody"); err == nil || !strings.Contains(err.Error(), "expected one of a, b, c") {
		t.Errorf("of one that never was it says %v", err)
	}
	if err := nodes["a"].Forget(t.Context(), "b"); err == nil || !strings.Contains(err.Error(), "NATS server b is there") {
		t.Errorf("of one that is there it says %v", err)
	}
	nodes["c"].Close()
	await(t, "one is away", func() bool { names, _ := peers(nodes["a"]); return names == "a b (c)" })

	// Another waits for its place.
	cfg := g.config("d", "a", "b", "d")
	type opened struct {
		*broker.Broker
		error
	}
	done := make(chan opened, 1)
	go func() {
		b, err := broker.Open(t.Context(), cfg)
		done <- opened{b, err}
	}()
	await(t, "it waits", func() bool { return strings.Contains(cfg.Waiting.String(), "c is not there: if it is gone for good") })
	if err := nodes["a"].Forget(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	o := <-done
	if o.error != nil {
		t.Fatal(o.error)
	}
	defer o.Close()
	await(t, "it has the place", func() bool { names, led := peers(nodes["b"]); return names == "a b d" && led })

	js, err := jetstream.New(nodes["a"].Conn())
	if err != nil {
		t.Fatal(err)
	}
	await(t, "the stream is on all three", func() bool { return keptBy(t, js) == "a b d" })

	// Now another may be away.
	nodes["b"].Close()
	await(t, "one is away", func() bool { names, led := peers(nodes["a"]); return names == "a (b) d" && led })
	use(t, nodes["a"], 3)
	o.Close()
	await(t, "there is no leader", func() bool { _, led := peers(nodes["a"]); return !led })
	if err := nodes["a"].Forget(t.Context(), "b"); err == nil || !strings.Contains(err.Error(), "expected most of them to be there") {
		t.Errorf("without most of them it says %v", err)
	}
}

// TestEmptyDirectory: a machine that has the name of one that was lost, and nothing of what that one had, is sent it.
func TestEmptyDirectory(t *testing.T) {
	g := newGroup(t, "a", "b", "c")
	nodes := g.open("a", "b", "c")
	use(t, nodes["a"], 3)
	js, err := jetstream.New(nodes["a"].Conn())
	if err != nil {
		t.Fatal(err)
	}
	nodes["c"].Close()
	await(t, "one is away", func() bool { names, _ := peers(nodes["a"]); return names == "a b (c)" && keptBy(t, js) == "a b" })
	g.dirs["c"] = t.TempDir()
	again, err := broker.Open(t.Context(), g.config("c", "a", "b", "c"))
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	await(t, "the stream is on all three", func() bool { return keptBy(t, js) == "a b c" })
	if names, led := peers(nodes["a"]); names != "a b c" || !led {
		t.Errorf("there are the servers %s", names)
	}
}

// TestOtherSecret: a node whose secret is not the others' waits, and each side tells why.
func TestOtherSecret(t *testing.T) {
	g := newGroup(t, "a", "b")
	own, other := g.config("a", "b"), g.config("b", "a")
	other.SecretFile = file(t, strings.Repeat("guess", 10))
	ctx, cancel := context.WithCancel(t.Context())
	var opening sync.WaitGroup
	defer opening.Wait()
	defer cancel()
	for _, cfg := range []broker.Config{own, other} {
		opening.Go(func() {
			if b, err := broker.Open(ctx, cfg); err == nil {
				t.Errorf("node %s does not wait", cfg.Name)
				b.Close()
			}
		})
	}
	for peer, cfg := range map[string]broker.Config{"b": own, "a": other} {
		await(t, "it tells that the secrets differ", func() bool {
			told := cfg.Waiting.String()
			return strings.Contains(told, "the one at "+g.addrs[peer]+" refuses the secret of this node") &&
				strings.Contains(told, "this node refuses the secret of the one at 127.0.0.1:") && strings.Contains(told, "expected the same secret on all nodes")
		})
	}
}

// TestAloneHasNoGroup: where servers are elsewhere, or one is alone, there is nothing to tell of them.
func TestAloneHasNoGroup(t *testing.T) {
	b, err := broker.Open(t.Context(), broker.Config{Name: "alone", Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	var none *natslog.Group
	if g := b.Group(t.Context()); g != none {
		t.Errorf("there is %+v", g)
	}
	if err := b.Forget(t.Context(), "other"); err == nil || !strings.Contains(err.Error(), "expected --nats embedded") {
		t.Errorf("it says %v", err)
	}
}
