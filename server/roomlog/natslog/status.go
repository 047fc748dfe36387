package natslog

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/beckonrtc/beckon/server/histogram"
)

// Status is what a node knows of its cluster.
type Status struct {
	Node      string        `json:"node"`      // What this one is called; empty: it does not follow the log at present.
	Connected bool          `json:"connected"` // To NATS.
	Lease     bool          `json:"lease"`     // Whether it can be sure that the others do not take it for dead.
	Nodes     []NodeStatus  `json:"nodes"`     // All of them, by name.
	Shards    []ShardStatus `json:"shards"`
	Appends   AppendCounts  `json:"appends"`
	Trouble   string        `json:"trouble,omitempty"` // What is wrong with the streams, as far as this node has found out.
	Servers   *Group        `json:"servers,omitempty"` // The NATS servers, if the nodes have them inside and they are several.
}

// Group is NATS servers that decide together which of them keeps which stream. Most of them have to be there for that.
type Group struct {
	Leader string `json:"leader,omitempty"` // One of Peers; empty: none answers.
	Peers  []Peer `json:"peers"`            // By name.
}

// Peer is one of them, as their leader sees it.
type Peer struct {
	Name    string        `json:"name"` // As its node is called; ID if none of those who are there has ever seen it.
	ID      string        `json:"id"`
	Current bool          `json:"current"`          // Whether it has all that was decided.
	Offline bool          `json:"offline"`          // Whether it is away.
	Lag     uint64        `json:"lag"`              // Decisions that it has yet to hear of.
	Active  time.Duration `json:"active,omitempty"` // How long ago it was heard of.
}

// NodeStatus is what a node says of itself, or what others say of it.
type NodeStatus struct {
	Name    string    `json:"name"`
	State   string    `json:"state"` // "up", or "down": then its sessions are waited for.
	Since   time.Time `json:"since"`
	Version string    `json:"version,omitempty"`
	Load
	Lag     uint64 `json:"lag"`               // Records that it has yet to be told of.
	Differs string `json:"differs,omitempty"` // In which settings it differs from the node that is asked, though all need the same.
}

// IsUp reports whether the node is there.
func (s NodeStatus) IsUp() bool { return s.State == up }

// ShardStatus is the state of one shard's stream.
type ShardStatus struct {
	Stream    string `json:"stream"`
	Clustered bool   `json:"clustered,omitempty"` // Whether there are several NATS servers.
	Leader    string `json:"leader,omitempty"`    // One of these; empty: there is none.
	Replicas  int    `json:"replicas"`            // Those that keep up, the leader included.
	Wanted    int    `json:"wanted"`              // Those that should.
	Messages  uint64 `json:"messages"`
	Bytes     uint64 `json:"bytes"`
	Last      uint64 `json:"last"`            // The number of its last record.
	Lag       uint64 `json:"lag"`             // Records that this node has yet to be told of.
	Error     string `json:"error,omitempty"` // Why the rest is not known.
}

// AppendCounts are what this node's calls of Append came to, since it was started.
type AppendCounts struct {
	Total     uint64        `json:"total"`
	Failed    uint64        `json:"failed"`
	Conflicts uint64        `json:"conflicts"` // Conditions that did not hold at first.
	Retries   uint64        `json:"retries"`
	Cleared   uint64        `json:"cleared"` // Users whom the node has ended for nodes that had gone, once for each of their rooms.
	Time      time.Duration `json:"time"`    // What they took together.
	P50       time.Duration `json:"p50"`     // Half of them took no longer, as far as can be told: to a power of two.
	P99       time.Duration `json:"p99"`     // 99 % of them.
}

// Status returns what the node knows of its cluster. It asks NATS about the shards.
func (l *Log) Status(ctx context.Context) Status {
	s := l.Local()
	s.Shards = make([]ShardStatus, len(l.streams))
	var asked sync.WaitGroup
	for shard := range l.streams {
		asked.Go(func() { s.Shards[shard] = l.shardStatus(ctx, shard) })
	}
	asked.Wait()
	return s
}

// Local is Status without the shards, for which nobody is asked.
func (l *Log) Local() Status {
	s := Status{Connected: l.nc.Status() == nats.CONNECTED, Appends: AppendCounts{
		Failed: l.counts.failures.Load(), Conflicts: l.counts.conflicts.Load(),
		Retries: l.counts.retries.Load(), Cleared: l.counts.cleared.Load(),
		P50: l.counts.appends.Within(0.5), P99: l.counts.appends.Within(0.99),
	}}
	s.Appends.Total, s.Appends.Time, _ = l.counts.appends.Snapshot()
	if err := l.Trouble(); err != nil {
		s.Trouble = err.Error()
	}
	if t := l.term.Load(); t != nil {
		s.Node, s.Lease = t.name, t.lease.isFresh(t)
		s.Nodes = append(t.others(), t.beat(up).status())
		slices.SortFunc(s.Nodes, func(a, b NodeStatus) int { return cmp.Compare(a.Name, b.Name) })
	}
	return s
}

// AppendTimes returns what this node's calls of Append took, since it was started.
func (l *Log) AppendTimes() *histogram.Histogram { return &l.counts.appends }

// Retained returns how much this node keeps for the users who are here, in bytes; see memlog.Options.
func (l *Log) Retained() (bytes int64) {
	if t := l.term.Load(); t != nil {
		for _, s := range t.shards {
			bytes += s.copy.Retained()
		}
	}
	return bytes
}

// shardStatus asks NATS about a shard.
func (l *Log) shardStatus(ctx context.Context, shard int) ShardStatus {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	s := ShardStatus{Stream: l.streams[shard], Lag: l.counts.lags[shard].Load()}
	info, err := l.streamInfo(ctx, shard, "")
	switch {
	case isMissing(err):
		s.Error = "the stream is missing" // What to do is in Trouble.
		return s
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		s.Error = "no answer: no leader is known yet"
		return s
	case err != nil:
		s.Error = err.Error()
		return s
	}
	s.Messages, s.Bytes, s.Last = info.State.Msgs, info.State.Bytes, info.State.LastSeq
	s.Wanted, s.Replicas = info.Config.Replicas, 1
	if c := info.Cluster; c != nil && c.Name != "" {
		s.Clustered, s.Leader = true, c.Leader
		if c.Leader == "" {
			s.Replicas = 0
		}
		for _, peer := range c.Replicas {
			if peer.Current && !peer.Offline {
				s.Replicas++
			}
		}
	}
	return s
}

// status returns b as others see it.
func (b beat) status() NodeStatus {
	return NodeStatus{Name: b.Name, State: b.State, Since: b.Since, Version: b.Version, Load: b.Load, Lag: b.Lag}
}

// others returns what is known of the other nodes.
func (t *term) others() (all []NodeStatus) {
	t.lease.mu.Lock()
	defer t.lease.mu.Unlock()
	for _, n := range t.lease.nodes {
		s := n.beat.status()
		if n.beat.State == up {
			s.Differs = t.log.difference(s.Name, n.beat.Settings)
		}
		all = append(all, s)
	}
	return all
}

// isFresh reports whether the node can be sure that the others do not take it for dead.
func (l *lease) isFresh(t *term) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.isFreshLocked(t)
}

// isFreshLocked is isFresh. l.mu must be held.
func (l *lease) isFreshLocked(t *term) bool {
	now := time.Now()
	age := max(now.Sub(l.renewed), now.Round(0).Sub(l.renewed.Round(0))) // Not every clock goes on while a machine stands still.
	return age < t.log.opts.Lease-t.log.every()
}

// Healthy returns nil if the node has its lease, and else what is wrong. It has it for a while after NATS was lost.
func (l *Log) Healthy() error {
	t, err := l.now()
	if err == nil && t.lease.isFresh(t) {
		return nil
	}
	switch trouble := l.Trouble(); {
	case trouble != nil:
		return trouble
	case err != nil:
		return err
	case l.nc.Status() != nats.CONNECTED:
		return errNotConnected
	}
	return errNoLease
}
