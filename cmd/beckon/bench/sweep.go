package bench

import (
	"context"
	"errors"

	"github.com/beckonrtc/beckon/cmd/beckon/bench/chart"
)

// errNothing tells that it is not known how much a server can do.
var errNothing = errors.New("nothing was done within --duration: a longer one is needed")

// shares are the rates that Sweep measures, as parts of what the server can do.
var shares = []float64{0.1, 0.25, 0.5, 0.7, 0.8, 0.9, 0.95}

// Sweep measures first as many calls as can be, then fixed rates up to that. When ctx ends it returns what was measured
// so far.
func Sweep(ctx context.Context, c Config) (results []Result, err error) {
	s, err := open(ctx, c)
	if err != nil {
		return nil, err
	}
	defer s.close()
	r, err := s.measure(0)
	if err != nil {
		return nil, err
	}
	results = append(results, r)
	if r.Done == 0 {
		return results, errNothing
	}
	for _, share := range shares {
		r, err := s.measure(share * results[0].DonePerSecond)
		if err != nil {
			return results, err
		}
		results = append(results, r)
	}
	return results, nil
}

// Chart draws the time of a call over the rate, of what Sweep has measured.
func Chart(results []Result) chart.Chart {
	c := chart.Chart{Title: "Time to set up a call", X: "calls per second", Y: "ms", LogY: true}
	for _, line := range []struct {
		name string
		at   func(Result) float64
	}{
		{"50%", func(r Result) float64 { return r.Latency.P50 }},
		{"99%", func(r Result) float64 { return r.Latency.P99 }},
		{"99.9%", func(r Result) float64 { return r.Latency.P999 }},
	} {
		l := chart.Line{Name: line.name}
		for _, r := range results {
			if r.Rate > 0 {
				l.Points = append(l.Points, chart.Point{X: r.Rate, Y: line.at(r)})
			}
		}
		if len(l.Points) > 0 {
			c.Lines = append(c.Lines, l)
		}
	}
	return c
}
