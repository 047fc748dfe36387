package beckon

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
)

// patience is how many heartbeat intervals may pass without a word from the server.
const patience = 3

// silence ends a stream that hears nothing for too long. It counts only while the reader listens: that the queue is full
// is no fault of the server's. Owned by the run goroutine. nil: the server may be silent.
type silence struct {
	limit time.Duration
	timer *time.Timer
}

func newSilence(interval time.Duration, end context.CancelCauseFunc) *silence {
	if interval <= 0 {
		return nil
	}
	limit := patience * interval
	return &silence{limit, time.AfterFunc(limit, func() {
		end(&EndError{Code: codes.Unavailable, Reason: Silent, Detail: "nothing heard from the server for " + limit.String()})
	})}
}

func (s *silence) begin() {
	if s != nil {
		s.timer.Reset(s.limit)
	}
}

func (s *silence) end() {
	if s != nil {
		s.timer.Stop()
	}
}

// beats ticks when a ping is due; never, if the server wants none.
func beats(interval time.Duration) <-chan time.Time {
	if interval <= 0 {
		return nil
	}
	return time.Tick(interval)
}
