package hub

import (
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// backlog is what has yet to be recorded, though the log may not take it now. A goroutine of the moment tries until it does. A part
// of a log that nodes share may be out of reach: what needs it waits, and holds up nothing else.
type backlog[T any] struct {
	// Immutable.
	hub  *Hub
	what string         // What it is, in the plural, for a person.
	try  func(T) error  // Records it. It may be called concurrently.
	logs func(T) string // The name of the log that this takes.
	line func(T) string // What is in the same line goes in its order, but for what has to be tried again.
	more chan struct{}  // Of size 1. Wakes work. Never closed.

	running sync.WaitGroup

	mu      sync.Mutex
	fresh   []T        // Guarded by mu. Not tried yet.
	later   []retry[T] // Guarded by mu. To be tried again.
	working bool       // Guarded by mu.
	closed  bool       // Guarded by mu.
}

// retry is what has to be tried again.
type retry[T any] struct {
	item  T
	pause time.Duration
	due   time.Time
}

const (
	// How long it takes until something is tried again, at first and at most.
	firstRetry, lastRetry = time.Second, 16 * time.Second
	// warnRetries is how often is told that something has to be tried again.
	warnRetries = 15 * time.Second
	// retriesAtOnce is how many lines are tried at a time in a log that nodes share.
	retriesAtOnce = 16
)

// errOut: the part of the log that is needed cannot be reached.
var errOut = errors.New("the log of that room cannot be reached")

// newBacklog returns an empty backlog.
func newBacklog[T any](h *Hub, what string, logs, line func(T) string, try func(T) error) *backlog[T] {
	return &backlog[T]{hub: h, what: what, try: try, logs: logs, line: line, more: make(chan struct{}, 1)}
}

// add has items recorded.
func (b *backlog[T]) add(items ...T) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	b.fresh = append(b.fresh, items...)
	if !b.working {
		b.working = true
		b.running.Go(b.work)
	}
	b.wake()
}

// wake has work look at once.
func (b *backlog[T]) wake() {
	select {
	case b.more <- struct{}{}:
	default: // It is about to.
	}
}

// close has everything tried once more, and takes nothing more.
func (b *backlog[T]) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.wake()
	b.running.Wait()
}

// work records what there is until nothing is left.
func (b *backlog[T]) work() {
	var warned time.Time
	for {
		batch, closed := b.take()
		if batch == nil {
			return
		}
		if err := b.tryAll(batch); err != nil && time.Since(warned) > warnRetries {
			warned = time.Now()
			b.mu.Lock()
			left := len(b.later)
			b.mu.Unlock()
			b.hub.log.Warn(b.what+" are still to be recorded", "left", left, "err", err)
		}
		if closed {
			return
		}
		select {
		case <-b.more:
		case <-time.After(b.pause()):
		case <-b.hub.following.Done():
			b.mu.Lock()
			defer b.mu.Unlock()
			b.working = false // Whatever is added now is tried once.
			return
		}
	}
}

// take returns what is to be tried now; nil: nothing is left.
func (b *backlog[T]) take() (batch []retry[T], closed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.fresh)+len(b.later) == 0 {
		b.working = false
		return nil, true
	}
	batch = make([]retry[T], 0, len(b.fresh))
	now := time.Now()
	var waiting []retry[T]
	for _, r := range b.later {
		if b.closed || !r.due.After(now) {
			batch = append(batch, r)
		} else {
			waiting = append(waiting, r)
		}
	}
	for _, item := range b.fresh {
		batch = append(batch, retry[T]{item: item})
	}
	b.fresh, b.later = nil, waiting
	return batch, b.closed
}

// tryAll tries a batch. It returns one of the errors.
func (b *backlog[T]) tryAll(batch []retry[T]) error {
	lines := map[string][]retry[T]{}
	for _, r := range batch {
		line := b.line(r.item)
		lines[line] = append(lines[line], r)
	}
	var trying errgroup.Group
	trying.SetLimit(1)
	if b.hub.shared != nil {
		trying.SetLimit(retriesAtOnce)
	}
	for _, line := range lines {
		trying.Go(func() (err error) {
			for _, r := range line {
				if failed := b.tryOne(r); failed != nil {
					err = failed
				}
			}
			return err
		})
	}
	return trying.Wait()
}

// tryOne tries r.
func (b *backlog[T]) tryOne(r retry[T]) error {
	err := errOut
	if !b.hub.isOut(b.logs(r.item)) {
		err = b.try(r.item)
	}
	if err == nil {
		return nil
	}
	r.pause = min(max(firstRetry, 2*r.pause), lastRetry)
	if errors.Is(err, errOut) {
		r.pause = firstRetry // Trying costs nothing.
	}
	r.due = time.Now().Add(r.pause)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.later = append(b.later, r)
	return err
}

// pause returns how long it is until something is due.
func (b *backlog[T]) pause() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	next := lastRetry
	for _, r := range b.later {
		next = min(next, time.Until(r.due))
	}
	if len(b.fresh)+len(b.later) == 0 {
		return 0
	}
	return max(next, 0)
}

// isOut reports whether a log cannot be reached, as far as is known.
func (h *Hub) isOut(name string) bool {
	now := time.Now()
	return h.shared != nil && !h.shared.Outage(name).Before(now)
}
