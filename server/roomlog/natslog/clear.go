package natslog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/beckonrtc/beckon/server/roomlog"
)

const (
	// turn is how long the next in line waits for the one before.
	turn = 5 * time.Second
	// lookEvery is how often is seen whether NATS can be reached meanwhile.
	lookEvery = 200 * time.Millisecond
	// clearAtOnce is how many users are cleared at a time.
	clearAtOnce = 32
	// clearedTTL is how long it is known that a node's traces are cleared.
	clearedTTL = time.Hour
)

// Clear implements roomlog.Shared.
func (l *Log) Clear(ctx context.Context, gone string, grace time.Duration, leave func(*roomlog.Record) (*roomlog.Record, error), givenUp func([]roomlog.Record)) error {
	t, err := l.now()
	if err != nil {
		return err
	}
	if left, err := t.mayBeBack(ctx, gone, grace+time.Duration(t.rank(gone))*turn); !left {
		return err
	}
	for shard := range l.opts.Shards {
		for pause := time.Second; ; pause = min(2*pause, turn) {
			err := t.clearShard(ctx, shard, gone, leave, givenUp)
			if err == nil {
				break
			}
			t.logger().Warn("cannot clear after a node yet", "gone", gone, "shard", shard, "err", err)
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return ctx.Err()
			case <-t.done.Done():
				return errEnded
			}
		}
	}
	b, seq, _, ok := t.lease.known(gone)
	if !ok {
		return nil
	}
	b.State, b.By = cleared, t.name
	if _, err := l.put(ctx, b, seq, clearedTTL); err != nil && !isConflict(err) {
		return fmt.Errorf("say that node %s is cleared: %w", gone, err)
	}
	return nil
}

// mayBeBack waits for as long as the clients of a node that has gone may come back to others. While NATS cannot be reached they
// cannot, and have all the time afterwards. It returns false if another node has cleared by then, or with an error.
func (t *term) mayBeBack(ctx context.Context, gone string, grace time.Duration) (left bool, err error) {
	due := time.NewTimer(grace)
	defer due.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	began := time.Now() // Of the time in which everything could be reached.
	out := func() bool {
		if t.lease.isFresh(t) && !t.log.wasOut(began) {
			return false
		}
		began = time.Now()
		due.Reset(grace)
		return true
	}
	for {
		_, _, changed, ok := t.lease.known(gone)
		if !ok {
			return false, nil
		}
		select {
		case <-changed:
		case <-look.C:
			out()
		case <-due.C:
			if !out() {
				return true, nil
			}
		case <-ctx.Done():
			return false, ctx.Err()
		case <-t.done.Done():
			return false, errEnded
		}
	}
}

// clearShard clears what a node has left behind in one shard.
func (t *term) clearShard(ctx context.Context, shard int, gone string, leave func(*roomlog.Record) (*roomlog.Record, error), givenUp func([]roomlog.Record)) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	found, _, err := t.log.scan(ctx, shard, []string{t.log.subject(shard, owners, ">")})
	if err != nil {
		return err
	}
	var clearing errgroup.Group
	clearing.SetLimit(clearAtOnce)
	for _, m := range found {
		if m.header.Get(nodeHeader) == gone {
			clearing.Go(func() error { return t.clearUser(ctx, shard, m, leave, givenUp) })
		}
	}
	return clearing.Wait()
}

// clearUser clears what a node has left behind of one user in one room, whose ownership record m is, or was when the node itself
// cleared after another.
func (t *term) clearUser(ctx context.Context, shard int, m *stored, leave func(*roomlog.Record) (*roomlog.Record, error), givenUp func([]roomlog.Record)) error {
	rec, err := t.log.parseRecord(m.subject, m.header, m.data, m.seq, m.time)
	if err != nil {
		return err
	}
	if rec.Kind.Owns() {
		end, err := leave(rec)
		if end == nil || err != nil {
			return err
		}
		end.Node, end.Since = t.node, parseOwnership(m.header, m.seq).since // Who tells the senders, and of what.
		_, err = t.log.Append(ctx, *end)
		if _, moved := errors.AsType[*roomlog.ConflictError](err); moved {
			return nil
		}
		if err != nil {
			return err
		}
		t.log.counts.cleared.Add(1)
	} // Else the node has cleared after another, and may not have told the senders.
	kept, err := t.sentTo(ctx, shard, rec.Room, rec.From)
	if err == nil && len(kept) > 0 {
		givenUp(kept)
	}
	return err
}

// sentTo returns the messages that are there for a user and are not known to have been received.
func (t *term) sentTo(ctx context.Context, shard int, room, user string) ([]roomlog.Record, error) {
	filter := t.log.subject(shard, messages, "*", token(room), token(user), "*", "*")
	found, _, err := t.log.lastOfEach(ctx, shard, []string{filter}, 0)
	if err != nil {
		return nil, err
	}
	received, err := t.log.receivedBy(ctx, shard, room, user)
	if err != nil {
		return nil, err
	}
	var all []roomlog.Record
	for _, m := range found {
		rec, err := t.log.parseRecord(m.subject, m.header, m.data, m.seq, m.time)
		if err != nil {
			return nil, err
		}
		if rec.Seq > received {
			all = append(all, *rec)
		}
	}
	return all, nil
}
