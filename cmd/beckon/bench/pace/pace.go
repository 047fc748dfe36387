// Package pace has work done again and again, back to back or by a timetable, and measures how long each time takes.
//
// By a timetable, what counts is the time since the work was due, not since it was begun: else the measurement would
// leave out just those times in which a slow server kept the load from it (coordinated omission; Gil Tene, "How NOT to
// Measure Latency").
package pace

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// A Plan is how long and how often work is to be done.
type Plan struct {
	// How often it is due per second, by all workers together. 0: each begins as soon as it has done.
	Rate float64
	// Work that is due in the warm-up, which comes first, is done and not measured.
	WarmUp, Duration time.Duration
	// How long the work that is under way at the end may take to be done. Default: 10 s.
	Patience time.Duration
	// Called when the measured time begins and when it ends; a time that was not reached has neither. May be nil.
	Begin, End func()
}

// A Tally is what came of a Plan.
type Tally struct {
	Latency *Histogram
	// The measured time; shorter than the plan's if that was cut short.
	Elapsed time.Duration
	// How often work that was due in the measured time was done within it.
	Done uint64
	// How often it was due and was not begun, for want of a worker that was free. It is in Latency with the time that it
	// had waited at the end.
	Missed uint64
}

// A Worker does the work once. It is not called again before it has returned.
type Worker func(context.Context) error

// Drive has the workers do their work until the plan is over. By a timetable they take turns: each is due in its own even
// steps. If ctx ends, or a worker fails, it returns what was measured until then, too.
func Drive(ctx context.Context, plan Plan, workers []Worker) (Tally, error) {
	start := time.Now()
	d := &drive{
		plan:  plan,
		start: start,
		from:  start.Add(plan.WarmUp),
		until: start.Add(plan.WarmUp + plan.Duration),
		tally: Tally{Latency: NewHistogram()},
	}
	if d.plan.Patience == 0 {
		d.plan.Patience = 10 * time.Second
	}
	working, fail := context.WithCancelCause(ctx)
	defer fail(nil)

	var all sync.WaitGroup
	for i, work := range workers {
		all.Go(func() {
			var err error
			if plan.Rate > 0 {
				err = d.byTimetable(working, work, i, len(workers))
			} else {
				err = d.backToBack(working, work)
			}
			if err != nil {
				fail(err)
			}
		})
	}
	impatience := d.watch(working, fail)
	all.Wait()
	impatience.Stop()
	d.tally.Done, d.tally.Missed = d.done.Load(), d.missed.Load()
	return d.tally, context.Cause(working)
}

type drive struct {
	// Immutable.
	plan               Plan
	start, from, until time.Time

	// Written by watch.
	tally Tally

	done, missed atomic.Uint64
}

// watch tells of the begin and the end of the measured time, and sets a timer for what is under way then.
func (d *drive) watch(ctx context.Context, fail context.CancelCauseFunc) *time.Timer {
	late := func() { fail(fmt.Errorf("%s after the end some of the work is still not done", d.plan.Patience)) }
	if !sleepUntil(ctx, d.from) {
		return time.AfterFunc(d.plan.Patience, late)
	}
	if d.plan.Begin != nil {
		d.plan.Begin()
	}
	from := time.Now()
	sleepUntil(ctx, d.until)
	if d.plan.End != nil {
		d.plan.End()
	}
	d.tally.Elapsed = time.Since(from)
	return time.AfterFunc(d.plan.Patience, late)
}

// backToBack has one worker begin again as soon as it has done.
func (d *drive) backToBack(ctx context.Context, work Worker) error {
	for {
		due := time.Now()
		if !due.Before(d.until) || ctx.Err() != nil {
			return nil
		}
		if err := work(ctx); err != nil {
			return d.unlessEnded(ctx, err)
		}
		d.count(due)
	}
}

// byTimetable has the worker i of n do what is due in its steps.
func (d *drive) byTimetable(ctx context.Context, work Worker, i, n int) error {
	for turn := 0; ; turn++ {
		due := d.start.Add(time.Duration(float64(i+turn*n) / d.plan.Rate * float64(time.Second)))
		if !due.Before(d.until) {
			return nil
		}
		if !time.Now().Before(d.until) || !sleepUntil(ctx, due) {
			d.miss(due, i, n, turn)
			return nil
		}
		if err := work(ctx); err != nil {
			return d.unlessEnded(ctx, err)
		}
		d.count(due)
	}
}

// unlessEnded returns the error of a worker, unless it comes from the end.
func (d *drive) unlessEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// count counts work that has been done.
func (d *drive) count(due time.Time) {
	if due.Before(d.from) {
		return
	}
	now := time.Now()
	d.tally.Latency.Record(now.Sub(due))
	if !now.After(d.until) {
		d.done.Add(1)
	}
}

// miss counts what was due from a turn on until now, or until the end, and is not going to be done.
func (d *drive) miss(due time.Time, i, n, turn int) {
	end := time.Now()
	if end.After(d.until) {
		end = d.until
	}
	for due.Before(end) {
		if !due.Before(d.from) {
			d.missed.Add(1)
			d.tally.Latency.Record(end.Sub(due))
		}
		turn++
		due = d.start.Add(time.Duration(float64(i+turn*n) / d.plan.Rate * float64(time.Second)))
	}
}

// sleepUntil returns false if ctx ends before t.
func sleepUntil(ctx context.Context, t time.Time) bool {
	pause := time.Until(t)
	if pause <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
