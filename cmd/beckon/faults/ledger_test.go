package faults

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	beckon "github.com/beckonrtc/beckon/clients/go"
)

// ledger is what was sent. All methods may be called concurrently.
type ledger struct {
	mu    sync.Mutex
	lanes map[lane][]letter // Guarded by mu. Each message at its number.
}

func newLedger() *ledger { return &ledger{lanes: make(map[lane][]letter)} }

// letter is one message that was sent.
type letter struct {
	begun  time.Time
	fate   fate
	why    error // Of one that was refused, or whose outcome is unknown.
	isData bool  // It bears its text in the payload, which a failure does not tell. Its call waits for the outcome.
}

// fate is what its sender was told of a message.
type fate int

const (
	pending  fate = iota // Nothing yet.
	posted               // Nobody waits for the outcome: if it fails, an event tells.
	recorded             // The server has it.
	refused              // The server has not.
	unknown              // The server may have it.
)

// begin gives the next number of a lane, to a message that is pending or posted.
func (g *ledger) begin(l lane, is fate) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lanes[l] = append(g.lanes[l], letter{begun: time.Now(), fate: is, isData: is == pending})
	return len(g.lanes[l]) - 1
}

// conclude takes down what became of a message.
func (g *ledger) conclude(l lane, n int, is fate, why error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lanes[l][n].fate, g.lanes[l][n].why = is, why
}

// fateOf tells what the outcome of a call means.
func fateOf(outcome error) fate {
	failure, failed := errors.AsType[*beckon.Failure](outcome)
	switch {
	case outcome == nil:
		return recorded
	case failed && !strings.Contains(failure.Detail, "may have been recorded"): // As the client says of a server that started anew.
		return refused
	}
	return unknown
}

// look returns the ledger as it is now. What was posted has become what the senders' histories tell.
func (g *ledger) look(people map[string]*history) map[lane][]letter {
	g.mu.Lock()
	defer g.mu.Unlock()
	lanes := make(map[lane][]letter, len(g.lanes))
	for l, letters := range g.lanes {
		lanes[l] = slices.Clone(letters)
		for n := range lanes[l] {
			if letter := &lanes[l][n]; letter.fate == posted {
				letter.fate = recorded
				if why, failed := people[l.from].failed[l.text(n)]; failed {
					letter.why, letter.fate = why, fateOf(why)
				}
			}
		}
	}
	return lanes
}
