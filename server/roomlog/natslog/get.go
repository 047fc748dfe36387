package natslog

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/beckonrtc/beckon/server/roomlog"
)

// stored is a message as it is in a stream.
type stored struct {
	subject string
	header  nats.Header
	data    []byte
	seq     uint64
	time    time.Time
}

// lastOf returns the last message on a subject, as the leader of the shard's stream knows it; nil if there is none.
func (l *Log) lastOf(ctx context.Context, shard int, subject string) (*stored, error) {
	question, err := json.Marshal(struct {
		Last string `json:"last_by_subj"`
	}{subject})
	if err != nil {
		return nil, err
	}
	reply, err := l.nc.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+l.streams[shard], question)
	if err != nil {
		return nil, inWords(err)
	}
	var answer struct {
		Error   *jetstream.APIError `json:"error"`
		Message *struct {
			Subject string    `json:"subject"`
			Seq     uint64    `json:"seq"`
			Header  []byte    `json:"hdrs"`
			Data    []byte    `json:"data"`
			Time    time.Time `json:"time"`
		} `json:"message"`
	}
	if err := json.Unmarshal(reply.Data, &answer); err != nil {
		return nil, fmt.Errorf("answer of NATS: %w", err)
	}
	switch e := answer.Error; {
	case e != nil && e.ErrorCode == jetstream.JSErrCodeMessageNotFound:
		return nil, nil
	case e != nil:
		return nil, e
	case answer.Message == nil:
		return nil, errors.New("answer of NATS without a message")
	}
	m := answer.Message
	header, err := nats.DecodeHeadersMsg(m.Header)
	if err != nil && len(m.Header) > 0 {
		return nil, fmt.Errorf("header of a message: %w", err)
	}
	return &stored{m.Subject, header, m.Data, m.Seq, m.Time}, nil
}

var (
	// errTooMany: the answer would have more messages than NATS gives at a time.
	errTooMany = errors.New("too many messages")
	// errNothing: no message matches, up to a number that is not said.
	errNothing = errors.New("no messages")
	// errGone: a message went while the answer was given.
	errGone = errors.New("a message is gone")
	// errNoAnswer: the server that was asked did not answer in time.
	errNoAnswer = errors.New("NATS does not answer")
)

// lastOfEach returns the last message on each of the subjects that match one of filters, in order, and up to which number that
// holds. It holds at least up to atLeast. (NATS can be asked for what was there up to a number, but a server that has yet to hear
// of some of that does not say so.)
func (l *Log) lastOfEach(ctx context.Context, shard int, filters []string, atLeast uint64) ([]*stored, uint64, error) {
	for patience := firstPatience; ; {
		found, head, err := l.directGet(ctx, shard, filters, patience)
		if errors.Is(err, errTooMany) {
			return l.scan(ctx, shard, filters, false)
		}
		if errors.Is(err, errNothing) {
			if l.opts.Replicas == 1 { // What was recorded before is there.
				return nil, atLeast, nil
			}
			var none bool
			if head, none, err = l.noneUpTo(ctx, shard, filters); err == nil && !none {
				err = errGone
			}
		}
		if err == nil && head >= atLeast || isMissing(err) {
			return found, head, err
		}
		pause := 2 * time.Millisecond // This server lags behind the others, or one that stands still was asked.
		if errors.Is(err, errNoAnswer) {
			patience = min(2*patience, tryTimeout)
		} else if err != nil && !errors.Is(err, errGone) {
			pause = followPause
			l.outages[shard].begin()
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			if err == nil {
				err = ctx.Err()
			}
			l.outages[shard].begin()
			return nil, 0, err
		}
	}
}

// firstPatience is how long a server may at first take to begin its answer. NATS goes on asking one that stands still.
const firstPatience = tryTimeout / 8

// directGet asks any server that has the stream, which has that long to begin its answer.
func (l *Log) directGet(ctx context.Context, shard int, filters []string, patience time.Duration) (found []*stored, head uint64, err error) {
	question, err := json.Marshal(struct {
		Each []string `json:"multi_last"`
	}{filters})
	if err != nil {
		return nil, 0, err
	}
	inbox, err := l.nc.SubscribeSync(l.nc.NewInbox())
	if err != nil {
		return nil, 0, err
	}
	defer inbox.Unsubscribe()
	if err := l.nc.PublishRequest("$JS.API.DIRECT.GET."+l.streams[shard], inbox.Subject, question); err != nil {
		return nil, 0, inWords(err)
	}
	for {
		waiting, cancel := context.WithTimeout(ctx, patience)
		msg, err := inbox.NextMsgWithContext(waiting)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			return nil, 0, errNoAnswer
		}
		if err != nil {
			return nil, 0, inWords(err)
		}
		patience = tryTimeout
		switch status := msg.Header.Get("Status"); status {
		case "":
		case "204":
			head, err := strconv.ParseUint(msg.Header.Get("Nats-UpTo-Sequence"), 10, 64)
			if err != nil {
				return nil, 0, fmt.Errorf("answer of NATS: %w", err)
			}
			if more := msg.Header.Get("Nats-Num-Pending"); more != "0" && more != "" {
				return nil, 0, errTooMany
			}
			return found, head, nil
		case "404":
			if msg.Header.Get("Description") == "No Results" {
				return nil, 0, errNothing
			}
			return nil, 0, errGone
		case "413":
			return nil, 0, errTooMany
		default:
			return nil, 0, fmt.Errorf("answer of NATS: %s %s", status, msg.Header.Get("Description"))
		}
		m, err := parseDirect(msg)
		if err != nil {
			return nil, 0, err
		}
		found = append(found, m)
	}
}

// parseDirect returns a message of an answer.
func parseDirect(msg *nats.Msg) (*stored, error) {
	m := &stored{subject: msg.Header.Get(jetstream.SubjectHeader), header: msg.Header, data: msg.Data}
	var err error
	if m.seq, err = strconv.ParseUint(msg.Header.Get(jetstream.SequenceHeader), 10, 64); err != nil {
		return nil, fmt.Errorf("answer of NATS: %w", err)
	}
	if m.time, err = time.Parse(time.RFC3339Nano, msg.Header.Get(jetstream.TimeStampHeaer)); err != nil {
		return nil, fmt.Errorf("answer of NATS: %w", err)
	}
	return m, nil
}

// scan is lastOfEach by a consumer, which costs more but has no bound. It may leave the data out.
func (l *Log) scan(ctx context.Context, shard int, filters []string, headersOnly bool) (found []*stored, head uint64, err error) {
	// The server that the consumer is on may lag behind. A mark of one's own, in the stream after all that was there, comes
	// from it when it has told of everything before.
	mark, head, err := l.mark(ctx, shard)
	if err != nil {
		return nil, 0, err
	}
	last, err := l.consume(ctx, l.streams[shard], jetstream.ConsumerConfig{
		FilterSubjects: append(slices.Clone(filters), mark), DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy, HeadersOnly: headersOnly,
	})
	if err != nil {
		return nil, 0, err
	}
	defer last.stop()
	latest := map[string]*stored{} // By subject: a server that lags behind tells of former ones, too.
	for {
		msg, meta, err := last.next(ctx)
		if err != nil {
			return nil, 0, err
		}
		if msg.Subject() == mark {
			break
		}
		if seq := meta.Sequence.Stream; seq <= head {
			latest[msg.Subject()] = &stored{msg.Subject(), msg.Headers(), msg.Data(), seq, meta.Timestamp}
		}
	}
	found = slices.SortedFunc(maps.Values(latest), func(a, b *stored) int { return cmp.Compare(a.seq, b.seq) })
	return found, head, nil
}

// mark puts a mark into a shard's stream, and returns its subject and its number: all that any node has appended before has a lower
// one.
func (l *Log) mark(ctx context.Context, shard int) (subject string, seq uint64, err error) {
	mark := &nats.Msg{
		Subject: l.subject(shard, marks, nuid.Next()),
		Header:  nats.Header{jetstream.MsgTTLHeader: {markTTL.String()}},
	}
	ack, err := l.js.PublishMsg(ctx, mark, jetstream.WithExpectStream(l.streams[shard]))
	if err != nil {
		return "", 0, inWords(err)
	}
	return mark.Subject, ack.Sequence, nil
}

// markTTL is for how long a mark is there, and so how long reading up to it may take.
const markTTL = 2 * time.Minute

// noneUpTo reports whether the leader has no message that matches one of filters, and up to which number that holds.
func (l *Log) noneUpTo(ctx context.Context, shard int, filters []string) (head uint64, none bool, err error) {
	for i, filter := range filters {
		info, err := l.streamInfo(ctx, shard, filter)
		switch {
		case err != nil:
			return 0, false, err
		case len(info.State.Subjects) > 0:
			return 0, false, nil
		case i == 0:
			head = info.State.LastSeq
		}
	}
	return head, true, nil
}

// streamInfo returns what the leader says of a shard's stream, and of the subjects that match filter, if it is not empty.
func (l *Log) streamInfo(ctx context.Context, shard int, filter string) (*jetstream.StreamInfo, error) {
	stream, err := l.js.Stream(ctx, l.streams[shard])
	if err != nil || filter == "" {
		if err != nil {
			return nil, inWords(err)
		}
		return stream.CachedInfo(), nil
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(filter))
	return info, inWords(err)
}

// checkEpoch returns errRemade if a shard's stream is not the one that was there when the log was opened: then its numbers
// are others, and what the node knows of its rooms is not in it.
func (l *Log) checkEpoch(ctx context.Context, shard int) error {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	info, err := l.streamInfo(ctx, shard, "")
	if err == nil && info.Config.Metadata[epochKey] != l.epochs[shard] {
		err = errRemade
	}
	return err
}

// parseAll returns the records that messages are.
func (l *Log) parseAll(found []*stored) ([]roomlog.Record, error) {
	all := make([]roomlog.Record, 0, len(found))
	for _, m := range found {
		rec, err := l.parseRecord(m.subject, m.header, m.data, m.seq, m.time)
		if err != nil {
			return nil, err
		}
		all = append(all, *rec)
	}
	return all, nil
}

// Discard implements roomlog.Shared. That NATS has deleted them is not waited for.
func (l *Log) Discard(room string, seqs ...roomlog.Seq) {
	for _, seq := range seqs {
		question := fmt.Appendf(nil, `{"seq":%d,"no_erase":true}`, seq)
		_ = l.nc.Publish("$JS.API.STREAM.MSG.DELETE."+l.streams[l.shardOf(room)], question)
	}
}
