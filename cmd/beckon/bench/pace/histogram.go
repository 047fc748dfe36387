package pace

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A Histogram counts durations, with three digits. All methods may be called concurrently.
type Histogram struct {
	mu     sync.Mutex
	counts *hdrhistogram.Histogram // Guarded by mu. In microseconds.
}

// longest is the longest duration that is told from longer ones.
const longest = 10 * time.Minute

// NewHistogram returns an empty one.
func NewHistogram() *Histogram {
	return &Histogram{counts: hdrhistogram.New(1, longest.Microseconds(), 3)}
}

// Record counts d.
func (h *Histogram) Record(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	_ = h.counts.RecordValue(min(max(d.Microseconds(), 1), longest.Microseconds())) // It is in range.
}

// A Summary is what a Histogram comes to, in milliseconds.
type Summary struct {
	Count int64   `json:"count"`
	Mean  float64 `json:"mean_ms"`
	P50   float64 `json:"p50_ms"`
	P90   float64 `json:"p90_ms"`
	P99   float64 `json:"p99_ms"`
	P999  float64 `json:"p999_ms"`
	Max   float64 `json:"max_ms"`
}

// Summary returns what was counted so far.
func (h *Histogram) Summary() Summary {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := func(percentile float64) float64 { return float64(h.counts.ValueAtPercentile(percentile)) / 1000 }
	return Summary{
		Count: h.counts.TotalCount(),
		Mean:  h.counts.Mean() / 1000,
		P50:   at(50),
		P90:   at(90),
		P99:   at(99),
		P999:  at(99.9),
		Max:   float64(h.counts.Max()) / 1000,
	}
}
