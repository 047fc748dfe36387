package natslog

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
)

// asked returns the subject on which a node is asked.
func (l *Log) asked(name string) string { return l.opts.Prefix + ".ask." + token(name) }

// Ask implements roomlog.Shared.
func (l *Log) Ask(ctx context.Context, node string, question []byte) ([]byte, error) {
	t, err := l.now()
	if err != nil {
		return nil, err
	}
	reply, err := l.nc.RequestWithContext(ctx, l.asked(t.foreignName(node)), question)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return nil, fmt.Errorf("node %s is not there", node)
	case err != nil:
		return nil, fmt.Errorf("ask node %s: %w", node, err)
	}
	return reply.Data, nil
}

// Answer implements roomlog.Shared.
func (l *Log) Answer(answer func(ctx context.Context, question []byte) []byte) {
	l.answer.Store(&answer)
}

// listen answers other nodes until it is ended.
func (t *term) listen() (*nats.Subscription, error) {
	asked, err := t.log.nc.Subscribe(t.log.asked(t.name), func(msg *nats.Msg) {
		answer := t.log.answer.Load()
		if answer == nil {
			return
		}
		t.log.running.Add(1)
		go func() {
			defer t.log.running.Done()
			_ = msg.Respond((*answer)(t.done, msg.Data)) // Who has asked hears nothing then.
		}()
	})
	if err != nil {
		return nil, err
	}
	return asked, t.log.nc.FlushTimeout(tryTimeout)
}
