package natslog

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// A node that stood still while it was taken for dead, and was cleared, may have a record on its way that says that somebody is on
// it. So whoever sees such a record, and does not know of the node, says once more that it is dead: then it is cleared once more.

// suspect notes that somebody is on a node, if it is not known to be there.
func (t *term) suspect(name string) {
	l := &t.lease
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := l.nodes[name]; name == t.name || n != nil && n.beat.State == up {
		return
	}
	if _, noted := l.strays[name]; noted {
		return
	}
	if l.strays == nil {
		l.strays = map[string]time.Time{}
	}
	l.strays[name] = time.Now()
}

// findStrays sees that after nodes of which records tell is cleared if they are not there, until the term ends. A node that is about to
// be known has the time of a lease.
func (t *term) findStrays() {
	tick := time.NewTicker(t.log.every())
	defer tick.Stop()
	for {
		select {
		case <-t.done.Done():
			return
		case <-tick.C:
		}
		for _, name := range t.lease.overdueStrays(t.log.opts.Lease) {
			if err := t.bury(name); err != nil && t.done.Err() == nil {
				t.logger().Warn("somebody is on a node that is not there, and that cannot be said yet", "gone", name, "err", err)
			}
		}
	}
}

// overdueStrays returns the nodes that have been strays for that long, and forgets those that are there by now.
func (l *lease) overdueStrays(age time.Duration) (names []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, since := range l.strays {
		switch n := l.nodes[name]; {
		case n != nil && n.beat.State == up:
			delete(l.strays, name)
		case n == nil && time.Since(since) > age: // One that is down is about to be cleared, which may have come too early.
			names = append(names, name)
		}
	}
	return names
}

// bury says that a node is dead of which nobody has said that it is there, or no longer.
func (t *term) bury(name string) error {
	ctx, cancel := context.WithTimeout(t.done, tryTimeout)
	defer cancel()
	stream, err := t.log.js.Stream(ctx, t.log.nodes)
	if err != nil {
		return inWords(err)
	}
	b, seq := beat{}, uint64(0)
	msg, err := stream.GetLastMsgForSubject(ctx, t.log.nodeSubject(name))
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
	case err != nil:
		return inWords(err)
	default:
		seq = msg.Sequence
		if err := json.Unmarshal(msg.Data, &b); err != nil {
			return err
		}
		if b.State == up || b.State == down {
			return nil // The node is about to hear of that.
		}
	}
	t.logger().Warn("somebody is on a node that is not there: it is cleared once more", "gone", name)
	b.Name, b.State, b.By = name, down, t.name
	if _, err = t.log.put(t.done, b, seq, 0); isConflict(err) { // Another node was faster.
		return nil
	}
	return err
}
