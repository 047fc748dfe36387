package natslog_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/roomlog/logtest"
	"github.com/beckonrtc/beckon/server/roomlog/natslog"
)

// TestMain lets more tests run at once than there are processors: most of the time they wait for time to pass.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// startNATS starts a NATS server inside this process, and returns its address.
func startNATS(t testing.TB) string {
	t.Helper()
	return startNATSWith(t, &server.Options{}).ClientURL()
}

// startNATSWith is startNATS with options of the test's own.
func startNATSWith(t testing.TB, opts *server.Options) *server.Server {
	t.Helper()
	opts.Host, opts.Port, opts.JetStream, opts.StoreDir, opts.NoSigs, opts.NoLog = "127.0.0.1", server.RANDOM_PORT, true, t.TempDir(), true, true
	s, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("NATS is not ready in 10 s")
	}
	return s
}

// connect returns a connection to a NATS.
func connect(t testing.TB, url string) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectBufSize(-1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

var _ roomlog.Shared = (*cluster)(nil)

// cluster is several nodes that share a log, as one Log: what a user does goes by the node that it is on.
type cluster struct {
	// Immutable.
	t    *testing.T
	url  string
	opts natslog.Options

	mu    sync.Mutex
	nodes map[string]*node       // Guarded by mu.
	users map[string]string      // Guarded by mu. The node of a room's user.
	last  map[string]roomlog.Seq // Guarded by mu. The last record of a room.
}

// node is one of a cluster.
type node struct {
	*natslog.Log
	up   chan struct{}
	stop func()
}

func newCluster(t *testing.T, url string, opts natslog.Options) *cluster {
	c := &cluster{t: t, url: url, opts: opts, nodes: map[string]*node{}, users: map[string]string{}, last: map[string]roomlog.Seq{}}
	return c
}

// node returns a node, which is started if need be; h may be nil.
func (c *cluster) node(name string, h func(roomlog.Event)) *node {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := c.nodes[name]; n != nil {
		return n
	}
	log, err := natslog.Open(c.t.Context(), connect(c.t, c.url), c.opts)
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	n := &node{Log: log, up: make(chan struct{})}
	var done sync.WaitGroup
	up := sync.OnceFunc(func() { close(n.up) })
	done.Go(func() {
		_ = log.Follow(ctx, name, func(e roomlog.Event) {
			if e.Node == name && e.Up {
				up()
			}
			if h != nil {
				e.Node, _, _ = strings.Cut(e.Node, ".")
				h(e)
			}
		})
	})
	n.stop = func() { cancel(); done.Wait() }
	c.nodes[name] = n
	<-n.up
	return n
}

// of returns the node of a user.
func (c *cluster) of(room, user string) *node {
	c.mu.Lock()
	name := c.users[room+"/"+user]
	c.mu.Unlock()
	if name == "" {
		name = "a"
	}
	return c.node(name, nil)
}

func (c *cluster) Append(ctx context.Context, r roomlog.Record) (roomlog.Seq, error) {
	n := c.of(r.Room, r.From)
	if r.Kind.Owns() {
		n = c.node(r.Node, nil)
	}
	seq, err := n.Append(ctx, r)
	if err == nil {
		c.mu.Lock()
		if r.Kind.Owns() {
			c.users[r.Room+"/"+r.From] = r.Node
		}
		c.last[r.Room] = max(c.last[r.Room], seq)
		c.mu.Unlock()
	}
	return seq, err
}

func (c *cluster) Read(ctx context.Context, q roomlog.Query) (roomlog.Page, error) {
	c.mu.Lock()
	q.AtLeast = max(q.AtLeast, c.last[q.Room])
	c.mu.Unlock()
	return c.of(q.Room, q.User).Read(ctx, q)
}

func (c *cluster) Forget(ctx context.Context, room, user string, upTo roomlog.Seq) error {
	// Nobody has received what the node was not told of.
	if _, err := c.Read(ctx, roomlog.Query{Room: room, User: user, Limit: 1}); err != nil {
		return err
	}
	return c.of(room, user).Forget(ctx, room, user, upTo)
}

func (c *cluster) Follow(ctx context.Context, name string, h func(roomlog.Event)) error {
	n := c.node(name, h)
	<-ctx.Done()
	n.stop()
	return ctx.Err()
}

func (c *cluster) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, n := range c.nodes {
		n.stop()
		if err := n.Close(); err != nil {
			return fmt.Errorf("node %s: %w", name, err)
		}
	}
	return nil
}

func (c *cluster) Clear(context.Context, string, time.Duration, func(*roomlog.Record) (*roomlog.Record, error), func([]roomlog.Record)) error {
	panic("not of the suite")
}
func (c *cluster) Discard(string, ...roomlog.Seq)                      { panic("not of the suite") }
func (c *cluster) Outage(string) time.Time                             { panic("not of the suite") }
func (c *cluster) Healthy() error                                      { panic("not of the suite") }
func (c *cluster) Ask(context.Context, string, []byte) ([]byte, error) { panic("not of the suite") }
func (c *cluster) Answer(func(context.Context, []byte) []byte)         { panic("not of the suite") }

func TestLog(t *testing.T) {
	logtest.Run(t, logtest.Harness{
		Open: func(t *testing.T, keep logtest.Retention) roomlog.Log {
			return newCluster(t, startNATS(t), natslog.Options{Shards: 2, Retention: min(keep.Time, time.Hour), MemberBytes: keep.Bytes})
		},
		Bubble: func(t *testing.T, f func(*testing.T)) { t.Parallel(); f(t) },
		Wait:   time.Sleep,
	})
}
