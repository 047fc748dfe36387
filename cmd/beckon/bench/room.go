package bench

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/beckonrtc/beckon/cmd/beckon/bench/load"
	"github.com/beckonrtc/beckon/cmd/beckon/bench/pace"
	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// settling is how long it may take until everybody has been told of the last join.
const settling = 2 * time.Minute

// room has sessions enter one room, one after the other. Done are the joins, Latency is how long each waits for the list
// of who is there. The processor time is that of the server until everybody in the room knows of everybody, as far as the
// presence mode wants it.
func room(ctx context.Context, c Config) (Result, error) {
	r := c.result()
	joins := c.Joins
	if joins == 0 {
		joins = c.Sessions
	}
	var (
		known   = make([]int, c.Sessions) // Who a session knows of. Each owned by the session's reader.
		events  atomic.Uint64
		knowing atomic.Int64 // Sessions that know of all.
		settled = make(chan struct{})
		crowd   *load.Crowd
	)
	expected := c.Sessions
	if c.Presence == beckonv1.Presence_PRESENCE_NONE {
		expected = 1
	}
	// Those that are in the room before come to know the others when all of them do.
	filling := c.Sessions > joins && c.Presence != beckonv1.Presence_PRESENCE_NONE
	crowd = c.crowd(ctx, func(int) string { return "hall" }, func(s *load.Session, e load.Event) {
		before := known[s.Number]
		switch e.Kind {
		case load.JoinedUsers:
			known[s.Number] = e.Users
		case load.UserJoined:
			known[s.Number]++
		default:
			return
		}
		events.Add(1)
		switch now := known[s.Number]; {
		case now > expected:
			crowd.Fail(fmt.Errorf("session %d was told of %d users in a room of %d", s.Number, now, expected))
		case now == expected && before != expected:
			if knowing.Add(1) == int64(c.Sessions) {
				close(settled)
			}
		}
	})
	defer closeCrowd(ctx, crowd)

	if err := crowd.Each("open sessions", crowd.Sessions, func(ctx context.Context, s *load.Session) error { return s.Open(ctx) }); err != nil {
		return r, err
	}
	there, coming := crowd.Sessions[:c.Sessions-joins], crowd.Sessions[c.Sessions-joins:]
	// Nobody tells of nor hears of who comes in this way. Then all get the list once.
	if err := crowd.Each("fill the room", there, joinWith(beckonv1.Presence_PRESENCE_NONE)); err != nil {
		return r, err
	}
	if filling {
		if err := crowd.Each("list the room", there, joinWith(c.Presence)); err != nil {
			return r, err
		}
	}

	told := events.Load()
	before, _, beforeErr := c.usage()
	taken := pace.NewHistogram()
	start := time.Now()
	var joining error
	for i, s := range coming {
		begin := time.Now()
		if _, joining = s.Join(crowd.Context(), c.Presence); joining != nil {
			break
		}
		taken.Record(time.Since(begin))
		c.progress("join", i+1, len(coming))
	}
	r.Seconds = time.Since(start).Seconds()
	latency := taken.Summary()
	r.Latency, r.Done = &latency, uint64(latency.Count)
	r.DonePerSecond = perSecond(r.Done, r.Seconds)
	if joining != nil {
		return r, joining
	}

	last := time.Now()
	select {
	case <-settled:
	case <-time.After(settling):
		return r, fmt.Errorf("%s after the last join only %d of %d sessions know of everybody", settling, knowing.Load(), c.Sessions)
	case <-crowd.Context().Done():
		return r, context.Cause(crowd.Context())
	}
	r.Settled = time.Since(last).Seconds()
	r.Events = events.Load() - told
	after, measured, afterErr := c.usage()
	if measured {
		cpu := after.CPU - before.CPU
		r.CPUPercent = 100 * perSecond(uint64(cpu.Microseconds()), r.Seconds+r.Settled) / 1e6
		r.CPUPerDone, r.CPUPerEvent = each(cpu, r.Done), each(cpu, r.Events)
		r.RSS = after.RSS
	}
	return r, errors.Join(beforeErr, afterErr)
}

// joinWith enters the session's room, or changes how the session hears of others there.
func joinWith(p beckonv1.Presence) func(context.Context, *load.Session) error {
	return func(ctx context.Context, s *load.Session) error {
		_, err := s.Join(ctx, p)
		return err
	}
}
