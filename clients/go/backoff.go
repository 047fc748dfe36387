package beckon

import (
	"math/rand/v2"
	"time"
)

// How long to wait before an attempt to resume, at most: each time a random part of it, so that clients that lost their
// connections at the same time do not come back at the same time ("full jitter").
const (
	firstDelay = 100 * time.Millisecond // Before the first attempt.
	baseDelay  = 250 * time.Millisecond // Before the second; then twice as long each time.
	maxDelay   = 5 * time.Second
)

// attempts counts those to resume. A stream that does not last counts as one that failed.
type attempts int

// next is how long to wait before the next attempt.
func (a *attempts) next() time.Duration {
	*a++
	if *a == 1 {
		return rand.N(firstDelay)
	}
	doublings := min(*a-2, 10)
	return rand.N(min(baseDelay<<doublings, maxDelay))
}

// reset makes the next attempt the first.
func (a *attempts) reset() { *a = 0 }

// hold makes the next attempt not the first.
func (a *attempts) hold() { *a = max(*a, 1) }
