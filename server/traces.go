package server

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/beckonrtc/beckon/server/hub"
)

// traces makes spans of sessions and calls, as docs/observability.md has them. A session may live for days, and a span is seen
// only once it has ended: so there is one of each handshake, of each stream and of the end of a session. Nothing that users
// say is in them, no name, no token and no address.
//
// A nil *traces makes none. All methods may be called concurrently. mu comes after all locks of the hub.
type traces struct {
	// Immutable.
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	patience time.Duration // For how long a call may have no outcome.
	giveUp   func()        // Ends an export that is under way.

	mu       sync.Mutex
	sessions map[string]*tracedSession  // Guarded by mu. By user id. Those of this node that have been welcome.
	calls    map[callName][]*tracedCall // Guarded by mu. Those that are watched.
	called   map[placeKey][]*tracedCall // Guarded by mu. The same, by who is called; those that call everybody are not here.
	watched  int                        // Guarded by mu. How many there are.
	streams  map[*tracedStream]struct{} // Guarded by mu. Those that are open.
	closed   bool                       // Guarded by mu. Nothing more is watched.
}

// tracedSession is what is known of a session. Guarded by traces.mu.
type tracedSession struct {
	handshake trace.SpanContext // The last one.
	continues bool              // It belongs to a trace of the client's.
	stream    *tracedStream     // Nil: there is none.
	calls     []*tracedCall     // That it makes.
}

// tracedStream is a stream, from its beginning. It is a value of the stream's context.
type tracedStream struct {
	// Immutable.
	ctx       context.Context // What its spans belong to. Never ends.
	continues bool            // The client has told of a trace.
	handshake trace.Span

	span trace.Span // Guarded by traces.mu. Nil: the session is not welcome yet.
}

// The attributes of spans and events.
const (
	attrSession     = attribute.Key("beckon.session")
	attrTransport   = attribute.Key("beckon.transport")
	attrResumption  = attribute.Key("beckon.resumption")
	attrRooms       = attribute.Key("beckon.rooms")
	attrMissed      = attribute.Key("beckon.missed")
	attrEndReason   = attribute.Key("beckon.end_reason")
	attrUnwritten   = attribute.Key("beckon.unwritten_bytes")
	attrStatus      = attribute.Key("rpc.grpc.status_code")
	attrErrorReason = attribute.Key("beckon.error_reason")
)

// streamKey is the key of the *tracedStream in the context of a stream.
type streamKey struct{}

// hub returns what the hub is to tell; nil: nothing.
func (t *traces) hub() hub.Tracer {
	if t == nil {
		return nil
	}
	return t
}

// open begins the handshake of a stream. It returns the context that the stream is to have; close must end it.
func (t *traces) open(ctx context.Context, st stream) context.Context {
	if t == nil { // Apart from the rest, which needs a large stack.
		return ctx
	}
	return t.begin(ctx, st)
}

func (t *traces) begin(ctx context.Context, st stream) context.Context {
	own := propagation.TraceContext{}.Extract(context.Background(), carrier(ctx))
	s := &tracedStream{ctx: own, continues: trace.SpanContextFromContext(own).IsValid()}
	_, s.handshake = t.tracer.Start(own, "handshake", trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attrTransport.String(transportOf(st))))
	t.mu.Lock()
	defer t.mu.Unlock()
	t.streams[s] = struct{}{}
	return context.WithValue(ctx, streamKey{}, s)
}

// transportOf names what a stream is on.
func transportOf(st stream) string {
	switch st.(type) {
	case webStream:
		return "websocket"
	case *listener:
		return "listen"
	}
	return "grpc"
}

// maxTraceField is the size of what a client may tell of a trace, in bytes: as much as W3C Trace Context asks to be passed on.
const maxTraceField = 512

// carrier returns the client's metadata as far as it tells of a trace. What comes several times, or is long, is left out.
func carrier(ctx context.Context) propagation.MapCarrier {
	found := propagation.MapCarrier{}
	for _, key := range (propagation.TraceContext{}).Fields() {
		if values := metadata.ValueFromIncomingContext(ctx, key); len(values) == 1 && len(values[0]) <= maxTraceField {
			found[key] = values[0]
		}
	}
	return found
}

// conclude tells with which status the stream of ctx is to end.
func (t *traces) conclude(ctx context.Context, conn *hub.Conn, final *status.Status) {
	if t != nil {
		t.noteEnd(ctx, conn, final)
	}
}

func (t *traces) noteEnd(ctx context.Context, conn *hub.Conn, final *status.Status) {
	s := ctx.Value(streamKey{}).(*tracedStream)
	t.mu.Lock()
	defer t.mu.Unlock()
	span := s.handshake
	if s.span != nil {
		span = s.span
		span.SetAttributes(attrUnwritten.Int64(conn.Unwritten()))
	}
	span.SetAttributes(attrStatus.Int64(int64(final.Code())))
	reason := whyEnded(final)
	if reason != "" {
		span.SetAttributes(attrErrorReason.String(string(reason)))
	}
	switch final.Code() {
	case codes.OK, codes.Canceled, codes.Aborted:
		return
	case codes.Unavailable:
		if reason == hub.ShuttingDown {
			return
		}
	}
	span.SetStatus(otelcodes.Error, string(reason))
}

// close ends what open began.
func (t *traces) close(ctx context.Context) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.endLocked(ctx.Value(streamKey{}).(*tracedStream))
}

// endLocked ends the spans of a stream, once. t.mu must be held.
func (t *traces) endLocked(s *tracedStream) {
	if _, open := t.streams[s]; !open {
		return
	}
	delete(t.streams, s)
	if s.span != nil {
		s.span.End()
		return
	}
	s.handshake.End()
}

// Session implements hub.Tracer.
func (t *traces) Session(ctx context.Context, e hub.SessionEvent) {
	t.mu.Lock()
	defer t.mu.Unlock()
	known := t.sessions[e.Session]
	switch e.What {
	case hub.SessionWelcome:
		s := ctx.Value(streamKey{}).(*tracedStream)
		if _, open := t.streams[s]; open { // It may have ended meanwhile.
			t.welcomeLocked(s, known, e)
		}
	case hub.SessionLost:
		if known != nil && known.stream != nil {
			known.stream.span.SetAttributes(attrRooms.Int(e.Rooms))
			known.stream = nil
		}
	case hub.SessionEnded:
		t.goneLocked(known, e, "session end", callerLeft)
	case hub.SessionMoved:
		e.Reason = "MOVED"
		t.goneLocked(known, e, "session moved", moved)
	}
}

// welcomeLocked ends the handshake of s, which has brought a session onto it: one that is known if it was taken up here. t.mu
// must be held.
func (t *traces) welcomeLocked(s *tracedStream, known *tracedSession, e hub.SessionEvent) {
	attrs := []attribute.KeyValue{attrSession.String(e.Session), attrResumption.String(e.Resumption), attrRooms.Int(e.Rooms), attrMissed.Int(e.Missed)}
	s.handshake.SetAttributes(attrs...)
	if known == nil {
		known = new(tracedSession)
		t.sessions[e.Session] = known
	}
	if known.handshake.IsSampled() {
		s.handshake.AddLink(trace.Link{SpanContext: known.handshake})
	}
	known.handshake, known.continues, known.stream = s.handshake.SpanContext(), s.continues, s
	s.handshake.End()
	_, s.span = t.tracer.Start(trace.ContextWithSpan(s.ctx, s.handshake), "stream", trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attrs[:2]...))
}

// goneLocked tells that a session is no more here, which may be unknown; the span of that is called name, and its calls come to
// outcome. t.mu must be held.
func (t *traces) goneLocked(known *tracedSession, e hub.SessionEvent, name string, outcome outcome) {
	if known == nil { // It was never welcome.
		return
	}
	delete(t.sessions, e.Session)
	attrs := []attribute.KeyValue{attrRooms.Int(e.Rooms), attrEndReason.String(e.Reason)}
	if known.stream != nil {
		known.stream.span.SetAttributes(attrs...)
	}
	for _, c := range append([]*tracedCall(nil), known.calls...) {
		t.finishLocked(c, outcome, attrReason.String(e.Reason))
	}
	_, span := t.tracer.Start(trace.ContextWithSpanContext(context.Background(), known.handshake), name,
		trace.WithAttributes(append(attrs, attrSession.String(e.Session))...))
	span.End()
}
