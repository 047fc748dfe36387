package natslog

import (
	"context"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/beckonrtc/beckon/server/roomlog"
)

// receipt tells up to where a user has received what it was sent, since the Join of that number.
type receipt struct{ since, upTo roomlog.Seq }

// Forget implements roomlog.Log. What the users of other nodes have received these nodes know; what this one knows is
// noted for them, should it be killed. That is not waited for.
func (l *Log) Forget(ctx context.Context, room, user string, upTo roomlog.Seq) error {
	t, err := l.now()
	if err != nil {
		return err
	}
	s := t.shard(room)
	upTo, since := s.copy.Receive(room, user, upTo)
	if upTo == 0 {
		return nil
	}
	return l.nc.PublishMsg(&nats.Msg{
		Subject: l.receiptSubject(s.number, room, user, since),
		Header:  nats.Header{jetstream.MsgTTLHeader: {l.sentTTL}},
		Data:    strconv.AppendUint(nil, uint64(upTo), 10),
	})
}

// receiptSubject returns the subject of a user's receipts since the Join of that number.
func (l *Log) receiptSubject(shard int, room, user string, since roomlog.Seq) string {
	return l.subject(shard, receipts, token(room), token(user), strconv.FormatUint(uint64(since), 10))
}

// receivedBy returns up to where a user, who came with the Join numbered since, is known to have received what it was sent.
func (l *Log) receivedBy(ctx context.Context, shard int, room, user string, since roomlog.Seq) (roomlog.Seq, error) {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	msg, err := l.lastOf(ctx, shard, l.receiptSubject(shard, room, user, since))
	if msg == nil || err != nil {
		return 0, err
	}
	r, err := parseReceipt(msg)
	return r.upTo, err
}

// receiptsOf returns a user's receipts, of all memberships; those up to head are among them.
func (l *Log) receiptsOf(ctx context.Context, shard int, of membership, head uint64) (all []receipt, err error) {
	found, _, err := l.lastOfEach(ctx, shard, []string{l.subject(shard, receipts, token(of.room), token(of.user), "*")}, head)
	if err != nil {
		return nil, err
	}
	for _, m := range found {
		r, err := parseReceipt(m)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

// parseReceipt returns the receipt that a message is.
func parseReceipt(m *stored) (receipt, error) {
	since, err := strconv.ParseUint(m.subject[strings.LastIndexByte(m.subject, '.')+1:], 10, 64)
	if err != nil {
		return receipt{}, err
	}
	upTo, err := strconv.ParseUint(string(m.data), 10, 64)
	return receipt{roomlog.Seq(since), roomlog.Seq(upTo)}, err
}
