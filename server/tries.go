package server

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/beckonrtc/beckon/server/auth"
	"github.com/beckonrtc/beckon/server/hub"
)

// triesBurst is how many seconds' worth of failed tries a source may have at once.
const triesBurst = 4

// limit is the reason of a try that is one too many.
const limit = auth.Reason(hub.Limit)

// try returns what by grants, unless too many tries from the same address have failed of late. With a webhook it waits
// for its turn to ask.
func (a *access) try(ctx context.Context, by auth.Authenticator, r auth.Request) (*auth.Grant, error) {
	source := sourceOf(r.Remote.Addr())
	leave, err := a.asking.enter(ctx, source)
	if err != nil {
		return nil, err
	}
	defer leave()
	if !a.failures.has(source) {
		return nil, &auth.Error{Reason: limit, Detail: fmt.Sprintf("too many tries from %s have failed: expected no more than %.0f per second, and %d at once", source, a.failures.perSecond, a.failures.burst)}
	}
	grant, err := by.Authenticate(ctx, r)
	if err != nil && isFailedTry(ctx, err) {
		a.failures.take(source)
	}
	return grant, err
}

// isFailedTry reports whether it was the client that has failed. One that is not there to hear the answer has: it has cost
// what a bad token costs.
func isFailedTry(ctx context.Context, err error) bool {
	refused, ok := errors.AsType[*auth.Error](err)
	return ctx.Err() != nil || ok && refused.Reason != auth.Unavailable
}

// turns lets no more than so many callers of one source do something at a time; others wait. The nil turns let everybody.
type turns struct {
	// Immutable.
	most int

	mu sync.Mutex
	of map[netip.Prefix]*queue // Guarded by mu. Of those who are there or wait.
}

// A queue is that of one source.
type queue struct {
	places chan struct{} // Holds one for each that is there.
	there  int           // Guarded by turns.mu. With those who wait.
}

const (
	// maxAsking is how many questions to a webhook there are for one source at a time: a quarter of all, so that nobody
	// keeps the others from being asked about.
	maxAsking = 16
	// askingPatience is how long a client may wait for its turn.
	askingPatience = 3 * time.Second
)

// newTurns returns turns of that many for each source.
func newTurns(most int) *turns { return &turns{most: most, of: make(map[netip.Prefix]*queue)} }

// enter waits for a turn; leave ends it.
func (t *turns) enter(ctx context.Context, source netip.Prefix) (leave func(), err error) {
	if t == nil || !source.IsValid() {
		return func() {}, nil
	}
	t.mu.Lock()
	q := t.of[source]
	if q == nil {
		q = &queue{places: make(chan struct{}, t.most)}
		t.of[source] = q
	}
	q.there++
	t.mu.Unlock()

	patience := time.NewTimer(askingPatience)
	defer patience.Stop()
	select {
	case q.places <- struct{}{}:
		return func() {
			<-q.places
			t.exit(source, q)
		}, nil
	case <-patience.C:
		err = &auth.Error{Reason: limit, Detail: fmt.Sprintf("too many clients from %s wait to be let in: try again later", source)}
	case <-ctx.Done():
		err = &auth.Error{Reason: auth.Unavailable, Detail: "the client did not wait for its turn"}
	}
	t.exit(source, q)
	return nil, err
}

// exit ends what enter began. A queue that nobody is in is forgotten.
func (t *turns) exit(source netip.Prefix, q *queue) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if q.there--; q.there == 0 {
		delete(t.of, source)
	}
}
