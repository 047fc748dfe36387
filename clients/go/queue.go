package beckon

import (
	"context"
	"sync"
)

// queue holds the events that have arrived and were not yet taken; it survives the stream. Its bound makes the reader
// wait, and with it, through the stream's flow control, the server. While calls wait for an outcome, which the reader has
// yet to bring, the bound is off.
type queue struct {
	// Immutable.
	bound   int
	arrived chan struct{} // Of size 1, never closed: there may be an event.
	freed   chan struct{} // Of size 1, never closed: there may be room.

	mu sync.Mutex
	// Guarded by mu.
	events []Event
	calls  int // That wait for an outcome.
}

func newQueue(bound int) *queue {
	return &queue{bound: bound, arrived: make(chan struct{}, 1), freed: make(chan struct{}, 1)}
}

// put adds an event. A [Reconnecting] takes the place of one that nobody has taken.
func (q *queue) put(event Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, ok := event.(*Reconnecting); ok && len(q.events) > 0 {
		if _, ok := q.events[len(q.events)-1].(*Reconnecting); ok {
			q.events[len(q.events)-1] = event
			return
		}
	}
	q.events = append(q.events, event)
	wake(q.arrived)
}

// admit waits until there is room for another event, or ctx ends.
func (q *queue) admit(ctx context.Context) {
	for q.full() {
		select {
		case <-q.freed:
		case <-ctx.Done():
			return
		}
	}
}

func (q *queue) full() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.events) >= q.bound && q.calls == 0
}

// take removes the oldest event, waiting for one until ended is closed; nil: it is, and none is left.
func (q *queue) take(ctx context.Context, ended <-chan struct{}) (Event, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if event := q.pop(); event != nil {
			return event, nil
		}
		select {
		case <-q.arrived:
		case <-ctx.Done():
		case <-ended:
			return q.pop(), nil
		}
	}
}

func (q *queue) pop() Event {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.events) == 0 {
		return nil
	}
	event := q.events[0]
	q.events[0] = nil
	q.events = q.events[1:]
	if len(q.events) > 0 {
		wake(q.arrived) // Several may be taking.
	}
	wake(q.freed)
	return event
}

// lift takes the bound off until as many calls of lower as of lift were made.
func (q *queue) lift() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.calls++
	wake(q.freed)
}

func (q *queue) lower() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.calls--
}

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
