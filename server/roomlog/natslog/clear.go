package natslog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/beckonrtc/beckon/server/roomlog"
)

const (
	// turn is how long the next in line waits for the one before.
	turn = 5 * time.Second
	// clearedTTL is how long it is known that a node's traces are cleared.
	clearedTTL = time.Hour
)

// Clear implements roomlog.Shared.
func (l *Log) Clear(ctx context.Context, gone string, grace time.Duration, leave func(*roomlog.Record) *roomlog.Record, givenUp func([]roomlog.Record)) error {
	t, err := l.now()
	if err != nil {
		return err
	}
	due := time.NewTimer(grace + time.Duration(t.rank(gone))*turn)
	defer due.Stop()
	for waiting := true; waiting; {
		_, _, changed, ok := t.lease.known(gone)
		if !ok {
			return nil
		}
		select {
		case <-changed:
		case <-due.C:
			waiting = false
		case <-ctx.Done():
			return ctx.Err()
		case <-t.done.Done():
			return errEnded
		}
	}
	for shard := range l.opts.Shards {
		for {
			err := t.clearShard(ctx, shard, gone, leave, givenUp)
			if err == nil {
				break
			}
			t.logger().Warn("cannot clear after a node yet", "gone", gone, "shard", shard, "err", err)
			select {
			case <-time.After(time.Second):
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

// clearShard clears what a node has left behind in one shard.
func (t *term) clearShard(ctx context.Context, shard int, gone string, leave func(*roomlog.Record) *roomlog.Record, givenUp func([]roomlog.Record)) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	found, _, err := t.log.scan(ctx, shard, []string{t.log.subject(shard, owners, ">")}, 0)
	if err != nil {
		return err
	}
	for _, m := range found {
		if m.header.Get(nodeHeader) != gone {
			continue
		}
		rec, err := t.log.parseRecord(m.subject, m.header, m.data, m.seq, m.time)
		if err != nil {
			return err
		}
		if rec.Kind.Owns() {
			end := leave(rec)
			if end == nil {
				continue
			}
			end.Node = t.node // Who tells the senders.
			if _, err := t.log.Append(ctx, *end); err != nil {
				if _, moved := errors.AsType[*roomlog.ConflictError](err); moved {
					continue
				}
				return err
			}
		} // Else the node has cleared after another, and may not have told the senders.
		kept, err := t.sentTo(ctx, shard, rec.Room, rec.From)
		if err != nil {
			return err
		}
		if len(kept) > 0 {
			givenUp(kept)
		}
	}
	return nil
}

// sentTo returns the messages that are there for a user and are not known to have been received.
func (t *term) sentTo(ctx context.Context, shard int, room, user string) ([]roomlog.Record, error) {
	filter := t.log.subject(shard, messages, "*", token(room), token(user), "*", "*")
	found, _, err := t.log.lastOfEach(ctx, shard, []string{filter}, 0, 0)
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
