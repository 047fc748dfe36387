package beckon

import (
	"context"
	"time"
)

// Where the source has no other token than that of a stream, the server is shown this again: a webhook may say now that
// it is good for longer. It is shown at once if the stream had lasted when it was told that access runs out. If it was told
// so at once, to renew has not helped, or not for long: then firstAgain has to pass before, and twice as long each time
// that this happens in a row, up to maxAgain.
const (
	firstAgain = 5 * time.Second
	maxAgain   = 20 * time.Second // Less than half the minute that the server gives.

	settled = 5 * time.Second // How long a stream must last for the next renewal to be the first.
)

// renewals counts those in a row, of streams that were told at once that access runs out.
type renewals int

// begin counts one more, of a stream that had lasted that long when it was told.
func (r *renewals) begin(lasted time.Duration) {
	if lasted >= settled {
		*r = 0
	}
	*r++
}

// again is how long after that the same token may be shown another time.
func (r renewals) again() time.Duration {
	if r <= 1 {
		return 0
	}
	return min(firstAgain<<min(r-2, 10), maxAgain)
}

// renewal is how the access of a stream is renewed: by another stream, which takes the session up, with another token or
// the same, while this one is there. So a token that the server does not take costs nothing as long as the former is good.
type renewal struct {
	// Immutable.
	over context.CancelFunc // Has no further attempt made.
	done chan struct{}      // Closed when none is under way any more.

	// Written before done is closed.
	asked bool  // The server may have ended the stream for another one.
	next  *link // The other stream; nil: there is none.
}

// renew begins to renew the access of l, which is about to run out, if it has not begun. It is called by the run goroutine.
func (s *Session) renew(l *link) {
	if l.renewal != nil {
		return
	}
	s.renewals.begin(time.Since(l.begun))
	ctx, cancel := context.WithCancel(l.ctx)
	l.renewal = &renewal{over: cancel, done: make(chan struct{})}
	go s.runRenewal(ctx, l, l.renewal, s.renewals)
}

// runRenewal tries until there is another stream, or ctx ends; a stream that was asked for it waits for. It is the nth in
// a row.
func (s *Session) runRenewal(ctx context.Context, l *link, r *renewal, nth renewals) {
	defer close(r.done)
	again := time.Now().Add(nth.again())
	tries := attempts(nth - 1)
	var refused *string // The token that the server has not taken; nil: none.
	for {
		pause := time.NewTimer(tries.next())
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return
		}
		token, err := s.tokens.getSoon(ctx)
		if err != nil || refused != nil && token == *refused || token == l.token && time.Now().Before(again) {
			continue
		}
		next, err := s.replace(ctx, l, token)
		if next != nil {
			r.next = next
			return
		}
		// After a refusal nothing has changed. Else the server may have done it, and only its answer was lost.
		if err != nil && err.final() {
			refused = &token
		} else if err != nil {
			r.asked = true
		}
	}
}

// replace opens another stream in the place of l, with that token, and ends l. While it tries nothing is put on l or taken
// from it: the session goes on from where it was when the other stream was asked for. Without an error and a link it did not
// try, since ctx or the session ended.
func (s *Session) replace(ctx context.Context, l *link, token string) (*link, *EndError) {
	if !fill(ctx, l.putting) {
		return nil, nil
	}
	if !fill(ctx, l.taking) {
		<-l.putting
		return nil, nil
	}
	if s.closing.Err() != nil || ctx.Err() != nil {
		<-l.taking
		<-l.putting
		return nil, nil
	}
	// Close waits for it: the server is told on the stream that there is then.
	next, err := s.resumeWith(s.life, token)
	if err != nil {
		<-l.taking
		<-l.putting
		return nil, err
	}
	l.cancel(nil)
	return next, nil
}

// renewed returns the stream by which that of l was replaced, if any, and else whether the server may have ended l for one
// that this session asked for.
func (l *link) renewed() (next *link, asked bool) {
	r := l.renewal
	if r == nil {
		return nil, false
	}
	r.over()
	<-r.done
	return r.next, r.asked
}
