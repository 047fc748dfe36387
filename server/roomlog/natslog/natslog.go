// Package natslog keeps room logs in NATS JetStream, so that many nodes share them.
//
// A room's log is in one of several streams, its shard, chosen by the hash of its name: its records are numbered as the
// stream numbers them. JetStream decides on conditions: a record is published on condition that the last message of the
// subject of somebody's ownership record has a certain number. Each node follows all shards, with one consumer each, and
// keeps for the users whose sessions are on it a copy of what is for them, in a memlog: from there it is read, and there
// is counted what is to be given up. Who is in a room is read from JetStream.
//
// A node holds a lease, which is a message that it replaces every two seconds. Who does not for ten is taken for dead:
// another node says so in its place, once and for all. Such a node may be none the wiser for a while; so it hands out
// nothing that it cannot be sure to be allowed to, and comes back under another name.
package natslog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/starting"
)

// Options say how a log is kept. All nodes of a cluster need the same.
type Options struct {
	// Begins the names of all streams and subjects, so that several clusters can share a NATS. Letters, digits, - and _.
	// Empty: "beckon".
	Prefix string
	// How many streams the rooms are spread over. 0: 16.
	Shards int
	// On how many servers each stream is kept. 0: 1.
	Replicas int
	// Whether the streams are kept in memory rather than in files: a server that ends forgets them.
	Memory bool

	// How long a message or broadcast is kept for who has not said that it was received. 0: not at all.
	Retention time.Duration
	// As in memlog.Options, of this node.
	MemberBytes, TotalBytes int

	// How many bytes of data the largest record has. Open makes sure that NATS takes it.
	MaxData int

	// How long an Append waits for a NATS that cannot be reached. 0: 10 s.
	Patience time.Duration
	// How long a node may be silent before it is taken for dead. It says something every fifth of it. 0: 10 s.
	Lease time.Duration

	// What else all nodes need the same of. Open returns a *DifferError if another node has something else, unless MayDiffer.
	Settings  []Setting
	MayDiffer bool

	// How much this node has to do, for the others to see. May be nil.
	Load    func() Load
	Version string       // Of the program, likewise.
	Logger  *slog.Logger // Nil: nothing is logged.
	// Is told what Open waits for. Nil: that is logged alone.
	Waiting *starting.Wait
}

// Load is how much a node has to do.
type Load struct {
	Sessions int `json:"sessions"`
	Rooms    int `json:"rooms"`
}

// withDefaults returns o with its defaults filled in.
func (o Options) withDefaults() Options {
	if o.Prefix == "" {
		o.Prefix = "beckon"
	}
	if o.Shards == 0 {
		o.Shards = 16
	}
	if o.Replicas == 0 {
		o.Replicas = 1
	}
	if o.Patience == 0 {
		o.Patience = 10 * time.Second
	}
	if o.Lease == 0 {
		o.Lease = 10 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Waiting == nil {
		o.Waiting = starting.New(o.Logger)
	}
	return o
}

// Log implements roomlog.Shared.
type Log struct {
	// Immutable.
	opts    Options
	nc      *nats.Conn
	js      jetstream.JetStream
	streams []string // By shard.
	epochs  []string // By shard.
	nodes   string   // The stream of leases.
	close   context.CancelFunc
	closed  context.Context // Ends with Close.
	running sync.WaitGroup  // What Close waits for.
	counts  counts
	// How long messages, broadcasts and leaves are there. A node that ends may have kept them for Retention, and its users have as long
	// to come back elsewhere.
	sentTTL string

	troubles troubles
	outages  []outage // By shard.

	// What the node is called in the log, and what it has. Nil: it does not follow, or was taken for dead.
	term atomic.Pointer[term]
	// Answers other nodes. Nil: nobody does.
	answer atomic.Pointer[func(context.Context, []byte) []byte]
}

var _ roomlog.Shared = (*Log)(nil)

// Open returns the log that is kept in the NATS that nc is a connection to. It creates what is not there. What is there
// but was made with other options is an error, and so is another node with other settings. nc has to reconnect by itself, for as long as it takes, and not to buffer in
// the meantime; it stays the caller's. While JetStream cannot be reached, or is short of servers, Open waits, until ctx ends
// or nc is closed; that there is no JetStream, or that the node must not use it, is an error.
func Open(ctx context.Context, nc *nats.Conn, opts Options) (*Log, error) {
	opts = opts.withDefaults()
	if err := checkPrefix(opts.Prefix); err != nil {
		return nil, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("use JetStream: %w", err)
	}
	l := &Log{opts: opts, nc: nc, js: js, outages: make([]outage, opts.Shards), sentTTL: (2*opts.Retention + sentMargin).Round(time.Second).String()}
	if err := l.checkPayload(); err != nil {
		return nil, err
	}
	if err := l.createStreams(ctx); err != nil {
		return nil, err
	}
	if err := l.checkRights(ctx); err != nil {
		return nil, err
	}
	if opts.Replicas == 1 && nc.ConnectedClusterName() != "" {
		opts.Logger.Warn("each room is on one NATS server alone, though these are a cluster: it is out of reach while that server is away, and lost with it: expected 3 or 5 replicas",
			"cluster", nc.ConnectedClusterName(), "replicas", opts.Replicas)
	}
	if err := l.compareNodes(ctx); err != nil {
		return nil, err
	}
	l.closed, l.close = context.WithCancel(context.Background())
	return l, nil
}

// Close implements roomlog.Log.
func (l *Log) Close() error {
	l.close()
	l.running.Wait()
	return nil
}

var (
	errNotFollowing = errors.New("the node does not follow the room log")
	errNotConnected = errors.New("NATS cannot be reached")
	errNoLease      = errors.New("the node cannot renew its lease")
)

// now returns the present term.
func (l *Log) now() (*term, error) {
	if t := l.term.Load(); t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("%w: %w", roomlog.ErrUnavailable, errNotFollowing)
}
