package hub

import (
	"testing"
	"time"
)

// TestHistogram: a duration counts in every bucket whose end is not before it.
func TestHistogram(t *testing.T) {
	var h Histogram
	durations := []time.Duration{-time.Second, 0, 1999, 2 * time.Microsecond, 3 * time.Microsecond, time.Millisecond, time.Second, time.Hour}
	for _, d := range durations {
		h.observe(d)
	}
	n, _, upTo := h.Snapshot()
	if n != uint64(len(durations)) {
		t.Errorf("%d durations were counted, want %d", n, len(durations))
	}
	if len(upTo) != buckets-1 {
		t.Errorf("%d bounds, want %d", len(upTo), buckets-1)
	}
	for bound, got := range upTo {
		want := uint64(0)
		for _, d := range durations {
			if d.Seconds() < bound {
				want++
			}
		}
		if got != want {
			t.Errorf("%d durations are up to %v s, want %d", got, bound, want)
		}
	}
}
