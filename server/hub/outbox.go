package hub

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/beckonrtc/beckon/server/wire"
)

// frame is an event in an outbox, or a list.
type frame struct {
	event []byte
	list  *wire.List

	// Where to note, once the event was written, that it is record seq. May be nil.
	written *atomic.Uint64
	seq     uint64
	// When this process was told of it, in nanoseconds since 1970; 0: it is not timed.
	told int64
}

// frameCost is what a frame counts for besides its bytes.
const frameCost = 64

// arrays are for queues: an idle outbox needs none, and one that is written has all that it needs after a call set-up. All frames in
// them are zero. A queue that needs a larger one leaves that to the collector.
var arrays = sync.Pool{New: func() any { return new([arrayFrames]frame) }}

const arrayFrames = 32

// newQueue returns an empty queue.
func newQueue() []frame { return arrays.Get().(*[arrayFrames]frame)[:0] }

// giveBack makes the array of an empty queue that of another one.
func giveBack(queue []frame) {
	if cap(queue) == arrayFrames {
		arrays.Put((*[arrayFrames]frame)(queue[:arrayFrames]))
	}
}

// outbox holds what is not yet written to a stream. The push that finds it idle starts a goroutine that writes
// until it is empty.
type outbox struct {
	// Immutable.
	stream Stream
	stats  *stats
	limit  int
	// Has Overflowed when more was pushed than the limit allows. Nothing is sent from then on.
	ends *ends

	// What is queued or being written, but for the list, and what is to be queued later.
	bytes atomic.Int64
	// How many events have been written.
	sent atomic.Uint64
	// Set once nothing more is to be written.
	dropped atomic.Bool

	mu      sync.Mutex
	queue   []frame // Guarded by mu.
	spare   []frame // Guarded by mu. Empty: a queue to come. Nil while nothing is written.
	writing bool    // Guarded by mu. A goroutine writes.
	closed  bool    // Guarded by mu. Takes nothing any more.
	pushes  uint64  // Guarded by mu. How many frames were queued.

	// Lists are long, and of no use once they are out of date. So there is one here at a time, whatever the number of rooms
	// and of changes; members that are to get one after it stand in line, and theirs is made when their turn has come.
	listing bool          // Guarded by mu. A list is queued or being written.
	line    []*member     // Guarded by mu.
	idle    chan struct{} // Guarded by mu. Not nil: to be closed when nothing is left to write.
}

// push queues an event. It never blocks.
func (o *outbox) push(event []byte) { o.put(frame{event: event}) }

// put queues a frame. It never blocks.
func (o *outbox) put(f frame) {
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		return
	}
	if f.list == nil && !o.chargeLocked(len(f.event)+frameCost) {
		o.mu.Unlock()
		return
	}
	if o.queue == nil {
		o.queue = newQueue()
	}
	o.queue = append(o.queue, f)
	o.pushes++
	start := !o.writing
	o.writing = true
	o.mu.Unlock()
	if start {
		go o.write()
	}
}

// charge counts n bytes that are to be queued later. It returns false if nothing can be queued any more.
func (o *outbox) charge(n int) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.closed && o.chargeLocked(n)
}

// chargeLocked counts n bytes, and closes an outbox that has too many. It returns false then. o.mu must be held, and o
// must not be closed.
func (o *outbox) chargeLocked(n int) bool {
	if bytes := o.bytes.Add(int64(n)); o.limit <= 0 || bytes <= int64(o.limit) {
		return true
	}
	o.closeLocked()
	o.ends.add(Overflowed)
	return false
}

// close drops what is queued; nothing is taken any more.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closeLocked()
}

// isClosed reports whether the outbox takes nothing any more.
func (o *outbox) isClosed() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.closed
}

// write writes frames until none is left.
func (o *outbox) write() {
	var done []frame // The batch before.
	for {
		o.mu.Lock()
		o.spare = done[:0]
		batch := o.queue
		if len(batch) == 0 {
			o.restLocked()
			o.mu.Unlock()
			return
		}
		o.queue, o.spare = o.spare, nil
		o.mu.Unlock()

		for i, f := range batch {
			if o.dropped.Load() {
				break
			}
			if err := o.send(f); err != nil { // The stream is no more. Its reader tells why.
				o.mu.Lock()
				o.closeLocked()
				o.restLocked()
				o.mu.Unlock()
				return
			}
			batch[i] = frame{}
		}
		done = batch
	}
}

// send writes a frame.
func (o *outbox) send(f frame) error {
	if f.list == nil {
		err := o.stream.Send(f.event)
		o.bytes.Add(-int64(len(f.event) + frameCost))
		o.sent.Add(1)
		if err != nil {
			return err
		}
		o.stats.wrote(f.event)
		if f.written != nil {
			f.written.Store(f.seq)
		}
		if f.told != 0 {
			o.stats.relayLatency.Observe(time.Duration(time.Now().UnixNano() - f.told))
		}
		return nil
	}
	for event := range f.list.Events() {
		if err := o.stream.Send(event); err != nil {
			return err
		}
		o.sent.Add(1)
		o.stats.wrote(event)
	}
	for next := o.listSent(); next != nil && !next.room.list(next, o); {
		next = o.listSent()
	}
	return nil
}

// takeList reports whether a list for m may be queued now. If not, m gets into line, once.
func (o *outbox) takeList(m *member) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.listing {
		if !slices.Contains(o.line, m) {
			o.line = append(o.line, m)
		}
		return false
	}
	o.listing = true
	return true
}

// listSent tells that there is no list here any more. It returns whose turn it is.
func (o *outbox) listSent() *member {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.listing = false
	if len(o.line) == 0 {
		return nil
	}
	next := o.line[0]
	o.line = slices.Delete(o.line, 0, 1)
	return next
}

// leaveLine takes m out of the line.
func (o *outbox) leaveLine(m *member) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.line = slices.DeleteFunc(o.line, func(w *member) bool { return w == m })
}

// restLocked tells that the writer has stopped. o.mu must be held.
func (o *outbox) restLocked() {
	o.writing = false
	if len(o.queue) == 0 && !o.closed { // Else not all that they held was written.
		giveBack(o.queue)
		giveBack(o.spare)
		o.queue = nil
	}
	o.spare = nil
	o.tellIdleLocked()
}

// tellIdleLocked wakes who waits until nothing is left to write. o.mu must be held.
func (o *outbox) tellIdleLocked() {
	if o.idle != nil {
		close(o.idle)
		o.idle = nil
	}
}

// closeLocked drops what is queued; nothing is taken any more. o.mu must be held.
func (o *outbox) closeLocked() {
	o.closed = true
	o.dropped.Store(true)
	o.queue, o.spare = nil, nil
	o.tellIdleLocked() // What waits for that should see why it is not worth it.
}

// written returns a channel that is closed once nothing is left to write, or nothing more will be written.
func (o *outbox) written() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.idle == nil {
		o.idle = make(chan struct{})
	}
	idle := o.idle
	if !o.writing {
		o.tellIdleLocked()
	}
	return idle
}

// finishWriting waits until nothing is left to write, but no longer than a moment.
func (o *outbox) finishWriting() {
	if _, idle := o.activity(); idle {
		return
	}
	moment := time.NewTimer(writingMoment)
	defer moment.Stop()
	select {
	case <-o.written():
	case <-moment.C:
	}
}

// writingMoment is how long an event that is being written may take to count as written. A stream that takes it at all takes it
// sooner.
const writingMoment = 50 * time.Millisecond

// activity returns how many frames were queued so far, and whether all of them have been written.
func (o *outbox) activity() (pushes uint64, idle bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.pushes, !o.writing
}
