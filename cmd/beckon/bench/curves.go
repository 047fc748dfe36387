package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/beckonrtc/beckon/cmd/beckon/bench/chart"
	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// measuredJoins is how many joins are measured of a room that is as large as it should be.
const measuredJoins = 20

// Idle sessions are measured with a connection each, and with one for sharing of them: these need fewer files, so that there can be
// more of them, five times as many, but not more than mostShared.
const sharing, mostShared = 10, 50_000

// Curves measures all loads in many sizes, each with a server of its own. It adds the results to the report, and writes
// that into a directory as curves.json, and a chart of each curve. The largest sizes are the Pairs, Sessions and RoomSize
// of most. When ctx ends, or a size fails, it writes what was measured so far.
func Curves(ctx context.Context, start Start, most Config, report *Report, dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("make the directory for the curves: %w", err)
	}
	measured := func() error {
		for _, c := range sizes(most) {
			r, err := one(ctx, start, c)
			if err != nil {
				return fmt.Errorf("%s with %s: %w", c.Work, c.size(), err)
			}
			report.Results = append(report.Results, r)
		}
		return nil
	}()
	report.Interrupted = ctx.Err() != nil
	text, err := json.MarshalIndent(report, "", "  ")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "curves.json"), append(text, '\n'), 0o666)
	}
	errs := []error{measured, err}
	for name, c := range draw(report.Results) {
		if len(c.Lines) > 0 {
			errs = append(errs, c.Save(filepath.Join(dir, name+".svg")))
		}
	}
	return errors.Join(errs...)
}

// one measures one size.
func one(ctx context.Context, start Start, c Config) (Result, error) {
	server, stop, err := start(ctx, "beckon")
	if err != nil {
		return Result{}, err
	}
	defer stop()
	c.Servers = []Server{server}
	return Run(ctx, c)
}

func (c Config) size() string {
	if c.Work == "calls" {
		return fmt.Sprintf("%d pairs", c.Pairs)
	}
	return fmt.Sprintf("%d sessions", c.Sessions)
}

// sizes returns the loads of all curves, the small ones of each first.
func sizes(most Config) (all []Config) {
	for _, pairs := range upTo(most.Pairs, 1, 3, 10, 30, 100, 300, 1000, 3000) {
		c := most
		c.Work, c.Pairs, c.Presence = "calls", pairs, beckonv1.Presence_PRESENCE_DELTA
		all = append(all, c)
	}
	for _, p := range []beckonv1.Presence{beckonv1.Presence_PRESENCE_DELTA, beckonv1.Presence_PRESENCE_FULL} {
		for _, users := range upTo(most.RoomSize, 2, 5, 10, 30, 100, 300, 1000, 3000, 10_000) {
			c := most
			c.Work, c.Sessions, c.Joins, c.Presence = "room", users, min(users-1, measuredJoins), p
			all = append(all, c)
		}
	}
	for _, sessions := range upTo(min(mostShared, 5*most.Sessions), 1000, 2000, 5000, 10_000, 20_000) {
		c := most
		c.Work, c.Sessions, c.Conns, c.RoomSize, c.Presence = "idle", sessions, max(1, sessions/sharing), 10, beckonv1.Presence_PRESENCE_DELTA
		all = append(all, c)
	}
	for _, work := range []string{"idle", "storm"} {
		for _, sessions := range upTo(most.Sessions, 1000, 2000, 5000, 10_000, 20_000, 50_000) {
			c := most
			c.Work, c.Sessions, c.RoomSize, c.Presence = work, sessions, 10, beckonv1.Presence_PRESENCE_DELTA
			all = append(all, c)
		}
	}
	return all
}

// upTo returns the sizes that are below most, and most.
func upTo(most int, sizes ...int) (all []int) {
	for _, size := range sizes {
		if size < most {
			all = append(all, size)
		}
	}
	return append(all, most)
}

// draw returns the charts, by the names of their files.
func draw(results []Result) map[string]chart.Chart {
	which := func(name string, is func(Result) bool, x, y func(Result) float64) []chart.Line {
		l := chart.Line{Name: name}
		for _, r := range results {
			if is(r) {
				l.Points = append(l.Points, chart.Point{X: x(r), Y: y(r)})
			}
		}
		if len(l.Points) == 0 {
			return nil
		}
		return []chart.Line{l}
	}
	line := func(name, work, presence string, x, y func(Result) float64) []chart.Line {
		return which(name, func(r Result) bool { return r.Work == work && (presence == "" || r.Presence == presence) }, x, y)
	}
	idle := func(name string, shared bool) []chart.Line {
		return which(name, func(r Result) bool { return r.Work == "idle" && (r.Connections < r.Sessions) == shared },
			func(r Result) float64 { return float64(r.Sessions) }, func(r Result) float64 { return float64(r.RSS) / (1 << 20) })
	}
	lines := func(all ...[]chart.Line) (joined []chart.Line) {
		for _, some := range all {
			joined = append(joined, some...)
		}
		return joined
	}
	pairs := func(r Result) float64 { return float64(r.Pairs) }
	sessions := func(r Result) float64 { return float64(r.Sessions) }
	return map[string]chart.Chart{
		"relays": {Title: "Messages relayed, as fast as can be", X: "pairs that call", Y: "relays per second", LogX: true,
			Lines: line("relays", "calls", "", pairs, func(r Result) float64 { return r.RelaysPerSecond })},
		"calls": {Title: "Time to set up a call, as fast as can be", X: "pairs that call", Y: "ms", LogX: true, LogY: true,
			Lines: lines(
				line("50%", "calls", "", pairs, func(r Result) float64 { return r.Latency.P50 }),
				line("99%", "calls", "", pairs, func(r Result) float64 { return r.Latency.P99 }))},
		"join-cpu": {Title: "Server CPU for a join, until everybody knows of it", X: "users in the room", Y: "µs", LogX: true, LogY: true,
			Lines: lines(
				line("DELTA", "room", "delta", sessions, func(r Result) float64 { return r.CPUPerDone }),
				line("FULL", "room", "full", sessions, func(r Result) float64 { return r.CPUPerDone }))},
		"join-time": {Title: "Time from a join to the list", X: "users in the room", Y: "ms, 50%", LogX: true, LogY: true,
			Lines: lines(
				line("DELTA", "room", "delta", sessions, func(r Result) float64 { return r.Latency.P50 }),
				line("FULL", "room", "full", sessions, func(r Result) float64 { return r.Latency.P50 }))},
		"memory": {Title: "Server memory", X: "idle sessions", Y: "MiB", LogX: true, LogY: true,
			Lines: lines(idle("a connection each", false), idle("ten on a connection", true))},
		"storm": {Title: "All sessions lost at once: time until they are back", X: "sessions", Y: "ms", LogX: true, LogY: true,
			Lines: lines(
				line("half of them", "storm", "", sessions, func(r Result) float64 { return r.Latency.P50 }),
				line("99%", "storm", "", sessions, func(r Result) float64 { return r.Latency.P99 }),
				line("all", "storm", "", sessions, func(r Result) float64 { return r.Latency.Max }))},
	}
}
