package natslog

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/beckonrtc/beckon/server/roomlog"
)

const (
	// tryTimeout bounds one try.
	tryTimeout = 2 * time.Second
	// maxUnknown bounds how long an Append whose outcome is unknown goes on: NATS has to know it when it comes again.
	maxUnknown = leastRemembered / 2
	// sentMargin is how much longer messages, broadcasts and leaves are there than it takes at most until what a node has left behind
	// is cleared: NATS may be out of reach meanwhile, and the nodes that clear may go, too.
	sentMargin = 2 * time.Minute
	// repeatMargin is how much longer a message is known by its number than a node keeps it.
	repeatMargin = 30 * time.Second
)

// What JetStream says when it does not take a message.
const (
	wrongLastSequence   jetstream.ErrorCode = 10071 // The condition does not hold.
	lastSequenceInDoubt jetstream.ErrorCode = 10164 // Another message on that condition is on its way.
	duplicateInDoubt    jetstream.ErrorCode = 10158 // The same message is on its way.
	messageTooLarge     jetstream.ErrorCode = 10054
	headerTooLarge      jetstream.ErrorCode = 10097
	storeFailed         jetstream.ErrorCode = 10077 // The description tells why.
	accountFull         jetstream.ErrorCode = 10002
	memoryFull          jetstream.ErrorCode = 10028
	storageFull         jetstream.ErrorCode = 10047
)

// Append implements roomlog.Log. It goes on even if ctx is cancelled, since the outcome has to be known.
func (l *Log) Append(ctx context.Context, rec roomlog.Record) (roomlog.Seq, error) {
	t, err := l.now()
	if err != nil && rec.Tried {
		return 0, roomlog.ErrUnknown
	}
	if err != nil {
		return 0, err
	}
	ctx = context.WithoutCancel(ctx)
	began := time.Now()
	adopts := rec.Kind == roomlog.Move && rec.Node == t.node && t.adoptions.begin(t, &rec)
	seq, since, err := t.append(ctx, &rec)
	l.counts.appended(time.Since(began), err)
	if adopts && err == nil {
		if err := t.adopt(ctx, rec.Room, rec.From, since, seq); err != nil { // It can be moved here once more.
			return 0, fmt.Errorf("%w: %w", roomlog.ErrUnknown, err)
		}
	}
	if _, elsewhere := errors.AsType[*roomlog.ConflictError](err); adopts && (err == nil || elsewhere) {
		t.adoptions.end(&rec)
	}
	return seq, err
}

// attempt is one record on its way.
type attempt struct {
	*term
	rec     *roomlog.Record
	began   time.Time
	unknown bool // A try was sent and not answered.
	tries   int
}

// append appends rec. Of a Move it returns the number of the Join, too.
func (t *term) append(ctx context.Context, rec *roomlog.Record) (seq, since roomlog.Seq, err error) {
	a := attempt{term: t, rec: rec, began: time.Now()}
	// The condition, and what is known of whom it is about.
	about := rec.From
	if rec.Kind == roomlog.Message {
		about = rec.To
	}
	if rec.Expect.User != "" && rec.Expect.User != about {
		return 0, 0, fmt.Errorf("a %s on a condition on %q: expected one on %q", rec.Kind, rec.Expect.User, about)
	}
	owner := ownership{seq: rec.Expect.Seq, last: rec.Expect.Seq, node: rec.Node}
	node := t.foreignName(rec.Node)
	known := rec.Kind == roomlog.Join ||
		rec.Expect.User != "" && rec.Kind != roomlog.Move && (rec.Kind != roomlog.Message || rec.Node != "")
	if rec.Kind == roomlog.Leave && known {
		if owner.since = rec.Since; owner.since == 0 {
			owner.since, owner.node = t.shard(rec.Room).copy.JoinOf(rec.Room, rec.From, rec.Expect.Seq), t.name
		}
		known = owner.since != 0
	}
	p := t.log.place(rec, node)
	for again := rec.Again; ; {
		if again {
			seq, err := a.find(ctx, p)
			if err != nil {
				if err = a.failed(err, false); err != nil {
					return 0, 0, err
				}
				continue
			}
			if seq != 0 {
				return seq, 0, nil
			}
			again = false
		}
		if !known {
			if owner, err = t.look(ctx, rec.Room, about); err != nil {
				if err = a.failed(err, false); err != nil {
					return 0, 0, err
				}
				continue
			}
			if conflict := check(rec, about, owner); conflict != nil {
				if seq := a.isThere(ctx, p); seq != 0 && a.isHere(owner, seq) {
					return seq, owner.since, nil
				}
				return 0, 0, conflict
			}
			if rec.Kind == roomlog.Message && owner.node != node {
				node = owner.node
				p.subject = t.log.messageSubject(p, rec, token(node))
			}
			known = true
		}
		if rec.Kind.Owns() && !t.lease.isFresh(t) { // The session would be on a node that is cleared, or about to be.
			if err := a.failed(errNoLease, false); err != nil {
				return 0, 0, err
			}
			continue
		}
		changed, here := t.shards[p.shard].copy.Look(rec.Room, rec.From)
		number, former, err := t.publish(ctx, a.message(p, owner), p.shard)
		if err == nil && former && rec.Kind == roomlog.Join {
			if owner, err = t.look(ctx, rec.Room, rec.From); err == nil && !a.isHere(owner, roomlog.Seq(number)) {
				return 0, 0, &roomlog.ConflictError{Expect: rec.Expect, Seq: owner.seq}
			}
		}
		if err == nil {
			if rec.Kind == roomlog.Leave && (changed || !here) {
				t.log.dropAppearance(rec.Room, rec.From)
			}
			return roomlog.Seq(number), owner.since, nil
		}
		if isConflict(err) {
			known = false
			t.log.counts.conflicts.Add(1)
			continue
		}
		if err := a.failed(err, true); err != nil {
			return 0, 0, err
		}
	}
}

// check returns a ConflictError if rec cannot be appended when the user that it is about has that ownership record.
func check(rec *roomlog.Record, about string, owner ownership) error {
	switch e := rec.Expect; {
	case e.User != "" && e.Seq != owner.seq:
		return &roomlog.ConflictError{Expect: e, Seq: owner.seq}
	case rec.Kind != roomlog.Join && owner.seq == 0:
		return &roomlog.ConflictError{Expect: roomlog.Expect{User: about}}
	}
	return nil
}

// message returns what is published of the record, on condition that owner has not changed.
func (a *attempt) message(p place, owner ownership) *nats.Msg {
	rec := a.rec
	h := nats.Header{jetstream.MsgIDHeader: {p.id}}
	if rec.Kind != roomlog.Join || rec.Expect.User != "" {
		h[jetstream.ExpectedLastSubjSeqHeader] = []string{strconv.FormatUint(uint64(owner.last), 10)}
	}
	switch rec.Kind {
	case roomlog.Join:
		h[kindHeader], h[nodeHeader] = []string{"join"}, []string{a.foreignName(rec.Node)}
	case roomlog.Move:
		h[kindHeader], h[nodeHeader] = []string{"move"}, []string{a.foreignName(rec.Node)}
		h[sinceHeader] = []string{strconv.FormatUint(uint64(owner.since), 10)}
	case roomlog.Leave:
		h[kindHeader], h[nodeHeader] = []string{"leave"}, []string{owner.node}
		h[endsHeader] = []string{strconv.FormatUint(uint64(owner.last), 10)}
		h[sinceHeader] = []string{strconv.FormatUint(uint64(owner.since), 10)}
		if rec.Node != "" {
			h[byHeader] = []string{a.name}
		}
		h[jetstream.MsgTTLHeader] = []string{a.log.sentTTL}
	case roomlog.Appearance:
		h[expectedSubjectHeader] = []string{a.log.ownerSubject(p.shard, rec.Room, rec.From)}
	case roomlog.Message, roomlog.Broadcast:
		about := rec.From
		if rec.Kind == roomlog.Message {
			about = rec.To
		}
		h[expectedSubjectHeader] = []string{a.log.ownerSubject(p.shard, rec.Room, about)}
		h[jetstream.MsgTTLHeader] = []string{a.log.sentTTL}
	}
	return &nats.Msg{Subject: p.subject, Header: h, Data: rec.Data}
}

// expectedSubjectHeader names the subject that a condition is about.
const expectedSubjectHeader = "Nats-Expected-Last-Subject-Sequence-Subject"

// isThere returns the number under which the record was recorded by an earlier try, by whichever node; 0 if it was not, as far
// as is known.
func (a *attempt) isThere(ctx context.Context, p place) roomlog.Seq {
	if a.rec.CSeq == 0 && a.rec.Key == "" && !a.unknown {
		return 0
	}
	seq, _ := a.find(ctx, p)
	return seq
}

// find returns the number under which the record is there; 0 if it is not.
func (a *attempt) find(ctx context.Context, p place) (roomlog.Seq, error) {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	subject := p.subject
	if a.rec.Kind == roomlog.Message { // Wherever the session was then.
		subject = a.log.messageSubject(p, a.rec, "*")
	}
	msg, err := a.log.lastOf(ctx, p.shard, subject)
	if msg == nil || err != nil || msg.header.Get(jetstream.MsgIDHeader) != p.id {
		return 0, err
	}
	return roomlog.Seq(msg.seq), nil
}

// isConflict reports whether JetStream has refused a message since its condition did not hold.
func isConflict(err error) bool {
	e, ok := errors.AsType[*jetstream.APIError](err)
	return ok && e.ErrorCode == wrongLastSequence
}

// isHere reports whether the record, which was recorded earlier under that number, holds on this node: that of a Join may be another's,
// and its user may have moved or left since.
func (a *attempt) isHere(owner ownership, number roomlog.Seq) bool {
	return a.rec.Kind != roomlog.Join || owner.seq == number && owner.node == a.name
}

// publish publishes msg, and returns the number that it has in the stream of its shard, and whether from an earlier time.
func (t *term) publish(ctx context.Context, msg *nats.Msg, shard int) (number uint64, former bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	stream := t.log.streams[shard]
	if err := t.log.troubles.isAnother(stream); err != nil {
		return 0, false, err
	}
	ack, err := t.log.js.PublishMsg(ctx, msg, jetstream.WithRetryAttempts(0), jetstream.WithExpectStream(stream))
	t.log.stored(stream, err)
	if err != nil {
		return 0, false, inWords(err)
	}
	t.log.outages[shard].end()
	return ack.Sequence, ack.Duplicate, nil
}

// failed takes a try that has failed: a record was sent, or something was asked. It returns when it is time for the next, or with
// why there is none.
func (a *attempt) failed(err error, sent bool) error {
	wait, full := 50*time.Millisecond, isFull(err)
	switch e, api := errors.AsType[*jetstream.APIError](err); {
	case api && (e.ErrorCode == lastSequenceInDoubt || e.ErrorCode == duplicateInDoubt):
		wait = time.Millisecond // Others, or an earlier try of this one, are about to be decided.
	case isTooLarge(err):
		return fmt.Errorf("%w: %w", roomlog.ErrTooLarge, err)
	case errors.Is(err, errRemade) && !a.unknown:
		return fmt.Errorf("%w: %w", roomlog.ErrRefused, err)
	case full: // Of several servers another may have space, and it may be made.
	case api && e.Code < 500 && !a.unknown:
		return fmt.Errorf("%w: %w", roomlog.ErrRefused, err)
	case api && e.Code < 500:
		return roomlog.ErrUnknown // An earlier try may have been stored.
	case api, errors.Is(err, nats.ErrNoResponders), errors.Is(err, nats.ErrDisconnected),
		errors.Is(err, nats.ErrReconnectBufExceeded), errors.Is(err, jetstream.ErrNoStreamResponse):
	default:
		a.unknown = a.unknown || sent // It may have been stored.
	}
	a.tries++
	a.log.counts.retries.Add(1)
	if !full && wait > time.Millisecond {
		a.log.outages[a.log.shardOf(a.rec.Room)].begin()
	}
	waited := time.Since(a.began)
	switch {
	case a.done.Err() != nil && a.unknown, waited > maxUnknown:
		return roomlog.ErrUnknown
	case full && !a.unknown && max(waited, a.fullFor()) > a.log.opts.Patience:
		return fmt.Errorf("%w: %w", roomlog.ErrFull, err)
	case a.done.Err() != nil && a.rec.Tried:
		return roomlog.ErrUnknown
	case a.done.Err() != nil, waited > a.log.opts.Patience && !a.unknown && !a.rec.Tried:
		return fmt.Errorf("%w: %w", roomlog.ErrUnavailable, err)
	}
	pause := time.NewTimer(wait/2 + rand.N(wait<<min(a.tries, 4)))
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-a.done.Done():
	}
	return nil
}

// fullFor returns how long the record's stream is known to be full.
func (a *attempt) fullFor() time.Duration {
	tr := a.log.troubles.of(a.log.streams[a.log.shardOf(a.rec.Room)])
	if tr.what != errFull {
		return 0
	}
	return time.Since(tr.since)
}

// look returns the ownership record of a user, as the stream's leader knows it.
func (t *term) look(ctx context.Context, room, user string) (ownership, error) {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	shard := t.log.shardOf(room)
	if err := t.log.troubles.isAnother(t.log.streams[shard]); err != nil {
		return ownership{}, err
	}
	msg, err := t.log.lastOf(ctx, shard, t.log.ownerSubject(shard, room, user))
	if msg == nil || err != nil {
		return ownership{}, err
	}
	return parseOwnership(msg.header, msg.seq), nil
}

// dropAppearance lets the last appearance of somebody who has left go.
func (l *Log) dropAppearance(room, user string) {
	shard := l.shardOf(room)
	_ = l.nc.PublishMsg(&nats.Msg{ // What is left behind is passed over by whoever reads.
		Subject: l.subject(shard, appearances, token(room), token(user)),
		Header:  nats.Header{jetstream.MsgTTLHeader: {"1s"}},
	})
}
