package memlog

import (
	"time"

	"github.com/beckonrtc/beckon/server/roomlog"
)

// queue holds what was sent and is not known to have been received, oldest first.
type queue struct {
	kept  []kept
	bytes int64 // Of data, in kept.

	// The newest record that was dropped for want of time or space.
	dropped roomlog.Seq
}

// kept is what a queue needs of a record.
type kept struct {
	seq  roomlog.Seq
	cseq uint64
	time time.Time
	from string
	data []byte
}

// record returns k as it was appended.
func (k kept) record(kind roomlog.Kind, room, to string) roomlog.Record {
	return roomlog.Record{Kind: kind, Room: room, From: k.from, To: to, CSeq: k.cseq, Data: k.data, Seq: k.seq, Time: k.time}
}

// pop takes the n oldest out, and returns their bytes.
func (q *queue) pop(n int) (freed int64) {
	for i := range n {
		freed += int64(len(q.kept[i].data))
		q.kept[i] = kept{} // The array may live on.
	}
	q.kept = q.kept[n:]
	if len(q.kept) == 0 {
		q.kept = nil
	}
	q.bytes -= freed
	return freed
}

// clear takes everything out, and returns its bytes.
func (q *queue) clear() (freed int64) { return q.pop(len(q.kept)) }

// keep adds rec to q, in the bounds of time and space. The lock of q's room must be held.
func (l *Log) keep(q *queue, rec *roomlog.Record) {
	if l.opts.Retention == 0 {
		q.dropped = rec.Seq
		return
	}
	q.kept = append(q.kept, kept{rec.Seq, rec.CSeq, rec.Time, rec.From, rec.Data})
	q.bytes += int64(len(rec.Data))
	free := int64(l.opts.TotalBytes) - l.kept.Add(int64(len(rec.Data)))
	// Near the bound of the whole, each queue is held to a share of what is free.
	l.trim(q, int(min(int64(l.opts.MemberBytes), max(free, 0)/8)))
}

// trim drops from q what is older than the retention, and the oldest of what is over the bound. The lock of q's room
// must be held.
func (l *Log) trim(q *queue, bound int) {
	oldest := time.Now().Add(-l.opts.Retention)
	over := q.bytes - int64(bound)
	n := 0
	for n < len(q.kept) && (over > 0 || !q.kept[n].time.After(oldest)) {
		over -= int64(len(q.kept[n].data))
		n++
	}
	if n > 0 {
		q.dropped = q.kept[n-1].seq
		l.kept.Add(-q.pop(n))
	}
}
