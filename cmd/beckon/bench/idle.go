package bench

import (
	"context"
	"errors"
	"time"

	"github.com/beckonrtc/beckon/cmd/beckon/bench/load"
	"github.com/beckonrtc/beckon/cmd/beckon/bench/pace"
)

// idle opens sessions, each in a room, and then only keeps them. Done are the sessions, Latency is how long each took to
// be in its room, the processor time is that of the time afterwards, heartbeats and all.
func idle(ctx context.Context, c Config) (Result, error) {
	r := c.result()
	crowd := c.crowd(ctx, c.inRoom, nil)
	defer closeCrowd(ctx, crowd)

	taken := pace.NewHistogram()
	enter := func(ctx context.Context, s *load.Session) error {
		start := time.Now()
		err := s.OpenIn(ctx, c.Presence)
		if err == nil {
			taken.Record(time.Since(start))
		}
		return err
	}
	// What the first session costs once is not what each costs.
	if err := crowd.Each("open sessions", crowd.Sessions[:1], enter); err != nil {
		return r, err
	}
	empty, _, err := c.usage()
	if err != nil {
		return r, err
	}
	start := time.Now()
	opening := crowd.Each("open sessions", crowd.Sessions[1:], enter)
	r.Seconds = time.Since(start).Seconds()
	latency := taken.Summary()
	r.Latency, r.Done = &latency, uint64(latency.Count)
	r.DonePerSecond = perSecond(r.Done, r.Seconds)
	if opening != nil {
		return r, opening
	}

	before, _, beforeErr := c.usage()
	began := time.Now()
	c.rest(crowd.Context())
	held := time.Since(began).Seconds()
	after, measured, afterErr := c.usage()
	if measured {
		r.RSS = after.RSS
		r.CPUPercent = 100 * perSecond(uint64((after.CPU-before.CPU).Microseconds()), held) / 1e6
		if others := c.Sessions - 1; others > 0 && after.RSS > empty.RSS {
			r.RSSPerSession = float64(after.RSS-empty.RSS) / float64(others)
		}
	}
	return r, errors.Join(context.Cause(crowd.Context()), beforeErr, afterErr)
}

// rest waits for the duration, or the end of ctx.
func (c Config) rest(ctx context.Context) {
	const steps = 20
	tick := time.NewTicker(max(c.Duration/steps, time.Millisecond))
	defer tick.Stop()
	for step := 1; step <= steps; step++ {
		select {
		case <-tick.C:
			c.progress("keep sessions", step, steps)
		case <-ctx.Done():
			return
		}
	}
}
