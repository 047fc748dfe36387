package natslog

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

const (
	// leastRemembered is how long NATS knows a record that comes again, if nobody comes back later than that.
	leastRemembered = 2 * time.Minute
	// What the streams carry along: in which life of theirs they are, and how they are laid out.
	epochKey  = "beckon-epoch"
	shardsKey = "beckon-shards"
)

// streamName returns the name of a stream.
func (l *Log) streamName(part string) string {
	return l.opts.Prefix + "-" + part
}

// createStreams creates the streams that are not there, and checks those that are.
func (l *Log) createStreams(ctx context.Context) error {
	if l.opts.Shards < 1 || l.opts.Shards > maxShards {
		return fmt.Errorf("%d shards: expected 1 to %d", l.opts.Shards, maxShards)
	}
	for shard := range l.opts.Shards {
		epoch, err := l.createStream(ctx, l.streamName("rooms-"+strconv.Itoa(shard)), fmt.Sprintf("%s.%d.>", l.opts.Prefix, shard))
		if err != nil {
			return err
		}
		l.streams = append(l.streams, l.streamName("rooms-"+strconv.Itoa(shard)))
		l.epochs = append(l.epochs, epoch)
	}
	l.nodes = l.streamName("nodes")
	if _, err := l.createStream(ctx, l.nodes, l.opts.Prefix+".n.*"); err != nil {
		return err
	}
	l.opts.Waiting.Over()
	return nil
}

// createStream returns the epoch of a stream, which it creates if need be.
func (l *Log) createStream(ctx context.Context, name, subject string) (epoch string, err error) {
	want := jetstream.StreamConfig{
		Name:              name,
		Description:       "rooms of Beckon",
		Subjects:          []string{subject},
		MaxMsgsPerSubject: 1,
		Storage:           jetstream.FileStorage,
		Replicas:          l.opts.Replicas,
		Duplicates:        max(leastRemembered, l.opts.Retention+repeatMargin), // Who comes back repeats what was not answered.
		AllowDirect:       true,
		AllowMsgTTL:       true,
		Metadata:          map[string]string{epochKey: nuid.Next(), shardsKey: strconv.Itoa(l.opts.Shards)},
	}
	if l.opts.Memory {
		want.Storage = jetstream.MemoryStorage
	}
	var without time.Time // Since when those who answer have no JetStream.
	for {
		stream, err := l.lookUpStream(ctx, &want)
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // Another node was faster.
			continue
		}
		if !hasNone(err) {
			without = time.Time{}
		} else if without.IsZero() {
			without = time.Now()
		}
		if mayPass(err) && ctx.Err() == nil { // NATS itself is being started.
			if err := l.refused(err, without); err != nil {
				return "", err
			}
			why := inWords(err)
			if hasNone(err) {
				why = fmt.Errorf("NATS has no JetStream, or not yet: %w", err)
			}
			l.opts.Waiting.For("JetStream", fmt.Errorf("stream %s: %w", name, why))
			select {
			case <-time.After(followPause):
			case <-ctx.Done():
			}
			continue
		}
		if err != nil {
			return "", fmt.Errorf("stream %s: %w", name, err)
		}
		have := stream.CachedInfo().Config
		if err := compareStreams(&have, &want); err != nil {
			return "", fmt.Errorf("stream %s is there, but %w; run all nodes with the same options, choose another prefix, or change or delete the stream", name, err)
		}
		if have.Duplicates < want.Duplicates { // Sessions are kept for longer now. A longer one does no harm.
			have.Duplicates = want.Duplicates
			if _, err := l.js.UpdateStream(ctx, have); err != nil {
				return "", fmt.Errorf("stream %s is to know for %s what comes again: %w", name, want.Duplicates, inWords(err))
			}
		}
		return have.Metadata[epochKey], nil
	}
}

// lookUpStream returns a stream, which it creates if it is not there. Servers that have no leader yet do not answer: that
// is not waited for.
func (l *Log) lookUpStream(ctx context.Context, want *jetstream.StreamConfig) (jetstream.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	stream, err := l.js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return l.js.CreateStream(ctx, *want)
	}
	return stream, err
}

// withoutJetStream is for how long servers may be there and JetStream not: those that have it may come later.
const withoutJetStream = 5 * time.Second

// refused returns why it is of no use to wait any longer, after that error, if those who answer have had no JetStream since
// then; nil: it is.
func (l *Log) refused(why error, without time.Time) error {
	if err := l.forbidden(); err != nil {
		return err
	}
	if !without.IsZero() && time.Since(without) > withoutJetStream {
		return fmt.Errorf("NATS has no JetStream: %w: expected servers that were started with it (nats-server --jetstream), and an account that may use it", why)
	}
	return nil
}

// hasNone reports whether who answers has no JetStream, or not for the node's account.
func hasNone(err error) bool {
	if e, ok := errors.AsType[*jetstream.APIError](err); ok {
		return e.ErrorCode == jetstream.JSErrCodeJetStreamNotEnabled || e.ErrorCode == jetstream.JSErrCodeJetStreamNotEnabledForAccount
	}
	return errors.Is(err, nats.ErrNoResponders) || errors.Is(err, jetstream.ErrJetStreamNotEnabled)
}

// What JetStream says while not all of its servers are there.
const (
	notReady    jetstream.ErrorCode = 10008
	noPeers     jetstream.ErrorCode = 10005
	noResources jetstream.ErrorCode = 10023
)

// mayPass reports whether a stream cannot be had now, but perhaps soon.
func mayPass(err error) bool {
	if e, ok := errors.AsType[*jetstream.APIError](err); ok {
		return e.ErrorCode == notReady || e.ErrorCode == noPeers || e.ErrorCode == noResources || hasNone(err)
	}
	return hasNone(err) || errors.Is(err, nats.ErrTimeout) || errors.Is(err, nats.ErrDisconnected) ||
		errors.Is(err, nats.ErrReconnectBufExceeded) || errors.Is(err, context.DeadlineExceeded)
}

// compareStreams returns an error that tells in what have, which is there, is not what is wanted.
func compareStreams(have, want *jetstream.StreamConfig) error {
	var wrong []string
	differ := func(what string, have, want any) {
		if have != want {
			wrong = append(wrong, fmt.Sprintf("its %s is %v: expected %v", what, have, want))
		}
	}
	differ("list of subjects", strings.Join(have.Subjects, " "), strings.Join(want.Subjects, " "))
	differ("number of replicas", have.Replicas, want.Replicas)
	differ("storage", have.Storage, want.Storage)
	differ("number of messages per subject", have.MaxMsgsPerSubject, want.MaxMsgsPerSubject)
	differ("permission of direct gets", have.AllowDirect, want.AllowDirect)
	differ("permission of message TTLs", have.AllowMsgTTL, want.AllowMsgTTL)
	differ("number of shards", have.Metadata[shardsKey], want.Metadata[shardsKey])
	if have.Metadata[epochKey] == "" {
		wrong = append(wrong, "it has no "+epochKey+" in its metadata")
	}
	if len(wrong) > 0 {
		return errors.New(strings.Join(wrong, ", "))
	}
	return nil
}
