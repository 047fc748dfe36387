package natslog

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go"
)

// asked returns the subject on which a node is asked.
func (l *Log) asked(name string) string { return l.opts.Prefix + ".ask." + token(name) }

// Ask implements roomlog.Shared. A node that was taken for dead is not asked. One that will be is not waited for longer than
// it may have to wait for NATS itself.
func (l *Log) Ask(ctx context.Context, node string, question []byte) ([]byte, error) {
	t, err := l.now()
	if err != nil {
		return nil, err
	}
	name := t.foreignName(node)
	if t.lease.hasGone(name) {
		return nil, fmt.Errorf("node %s has gone", node)
	}
	ctx, cancel := context.WithTimeout(ctx, l.opts.Patience+tryTimeout)
	defer cancel()
	reply, err := l.nc.RequestWithContext(ctx, l.asked(name), question)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return nil, fmt.Errorf("node %s is not there", node)
	case err != nil:
		return nil, fmt.Errorf("ask node %s: %w", node, inWords(err))
	}
	return reply.Data, nil
}

// Answer implements roomlog.Shared.
func (l *Log) Answer(answer func(ctx context.Context, question []byte) []byte) {
	l.answer.Store(&answer)
}

// listen answers other nodes until the term ends and stop is called. Who asks after that hears that the node is not there.
func (t *term) listen() (stop func(), err error) {
	var mu sync.Mutex
	var answering sync.WaitGroup
	stopped := false // Guarded by mu.
	asked, err := t.log.nc.Subscribe(t.log.asked(t.name), func(msg *nats.Msg) {
		answer := t.log.answer.Load()
		mu.Lock()
		defer mu.Unlock()
		if answer != nil && !stopped {
			answering.Go(func() { _ = msg.Respond((*answer)(t.done, msg.Data)) }) // Who has asked hears nothing then.
		}
	})
	if err != nil {
		return nil, err
	}
	stop = func() {
		mu.Lock()
		stopped = true
		mu.Unlock()
		answering.Wait()
		_ = asked.Unsubscribe()               // Fails if the connection is closed, and then there is nothing to end.
		_ = t.log.nc.FlushTimeout(tryTimeout) // Likewise, or NATS is away and will know when it is back.
	}
	if err := t.log.nc.FlushTimeout(tryTimeout); err != nil {
		stop()
		return nil, err
	}
	return stop, nil
}
