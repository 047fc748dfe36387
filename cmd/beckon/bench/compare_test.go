package bench

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{nil, 0},
		{[]float64{3}, 3},
		{[]float64{9, 1}, 5},
		{[]float64{100, 1, 2}, 2},
		{[]float64{4, 100, 1, 2}, 3},
	} {
		if got := median(c.values); got != c.want {
			t.Errorf("the median of %v is %v, want %v", c.values, got, c.want)
		}
	}
}

// TestCompared: rounds are compared with each other, and the ratio is that of the medians; a round that was cut short has
// one side only and does not count, nor does what was measured at a rate.
func TestCompared(t *testing.T) {
	var results []Result
	for i, cpu := range [][2]float64{{6, 10}, {9, 9}, {7, 10}} {
		beckon, bare := Result{Server: "beckon", CPUPerRelay: cpu[0]}, Result{Server: "bare", CPUPerRelay: cpu[1]}
		if i%2 == 0 {
			results = append(results, beckon, bare)
		} else {
			results = append(results, bare, beckon)
		}
	}
	results = append(results, Result{Server: "beckon", CPUPerRelay: 1000}, Result{Server: "beckon", CPUPerRelay: 1000, Rate: 5}, Result{Server: "bare", CPUPerRelay: 1, Rate: 5})
	got := compared(results, "CPU", "µs", closedLoop, func(r Result) float64 { return r.CPUPerRelay })
	want := []Compared{{What: "CPU", Unit: "µs", Beckon: 7, Bare: 10, Ratio: 0.7, Lowest: 0.6, Highest: 1, Rounds: 3}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := compared(results[:1], "CPU", "µs", closedLoop, func(r Result) float64 { return r.CPUPerRelay }); got != nil {
		t.Errorf("of half a round: %+v", got)
	}
}

// TestTask: each message counts once, and one too many is noticed.
func TestTask(t *testing.T) {
	task := newTask()
	err := task.do(t.Context(), 2, func() error {
		for range 2 {
			if !task.arrived() {
				t.Error("a message that is expected is one too many")
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if task.arrived() {
		t.Error("a message too many is expected")
	}
}

func TestUpTo(t *testing.T) {
	if diff := cmp.Diff([]int{1, 3, 10}, upTo(10, 1, 3, 10, 30)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{1, 3, 7}, upTo(7, 1, 3, 10, 30)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{1, 3, 50}, upTo(50, 1, 3)); diff != "" {
		t.Error(diff)
	}
}
