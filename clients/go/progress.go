package beckon

import (
	"sync"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// tellAfter is how many bytes of events may arrive before the server is told, at the latest.
const tellAfter = 64 << 10

// progress remembers what has arrived of the log of each room and of the session's own: what a resume need not bring
// again, and what the server may forget. What waits in the queue has arrived.
type progress struct {
	self string        // Immutable: the user's own id.
	due  chan struct{} // Of size 1, never closed: the server should be told.

	mu sync.Mutex
	// Guarded by mu.
	logs  map[string]*reading // By room; the session's own, under "", is always there.
	bytes int                 // What has arrived since the server was told.
}

// reading is how far one log was read.
type reading struct {
	epoch string // Empty before the room's first list: there is no cursor yet.
	seq   uint64
	told  uint64 // The seq that the server knows of.
}

// newProgress begins with a welcome's epoch, that of the session's own log. The server is told of the first event at once:
// from then on it knows that what it is not told of has not arrived.
func newProgress(self, epoch string) *progress {
	return &progress{self: self, due: make(chan struct{}, 1), logs: map[string]*reading{"": {epoch: epoch}}, bytes: tellAfter}
}

// note takes down that event has arrived. It returns false for a message that has arrived before: what came before the
// room's first list comes again on a resume, since there was no cursor.
func (p *progress) note(event Event, bytes int) bool {
	about := event.About()
	if about.Seq == 0 {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	log := p.logs[about.Room]
	if log == nil {
		log = new(reading)
		p.logs[about.Room] = log
	}
	switch e := event.(type) {
	case *JoinedUsers:
		if log.epoch != "" && log.epoch != e.Epoch {
			*log = reading{}
		}
		log.epoch = e.Epoch
	case *UserJoined, *UserUpdated:
	case *UserLeft:
		if e.User.GetId() == p.self {
			delete(p.logs, about.Room)
		}
	default:
		if about.Seq <= log.seq {
			return false
		}
	}
	log.seq = max(log.seq, about.Seq)
	if p.bytes += bytes; p.bytes >= tellAfter {
		wake(p.due)
	}
	return true
}

// forget takes down that the user is no longer in room.
func (p *progress) forget(room string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if room != "" {
		delete(p.logs, room)
	}
}

// restart takes down that all logs begin anew, that of the session itself with epoch.
func (p *progress) restart(epoch string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.logs)
	p.logs[""] = &reading{epoch: epoch}
	p.bytes = tellAfter // A new process has to be told of the first event, too.
}

// untold gives a cursor for each log that was read on since the server was told.
func (p *progress) untold() []*beckonv1.Cursor {
	return p.cursors(func(log *reading) bool { return log.seq > log.told })
}

// all gives a cursor for each log.
func (p *progress) all() []*beckonv1.Cursor {
	return p.cursors(func(*reading) bool { return true })
}

func (p *progress) cursors(of func(*reading) bool) []*beckonv1.Cursor {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bytes = 0
	var cursors []*beckonv1.Cursor
	for room, log := range p.logs {
		if log.epoch != "" && of(log) {
			log.told = log.seq
			cursors = append(cursors, &beckonv1.Cursor{Room: room, Epoch: log.epoch, Seq: log.seq})
		}
	}
	return cursors
}
