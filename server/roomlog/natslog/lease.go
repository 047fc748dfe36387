package natslog

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/beckonrtc/beckon/server/roomlog"
)

// What a node's lease says of it.
const (
	up      = "up"
	down    = "down"    // It has gone, or was taken for dead. What it has left behind is yet to be cleared.
	cleared = "cleared" // That is done.
)

// beat is the content of a lease.
type beat struct {
	Name    string    `json:"name"`
	State   string    `json:"state"`
	Since   time.Time `json:"since"`
	Load    Load      `json:"load"`
	Lag     uint64    `json:"lag"` // Records that it has yet to be told of.
	By      string    `json:"by"`  // Who says so.
	Version string    `json:"version,omitempty"`
	ID      string    `json:"id"` // Of this beat.

	Settings []Setting `json:"settings,omitempty"`
}

// lease is a node's right to hand out what is for its sessions.
type lease struct {
	since time.Time // Immutable once taken.

	mu      sync.Mutex
	seq     uint64           // Guarded by mu. Of the last beat.
	renewed time.Time        // Guarded by mu. When the last beat that was taken was sent.
	fresh   chan struct{}    // Guarded by mu. Not nil: to be closed when it is renewed.
	nodes   map[string]*node // Guarded by mu. All others.
	changed chan struct{}    // Guarded by mu. Closed when nodes has changed.
	// Guarded by mu. Nodes that are not there as far as is known, but have people in rooms, by the time when that was seen first.
	strays map[string]time.Time
}

// node is what is known of another node.
type node struct {
	seq    uint64 // Of its lease.
	beat   beat
	silent time.Duration // How long it has said nothing while the node itself could.
}

// every returns how often a node says that it is there.
func (l *Log) every() time.Duration { return l.opts.Lease / 5 }

// nodeSubject returns the subject of a node's lease.
func (l *Log) nodeSubject(name string) string { return l.opts.Prefix + ".n." + token(name) }

// put writes a node's lease, on condition that the last beat was seq.
func (l *Log) put(ctx context.Context, b beat, seq uint64, ttl time.Duration) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	b.ID = nuid.Next()
	data, err := json.Marshal(b)
	if err != nil {
		return 0, err
	}
	msg := &nats.Msg{Subject: l.nodeSubject(b.Name), Data: data, Header: nats.Header{
		jetstream.MsgIDHeader:               {b.ID},
		jetstream.ExpectedLastSubjSeqHeader: {strconv.FormatUint(seq, 10)},
	}}
	if ttl > 0 {
		msg.Header[jetstream.MsgTTLHeader] = []string{ttl.String()}
	}
	ack, err := l.js.PublishMsg(ctx, msg, jetstream.WithRetryAttempts(3), jetstream.WithRetryWait(100*time.Millisecond))
	l.stored(l.nodes, err)
	if err != nil {
		return 0, inWords(err)
	}
	return ack.Sequence, nil
}

// beat returns what the node has to say.
func (t *term) beat(state string) beat {
	b := beat{Name: t.name, State: state, Since: t.lease.since, By: t.name, Lag: t.log.counts.maxLag(), Version: t.log.opts.Version, Settings: t.log.opts.Settings}
	if t.log.opts.Load != nil {
		b.Load = t.log.opts.Load()
	}
	return b
}

// take takes the lease of a new node.
func (l *lease) take(t *term) error {
	l.since = time.Now()
	l.nodes, l.changed = map[string]*node{}, make(chan struct{})
	seq, err := t.log.put(t.done, t.beat(up), 0, 0)
	if err != nil {
		return fmt.Errorf("take a lease: %w", err)
	}
	l.renew(seq, l.since)
	return nil
}

// renew notes a beat that was sent at that time and taken.
func (l *lease) renew(seq uint64, sent time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq, l.renewed = seq, sent
	if l.fresh != nil {
		close(l.fresh)
		l.fresh = nil
	}
}

// keep renews the lease until the term ends. It reports whether another node has said that this one is dead.
func (l *lease) keep(t *term) (dead bool) {
	tick := time.NewTicker(t.log.every())
	defer tick.Stop()
	for {
		select {
		case <-t.done.Done():
			return false
		case <-tick.C:
		}
		sent := time.Now()
		l.mu.Lock()
		seq := l.seq
		l.mu.Unlock()
		next, err := t.log.put(t.done, t.beat(up), seq, 0)
		if isConflict(err) {
			if next, dead = l.whatHappened(t); dead {
				return true
			}
			err = nil
			if next == 0 {
				continue
			}
		}
		switch {
		case err == nil:
			l.renew(next, sent)
		case t.done.Err() == nil:
			t.log.warn(slog.LevelWarn, t.log.nodes, "cannot renew the lease", err, "node", t.name)
		}
	}
}

// whatHappened finds out why the lease is not as this node has left it: an earlier try was taken after all, and then its
// number is returned, or the node is dead. 0: it cannot be found out now.
func (l *lease) whatHappened(t *term) (seq uint64, dead bool) {
	ctx, cancel := context.WithTimeout(t.done, tryTimeout)
	defer cancel()
	stream, err := t.log.js.Stream(ctx, t.log.nodes)
	if err != nil {
		return 0, false
	}
	msg, err := stream.GetLastMsgForSubject(ctx, t.log.nodeSubject(t.name))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, true
	}
	if err != nil {
		return 0, false
	}
	var b beat
	if json.Unmarshal(msg.Data, &b) != nil || b.By != t.name || b.State != up {
		return 0, true
	}
	return msg.Sequence, false
}

// giveBack tells the others that the node has gone.
func (l *lease) giveBack(t *term) error {
	l.mu.Lock()
	seq := l.seq
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.done), tryTimeout)
	defer cancel()
	if _, err := t.log.put(ctx, t.beat(down), seq, 0); err != nil {
		return fmt.Errorf("give the lease back: %w", err)
	}
	return nil
}

// wait returns when the node can be sure that the others do not take it for dead.
func (l *lease) wait(t *term) error {
	for {
		l.mu.Lock()
		if l.isFreshLocked(t) {
			l.mu.Unlock()
			return nil
		}
		if l.fresh == nil {
			l.fresh = make(chan struct{})
		}
		fresh := l.fresh
		l.mu.Unlock()
		select {
		case <-fresh:
		case <-t.done.Done():
			return errEnded
		}
	}
}

// watch follows the leases of all nodes until the term ends.
func (t *term) watch() {
	for t.done.Err() == nil {
		if err := t.watchNodes(); t.done.Err() == nil {
			t.log.warn(slog.LevelWarn, t.log.nodes, "cannot follow the other nodes' leases", err, "node", t.name)
			select {
			case <-time.After(pauseAfter(err)):
			case <-t.done.Done():
			}
		}
	}
}

// watchNodes follows the leases of all nodes until it cannot.
func (t *term) watchNodes() error {
	beats, err := t.log.consume(t.done, t.log.nodes, jetstream.ConsumerConfig{
		FilterSubject: t.log.opts.Prefix + ".n.*", DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy,
	})
	if err = t.log.found(t.log.nodes, err); err != nil {
		return err
	}
	defer beats.stop()
	var last time.Time // When the node last heard itself.
	for {
		msg, meta, err := beats.next(t.done)
		if err != nil {
			return err
		}
		var b beat
		if err := json.Unmarshal(msg.Data(), &b); err != nil {
			t.logger().Error("a lease cannot be read", "subject", msg.Subject(), "err", err)
			continue
		}
		if b.Name != t.name {
			t.heard(b, meta.Sequence.Stream)
			continue
		}
		if now := time.Now(); b.State == up {
			if !last.IsZero() { // A gap is the node's own, or that of NATS, and is not held against others.
				t.age(min(now.Sub(last), t.log.every()*3/2))
			}
			last = now
		}
	}
}

// heard takes what another node has said, or what was said of it.
func (t *term) heard(b beat, seq uint64) {
	l := &t.lease
	l.mu.Lock()
	former := l.nodes[b.Name]
	if former != nil && seq <= former.seq {
		l.mu.Unlock()
		return
	}
	was := cleared
	if former != nil {
		was = former.beat.State
	}
	if b.State == down && was != down {
		delete(l.strays, b.Name) // Who clears from now on finds what it has recorded.
	}
	if b.State == cleared {
		delete(l.nodes, b.Name)
	} else {
		l.nodes[b.Name] = &node{seq: seq, beat: b}
	}
	close(l.changed)
	l.changed = make(chan struct{})
	l.mu.Unlock()
	switch {
	case b.State == up && was != up:
		if what := t.log.difference(b.Name, b.Settings); what != "" { // It was started at the same moment, or told to come all the same.
			t.logger().Warn("a node differs, though all need the same", "what", what)
		}
		t.handle(roomlog.Event{Node: b.Name, Up: true})
	case b.State == down && was != down:
		t.logger().Info("a node has gone", "gone", b.Name, "by", b.By)
		t.handle(roomlog.Event{Node: b.Name})
	}
}

// age counts a time in which the node could have heard of others. It says of those that are silent for too long that they
// are dead.
func (t *term) age(by time.Duration) {
	l := &t.lease
	type silent struct {
		beat
		seq uint64
	}
	var dead []silent
	l.mu.Lock()
	for _, n := range l.nodes {
		if n.beat.State != up {
			continue
		}
		if n.silent += by; n.silent > t.log.opts.Lease {
			dead = append(dead, silent{n.beat, n.seq})
		}
	}
	l.mu.Unlock()
	for _, n := range dead {
		n.State, n.By = down, t.name
		if _, err := t.log.put(t.done, n.beat, n.seq, 0); err != nil && !isConflict(err) {
			t.logger().Warn("cannot say that a node is dead", "dead", n.Name, "err", err)
		}
	}
}

// rank returns how many nodes go before this one in clearing after a node.
func (t *term) rank(gone string) int {
	weight := func(name string) uint64 {
		h := fnv.New64a()
		h.Write([]byte(gone + "\x00" + name)) // Never fails.
		return h.Sum64()
	}
	l := &t.lease
	l.mu.Lock()
	defer l.mu.Unlock()
	alive := []string{t.name}
	for name, n := range l.nodes {
		if n.beat.State == up {
			alive = append(alive, name)
		}
	}
	slices.SortFunc(alive, func(a, b string) int { return cmp.Compare(weight(a), weight(b)) })
	return slices.Index(alive, t.name)
}

// hasGone reports whether a node is known to have gone, or was taken for dead.
func (l *lease) hasGone(name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.nodes[name]
	return n != nil && n.beat.State != up
}

// known returns what is known of a node that has gone, and what is closed when anything of nodes changes. It returns
// false once the node is cleared.
func (l *lease) known(name string) (b beat, seq uint64, changed <-chan struct{}, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.nodes[name]
	if n == nil || n.beat.State != down {
		return b, 0, nil, false
	}
	return n.beat, n.seq, l.changed, true
}
