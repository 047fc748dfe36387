// Package histogram counts durations, cheaply enough for every message.
package histogram

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// Histogram counts durations in buckets, each of which ends at twice the end of the one before, from 2 µs on. The zero value has
// counted none. All methods may be called concurrently.
type Histogram struct {
	buckets [buckets]atomic.Uint64
	sum     atomic.Int64 // In nanoseconds.
}

// buckets are enough for a minute, just so; the last one has no end.
const buckets = 27

// Observe counts d; one below 0, as two clocks may give it, as 0.
func (h *Histogram) Observe(d time.Duration) {
	d = max(d, 0)
	i := bits.Len64(uint64(d) / 2000) // 2 µs << i is the first end that is higher.
	h.buckets[min(i, buckets-1)].Add(1)
	h.sum.Add(int64(d))
}

// end returns where a bucket ends, but for the last.
func end(bucket int) time.Duration { return 2 * time.Microsecond << bucket }

// Snapshot returns how many durations there were, their sum, and how many of them were no longer than each bound, in seconds.
func (h *Histogram) Snapshot() (count uint64, sum time.Duration, upTo map[float64]uint64) {
	upTo = make(map[float64]uint64, buckets-1)
	for i := range buckets {
		count += h.buckets[i].Load()
		if i < buckets-1 {
			upTo[end(i).Seconds()] = count
		}
	}
	return count, time.Duration(h.sum.Load()), upTo
}

// Within returns a bound that so many of the durations, of 1, kept to, and as few more as can be told; 0 if there were none. What took
// longer than a minute counts as that.
func (h *Histogram) Within(share float64) time.Duration {
	var counts [buckets]uint64
	var total, sum uint64
	for i := range counts {
		counts[i] = h.buckets[i].Load()
		total += counts[i]
	}
	if total == 0 {
		return 0
	}
	for i, n := range counts {
		if sum += n; float64(sum) >= share*float64(total) {
			return end(min(i, buckets-2))
		}
	}
	return end(buckets - 2)
}
