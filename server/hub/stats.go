package hub

import (
	"sync/atomic"
	"time"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/histogram"
	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/wire"
)

const (
	// sampled is of how many records one is timed: how long the log takes, and how long it takes until it is written.
	sampled = 16
	// maxKinds and maxCodes are how many kinds of messages and codes of failures can be counted.
	maxKinds, maxCodes = 16, 16
	maxReasons         = 8
)

// stats are what the hub counts, for metrics. Counting costs one addition.
type stats struct {
	handled [maxKinds]atomic.Uint64 // By kind: messages that came to something else than a failure.
	failed  [maxKinds]atomic.Uint64 // By kind.
	codes   [maxCodes]atomic.Uint64 // Failures, by code.

	opened       atomic.Uint64
	ended        [maxReasons]atomic.Uint64 // Sessions, by reason.
	resumed      [maxReasons]atomic.Uint64 // By resumption.
	moved        atomic.Uint64             // Sessions that another process has taken up.
	leftBefore   atomic.Uint64             // Messages that came back, since the user left.
	dropped      atomic.Uint64             // Messages that came back, since the log kept them no longer.
	sentEvents   atomic.Uint64
	sentBytes    atomic.Uint64
	appends      atomic.Uint64 // That were begun.
	appending    histogram.Histogram
	relayLatency histogram.Histogram
	handshake    histogram.Histogram
}

// Stats are what a hub has done since it was started, and what it has now.
type Stats struct {
	// By the message's name in the specification, such as "offer"; of what has none, "message".
	Handled, Failed map[string]uint64
	// By code, such as "NO_SUCH_USER".
	Failures map[string]uint64

	Opened      uint64
	Ended       map[string]uint64 // By reason, such as "LOST".
	Resumed     map[string]uint64 // "RESUMED" and "RESYNCED".
	Moved       uint64            // Sessions that another node has taken up.
	Undelivered map[string]uint64 // Messages that came back to their senders, by why: "LEFT" and "DROPPED".
	SentEvents  uint64
	SentBytes   uint64

	// How long the log takes to record a message for others; of every 16th.
	Appending *histogram.Histogram
	// From when this process is told of a message until it is written to its recipient's transport; of every 16th, and for each
	// recipient of a broadcast.
	RelayLatency *histogram.Histogram
	// From when a stream is opened until it is welcomed, or resumed.
	Handshake *histogram.Histogram

	Sessions    int   // On a stream or not.
	Streams     int   // That are open.
	Rooms       int   // That sessions are in.
	OutboxBytes int64 // Of events that have yet to be written.
}

// Stats returns the present figures. It takes as long as there are streams.
func (h *Hub) Stats() Stats {
	st := &h.stats
	s := Stats{
		Handled: map[string]uint64{}, Failed: map[string]uint64{}, Failures: map[string]uint64{},
		Ended: map[string]uint64{}, Resumed: map[string]uint64{},
		Opened: st.opened.Load(), Moved: st.moved.Load(),
		Undelivered: map[string]uint64{"LEFT": st.leftBefore.Load(), "DROPPED": st.dropped.Load()},
		SentEvents:  st.sentEvents.Load(), SentBytes: st.sentBytes.Load(),
		Appending: &st.appending, RelayLatency: &st.relayLatency, Handshake: &st.handshake,
		Rooms: h.Rooms(),
	}
	s.Handled[wire.None.String()], s.Failed[wire.None.String()] = st.handled[wire.None].Load(), st.failed[wire.None].Load()
	for k := wire.Join; k <= wire.Ping; k++ {
		s.Handled[k.String()], s.Failed[k.String()] = st.handled[k].Load(), st.failed[k].Load()
	}
	for code := range beckonv1.FailureCode_name {
		if code != 0 {
			s.Failures[codeName(beckonv1.FailureCode(code))] = st.codes[code].Load()
		}
	}
	for _, reason := range []beckonv1.LeaveReason{ // For others one is taken out of rooms, and its session goes on.
		beckonv1.LeaveReason_LEAVE_REASON_LEFT, beckonv1.LeaveReason_LEAVE_REASON_LOST, beckonv1.LeaveReason_LEAVE_REASON_KICKED,
	} {
		s.Ended[reasonName(reason)] = st.ended[reason].Load()
	}
	for _, r := range []beckonv1.Resumption{beckonv1.Resumption_RESUMPTION_RESUMED, beckonv1.Resumption_RESUMPTION_RESYNCED} {
		s.Resumed[resumptionName(r)] = st.resumed[r].Load()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	s.Sessions, s.Streams = len(h.sessions), len(h.conns)
	for c := range h.conns {
		s.OutboxBytes += c.out.bytes.Load()
	}
	return s
}

// came counts what a message came to.
func (st *stats) came(k wire.Kind, f *failure) {
	if f == nil {
		st.handled[k].Add(1)
		return
	}
	st.failed[k].Add(1)
	st.codes[f.code].Add(1)
}

// beginAppend returns when an append begins, zero if it is none of those that are timed. endAppend has to follow.
func (st *stats) beginAppend() (began time.Time) {
	if st.appends.Add(1)%sampled == 1 {
		began = time.Now()
	}
	return began
}

// endAppend times an append that is done, if it is one of those.
func (st *stats) endAppend(began time.Time, err error) {
	if err == nil && !began.IsZero() {
		st.appending.Observe(time.Since(began))
	}
}

// timed returns when this process is told of rec, which is now, in nanoseconds since 1970; 0 if it is none of those that are timed.
func timed(rec *roomlog.Record) int64 {
	if rec.Seq%sampled != 0 {
		return 0
	}
	return time.Now().UnixNano()
}

// wrote counts an event that was written.
func (st *stats) wrote(event []byte) {
	st.sentEvents.Add(1)
	st.sentBytes.Add(uint64(len(event)))
}
