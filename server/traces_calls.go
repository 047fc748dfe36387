package server

import (
	"context"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/beckonrtc/beckon/server/hub"
	"github.com/beckonrtc/beckon/server/wire"
)

// A call is watched by the node that its caller's session is on: that one sees what the caller sends, and what is sent to it. Its
// first span goes from the offer to the outcome. If that is an answer, a second one goes on for a while, to when somebody hangs up:
// whether the peers have found each other nobody tells the server, but most that have not give up.

const (
	// connectTime is how long a call is watched after its answer.
	connectTime = 30 * time.Second
	// leftTime is how long after the callee has left the offer may come back, which tells more.
	leftTime = 5 * time.Second
	// leastPatience is how long a call may at least have no outcome.
	leastPatience = 2 * time.Minute
	// maxCallsOfSession and maxCalls are how many calls of one session, and of all, are watched at a time.
	maxCallsOfSession, maxCalls = 16, 10_000
	// maxCallEvents is how many events a span of a call has.
	maxCallEvents = 32
)

// outcome is what a call came to.
type outcome string

const (
	answered    outcome = "answered"
	rejected    outcome = "rejected"
	hungUp      outcome = "hung_up"     // By the caller, before an answer; or by either after it.
	failed      outcome = "failed"      // The offer was refused.
	undelivered outcome = "undelivered" // The offer came back.
	calleeLeft  outcome = "callee_left"
	callerLeft  outcome = "caller_left"
	timeout     outcome = "timeout"
	moved       outcome = "moved"     // The caller's session is on another node.
	shutdown    outcome = "shutdown"  // The server has ended.
	unwatched   outcome = "unwatched" // There are too many calls.
	kept        outcome = "kept"      // After an answer: nobody has hung up while the call was watched.
)

// isError reports whether the outcome is what an operator looks for.
func (o outcome) isError() bool {
	return o == failed || o == undelivered || o == calleeLeft || o == timeout
}

// The attributes of calls.
const (
	attrRoom       = attribute.Key("beckon.room")
	attrFrom       = attribute.Key("beckon.from")
	attrTo         = attribute.Key("beckon.to")
	attrCallID     = attribute.Key("beckon.call_id")
	attrOutcome    = attribute.Key("beckon.outcome")
	attrFromCaller = attribute.Key("beckon.candidates.from_caller")
	attrFromCallee = attribute.Key("beckon.candidates.from_callee")
	attrReason     = attribute.Key("beckon.reason")
	attrBy         = attribute.Key("beckon.by")
	attrKind       = attribute.Key("beckon.kind")
	attrCode       = attribute.Key("beckon.failure_code")
	attrField      = attribute.Key("beckon.failure_field")
	attrRequestID  = attribute.Key("beckon.request_id")
	attrSeq        = attribute.Key("beckon.seq")
	attrCount      = attribute.Key("beckon.candidates")
)

// callName is what both sides of a call name it by; there may be several of that name.
type callName struct{ room, id string }

// placeKey is a user in a room.
type placeKey struct{ room, user string }

// tracedCall is a call that is watched. Guarded by traces.mu.
type tracedCall struct {
	key        callName
	from, to   string // To may be empty: everybody else in the room.
	session    *tracedSession
	requestID  uint64 // Of the offer.
	recorded   bool   // The offer is.
	answered   bool   // The span is that of what follows.
	left       string // Why the callee has left; empty: it has not, or after the answer.
	fromCaller int    // Candidates.
	fromCallee int

	span     trace.Span
	events   int // Of the span.
	deadline time.Time
	overdue  *time.Timer // Calls late then.
}

// Call implements hub.Tracer.
func (t *traces) Call(e hub.CallEvent) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	switch e.What {
	case hub.CallOffering:
		t.offeringLocked(e)
	case hub.CallSettled:
		t.settledLocked(e)
	case hub.CallArrived:
		t.arrivedLocked(e)
	case hub.CallCameBack:
		t.cameBackLocked(e)
	case hub.CallUserLeft:
		t.userLeftLocked(e)
	}
}

// Watches implements hub.Tracer.
func (t *traces) Watches(room, callID string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.calls[callName{room, callID}]) > 0
}

// offeringLocked begins a call, unless it is under way. t.mu must be held.
func (t *traces) offeringLocked(e hub.CallEvent) {
	if c := t.fromCallerLocked(e); c != nil {
		c.event("offered_again", attrRequestID.Int64(int64(e.RequestID)))
		return
	}
	span := t.beginLocked("call", e)
	if !span.IsRecording() {
		return
	}
	session := t.sessions[e.From]
	if session == nil || len(session.calls) >= maxCallsOfSession || t.watched >= maxCalls {
		span.SetAttributes(attrOutcome.String(string(unwatched)))
		span.End()
		return
	}
	c := &tracedCall{key: callName{e.Room, e.CallID}, from: e.From, to: e.To, session: session, requestID: e.RequestID, span: span}
	t.watched++
	session.calls = append(session.calls, c)
	t.calls[c.key] = append(t.calls[c.key], c)
	if c.to != "" {
		at := placeKey{e.Room, c.to}
		t.called[at] = append(t.called[at], c)
	}
	c.deadline = time.Now().Add(t.patience)
	c.overdue = time.AfterFunc(t.patience, func() { t.late(c) })
}

// beginLocked begins a span of what the session of e.From does: in the trace of the client's if it has told of one, else in one
// of its own that is linked to the session's handshake. t.mu must be held.
func (t *traces) beginLocked(name string, e hub.CallEvent) trace.Span {
	ctx, options := context.Background(), []trace.SpanStartOption{trace.WithAttributes(
		attrRoom.String(e.Room), attrFrom.String(e.From), attrTo.String(e.To), attrCallID.String(e.CallID))}
	switch s := t.sessions[e.From]; {
	case s == nil:
	case s.continues:
		ctx = trace.ContextWithSpanContext(ctx, s.handshake)
	case s.handshake.IsSampled():
		options = append(options, trace.WithLinks(trace.Link{SpanContext: s.handshake}))
	}
	_, span := t.tracer.Start(ctx, name, options...)
	return span
}

// settledLocked tells what came of a message. Of those of the callee's that were recorded arrivedLocked tells. t.mu must be held.
func (t *traces) settledLocked(e hub.CallEvent) {
	own := t.fromCallerLocked(e)
	if e.Code != "" {
		t.refusedLocked(e, own)
		return
	}
	if own == nil {
		return
	}
	switch e.Kind {
	case wire.Offer:
		own.recorded = true
		own.event("recorded", attrSeq.Int64(int64(e.Seq)))
	case wire.Candidate:
		if own.fromCaller == 0 {
			own.event("first_candidate", attrBy.String("caller"), attrCount.Int(e.Candidates))
		}
		own.fromCaller += e.Candidates
	case wire.Hangup:
		t.hungUpLocked(own, "caller", e.Reason)
	}
}

// refusedLocked tells that a message has failed: if it is the offer that begins own, which may be nil, that comes to nothing. t.mu
// must be held.
func (t *traces) refusedLocked(e hub.CallEvent, own *tracedCall) {
	attrs := []attribute.KeyValue{attrCode.String(e.Code), attrField.String(e.Field)}
	switch {
	case e.Kind == wire.Offer && own != nil && !own.recorded:
		t.finishLocked(own, failed, attrs...)
		return
	case e.Kind == wire.Offer && own == nil:
		span := t.beginLocked("call", e)
		span.SetAttributes(append(attrs, attrOutcome.String(string(failed)))...)
		span.SetStatus(otelcodes.Error, e.Code)
		span.End()
		return
	}
	c, by := own, "caller"
	if c == nil {
		if c = t.fromCalleeLocked(e); c != nil {
			by = "callee"
		}
	}
	attrs = append(attrs, attrKind.String(e.Kind.String()), attrRequestID.Int64(int64(e.RequestID)))
	if c != nil {
		c.event("refused", append(attrs, attrBy.String(by))...)
		return
	}
	span := t.beginLocked("message refused", e)
	span.SetAttributes(attrs...)
	span.SetStatus(otelcodes.Error, e.Code)
	span.End()
}

// arrivedLocked tells of a message that is on its way to its recipient. t.mu must be held.
func (t *traces) arrivedLocked(e hub.CallEvent) {
	if e.Kind == wire.Offer {
		if c := t.fromCallerLocked(e); c != nil && e.Waits {
			c.event("callee_away")
		}
		return
	}
	c := t.fromCalleeLocked(e)
	if c == nil {
		return
	}
	switch e.Kind {
	case wire.Answer:
		switch {
		case c.answered:
			c.event("answered_again")
		case e.Provisional:
			c.event("answered_provisionally")
		default:
			t.answeredLocked(c, e)
		}
	case wire.Candidate:
		if c.fromCallee == 0 {
			c.event("first_candidate", attrBy.String("callee"), attrCount.Int(e.Candidates))
		}
		c.fromCallee += e.Candidates
	case wire.Reject:
		t.finishLocked(c, rejected, attrReason.String(e.Reason), attrBy.String("callee"))
	case wire.Hangup:
		t.hungUpLocked(c, "callee", e.Reason)
	}
}

// answeredLocked ends the span of the call, and begins that of what follows. t.mu must be held.
func (t *traces) answeredLocked(c *tracedCall, e hub.CallEvent) {
	c.endLocked(answered, attrBy.String(e.From))
	_, c.span = t.tracer.Start(trace.ContextWithSpan(context.Background(), c.span), "call connect", trace.WithAttributes(
		attrRoom.String(c.key.room), attrFrom.String(c.from), attrTo.String(e.From), attrCallID.String(c.key.id)))
	c.answered, c.left, c.events = true, "", 0
	c.resetLocked(connectTime)
}

// hungUpLocked ends a call that one side has ended. t.mu must be held.
func (t *traces) hungUpLocked(c *tracedCall, by, reason string) {
	if reason == "FAILED" || reason == "TIMEOUT" {
		c.span.SetStatus(otelcodes.Error, reason)
	}
	t.finishLocked(c, hungUp, attrBy.String(by), attrReason.String(reason))
}

// cameBackLocked tells that a message has come back. It does not tell its kind, nor the room; of messages without number it is
// the offer that comes first. t.mu must be held.
func (t *traces) cameBackLocked(e hub.CallEvent) {
	if s := t.sessions[e.From]; s != nil {
		for _, c := range s.calls {
			if c.key.id != e.CallID || c.to != e.To {
				continue
			}
			if !c.answered && e.RequestID == c.requestID {
				t.finishLocked(c, undelivered, attrCode.String(e.Code))
			} else {
				c.event("undelivered", attrRequestID.Int64(int64(e.RequestID)))
			}
			return
		}
	}
	span := t.beginLocked("message undelivered", e)
	span.SetAttributes(attrCode.String(e.Code), attrRequestID.Int64(int64(e.RequestID)))
	span.SetStatus(otelcodes.Error, e.Code)
	span.End()
}

// userLeftLocked tells that a user has left a room. t.mu must be held.
func (t *traces) userLeftLocked(e hub.CallEvent) {
	if s := t.sessions[e.From]; s != nil {
		for _, c := range slices.Clone(s.calls) {
			if c.key.room == e.Room {
				t.finishLocked(c, callerLeft, attrReason.String(e.Reason))
			}
		}
	}
	for _, c := range slices.Clone(t.called[placeKey{e.Room, e.From}]) {
		if c.answered {
			t.finishLocked(c, calleeLeft, attrReason.String(e.Reason))
			continue
		}
		c.event("callee_left", attrReason.String(e.Reason))
		c.left = e.Reason
		c.resetLocked(leftTime)
	}
}

// late ends a call whose time is up.
func (t *traces) late(c *tracedCall) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Now().Before(c.deadline) { // It was set anew meanwhile.
		return
	}
	switch {
	case c.answered:
		t.finishLocked(c, kept)
	case c.left != "":
		t.finishLocked(c, calleeLeft, attrReason.String(c.left))
	default:
		t.finishLocked(c, timeout)
	}
}

// finishLocked ends a call, once. t.mu must be held.
func (t *traces) finishLocked(c *tracedCall, o outcome, more ...attribute.KeyValue) {
	if !slices.Contains(c.session.calls, c) {
		return
	}
	c.overdue.Stop()
	t.watched--
	c.session.calls = without(c.session.calls, c)
	if t.calls[c.key] = without(t.calls[c.key], c); len(t.calls[c.key]) == 0 {
		delete(t.calls, c.key)
	}
	at := placeKey{c.key.room, c.to}
	if t.called[at] = without(t.called[at], c); len(t.called[at]) == 0 {
		delete(t.called, at)
	}
	c.endLocked(o, more...)
}

// without returns calls without c.
func without(calls []*tracedCall, c *tracedCall) []*tracedCall {
	return slices.DeleteFunc(calls, func(other *tracedCall) bool { return other == c })
}

// endLocked ends the span of the call. traces.mu must be held.
func (c *tracedCall) endLocked(o outcome, more ...attribute.KeyValue) {
	c.span.SetAttributes(attrOutcome.String(string(o)), attrFromCaller.Int(c.fromCaller), attrFromCallee.Int(c.fromCallee))
	c.span.SetAttributes(more...)
	if o.isError() {
		c.span.SetStatus(otelcodes.Error, string(o))
	}
	c.span.End()
}

// resetLocked has the call end in d. traces.mu must be held.
func (c *tracedCall) resetLocked(d time.Duration) {
	c.deadline = time.Now().Add(d)
	c.overdue.Reset(d)
}

// event adds an event to the span of the call, unless it has many.
func (c *tracedCall) event(name string, attrs ...attribute.KeyValue) {
	if c.events++; c.events <= maxCallEvents {
		c.span.AddEvent(name, trace.WithAttributes(attrs...))
	}
}

// fromCallerLocked returns the call that a message of its caller's belongs to; nil if none is watched. t.mu must be held.
func (t *traces) fromCallerLocked(e hub.CallEvent) *tracedCall {
	for _, c := range t.calls[callName{e.Room, e.CallID}] {
		if c.from == e.From && (c.to == e.To || e.Kind != wire.Offer && (c.to == "" || e.To == "")) {
			return c
		}
	}
	return nil
}

// fromCalleeLocked returns the call that a message of its callee's belongs to; nil if none is watched. t.mu must be held.
func (t *traces) fromCalleeLocked(e hub.CallEvent) *tracedCall {
	for _, c := range t.calls[callName{e.Room, e.CallID}] {
		if c.from != e.From && (c.to == e.From || c.to == "") && (e.To == c.from || e.To == "") {
			return c
		}
	}
	return nil
}
