package histogram

import (
	"testing"
	"time"
)

// TestHistogram: a duration counts in every bucket whose end is not before it.
func TestHistogram(t *testing.T) {
	var h Histogram
	durations := []time.Duration{-time.Second, 0, 1999, 2 * time.Microsecond, 3 * time.Microsecond, time.Millisecond, time.Second, time.Hour}
	for _, d := range durations {
		h.Observe(d)
	}
	n, sum, upTo := h.Snapshot()
	if want := time.Hour + time.Second + time.Millisecond + 6999; sum != want { // It never falls.
		t.Errorf("their sum is %d, want %d", sum, want)
	}
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

// TestWithin: of the durations that are asked for all keep to the bound, and it is less than twice the longest of them.
func TestWithin(t *testing.T) {
	var h Histogram
	if got := h.Within(0.5); got != 0 {
		t.Errorf("of none half are within %s, want 0", got)
	}
	for i := range 100 {
		h.Observe(time.Duration(i+1) * time.Millisecond)
	}
	for share, longest := range map[float64]time.Duration{0.01: time.Millisecond, 0.5: 50 * time.Millisecond, 0.99: 99 * time.Millisecond, 1: 100 * time.Millisecond} {
		if got := h.Within(share); got < longest || got >= 3*longest {
			t.Errorf("%v of them are within %s, want a little more than %s", share, got, longest)
		}
	}
	h.Observe(time.Hour)
	if got := h.Within(1); got < time.Minute {
		t.Errorf("all of them are within %s, though one took an hour", got)
	}
}
