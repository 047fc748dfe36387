package server

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/beckonrtc/beckon/server/hub"
	"github.com/beckonrtc/beckon/server/wire"
)

// recordTraces returns what makes traces, and where its spans go.
func recordTraces() (*traces, *tracetest.SpanRecorder) {
	spans := tracetest.NewSpanRecorder()
	return tracesTo(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)), leastPatience), spans
}

// welcome has a session on a stream.
func (t *traces) welcome(id string) {
	ctx := t.open(context.Background(), nil)
	t.Session(ctx, hub.SessionEvent{What: hub.SessionWelcome, Session: id, Resumption: "NEW"})
}

// calling returns an event of ana's call of bob.
func calling(what hub.CallChange, kind wire.Kind, id string) hub.CallEvent {
	return hub.CallEvent{What: what, Kind: kind, Room: "lobby", From: "ana", To: "bob", CallID: id}
}

// outcomes returns what the spans of that name tell that calls came to, by call.
func outcomes(spans *tracetest.SpanRecorder, name string) map[string]outcome {
	found := map[string]outcome{}
	for _, s := range spans.Ended() {
		if s.Name() != name {
			continue
		}
		set := attribute.NewSet(s.Attributes()...)
		id, _ := set.Value(attrCallID)
		o, _ := set.Value(attrOutcome)
		found[id.AsString()] = outcome(o.AsString())
		if got := s.Status().Code == otelcodes.Error; got != outcome(o.AsString()).isError() {
			found[id.AsString()] += " with the wrong status"
		}
	}
	return found
}

// left returns how much t holds of calls.
func (t *traces) left() int {
	n := len(t.calls) + len(t.called) + t.watched
	for _, s := range t.sessions {
		n += len(s.calls)
	}
	return n
}

// TestTraceCallEnds: each way in which a call can end is told, at its time, and nothing is left of it.
func TestTraceCallEnds(t *testing.T) {
	answer := hub.CallEvent{What: hub.CallArrived, Kind: wire.Answer, Room: "lobby", From: "bob", To: "ana", CallID: "c"}
	leaves := func(user string) hub.CallEvent {
		return hub.CallEvent{What: hub.CallUserLeft, Room: "lobby", From: user, Reason: "LOST"}
	}
	for _, tt := range []struct {
		name  string
		do    func(*traces)
		after time.Duration // How long it takes then.
		call  outcome
		next  outcome // Of what follows an answer.
	}{
		{"nobody answers", func(*traces) {}, leastPatience, timeout, ""},
		{"the callee leaves", func(t *traces) { t.Call(leaves("bob")) }, leftTime, calleeLeft, ""},
		{"the callee leaves, and the offer comes back", func(t *traces) {
			t.Call(leaves("bob"))
			t.Call(hub.CallEvent{What: hub.CallCameBack, From: "ana", To: "bob", CallID: "c", Code: "UNDELIVERED"})
		}, 0, undelivered, ""},
		{"the caller leaves the room", func(t *traces) { t.Call(leaves("ana")) }, 0, callerLeft, ""},
		{"the caller's session ends", func(t *traces) {
			t.Session(context.Background(), hub.SessionEvent{What: hub.SessionEnded, Session: "ana", Reason: "KICKED"})
		}, 0, callerLeft, ""},
		{"the caller's session moves", func(t *traces) {
			t.Session(context.Background(), hub.SessionEvent{What: hub.SessionMoved, Session: "ana"})
		}, 0, moved, ""},
		{"the caller gives up", func(t *traces) { t.Call(calling(hub.CallSettled, wire.Hangup, "c")) }, 0, hungUp, ""},
		{"the offer is refused", func(t *traces) {
			e := calling(hub.CallSettled, wire.Offer, "c")
			e.Code = "UNAVAILABLE"
			t.Call(e)
		}, 0, failed, ""},
		{"the server ends", func(t *traces) { t.shutdown(context.Background()) }, 0, shutdown, ""},
		{"bob answers", func(t *traces) { t.Call(answer) }, connectTime, answered, kept},
		{"bob answers late", func(t *traces) {
			time.Sleep(leastPatience - time.Second) // Virtual.
			t.Call(answer)
		}, connectTime, answered, kept},
		{"bob answers, and ana hangs up", func(t *traces) {
			t.Call(answer)
			t.Call(calling(hub.CallSettled, wire.Hangup, "c"))
		}, 0, answered, hungUp},
		{"bob answers, and leaves", func(t *traces) {
			t.Call(answer)
			t.Call(leaves("bob"))
		}, 0, answered, calleeLeft},
		{"another answers", func(t *traces) {
			e := answer
			e.From = "eve"
			t.Call(e)
		}, leastPatience, timeout, ""},
		{"another candidate comes back", func(t *traces) {
			t.Call(hub.CallEvent{What: hub.CallCameBack, From: "ana", To: "bob", CallID: "c", RequestID: 7, Code: "UNDELIVERED"})
		}, leastPatience, timeout, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				traces, spans := recordTraces()
				traces.welcome("ana")
				traces.Call(calling(hub.CallOffering, wire.Offer, "c"))
				tt.do(traces)
				if tt.after > 0 {
					time.Sleep(tt.after - time.Millisecond) // Virtual.
					last, want := "call", 0
					if tt.next != "" {
						last = "call connect"
					}
					if got := outcomes(spans, last); len(got) != want {
						t.Errorf("too early, %v", got)
					}
					time.Sleep(time.Millisecond)
					synctest.Wait()
				}
				if got := outcomes(spans, "call"); got["c"] != tt.call || len(got) != 1 {
					t.Errorf("the calls came to %v, want %s", got, tt.call)
				}
				if got := outcomes(spans, "call connect"); got["c"] != tt.next {
					t.Errorf("what followed came to %v, want %q", got, tt.next)
				}
				if n := traces.left(); n != 0 {
					t.Errorf("%d are left", n)
				}
				traces.shutdown(context.Background())
			})
		})
	}
}

// TestTraceToAll: a call of everybody in the room is answered by whoever answers first.
func TestTraceToAll(t *testing.T) {
	traces, spans := recordTraces()
	traces.welcome("ana")
	e := calling(hub.CallOffering, wire.Offer, "c")
	e.To = ""
	traces.Call(e)
	traces.Call(hub.CallEvent{What: hub.CallArrived, Kind: wire.Answer, Room: "lobby", From: "bob", CallID: "c"})
	if got := outcomes(spans, "call"); got["c"] != answered {
		t.Errorf("the calls came to %v", got)
	}
	traces.shutdown(context.Background())
	if n := traces.left(); n != 0 {
		t.Errorf("%d are left", n)
	}
}

// TestTraceBounds: of one session only so many calls are watched, and of one call only so much is told.
func TestTraceBounds(t *testing.T) {
	traces, spans := recordTraces()
	traces.welcome("ana")
	for i := range maxCallsOfSession + 3 {
		traces.Call(calling(hub.CallOffering, wire.Offer, fmt.Sprint(i)))
	}
	if traces.watched != maxCallsOfSession {
		t.Errorf("%d calls are watched, want %d", traces.watched, maxCallsOfSession)
	}
	if got := outcomes(spans, "call"); len(got) != 3 || got[fmt.Sprint(maxCallsOfSession)] != unwatched {
		t.Errorf("the calls came to %v, want 3 that are unwatched", got)
	}
	for range 10 * maxCallEvents {
		traces.Call(calling(hub.CallOffering, wire.Offer, "0"))
	}
	traces.shutdown(context.Background())
	for _, s := range spans.Ended() {
		if n := len(s.Events()); n > maxCallEvents {
			t.Errorf("a span has %d events", n)
		}
	}
	if got := outcomes(spans, "call"); got["0"] != shutdown || traces.left() != 0 {
		t.Errorf("the calls came to %v, and %d are left", got, traces.left())
	}
	traces.Call(calling(hub.CallOffering, wire.Offer, "after"))
	if n := traces.left(); n != 0 {
		t.Errorf("after the end %d are watched", n)
	}
	traces.Session(context.Background(), hub.SessionEvent{What: hub.SessionEnded, Session: "ana"})
	if n := len(traces.sessions); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

// TestNoTracesCostNothing: what streams do for traces allocates nothing when there are none.
func TestNoTracesCostNothing(t *testing.T) {
	var none *traces
	ctx := context.Background()
	if n := testing.AllocsPerRun(100, func() {
		none.conclude(none.open(ctx, nil), nil, nil)
		none.close(ctx)
	}); n != 0 || none.hub() != nil {
		t.Errorf("%v allocations, want none", n)
	}
}

// TestTraceLate: a timer that has gone off, and has had to wait until the call was given more time, ends nothing.
func TestTraceLate(t *testing.T) {
	traces, spans := recordTraces()
	traces.welcome("ana")
	traces.Call(calling(hub.CallOffering, wire.Offer, "c"))
	c := traces.sessions["ana"].calls[0]
	traces.late(c)
	if got := outcomes(spans, "call"); len(got) != 0 {
		t.Errorf("the calls came to %v", got)
	}
	traces.shutdown(context.Background())
	c.deadline = time.Time{}
	traces.late(c)
	if got := outcomes(spans, "call"); got["c"] != shutdown || traces.left() != 0 {
		t.Errorf("the calls came to %v", got)
	}
}
