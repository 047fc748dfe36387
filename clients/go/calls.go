package beckon

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// maxUnsettled is how many messages may be on their way without an outcome: the server remembers the outcomes of as many,
// so that all can be sent again.
const maxUnsettled = 64

// call is a message and who waits for what becomes of it.
type call struct {
	// Immutable.
	request *ConnectRequest
	silent  bool            // Without an outcome for the caller: being sent is all.
	change  *ConnectRequest // A copy of a join, leave or update: what changes once it is recorded. Else nil.
	relayed bool            // It arrives at others, so that sending it twice could be seen.
	outcome chan error      // Of size 1, never closed; written at most once.

	// Written by the writer goroutine when the call's turn comes; then immutable.
	encoded []byte

	// Guarded by calls.mu.
	id         uint64 // 0: not sent yet.
	told       bool   // The outcome was written, or nobody waits for it.
	sentBefore bool   // On a former stream.
	doubtful   bool   // Sent on a stream that ended without telling whether it was recorded.
}

func newCall(request *ConnectRequest, silent bool) *call {
	c := &call{request: request, silent: silent, outcome: make(chan error, 1)}
	switch request.GetMessage().(type) {
	case *beckonv1.ConnectRequest_Join, *beckonv1.ConnectRequest_Leave, *beckonv1.ConnectRequest_Update:
		c.change = proto.CloneOf(request)
	case *beckonv1.ConnectRequest_Offer, *beckonv1.ConnectRequest_Answer, *beckonv1.ConnectRequest_Candidate,
		*beckonv1.ConnectRequest_Reject, *beckonv1.ConnectRequest_Hangup, *beckonv1.ConnectRequest_Data:
		c.relayed = true
	}
	return c
}

// wire gives the message with its encoding in the place of its fields: gRPC copies that as it is.
func (c *call) wire() *ConnectRequest {
	request := &ConnectRequest{}
	request.ProtoReflect().SetUnknown(c.encoded)
	return request
}

// failure is one of the message, found by this package.
func (c *call) failure(code Code, detail string) *Failure {
	f := &Failure{Code: code, Detail: detail}
	request := &ConnectRequest{} // The caller may have changed c.request since.
	if proto.Unmarshal(c.encoded, request) != nil {
		return f
	}
	envelope := request.ProtoReflect()
	member := envelope.WhichOneof(envelope.Descriptor().Oneofs().ByName("message"))
	if member == nil {
		return f
	}
	message := envelope.Get(member).Message()
	for name, text := range map[protoreflect.Name]*string{"room": &f.Room, "to": &f.To, "call_id": &f.CallID} {
		if field := message.Descriptor().Fields().ByName(name); field != nil {
			*text = message.Get(field).String()
		}
	}
	return f
}

// calls are those that have no outcome yet, in the order in which they were made: first the window of those that were
// sent, then those that wait for their turn. They survive the stream.
type calls struct {
	ready chan struct{} // Of size 1, never closed: there may be one to be sent.

	mu sync.Mutex
	// Guarded by mu.
	lastID  uint64  // The request id given last.
	window  []*call // Sent on this or a former stream, by id; at most maxUnsettled.
	sent    int     // How many of the window were sent on this stream.
	waiting []*call
}

func newCalls() *calls { return &calls{ready: make(chan struct{}, 1)} }

// add puts a call behind the others.
func (cs *calls) add(c *call) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.waiting = append(cs.waiting, c)
	cs.wakeLocked()
}

// next gives the call to be sent next, which counts as sent from now on; nil: there is none, or no place in the window.
func (cs *calls) next() *call {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.sent == len(cs.window) && len(cs.waiting) > 0 && len(cs.window) < maxUnsettled {
		c := cs.waiting[0]
		cs.waiting = slices.Delete(cs.waiting, 0, 1)
		cs.lastID++
		c.id = cs.lastID
		cs.window = append(cs.window, c)
	}
	c := cs.nextAgainLocked()
	cs.wakeLocked()
	return c
}

// nextAgain is as next, but passes over those that were never sent.
func (cs *calls) nextAgain() *call {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return cs.nextAgainLocked()
}

func (cs *calls) nextAgainLocked() *call {
	if cs.sent == len(cs.window) {
		return nil
	}
	cs.sent++
	return cs.window[cs.sent-1]
}

// wakeLocked tells the writer if a call can be sent. The caller holds mu.
func (cs *calls) wakeLocked() {
	if cs.sent < len(cs.window) || len(cs.waiting) > 0 && len(cs.window) < maxUnsettled {
		wake(cs.ready)
	}
}

// take removes the call with that id, which is then to be concluded; nil: there is none.
func (cs *calls) take(id uint64) *call {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	i, found := slices.BinarySearchFunc(cs.window, id, func(c *call, id uint64) int {
		return cmp.Compare(c.id, id)
	})
	if !found {
		return nil
	}
	c := cs.window[i]
	cs.removeLocked(i)
	cs.wakeLocked()
	return c
}

// removeLocked takes the call at i out of the window. The caller holds mu.
func (cs *calls) removeLocked(i int) {
	cs.window = slices.Delete(cs.window, i, i+1)
	if i < cs.sent {
		cs.sent--
	}
}

// conclude tells who waits for a call what became of it; false: nobody does.
func (cs *calls) conclude(c *call, failure *Failure) bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if c.told {
		return false
	}
	c.told = true
	if failure == nil {
		c.outcome <- nil
	} else {
		c.outcome <- failure
	}
	return true
}

// abandon takes down that nobody waits for a call any longer. One that was sent remains until its outcome comes; one that
// was not never will be.
func (cs *calls) abandon(c *call) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c.told = true
	if i := slices.Index(cs.waiting, c); i >= 0 {
		cs.waiting = slices.Delete(cs.waiting, i, i+1)
	}
}

// leaves are the rooms that are about to be left.
func (cs *calls) leaves() map[string]bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	rooms := make(map[string]bool)
	for _, c := range cs.window {
		if leave := c.change.GetLeave(); leave != nil {
			rooms[leave.Room] = true
		}
	}
	return rooms
}

// lose takes down that the stream has ended, in an orderly way if the server had answered all that it had handled.
func (cs *calls) lose(orderly bool) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for _, c := range cs.window[:cs.sent] {
		c.sentBefore = true
		// To join, to leave or to update twice does no more than to do it once.
		c.doubtful = c.doubtful || !orderly && c.relayed
	}
	cs.sent = 0
}

// takeDoubtful removes those that may have been recorded by a server that does not remember it.
func (cs *calls) takeDoubtful() []*call {
	return cs.takeFunc(func(c *call) bool { return c.doubtful })
}

// takeLarge removes those of more than limit bytes. If there are none and one has to be too large, it is the largest.
func (cs *calls) takeLarge(limit int, certain bool) []*call {
	large := cs.takeFunc(func(c *call) bool { return len(c.encoded) > limit })
	if len(large) > 0 || !certain {
		return large
	}
	largest := 0
	cs.takeFunc(func(c *call) bool {
		largest = max(largest, len(c.encoded))
		return false
	})
	return cs.takeFunc(func(c *call) bool { return len(c.encoded) == largest })
}

// concludeGoodbyes tells those who left the session that they have; false: nobody did.
func (cs *calls) concludeGoodbyes() bool {
	goodbyes := cs.takeFunc(func(c *call) bool {
		leave := c.change.GetLeave()
		return leave != nil && leave.Room == ""
	})
	for _, c := range goodbyes {
		cs.conclude(c, nil)
	}
	return len(goodbyes) > 0
}

// takeFunc removes the calls of the window for which is holds. Not to be called while a writer is running.
func (cs *calls) takeFunc(is func(*call) bool) []*call {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	var taken []*call
	for i := 0; i < len(cs.window); {
		if c := cs.window[i]; is(c) {
			taken = append(taken, c)
			cs.removeLocked(i)
		} else {
			i++
		}
	}
	return taken
}

// maxBytes is the size of the largest message that the server takes.
func maxBytes(w *Welcome) int {
	if limit := w.Limits.GetMaxMessageBytes(); limit > 0 {
		return int(limit)
	}
	return math.MaxInt
}

// deliver makes a call and waits for what becomes of it.
func (s *Session) deliver(ctx context.Context, c *call) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-s.done:
		return s.ended()
	default:
	}
	s.events.lift()
	defer s.events.lower()
	s.calls.add(c)
	select {
	case err := <-c.outcome:
		return err
	case <-s.done:
	case <-ctx.Done():
		s.calls.abandon(c)
	}
	// The outcome may have come at the same time. It says more than that something else ended the waiting.
	select {
	case err := <-c.outcome:
		return err
	default:
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.ended()
}

// ended is the error of a call that the session's end overtook.
func (s *Session) ended() error {
	if err := s.Err(); err != nil {
		return err
	}
	return ErrClosed
}
