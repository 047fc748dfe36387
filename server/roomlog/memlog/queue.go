package memlog

import (
	"math/bits"
	"sort"
	"sync"
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
	array *[]kept // Begins with those that were taken out, which are zero. Nil: nothing is held.
	out   int     // How many these are.
	bytes int64   // The sizes of those that are held.
}

// arrays are for queues, by the logarithm of their capacities: what one has no use for any more another has. They are empty, and zero.
var arrays [11]sync.Pool // Of *[]kept.

// newArray returns an empty array for n or more.
func newArray(n int) *[]kept {
	size := bits.Len(uint(n - 1))
	if size < len(arrays) {
		if a, ok := arrays[size].Get().(*[]kept); ok {
			return a
		}
	}
	a := make([]kept, 0, 1<<size)
	return &a
}

// giveBack lets another queue have the array of one that no longer uses it.
func giveBack(a *[]kept) {
	if size := bits.Len(uint(cap(*a) - 1)); size < len(arrays) {
		*a = (*a)[:0]
		arrays[size].Put(a)
	}
}

// held returns what the queue holds. It is valid until the queue changes.
func (q *queue) held() []kept {
	if q.array == nil {
		return nil
	}
	return (*q.array)[q.out:]
}

// space returns how many the queue can hold as it is.
func (q *queue) space() int {
	if q.array == nil {
		return 0
	}
	return cap(*q.array)
}

// push adds k, which is newer than all that is held.
func (q *queue) push(k kept) {
	switch held := q.held(); {
	case q.out+len(held) < q.space():
	case q.out > len(held): // Rather than grow, use the space in front.
		n := copy(*q.array, held)
		clear((*q.array)[n:])
		*q.array, q.out = (*q.array)[:n], 0
	default:
		q.move(2 * len(held))
	}
	*q.array = append(*q.array, k)
	q.bytes += k.size()
}

// move moves what is held to an array for n or more.
func (q *queue) move(n int) {
	former, held := q.array, q.held()
	q.array, q.out = newArray(max(n, 1)), 0
	*q.array = append(*q.array, held...)
	clear(held)
	if former != nil {
		giveBack(former)
	}
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
	case n == 0 && q.array != nil:
		giveBack(q.array)
		q.array, q.out = nil, 0
	case q.space() > small && n <= q.space()/4: // Give back what a burst took.
		q.move(n)
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
