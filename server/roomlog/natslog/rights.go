package natslog

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// checkRights returns an error if NATS does not let the node write records. Other errors are for who writes them.
func (l *Log) checkRights(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	_, err := l.js.PublishMsg(ctx, &nats.Msg{
		Subject: l.subject(0, marks, "rights"),
		Header:  nats.Header{jetstream.MsgTTLHeader: {"1s"}},
	}, jetstream.WithExpectStream(l.streams[0]), jetstream.WithRetryAttempts(0))
	if err == nil {
		return nil
	}
	return l.forbidden()
}

// forbidden returns an error if NATS has told the node that it may not do something; nil: it has not.
func (l *Log) forbidden() error {
	err := l.nc.LastError()
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return nil
	}
	return fmt.Errorf("NATS does not let the node use JetStream: %w: expected permission to publish and to subscribe to %s.>, _INBOX.>, $JS.API.> and $JS.ACK.>",
		err, l.opts.Prefix)
}
