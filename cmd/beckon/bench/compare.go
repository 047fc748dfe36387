package bench

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"
)

// A Comparison is Beckon beside the bare relay: the same load for both, in turns, in the same run. It has the rounds that
// were done.
type Comparison struct {
	Rounds int        `json:"rounds"`
	Rows   []Compared `json:"rows"`
}

// Compared is one quantity. Its ratio is that of the medians; Lowest and Highest are those of single rounds.
type Compared struct {
	What    string  `json:"what"`
	Unit    string  `json:"unit"`
	Beckon  float64 `json:"beckon"` // The median, as is the next.
	Bare    float64 `json:"bare"`
	Ratio   float64 `json:"ratio"`
	Lowest  float64 `json:"lowest_ratio"`
	Highest float64 `json:"highest_ratio"`
	Rounds  int     `json:"rounds"`
}

// A Start starts a server of a kind. stop ends it.
type Start func(ctx context.Context, kind string) (server Server, stop func(), err error)

// kinds are what is compared.
var kinds = []string{"beckon", "bare"}

// Compare measures both kinds of servers in turns, with calls, with idle sessions, or with both. When ctx ends it returns
// what was measured so far.
func Compare(ctx context.Context, start Start, rounds int, configs ...Config) (c Comparison, results []Result, err error) {
	c.Rounds = rounds
	for _, config := range configs {
		var measured []Result
		if config.Work == "calls" {
			measured, err = compareCalls(ctx, start, rounds, config)
			c.Rows = append(c.Rows, compared(measured, "server CPU for a relay", "µs", closedLoop, func(r Result) float64 { return r.CPUPerRelay })...)
			c.Rows = append(c.Rows, compared(measured, "relays", "/s", closedLoop, func(r Result) float64 { return r.RelaysPerSecond })...)
			c.Rows = append(c.Rows, compared(measured, "99% of calls are set up within", "ms", byTimetable, func(r Result) float64 { return r.Latency.P99 })...)
		} else {
			measured, err = compareIdle(ctx, start, rounds, config)
			c.Rows = append(c.Rows, compared(measured, "server memory for an idle session", "KiB", closedLoop, func(r Result) float64 { return r.RSSPerSession / 1024 })...)
		}
		if results = append(results, measured...); err != nil {
			return c, results, err
		}
	}
	return c, results, nil
}

func closedLoop(r Result) bool  { return r.Rate == 0 }
func byTimetable(r Result) bool { return r.Rate > 0 }

// compareCalls first lets each server set up as many calls as it can; then both half of what the slower one can.
func compareCalls(ctx context.Context, start Start, rounds int, config Config) (results []Result, err error) {
	scenes := map[string]*scene{}
	for _, kind := range kinds {
		server, stop, err := start(ctx, kind)
		if err != nil {
			return nil, err
		}
		defer stop()
		config.Servers = []Server{server}
		if scenes[kind], err = open(ctx, config); err != nil {
			return nil, err
		}
		defer scenes[kind].close()
	}
	inTurns := func(rate float64) error {
		for round := range rounds {
			for i := range kinds {
				kind := kinds[(i+round)%len(kinds)] // Neither is always the first.
				r, err := scenes[kind].measure(rate)
				if err != nil {
					return err
				}
				results = append(results, r)
			}
		}
		return nil
	}
	if err := inTurns(0); err != nil {
		return results, err
	}
	most := func(kind string) float64 {
		return median(of(results, kind, closedLoop, func(r Result) float64 { return r.DonePerSecond }))
	}
	rate := min(most("beckon"), most("bare")) / 2
	if rate == 0 {
		return results, errNothing
	}
	return results, inTurns(rate)
}

// compareIdle starts servers anew for each round, since one does not give back at once what it has used. Rounds are of different
// sizes, up to the one that is wanted: the collector lets memory grow to twice what is used before it looks, so that at a single
// size one server may be measured just before it does, and the other just after.
func compareIdle(ctx context.Context, start Start, rounds int, config Config) (results []Result, err error) {
	most := float64(config.Sessions)
	one := func(kind string) error {
		server, stop, err := start(ctx, kind)
		if err != nil {
			return err
		}
		defer stop()
		config.Servers = []Server{server}
		r, err := idle(ctx, config)
		if err == nil {
			results = append(results, r)
		}
		return err
	}
	for round := range rounds {
		config.Sessions = max(1, int(most*math.Exp2(float64(round+1)/float64(rounds)-1)))
		for i := range kinds {
			if err := one(kinds[(i+round)%len(kinds)]); err != nil {
				return results, err
			}
		}
	}
	return results, nil
}

// of returns a quantity of some of the results, in their order.
func of(results []Result, kind string, which func(Result) bool, what func(Result) float64) (values []float64) {
	for _, r := range results {
		if r.Server == kind && which(r) {
			values = append(values, what(r))
		}
	}
	return values
}

// compared returns the row of a quantity; none if there is no whole round.
func compared(results []Result, what, unit string, which func(Result) bool, value func(Result) float64) []Compared {
	beckon, bare := of(results, "beckon", which, value), of(results, "bare", which, value)
	rounds := min(len(beckon), len(bare))
	if rounds == 0 {
		return nil
	}
	ratios := make([]float64, rounds)
	for i := range ratios {
		ratios[i] = ratio(beckon[i], bare[i])
	}
	row := Compared{
		What: what, Unit: unit, Rounds: rounds,
		Beckon: median(beckon[:rounds]), Bare: median(bare[:rounds]),
		Lowest: slices.Min(ratios), Highest: slices.Max(ratios),
	}
	row.Ratio = ratio(row.Beckon, row.Bare)
	return []Compared{row}
}

// ratio returns a/b, 0 if there is no b.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// median returns the value in the middle, or the mean of the two there; 0 of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// write writes the comparison in rows.
func (c Comparison) write(w io.Writer) {
	fmt.Fprintln(w, "medians\tBeckon\tbare relay\tratio\tof single rounds")
	for _, r := range c.Rows {
		fmt.Fprintf(w, "%s, %s\t%s\t%s\t%.2f\t%.2f to %.2f in %d\n", r.What, r.Unit, number(r.Beckon), number(r.Bare), r.Ratio, r.Lowest, r.Highest, r.Rounds)
	}
}
