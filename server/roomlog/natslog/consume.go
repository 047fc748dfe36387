package natslog

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

const (
	// How long a node asks for more at a time, and how often NATS says meanwhile that it is there.
	pullExpiry, pullHeartbeat = 4 * time.Second, time.Second
	// followPause is how long a node waits before it tries again to follow.
	followPause = 200 * time.Millisecond
)

// errMissed: a message of a consumer did not come.
var errMissed = errors.New("a message was missed")

// consumer hands out messages of a stream, in order and without gaps, until something is wrong. Then another one has to go
// on: NATS has an ordered consumer that does so by itself, but waits for ten seconds and more before it tries again, and
// cannot be ended meanwhile.
type consumer struct {
	// Immutable.
	log          *Log
	stream, name string
	iter         jetstream.MessagesContext

	// Owned by who calls next.
	last uint64 // The number of the last message, as the consumer counts.
}

// consume begins to hand out those messages of a stream that cfg names. stop must follow.
func (l *Log) consume(ctx context.Context, stream string, cfg jetstream.ConsumerConfig) (*consumer, error) {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	c := &consumer{log: l, stream: stream, name: "beckon-" + nuid.Next()}
	cfg.Name, cfg.AckPolicy, cfg.MemoryStorage, cfg.Replicas, cfg.InactiveThreshold = c.name, jetstream.AckNonePolicy, true, 1, time.Minute
	made, err := l.js.CreateConsumer(ctx, stream, cfg)
	if err != nil {
		return nil, inWords(err)
	}
	c.iter, err = made.Messages(jetstream.PullExpiry(pullExpiry), jetstream.PullHeartbeat(pullHeartbeat), jetstream.PullMaxMessages(1024))
	if err != nil {
		return nil, err
	}
	return c, nil
}

// next waits for the next message. After an error there are no more.
func (c *consumer) next(ctx context.Context) (jetstream.Msg, *jetstream.MsgMetadata, error) {
	msg, err := c.iter.Next(jetstream.NextContext(ctx))
	if err != nil {
		return nil, nil, err
	}
	meta, err := msg.Metadata()
	if err != nil {
		return nil, nil, err
	}
	if c.last++; meta.Sequence.Consumer != c.last {
		return nil, nil, errMissed
	}
	return msg, meta, nil
}

// stop ends the consumer. That NATS forgets it is not waited for.
func (c *consumer) stop() {
	c.iter.Stop()
	_ = c.log.nc.Publish("$JS.API.CONSUMER.DELETE."+c.stream+"."+c.name, nil)
}
