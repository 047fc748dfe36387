package natslog

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/beckonrtc/beckon/server/roomlog"
)

// leastReading is how long reading may take at least, if NATS is slow to answer: the client would have to come back.
const leastReading = 5 * time.Second

// Read implements roomlog.Log. Who is in a room is read from JetStream, what was sent from the node's own copy: so with
// Query.User that user's session must be on this node.
func (l *Log) Read(ctx context.Context, q roomlog.Query) (roomlog.Page, error) {
	t, err := l.now()
	if err != nil {
		return roomlog.Page{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, max(l.opts.Patience, leastReading))
	defer cancel()
	defer context.AfterFunc(t.done, cancel)()
	s := t.shard(q.Room)
	if q.User == "" {
		return t.presence(ctx, s, q)
	}
	if err := s.reach(ctx, q.AtLeast); err != nil {
		return roomlog.Page{}, err
	}
	page, err := s.copy.Read(ctx, q)
	page.Epoch = l.epochs[s.number]
	return page, err
}

// presence reads who is in a room.
func (t *term) presence(ctx context.Context, s *shard, q roomlog.Query) (roomlog.Page, error) {
	room := token(q.Room)
	filters := []string{
		t.log.subject(s.number, owners, room, "*"),
		t.log.subject(s.number, appearances, room, "*"),
	}
	atLeast := max(q.AtLeast, s.applied()) // Else what the feed has handed out already could be missed.
	if q.Now {
		_, now, err := t.log.mark(ctx, s.number)
		if err != nil {
			return roomlog.Page{}, fmt.Errorf("read who is in the room: %w", err)
		}
		atLeast = roomlog.Seq(now)
	}
	found, head, err := t.log.lastOfEach(ctx, s.number, filters, uint64(atLeast))
	if err != nil {
		return roomlog.Page{}, fmt.Errorf("read who is in the room: %w", err)
	}
	page := roomlog.Page{Head: roomlog.Seq(head), Epoch: t.log.epochs[s.number]}
	owner := map[string]roomlog.Seq{}
	for _, m := range found {
		rec, err := t.log.parseRecord(m.subject, m.header, m.data, m.seq, m.time)
		if err != nil {
			return roomlog.Page{}, err
		}
		if rec.Kind == roomlog.Leave || rec.Kind == roomlog.Appearance && len(rec.Data) == 0 {
			continue
		}
		if rec.Kind.Owns() {
			owner[rec.From] = rec.Seq
		}
		rec.Node = t.localName(rec.Node)
		page.Records = append(page.Records, *rec)
	}
	page.Records = slices.DeleteFunc(page.Records, func(r roomlog.Record) bool {
		seq, there := owner[r.From]
		return !there || r.Seq < seq || r.Seq <= q.After // Or left behind by a former membership.
	})
	slices.SortFunc(page.Records, func(a, b roomlog.Record) int { return cmp.Compare(a.Seq, b.Seq) })
	if q.Limit > 0 && len(page.Records) > q.Limit {
		page.Records, page.More = page.Records[:q.Limit], true
		page.Head = page.Records[q.Limit-1].Seq
	}
	return page, nil
}
