package bench

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/beckonrtc/beckon/cmd/beckon/bench/load"
	"github.com/beckonrtc/beckon/cmd/beckon/bench/pace"
	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// missed is how many messages each session misses while it is lost.
const missed = 5

// storm cuts all sessions but the first of each room at the same moment. Those first ones then say something that the
// others miss. Then all others resume at once. Done are the resumes; Latency is the time from the moment at which all of
// them set out until one has what it missed and the list of its room.
func storm(ctx context.Context, c Config) (Result, error) {
	r := c.result()
	crowd := c.crowd(ctx, c.inRoom, nil)
	defer closeCrowd(ctx, crowd)
	if err := crowd.Each("open sessions", crowd.Sessions, func(ctx context.Context, s *load.Session) error { return s.OpenIn(ctx, c.Presence) }); err != nil {
		return r, err
	}
	var staying, lost []*load.Session
	for i, s := range crowd.Sessions {
		if i%c.RoomSize == 0 {
			staying = append(staying, s)
		} else {
			lost = append(lost, s)
		}
	}
	if err := crowd.AtOnce("cut sessions", lost, func(_ context.Context, s *load.Session) error { s.Cut(); return nil }); err != nil {
		return r, err
	}
	err := crowd.Each("speak", staying, func(ctx context.Context, s *load.Session) error {
		for id := range uint64(missed) {
			if err := s.Say(ctx, broadcast(s.Room(), payloadBytes), id+1); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return r, err
	}

	taken := pace.NewHistogram()
	var retries, resynced atomic.Uint64
	before, _, beforeErr := c.usage()
	start := time.Now()
	resuming := crowd.AtOnce("resume", lost, func(ctx context.Context, s *load.Session) error {
		how, err := resume(ctx, s, &retries)
		if err != nil {
			return err
		}
		taken.Record(time.Since(start))
		if how != beckonv1.Resumption_RESUMPTION_RESUMED {
			resynced.Add(1)
		}
		return nil
	})
	r.Seconds = time.Since(start).Seconds()
	after, measured, afterErr := c.usage()
	latency := taken.Summary()
	r.Latency, r.Done, r.Retries = &latency, uint64(latency.Count), retries.Load()
	r.DonePerSecond = perSecond(r.Done, r.Seconds)
	r.Sent = missed * uint64(len(lost))
	for _, s := range lost {
		r.Delivered += s.Received()
	}
	if measured {
		cpu := after.CPU - before.CPU
		r.CPUPercent = 100 * perSecond(uint64(cpu.Microseconds()), r.Seconds) / 1e6
		r.CPUPerDone = each(cpu, r.Done)
		r.RSS = after.RSS
	}
	err = errors.Join(resuming, beforeErr, afterErr)
	switch {
	case err != nil:
	case resynced.Load() > 0:
		err = fmt.Errorf("of %d sessions %d were resynced: something could not be kept", len(lost), resynced.Load())
	case r.Sent != r.Delivered:
		err = errLost(r.Sent, r.Delivered)
	}
	return r, err
}

// resume takes a session up again, and tries again as clients do if the server cannot be reached at first.
func resume(ctx context.Context, s *load.Session, retries *atomic.Uint64) (beckonv1.Resumption, error) {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = 100*time.Millisecond, 2*time.Second
	return backoff.Retry(ctx, func() (beckonv1.Resumption, error) {
		how, err := s.Resume(ctx)
		if err != nil && status.Code(err) != codes.Unavailable {
			err = backoff.Permanent(err)
		}
		return how, err
	}, backoff.WithBackOff(pause), backoff.WithMaxElapsedTime(20*time.Second), backoff.WithNotify(func(error, time.Duration) { retries.Add(1) }))
}
