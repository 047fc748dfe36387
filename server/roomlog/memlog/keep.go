package memlog

import (
	"context"
	"time"

	"github.com/beckonrtc/beckon/server/roomlog"
)

// kept returns what a room holds of rec.
func (l *Log) kept(rec *roomlog.Record) kept {
	return kept{seq: rec.Seq, cseq: rec.CSeq, at: rec.Time.Sub(l.opened), from: rec.From, data: rec.Data}
}

// record returns k as it was appended, for somebody who must not append to its data.
func (l *Log) record(k *kept, kind roomlog.Kind, room, to string) roomlog.Record {
	return roomlog.Record{
		Kind: kind, Room: room, From: k.from, To: to, CSeq: k.cseq, Data: k.data[:len(k.data):len(k.data)],
		Seq: k.seq, Time: l.opened.Add(k.at),
	}
}

// messages returns the records of messages for u in r. r.mu must be held.
func (l *Log) messages(r *room, u *user, some []kept) []roomlog.Record {
	if len(some) == 0 {
		return nil
	}
	records := make([]roomlog.Record, len(some))
	for i := range some {
		records[i] = l.record(&some[i], roomlog.Message, r.name, u.id())
	}
	return records
}

// keepMessage keeps rec for u. r.mu must be held.
func (l *Log) keepMessage(r *room, u *user, rec *roomlog.Record) {
	if l.opts.Retention == 0 {
		u.lost = rec.Seq
		return
	}
	l.push(&u.inbox, rec)
	l.trimInbox(r, u, l.pressed(&u.inbox))
}

// keepBroadcast keeps rec for all others in r. r.mu must be held.
func (l *Log) keepBroadcast(r *room, rec *roomlog.Record) {
	if l.opts.Retention == 0 {
		r.lost.add(rec.Seq, rec.From)
		return
	}
	l.push(&r.broadcasts, rec)
	l.trimBroadcasts(r, l.pressed(&r.broadcasts))
}

// push adds rec to q, and wakes the sweep if there is little space left. The mutex of q's room must be held.
func (l *Log) push(q *queue, rec *roomlog.Record) {
	k := l.kept(rec)
	q.push(k)
	if l.bytes.Add(k.size()) > l.high() {
		select {
		case l.full <- struct{}{}:
		default: // It knows.
		}
	}
}

// limit returns what a queue may hold now.
func (l *Log) limit() limit {
	return limit{since: time.Since(l.opened) - l.opts.Retention, bytes: int64(l.opts.MemberBytes)}
}

// pressed returns what q, which has grown, may hold now: less than others if the log is full and the sweep has not come
// round.
func (l *Log) pressed(q *queue) limit {
	limit := l.limit()
	if over := l.bytes.Load() - int64(l.opts.TotalBytes); over > 0 {
		limit.bytes = min(limit.bytes, q.bytes-over)
	}
	return limit
}

// trimInbox gives up the messages for u that are beyond the limit. r.mu must be held.
func (l *Log) trimInbox(r *room, u *user, limit limit) {
	n := u.inbox.beyond(limit)
	if n == 0 {
		return
	}
	oldest := u.inbox.held()[:n]
	givenUp := l.messages(r, u, oldest)
	u.lost = oldest[n-1].seq
	l.bytes.Add(-u.inbox.pop(n))
	l.tell(roomlog.Event{GivenUp: givenUp}, u.node, false)
}

// trimBroadcasts drops the broadcasts of r that are beyond the limit. r.mu must be held.
func (l *Log) trimBroadcasts(r *room, limit limit) {
	n := r.broadcasts.beyond(limit)
	if n == 0 {
		return
	}
	for _, k := range r.broadcasts.held()[:n] {
		r.lost.add(k.seq, k.from)
	}
	l.bytes.Add(-r.broadcasts.pop(n))
}

// giveUp takes all messages for u out, and returns them. r.mu must be held.
func (l *Log) giveUp(r *room, u *user) []roomlog.Record {
	all := u.inbox.held()
	givenUp := l.messages(r, u, all)
	l.bytes.Add(-u.inbox.pop(len(all)))
	return givenUp
}

// Forget implements roomlog.Log. Broadcasts are kept for the others.
func (l *Log) Forget(_ context.Context, room, user string, upTo roomlog.Seq) error {
	l.Receive(room, user, upTo)
	return nil
}

// Receive is Forget. It returns up to where the user has now received everything, 0 if no message was forgotten, and since which
// Join.
func (l *Log) Receive(room, user string, upTo roomlog.Seq) (received, since roomlog.Seq) {
	r := l.room(room, false)
	if r == nil {
		return 0, 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.users.get(user)
	if u == nil {
		return 0, 0
	}
	upTo = min(upTo, roomlog.Seq(l.seq.Load())) // What is yet to come has not been received.
	u.forgotten = max(u.forgotten, upTo)
	n := u.inbox.upTo(upTo)
	if n == 0 {
		return 0, 0
	}
	l.bytes.Add(-u.inbox.pop(n))
	return upTo, u.since
}
