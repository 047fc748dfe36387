package pace

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// taking returns a worker whose work takes so long each time.
func taking(d time.Duration) Worker {
	return func(ctx context.Context) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// near reports whether a figure of a histogram, which has three digits, is the one.
func near(got, want float64) bool { return math.Abs(got-want) <= want/1000+0.001 }

func TestBackToBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tally, err := Drive(t.Context(), Plan{WarmUp: 105 * time.Millisecond, Duration: time.Second},
			[]Worker{taking(10 * time.Millisecond), taking(20 * time.Millisecond)})
		if err != nil {
			t.Fatal(err)
		}
		s := tally.Latency.Summary()
		// The first began 110 to 1100 ms after the start and ended at 1110; that one was late. The second likewise.
		if s.Count != 100+50 || tally.Done != 99+49 || tally.Missed != 0 || tally.Elapsed != time.Second {
			t.Errorf("count %d, done %d, missed %d, elapsed %s", s.Count, tally.Done, tally.Missed, tally.Elapsed)
		}
		if !near(s.P50, 10) || !near(s.P99, 20) {
			t.Errorf("p50 %v ms, p99 %v ms; want 10, 20", s.P50, s.P99)
		}
	})
}

// TestStallCounts: a stall of half a second is seen in each time that was due in it, not in the one that it befell.
func TestStallCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := 0
		tally, err := Drive(t.Context(), Plan{Rate: 100, Duration: time.Second}, []Worker{func(ctx context.Context) error {
			begun++
			if begun == 31 { // Due after 300 ms.
				return taking(500 * time.Millisecond)(ctx)
			}
			return taking(time.Microsecond)(ctx)
		}})
		if err != nil {
			t.Fatal(err)
		}
		s := tally.Latency.Summary()
		if s.Count != 100 || begun != 100 || tally.Done != 100 || tally.Missed != 0 {
			t.Errorf("count %d, begun %d, done %d, missed %d", s.Count, begun, tally.Done, tally.Missed)
		}
		// 50 of 100 took at once; those due 300 to 790 ms after the start 500 to 10 ms.
		if !near(s.Max, 500) || !near(s.P90, 400) || s.P50 > 1 || math.Abs(s.Mean-127.5) > 1 {
			t.Errorf("longest %v, p90 %v, p50 %v, mean %v ms; want 500, 400, less than 1, 127.5", s.Max, s.P90, s.P50, s.Mean)
		}
	})
}

// TestOverload: what was due and never begun counts with the time that it had waited.
func TestOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tally, err := Drive(t.Context(), Plan{Rate: 100, Duration: time.Second}, []Worker{taking(100 * time.Millisecond)})
		if err != nil {
			t.Fatal(err)
		}
		s := tally.Latency.Summary()
		// Ten were done, the last of them just at the end.
		if s.Count != 100 || tally.Done != 10 || tally.Missed != 90 {
			t.Errorf("count %d, done %d, missed %d; want 100, 10, 90", s.Count, tally.Done, tally.Missed)
		}
		// The tenth was due after 90 ms and done after 1000; the eleventh had waited for 900 by then.
		if !near(s.Max, 910) || s.P50 < 400 {
			t.Errorf("longest %v, p50 %v ms", s.Max, s.P50)
		}
	})
}

// TestTurns: the workers have their steps between each other's.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var begun []string
		start := time.Now()
		var workers []Worker
		for i := range 3 {
			workers = append(workers, func(context.Context) error {
				mu.Lock()
				defer mu.Unlock()
				begun = append(begun, fmt.Sprintf("%d after %s", i, time.Since(start)))
				return nil
			})
		}
		if _, err := Drive(t.Context(), Plan{Rate: 10, Duration: 500 * time.Millisecond}, workers); err != nil {
			t.Fatal(err)
		}
		want := []string{"0 after 0s", "1 after 100ms", "2 after 200ms", "0 after 300ms", "1 after 400ms"}
		if diff := cmp.Diff(want, begun); diff != "" {
			t.Errorf("begun (-want +got):\n%s", diff)
		}
	})
}

func TestWarmUpDoesNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var edges []string
		start := time.Now()
		edge := func(name string) func() {
			return func() { edges = append(edges, fmt.Sprintf("%s after %s", name, time.Since(start))) }
		}
		tally, err := Drive(t.Context(), Plan{
			Rate: 10, WarmUp: time.Second, Duration: 2 * time.Second, Begin: edge("begin"), End: edge("end"),
		}, []Worker{taking(time.Millisecond)})
		if err != nil {
			t.Fatal(err)
		}
		if tally.Done != 20 || tally.Latency.Summary().Count != 20 {
			t.Errorf("done %d, counted %d; want 20", tally.Done, tally.Latency.Summary().Count)
		}
		if diff := cmp.Diff([]string{"begin after 1s", "end after 3s"}, edges); diff != "" {
			t.Errorf("edges (-want +got):\n%s", diff)
		}
	})
}

// TestInterrupted: what was measured until then is there.
func TestInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		why := errors.New("enough")
		ctx, stop := context.WithCancelCause(t.Context())
		time.AfterFunc(305*time.Millisecond, func() { stop(why) })
		tally, err := Drive(ctx, Plan{Rate: 100, Duration: time.Hour}, []Worker{taking(time.Millisecond)})
		if !errors.Is(err, why) {
			t.Errorf("error %v, want %v", err, why)
		}
		if tally.Done != 31 || tally.Missed != 0 || tally.Elapsed != 305*time.Millisecond {
			t.Errorf("done %d, missed %d, elapsed %s; want 31, 0, 305ms", tally.Done, tally.Missed, tally.Elapsed)
		}
	})
}

func TestFailingWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		start := time.Now()
		_, err := Drive(t.Context(), Plan{Duration: time.Hour}, []Worker{
			taking(time.Millisecond),
			func(context.Context) error { return broken },
		})
		if !errors.Is(err, broken) || time.Since(start) > time.Second {
			t.Errorf("error %v after %s; want %v at once", err, time.Since(start), broken)
		}
	})
}

// TestNeverDone: who waits for what never comes is not waited for.
func TestNeverDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err := Drive(t.Context(), Plan{Duration: time.Second, Patience: 3 * time.Second}, []Worker{taking(time.Hour)})
		if err == nil || !strings.Contains(err.Error(), "3s after the end") || time.Since(start) != 4*time.Second {
			t.Errorf("error %v after %s", err, time.Since(start))
		}
	})
}

func TestSummary(t *testing.T) {
	h := NewHistogram()
	for ms := range 1000 {
		h.Record(time.Duration(ms+1) * time.Millisecond)
	}
	got := h.Summary()
	for name, figures := range map[string][2]float64{
		"mean": {got.Mean, 500.5}, "p50": {got.P50, 500}, "p90": {got.P90, 900}, "p99": {got.P99, 990}, "p99.9": {got.P999, 999}, "longest": {got.Max, 1000},
	} {
		if math.Abs(figures[0]-figures[1]) > figures[1]/500 {
			t.Errorf("%s is %v ms, want %v", name, figures[0], figures[1])
		}
	}
	// What is out of range counts, too.
	h.Record(0)
	h.Record(time.Hour)
	if s := h.Summary(); s.Count != 1002 || !near(s.Max, float64(longest.Milliseconds())) {
		t.Errorf("count %d, longest %v ms", s.Count, s.Max)
	}
}
