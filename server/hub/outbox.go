package hub

import (
	"sync"
	"sync/atomic"
)

// Stream is how a session's events reach its client.
type Stream interface {
	// Send writes an encoded ConnectResponse. It may block. It is called by one goroutine at a time. event must not be
	// changed or written to.
	Send(event []byte) error
}

// frame is an event in an outbox.
type frame struct {
	event []byte
	// Of a list: whose it is, and whether the list goes on.
	list *member
	more bool
}

// frameCost is what a frame counts for besides its bytes.
const frameCost = 64

// keptFrames is the capacity of the queue that an idle outbox holds on to.
const keptFrames = 8

// outbox holds what is not yet written to a session's stream. The push that finds it idle starts a goroutine that writes
// until it is empty.
type outbox struct {
	// Immutable.
	stream Stream
	limit  int
	// Closed when more was pushed than the limit allows. Nothing is sent from then on.
	overflowed chan struct{}

	// What is queued or being written, but for lists: a room has at most one of those here.
	bytes atomic.Int64

	mu      sync.Mutex
	queue   []frame       // Guarded by mu.
	spare   []frame       // Guarded by mu. Empty: the array of a queue to come.
	writing bool          // Guarded by mu. A goroutine writes.
	closed  bool          // Guarded by mu. Takes nothing any more.
	pushes  uint64        // Guarded by mu. How many frames were queued.
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
	if f.list == nil {
		o.bytes.Add(int64(len(f.event) + frameCost))
	}
	if o.limit > 0 && o.bytes.Load() > int64(o.limit) {
		o.closeLocked()
		o.mu.Unlock()
		close(o.overflowed)
		return
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

// write writes frames until none is left.
func (o *outbox) write() {
	for {
		o.mu.Lock()
		batch := o.queue
		if len(batch) == 0 {
			o.restLocked()
			o.mu.Unlock()
			return
		}
		o.queue, o.spare = o.spare, nil
		o.mu.Unlock()

		for i, f := range batch {
			if err := o.stream.Send(f.event); err != nil { // The stream is no more. Its reader tells why.
				o.mu.Lock()
				o.closeLocked()
				o.restLocked()
				o.mu.Unlock()
				return
			}
			if f.list == nil {
				o.bytes.Add(-int64(len(f.event) + frameCost))
			} else if !f.more {
				f.list.room.listWritten(f.list)
			}
			batch[i] = frame{}
		}

		if cap(batch) <= keptFrames {
			o.mu.Lock()
			o.spare = batch[:0]
			o.mu.Unlock()
		}
	}
}

// restLocked tells that the writer has stopped. o.mu must be held.
func (o *outbox) restLocked() {
	o.writing = false
	if o.idle != nil {
		close(o.idle)
		o.idle = nil
	}
}

// closeLocked drops what is queued; nothing is taken any more. o.mu must be held.
func (o *outbox) closeLocked() {
	o.closed = true
	o.queue, o.spare = nil, nil
}

// written returns a channel that is closed once nothing is left to write.
func (o *outbox) written() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.idle == nil {
		o.idle = make(chan struct{})
	}
	idle := o.idle
	if !o.writing {
		o.restLocked()
	}
	return idle
}

// activity returns how many frames were queued so far, and whether all of them have been written.
func (o *outbox) activity() (pushes uint64, idle bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.pushes, !o.writing
}
