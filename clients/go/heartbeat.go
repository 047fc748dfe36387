package beckon

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc/codes"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// patience is how many heartbeat intervals may pass without a word from the server.
const patience = 3

// silence ends a session that hears nothing for too long. It counts only while the reader listens: that the queue is full
// is no fault of the server's. Owned by the reader goroutine. nil: the server may be silent.
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

// progress remembers how far the application has read in the log of each room, to tell the server what it may forget.
type progress struct {
	self string // Immutable: the user's own id.

	mu sync.Mutex
	// Guarded by mu. The key is the room; the session's own log, under "", has no epoch and is always there.
	logs map[string]*reading
}

// reading is how far one log was read.
type reading struct {
	epoch string
	seq   uint64
	told  uint64 // The seq that the server knows of.
}

func newProgress(self string) *progress {
	return &progress{self: self, logs: map[string]*reading{"": {}}}
}

// note takes down that the application has taken event. A room's log is known from its first list on.
func (p *progress) note(event Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	about := event.About()
	switch e := event.(type) {
	case *JoinedUsers:
		if log := p.logs[about.Room]; log == nil || log.epoch != e.Epoch {
			p.logs[about.Room] = &reading{epoch: e.Epoch}
		}
	case *UserLeft:
		if e.User.GetId() == p.self {
			delete(p.logs, about.Room)
		}
	}
	if log := p.logs[about.Room]; log != nil {
		log.seq = max(log.seq, about.Seq)
	}
}

// forget takes down that the user has left room.
func (p *progress) forget(room string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if room != "" {
		delete(p.logs, room)
	}
}

// untold gives a cursor for each log that was read on since the last call.
func (p *progress) untold() []*beckonv1.Cursor {
	p.mu.Lock()
	defer p.mu.Unlock()
	var cursors []*beckonv1.Cursor
	for room, log := range p.logs {
		if log.seq > log.told {
			log.told = log.seq
			cursors = append(cursors, &beckonv1.Cursor{Room: room, Epoch: log.epoch, Seq: log.seq})
		}
	}
	return cursors
}
