package memlog

import (
	"slices"
	"sort"
	"time"

	"github.com/beckonrtc/beckon/server/roomlog"
)

// overhead is what a kept record counts for besides its data, in bytes: about what it takes up, so that a million empty
// messages are not free.
const overhead = 128

// kept is what a room holds of a record.
type kept struct {
	seq  roomlog.Seq
	cseq uint64
	at   time.Duration // Since the log was opened.
	from string
	data []byte
}

// size returns what k counts for, in bytes.
func (k *kept) size() int64 { return int64(len(k.data)) + overhead }

// queue holds what was sent and is not known to have been received, oldest first. The zero queue is empty.
type queue struct {
	array []kept // Begins with those that were taken out, which are zero.
	out   int    // How many these are.
	bytes int64  // The sizes of those that are held.
}

// held returns what the queue holds. It is valid until the queue changes.
func (q *queue) held() []kept { return q.array[q.out:] }

// push adds k, which is newer than all that is held.
func (q *queue) push(k kept) {
	if len(q.array) == cap(q.array) && q.out > len(q.array)/2 { // Rather than grow, use the space in front.
		n := copy(q.array, q.held())
		clear(q.array[n:])
		q.array, q.out = q.array[:n], 0
	}
	q.array = append(q.array, k)
	q.bytes += k.size()
}

// pop takes the n oldest out, and returns their sizes.
func (q *queue) pop(n int) (freed int64) {
	oldest := q.held()[:n]
	for i := range oldest {
		freed += oldest[i].size()
	}
	clear(oldest)
	q.out += n
	q.bytes -= freed
	const small = 32
	switch n := len(q.held()); {
	case n == 0:
		q.array, q.out = nil, 0
	case cap(q.array) > small && n <= cap(q.array)/4: // Give back what a burst took.
		q.array, q.out = slices.Clone(q.held()), 0
	}
	return freed
}

// upTo returns how many of those that are held are numbered seq or lower.
func (q *queue) upTo(seq roomlog.Seq) int {
	held := q.held()
	if len(held) == 0 || held[0].seq > seq { // As at most heartbeats.
		return 0
	}
	return sort.Search(len(held), func(i int) bool { return held[i].seq > seq })
}

// limit says what a queue may hold.
type limit struct {
	after roomlog.Seq   // Only what is numbered higher,
	since time.Duration // was sent later
	bytes int64         // and fits in so much.
}

// beyond returns how many of the oldest are beyond the limit.
func (q *queue) beyond(l limit) (n int) {
	held := q.held()
	for over := q.bytes - l.bytes; n < len(held); n++ {
		k := &held[n]
		if over <= 0 && k.seq > l.after && k.at > l.since {
			break
		}
		over -= k.size()
	}
	return n
}
