package natslog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/beckonrtc/beckon/server/roomlog"
)

const (
	// turn is how long the next in line waits for the one before.
	turn = 5 * time.Second
	// lookEvery is how often is seen whether NATS can be reached meanwhile.
	lookEvery = 200 * time.Millisecond
	// clearAtOnce is how many users are cleared at a time, in all shards together.
	clearAtOnce = 32
	// clearedTTL is how long it is known that a node's traces are cleared.
	clearedTTL = time.Hour
)

// Clear implements roomlog.Shared. It goes through all shards at once: one that cannot be reached holds up no other.
func (l *Log) Clear(ctx context.Context, gone string, grace time.Duration, leave func(*roomlog.Record) (*roomlog.Record, error), givenUp func([]roomlog.Record)) error {
	t, err := l.now()
	if err != nil {
		return err
	}
	if left, err := t.mayBeBack(ctx, gone, grace+time.Duration(t.rank(gone))*turn); !left {
		return err
	}
	var all errgroup.Group
	for shard := range l.opts.Shards {
		c := clearing{t, shard, gone, leave, givenUp}
		all.Go(func() error { return c.clear(ctx) })
	}
	if err := all.Wait(); err != nil {
		return err
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

// mayBeBack waits for as long as the clients of a node that has gone may come back to others. While the leases cannot be renewed
// they cannot, and have all the time afterwards. It returns false if another node has cleared by then, or with an error.
func (t *term) mayBeBack(ctx context.Context, gone string, grace time.Duration) (left bool, err error) {
	due := time.NewTimer(grace)
	defer due.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	out := func() bool {
		if t.lease.isFresh(t) {
			return false
		}
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

// clearing is the end of what a node has left behind in one shard.
type clearing struct {
	*term
	shard   int
	gone    string
	leave   func(*roomlog.Record) (*roomlog.Record, error)
	givenUp func([]roomlog.Record)
}

// clear ends it, however long that takes.
func (c *clearing) clear(ctx context.Context) error {
	var known map[membership]ownership
	var open []*stored // Ownership records of users who are yet to be cleared.
	if err := c.insist(ctx, func(ctx context.Context) (err error) {
		known, open, err = c.find(ctx)
		return err
	}); err != nil {
		return err
	}
	if err := c.insist(ctx, func(ctx context.Context) (err error) {
		open, err = c.clearUsers(ctx, open)
		return err
	}); err != nil {
		return err
	}
	return c.insist(ctx, func(ctx context.Context) error { return c.clearFormer(ctx, known) })
}

// insist tries until that succeeds, or the term ends.
func (c *clearing) insist(ctx context.Context, try func(context.Context) error) error {
	for pause := time.Second; ; pause = min(2*pause, turn) {
		err := try(ctx)
		if err == nil {
			return nil
		}
		c.log.warn(slog.LevelWarn, c.log.streams[c.shard], "cannot clear after a node yet", err, "node", c.name, "gone", c.gone)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		case <-c.done.Done():
			return errEnded
		}
	}
}

// find returns who is in the shard's rooms, or was, and of these the ownership records of users after whom is to be cleared: on
// the node, or it was to tell what they had not received.
func (c *clearing) find(ctx context.Context) (known map[membership]ownership, left []*stored, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	found, _, err := c.log.scan(ctx, c.shard, []string{c.log.subject(c.shard, owners, ">")}, false)
	if err != nil {
		return nil, nil, err
	}
	known = make(map[membership]ownership, len(found))
	for _, m := range found {
		rec, err := c.log.parseSubject(m.subject)
		if err != nil {
			return nil, nil, err
		}
		owner := parseOwnership(m.header, m.seq)
		known[membership{rec.Room, rec.From}] = owner
		switch node := m.header.Get(nodeHeader); {
		case node == c.gone, m.header.Get(byHeader) == c.gone:
			left = append(left, m)
		case owner.seq != 0:
			c.suspect(node)
		}
	}
	return known, left, nil
}

// clearUsers clears what a node has left behind of the users whose ownership records those are. It returns those for whom that has
// to be tried again.
func (c *clearing) clearUsers(ctx context.Context, users []*stored) (open []*stored, err error) {
	var mu sync.Mutex
	var clearing errgroup.Group
	clearing.SetLimit(c.atOnce())
	for _, m := range users {
		clearing.Go(func() error {
			err := c.clearUser(ctx, m)
			if err != nil {
				mu.Lock()
				defer mu.Unlock()
				open = append(open, m)
			}
			return err
		})
	}
	return open, clearing.Wait()
}

// clearUser clears what a node has left behind of one user in one room, whose ownership record m was.
func (c *clearing) clearUser(ctx context.Context, m *stored) error {
	rec, err := c.log.parseRecord(m.subject, m.header, m.data, m.seq, m.time)
	if err != nil {
		return err
	}
	ended, since := rec.Seq, parseOwnership(m.header, m.seq).since
	if rec.Kind.Owns() {
		end, err := c.leave(rec)
		if end == nil || err != nil {
			return err
		}
		end.Node, end.Since = c.gone, since
		end.Key = fmt.Sprint("end ", m.seq) // By which it is known if it has to be tried again, by this node or the next.
		ended, err = c.log.Append(ctx, *end)
		if _, moved := errors.AsType[*roomlog.ConflictError](err); moved {
			return nil
		}
		if err != nil {
			return err
		}
		c.log.counts.cleared.Add(1)
	} // Else the user has left, and whether the senders were told is not known.
	kept, err := c.sentTo(ctx, membership{rec.Room, rec.From}, since, ended)
	if err == nil && len(kept) > 0 {
		c.givenUp(kept)
	}
	return err
}

// sentTo returns the messages that are there for a user in the membership from the Join numbered since to the Leave numbered ended, and
// are not known to have been received.
func (c *clearing) sentTo(ctx context.Context, to membership, since, ended roomlog.Seq) ([]roomlog.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, leastReading)
	defer cancel()
	filter := c.log.subject(c.shard, messages, "*", token(to.room), token(to.user), "*", "*")
	found, _, err := c.log.lastOfEach(ctx, c.shard, []string{filter}, uint64(ended))
	if err != nil {
		return nil, err
	}
	received, err := c.log.receivedBy(ctx, c.shard, to.room, to.user, since)
	if err != nil {
		return nil, err
	}
	all, err := c.log.parseAll(found)
	return slices.DeleteFunc(all, func(rec roomlog.Record) bool { return rec.Seq <= max(since, received) || rec.Seq > ended }), err
}

// clearFormer gives up what was sent to users while they were on the node, and has them have joined anew since: no ownership record tells
// of that time any more. known are the present ones.
func (c *clearing) clearFormer(ctx context.Context, known map[membership]ownership) error {
	scanning, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	sent, head, err := c.log.scan(scanning, c.shard, []string{c.log.subject(c.shard, messages, token(c.gone), ">")}, true)
	if err != nil {
		return err
	}
	former := map[membership]struct{}{}
	for _, m := range sent {
		rec, err := c.log.parseSubject(m.subject)
		if err != nil {
			return err
		}
		if to := (membership{rec.Room, rec.To}); roomlog.Seq(m.seq) < known[to].since {
			former[to] = struct{}{}
		}
	}
	var clearing errgroup.Group
	clearing.SetLimit(c.atOnce())
	for to := range former {
		clearing.Go(func() error { return c.clearFormerOf(ctx, to, known[to].since, head) })
	}
	return clearing.Wait()
}

// atOnce returns how many users of a shard are cleared at a time.
func (c *clearing) atOnce() int { return max(1, clearAtOnce/c.log.opts.Shards) }

// clearFormerOf is clearFormer of one user, whose present membership began with the Join numbered since. What is there up to head is known.
func (c *clearing) clearFormerOf(ctx context.Context, to membership, since roomlog.Seq, head uint64) error {
	ctx, cancel := context.WithTimeout(ctx, leastReading)
	defer cancel()
	receipts, err := c.log.receiptsOf(ctx, c.shard, to, head)
	if err != nil {
		return err
	}
	filter := c.log.subject(c.shard, messages, token(c.gone), token(to.room), token(to.user), "*", "*")
	found, _, err := c.log.lastOfEach(ctx, c.shard, []string{filter}, head)
	if err != nil {
		return err
	}
	all, err := c.log.parseAll(found)
	if err != nil {
		return err
	}
	kept := slices.DeleteFunc(all, func(rec roomlog.Record) bool {
		return rec.Seq > since || slices.ContainsFunc(receipts, func(r receipt) bool { return r.since < rec.Seq && rec.Seq <= r.upTo })
	})
	if len(kept) > 0 {
		c.givenUp(kept)
	}
	return nil
}
