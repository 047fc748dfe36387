package hub

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/beckonrtc/beckon/server/roomlog"
)

// feed is what a session is sent of one log: of a room, or of its own. While the session reads what it missed, what
// comes after that is held back.
type feed struct {
	// Immutable. The room's, or the own log's.
	mu *sync.Mutex

	// The last message that was written to the transport.
	written atomic.Uint64

	out     *outbox     // Guarded by mu. Nil: the session is on no stream.
	holding bool        // Guarded by mu.
	held    []held      // Guarded by mu. Counted in out.
	last    roomlog.Seq // Guarded by mu. The last message, sent or not.
}

// held is a message that waits for those before it.
type held struct {
	seq   roomlog.Seq
	event []byte
	told  int64 // As in frame.
}

// liveLocked reports whether what happens now can be sent now. f.mu must be held.
func (f *feed) liveLocked() bool { return f.out != nil && !f.holding }

// sendLocked sends a message, if the session is on a stream. f.mu must be held.
func (f *feed) sendLocked(seq roomlog.Seq, event []byte) { f.sendTimedLocked(seq, event, 0) }

// sendTimedLocked is sendLocked of a message of which this process was told then; see frame.
func (f *feed) sendTimedLocked(seq roomlog.Seq, event []byte, told int64) {
	f.last = seq
	switch {
	case f.out == nil:
	case f.holding:
		if f.out.charge(len(event) + frameCost) {
			f.held = append(f.held, held{seq, event, told})
		}
	default:
		f.out.put(frame{event: event, seq: uint64(seq), written: &f.written, told: told})
	}
}

// hold begins to hold back, on another outbox. It returns the last message that was not held back.
func (f *feed) hold(out *outbox) roomlog.Seq {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.out, f.holding, f.held = out, true, nil
	return f.last
}

// pause begins to hold back, on the same outbox.
func (f *feed) pause() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.holding = true
}

// release sends what was held back, but for what comes up to the message numbered after, and holds back no longer.
func (f *feed) release(after roomlog.Seq) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.releaseLocked(after)
}

// releaseLocked is release. f.mu must be held.
func (f *feed) releaseLocked(after roomlog.Seq) {
	waiting := f.held
	f.holding, f.held = false, nil
	for _, e := range waiting {
		f.out.charge(-len(e.event) - frameCost)
		if e.seq > after {
			f.sendTimedLocked(e.seq, e.event, e.told)
		}
	}
}

// cutLocked ends what is sent. f.mu must be held.
func (f *feed) cutLocked() { f.out, f.holding, f.held = nil, false, nil }

// own is the log of one session: of what came back to it. In the room log it is a room whose only user the session is.
type own struct {
	feed
	lock  sync.Mutex // feed.mu.
	epoch string     // Set before the first stream is welcomed.
	// The ownership record. Guarded by Session.mu.
	owner roomlog.Seq
}

// ownPrefix begins the name of a session's own log. No room's name has control characters.
const ownPrefix = "\x00"

// name returns the name of the own log of s.
func (o *own) name(s *Session) string { return ownName(s.id) }

// ownName returns the name of the own log of the session of that id.
func ownName(id string) string { return ownPrefix + id }

// ownerOf returns whose own log has that name, if it is one.
func ownerOf(log string) (id string, own bool) { return strings.CutPrefix(log, ownPrefix) }

// record takes the log's next record.
func (o *own) record(rec *roomlog.Record) {
	if rec.Kind == roomlog.Message {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.sendLocked(rec.Seq, event(rec))
	}
}

// cut ends what is sent.
func (o *own) cut() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cutLocked()
}
