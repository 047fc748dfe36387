package natslog

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/roomlog/memlog"
)

// term is a node from when it comes until it goes or is taken for dead.
type term struct {
	// Immutable.
	log    *Log
	node   string // What the follower calls itself.
	name   string // What it is called in the log, in this term alone.
	handle func(roomlog.Event)
	shards []*shard
	done   context.Context // Ends with the term.
	end    context.CancelFunc

	lease     lease
	adoptions adoptions
}

// shard is what a node has of one shard.
type shard struct {
	// Immutable.
	number int
	copy   *memlog.Log   // What is for the users who are here.
	from   uint64        // The number of the first record that the node is told of.
	fed    func()        // Tells that the feed has begun.
	begun  chan struct{} // Closed then.

	mu    sync.Mutex
	moved chan struct{} // Guarded by mu. Not nil: to be closed when there is more in copy.
}

// shard returns what the node has of the shard that a room is in.
func (t *term) shard(room string) *shard { return t.shards[t.log.shardOf(room)] }

// applied returns the number of the last record that the node was told of.
func (s *shard) applied() roomlog.Seq { return max(s.copy.Seq(), roomlog.Seq(s.from-1)) }

// reach returns when the node was told of everything up to seq.
func (s *shard) reach(ctx context.Context, seq roomlog.Seq) error {
	for {
		s.mu.Lock()
		if s.applied() >= seq {
			s.mu.Unlock()
			return nil
		}
		if s.moved == nil {
			s.moved = make(chan struct{})
		}
		moved := s.moved
		s.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("the node is behind the log: %w", ctx.Err())
		}
	}
}

// advanced wakes who waits for more.
func (s *shard) advanced() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.moved != nil {
		close(s.moved)
		s.moved = nil
	}
}

// localName returns what the follower knows a node as, which has that name in the log.
func (t *term) localName(name string) string {
	if name == t.name {
		return t.node
	}
	return name
}

// foreignName is the reverse of localName.
func (t *term) foreignName(name string) string {
	if name == t.node {
		return t.name
	}
	return name
}

// Follow implements roomlog.Log. It may be called by one at a time. If the others take the node for dead, it comes anew,
// under another name in the log.
func (l *Log) Follow(ctx context.Context, node string, h func(roomlog.Event)) error {
	l.running.Add(1)
	defer l.running.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.closed, cancel)()
	for ctx.Err() == nil {
		if err := l.serve(ctx, node, h); err != nil && ctx.Err() == nil {
			l.warn(slog.LevelError, "", "cannot follow the room log", err)
			select {
			case <-time.After(pauseAfter(err)):
			case <-ctx.Done():
			}
		}
	}
	return ctx.Err()
}

// serve is one term. It returns nil if the node was taken for dead.
func (l *Log) serve(ctx context.Context, node string, h func(roomlog.Event)) error {
	t := &term{log: l, node: node, name: node + "." + strings.ToLower(rand.Text()[:8]), handle: h}
	t.done, t.end = context.WithCancel(ctx)
	defer t.end()
	var running sync.WaitGroup
	defer running.Wait()
	defer t.end()
	for number := range l.opts.Shards {
		info, err := l.streamInfo(t.done, number, "")
		if err == nil {
			err = l.checkEpoch(t.done, number)
		}
		if err = l.found(l.streams[number], err); err != nil {
			return fmt.Errorf("stream %s: %w", l.streams[number], err)
		}
		l.compareClocks(info.TimeStamp)
		s := &shard{number: number, from: info.State.LastSeq + 1, begun: make(chan struct{}), copy: memlog.New(memlog.Options{
			Retention: l.opts.Retention, MemberBytes: l.opts.MemberBytes, TotalBytes: l.opts.TotalBytes / l.opts.Shards,
		})}
		s.fed = sync.OnceFunc(func() { close(s.begun) })
		defer s.copy.Close()
		t.shards = append(t.shards, s)
	}
	stop, err := t.listen()
	if err != nil {
		return err
	}
	defer stop()
	for _, s := range t.shards {
		running.Go(func() { t.copyTo(s) })
		running.Go(func() { t.feed(s) })
	}
	for _, s := range t.shards { // Who is behind is not told of what was replaced in the meantime.
		select {
		case <-s.begun:
		case <-t.done.Done():
			return nil
		}
	}
	if err := t.lease.take(t); err != nil {
		return err
	}
	l.term.Store(t)
	defer l.term.Store(nil)
	h(roomlog.Event{Node: node, Up: true})
	l.opts.Logger.InfoContext(ctx, "joined the cluster", "node", t.name)
	running.Go(t.watch)
	running.Go(t.probe)
	running.Go(t.findStrays)
	dead := t.lease.keep(t) // Until the term ends.
	t.end()
	if !dead {
		return t.lease.giveBack(t)
	}
	l.term.Store(nil)
	l.opts.Logger.WarnContext(ctx, "the other nodes took this one for dead: its sessions are theirs", "node", t.name)
	running.Wait()
	h(roomlog.Event{Node: node})
	return nil
}

// clocksApart is how far the clocks of a node and of NATS may be apart before that is worth a warning.
const clocksApart = 10 * time.Second

// compareClocks warns if the clock of NATS, which showed that time a moment ago, is not the node's: when a message has been kept
// for its time the node sees by what NATS says of when it came.
func (l *Log) compareClocks(shown time.Time) {
	if apart := time.Since(shown); apart.Abs() > clocksApart {
		l.opts.Logger.Warn("the clocks of this node and of NATS are apart: messages are kept for a shorter or a longer time by that much",
			"nats", shown, "apart", apart.Round(time.Second), "kept", l.opts.Retention)
	}
}

// copyTo has the copy of a shard tell the follower.
func (t *term) copyTo(s *shard) {
	_ = s.copy.Follow(t.done, t.name, func(e roomlog.Event) {
		if e.Node != "" { // The copy's own.
			return
		}
		if rec := e.Record; rec != nil && rec.Node != "" {
			rec.Node = t.localName(rec.Node)
		}
		t.handle(e)
	})
}

// feed hands out the records of a shard, in order and without gaps, until the term ends.
func (t *term) feed(s *shard) {
	next := s.from
	for t.done.Err() == nil {
		err := t.feedFrom(s, &next)
		if t.done.Err() != nil {
			return
		}
		t.log.outages[s.number].begin()
		t.log.warn(slog.LevelWarn, t.log.streams[s.number], "the feed of the room log was interrupted", err)
		select {
		case <-time.After(pauseAfter(err)):
		case <-t.done.Done():
		}
	}
}

// feedFrom hands out the records from next on, until it cannot.
func (t *term) feedFrom(s *shard, next *uint64) error {
	stream := t.log.streams[s.number]
	if err := t.log.found(stream, t.log.checkEpoch(t.done, s.number)); err != nil {
		return err
	}
	records, err := t.log.consume(t.done, stream, jetstream.ConsumerConfig{
		FilterSubjects: []string{
			t.log.subject(s.number, owners, ">"),
			t.log.subject(s.number, appearances, ">"),
			t.log.subject(s.number, broadcasts, ">"),
			t.log.subject(s.number, messages, token(t.name), ">"),
		},
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:   *next,
	})
	if err != nil {
		return err
	}
	defer records.stop()
	s.fed()
	for {
		msg, meta, err := records.next(t.done)
		if err != nil {
			return err
		}
		if meta.Sequence.Stream < *next {
			continue
		}
		if err := t.lease.wait(t); err != nil { // It may be somebody else's to hand out.
			return err
		}
		rec, err := t.log.parseRecord(msg.Subject(), msg.Headers(), msg.Data(), meta.Sequence.Stream, meta.Timestamp)
		switch {
		case err != nil:
			t.log.opts.Logger.Error("a message is no record", "shard", s.number, "err", err)
		case rec.Kind == roomlog.Appearance && len(rec.Data) == 0: // It tells that the former may go.
			s.copy.Skip(rec.Seq)
		default:
			if rec.Kind.Owns() && rec.Node != t.name {
				t.suspect(rec.Node)
			}
			if !s.copy.Replay(t.name, rec) { // It came too late.
				t.log.Discard(rec.Room, rec.Seq)
			}
		}
		*next = meta.Sequence.Stream + 1
		s.advanced()
		t.log.counts.lag(s.number, meta.NumPending)
	}
}

// errEnded: the term has ended.
var errEnded = errors.New("the node has gone")

// logger returns where the term's own doings are logged.
func (t *term) logger() *slog.Logger { return t.log.opts.Logger.With("node", t.name) }
