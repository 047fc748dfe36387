package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"unicode/utf8"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/wire"
)

// Reason tells why a stream cannot go on. It is the reason of the ErrorInfo that its client gets.
type Reason string

// The reasons that lie in what the client sent.
const (
	Undecodable    Reason = "UNDECODABLE"
	ResumeNotFirst Reason = "RESUME_NOT_FIRST"
	NoSuchSession  Reason = "NO_SUCH_SESSION"
	SlowConsumer   Reason = "SLOW_CONSUMER"
	Limit          Reason = "LIMIT"
)

// The others.
const (
	TakenOver    Reason = "TAKEN_OVER"
	NoLog        Reason = "NO_LOG"
	ShuttingDown Reason = "SHUTTING_DOWN"
)

// Error ends a stream.
type Error struct {
	Reason Reason
	Detail string // For a person.
}

// Error returns the detail.
func (e *Error) Error() string { return e.Detail }

// Unhandled reports whether err tells that a message has not been handled, though its session goes on.
func Unhandled(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Reason == TakenOver || e.Reason == ShuttingDown)
}

// failure is a mistake in one message: the `failure` that its sender gets.
type failure struct {
	code   beckonv1.FailureCode
	field  string
	detail string
	to     string
	callID string
}

// Error returns the detail.
func (f *failure) Error() string { return f.detail }

// fail returns a failure.
func fail(code beckonv1.FailureCode, field, format string, args ...any) *failure {
	return &failure{code: code, field: field, detail: fmt.Sprintf(format, args...)}
}

// invalid returns a failure of a field that breaks its rule.
func invalid(field, format string, args ...any) *failure {
	return fail(beckonv1.FailureCode_FAILURE_CODE_INVALID, field, format, args...)
}

// about adds what message the failure is of.
func (f *failure) about(m *wire.Relay) *failure {
	f.to, f.callID = string(bounded(m.To)), string(bounded(m.CallID))
	return f
}

// bounded returns v, or what can be shown of it if it is no valid name.
func bounded(v []byte) []byte {
	if len(v) <= maxName {
		return v
	}
	v = v[:maxName]
	for len(v) > 0 && !utf8.Valid(v) {
		v = v[:len(v)-1]
	}
	return v
}

// outcomes are what a session's last messages came to.
type outcomes struct {
	last   uint64    // The highest request id.
	recent []outcome // Of the last maxOutcomes that had a request id, oldest first, as a ring that begins at start.
	start  int
}

// outcome is what a message came to.
type outcome struct {
	id    uint64
	event []byte
}

// maxOutcomes is how many outcomes a session remembers.
const maxOutcomes = 64

// add remembers an outcome.
func (o *outcomes) add(id uint64, event []byte) {
	o.last = id
	if len(o.recent) < maxOutcomes {
		o.recent = append(o.recent, outcome{id, event})
		return
	}
	o.recent[o.start] = outcome{id, event}
	o.start = (o.start + 1) % maxOutcomes
}

// find returns the event for a message, nil if there is none.
func (o *outcomes) find(id uint64) []byte {
	if i := slices.IndexFunc(o.recent, func(known outcome) bool { return known.id == id }); i >= 0 {
		return o.recent[i].event
	}
	return nil
}

// isRepeated reports whether the request id of a message is not a new one. That of a ping may be any.
func (s *Session) isRepeated(req *wire.Request) bool {
	return req.ID != 0 && req.ID <= s.outcomes.last && req.Kind != wire.Ping
}

// repeat answers a message whose request id is not a new one.
func (s *Session) repeat(req *wire.Request) {
	e := s.outcomes.find(req.ID)
	if e == nil {
		f := invalid("request_id", "request_id %d comes after %d: expected a higher one, or a repetition of one of the last %d", req.ID, s.outcomes.last, maxOutcomes)
		s.hub.stats.came(req.Kind, f)
		e = failureEvent(req.ID, string(bounded([]byte(req.Room()))), f.about(&req.Relay))
	}
	s.push(e)
}

// settle tells the client what a message came to.
func (s *Session) settle(ctx context.Context, req *wire.Request, room string, seq roomlog.Seq, err error) {
	var f *failure
	if err != nil {
		f = s.failureOf(err, req, room)
	}
	s.hub.stats.came(req.Kind, f)
	s.trace(ctx, req, room, seq, f)
	s.traceSettled(req, room, seq, f)
	var e []byte
	switch {
	case f != nil:
		e = failureEvent(req.ID, string(bounded([]byte(room))), f)
	case req.ID == 0:
		return
	default:
		e = wire.Ack(room, req.ID, uint64(seq))
	}
	if req.ID != 0 && req.Kind != wire.Ping {
		s.outcomes.add(req.ID, e)
	}
	s.push(e)
}

// failureOf returns what the client is told of an error.
func (s *Session) failureOf(err error, req *wire.Request, room string) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	if _, ok := errors.AsType[*roomlog.ConflictError](err); ok { // Only of the session's own membership.
		return fail(beckonv1.FailureCode_FAILURE_CODE_NOT_IN_ROOM, "room", "the session is no longer in room %q", room).about(&req.Relay)
	}
	if errors.Is(err, roomlog.ErrTooLarge) { // Though it is within the bound: not all nodes, or servers of the log, have the same.
		return fail(beckonv1.FailureCode_FAILURE_CODE_TOO_LARGE, largest(req.Kind), "the message could not be recorded: %v", roomlog.ErrTooLarge).about(&req.Relay)
	}
	if errors.Is(err, roomlog.ErrFull) {
		err = roomlog.ErrFull // What the store itself says is for the operator.
	}
	return fail(beckonv1.FailureCode_FAILURE_CODE_UNAVAILABLE, "", "the message could not be recorded: %v", err).about(&req.Relay)
}

// failureEvent encodes a `failure`.
func failureEvent(id uint64, room string, f *failure) []byte {
	return wire.Event(&beckonv1.ConnectResponse{Room: room, RequestId: id, Event: &beckonv1.ConnectResponse_Failure{Failure: &beckonv1.Failure{
		Code: f.code, Detail: f.detail, Field: f.field, To: f.to, CallId: f.callID,
	}}})
}

// trace logs what a message came to: for the night when somebody asks why a call did not connect.
func (s *Session) trace(ctx context.Context, req *wire.Request, room string, seq roomlog.Seq, f *failure) {
	if !s.hub.log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	attrs := make([]slog.Attr, 0, 10)
	attrs = append(attrs, slog.String("session", s.id), slog.String("room", room))
	if req.ID != 0 {
		attrs = append(attrs, slog.Uint64("request_id", req.ID))
	}
	if req.Kind == wire.Join {
		attrs = append(attrs, slog.String("name", string(bounded([]byte(req.Message.GetJoin().GetName())))))
	}
	if req.Kind.Relayed() {
		m := &req.Relay
		attrs = append(attrs, slog.String("to", string(bounded(m.To))), slog.String("call_id", string(bounded(m.CallID))), slog.Int("bytes", m.Size()))
		if s.hub.cfg.LogPayloads {
			attrs = append(attrs, slog.String("payload", m.Payload()))
		}
	}
	if f == nil {
		s.hub.log.LogAttrs(ctx, slog.LevelDebug, req.Kind.String(), append(attrs, slog.Uint64("seq", uint64(seq)))...)
		return
	}
	s.hub.log.LogAttrs(ctx, slog.LevelDebug, req.Kind.String()+" failed",
		append(attrs, slog.String("code", codeName(f.code)), slog.String("field", f.field), slog.String("detail", f.detail))...)
}

// codeName returns the name of a failure code without its prefix.
func codeName(c beckonv1.FailureCode) string {
	return strings.TrimPrefix(c.String(), "FAILURE_CODE_")
}

// resumptionName returns the name of a resumption without its prefix.
func resumptionName(r beckonv1.Resumption) string {
	return strings.TrimPrefix(r.String(), "RESUMPTION_")
}

// reasonName returns the name of a leave reason without its prefix.
func reasonName(r beckonv1.LeaveReason) string {
	return strings.TrimPrefix(r.String(), "LEAVE_REASON_")
}
