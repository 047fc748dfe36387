package beckon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// ErrClosed is the error of a call on a session that was closed, or that ended before the call had an outcome.
// A session that ended in another way gives its [*EndError] instead.
var ErrClosed = errors.New("beckon: session closed")

// Failure tells that a message was not recorded, or that it came back. It is the error of the call that sent the
// message, and an event where no call waits for it: after [Session.Send], after the call's context ended, and for
// [Undelivered], which may come long after the call succeeded. The session goes on.
type Failure struct {
	Meta
	// What went wrong, for a program; errors.Is finds it.
	Code Code
	// What was wrong and what was expected, for a person; not to be parsed.
	Detail string
	// The field that was wrong, by its name in the specification; empty if none was.
	Field string
	// As in the message.
	To string
	// As in the message.
	CallID string
}

// Error gives the code and the detail.
func (f *Failure) Error() string { return join(f.Code.Error(), f.Detail) }

// Unwrap gives the code, so that errors.Is(err, beckon.NoSuchUser) holds.
func (f *Failure) Unwrap() error { return f.Code }

// Code is what went wrong with a message: the FailureCode of the specification, as an error. A code that this package
// does not know is passed on.
type Code beckonv1.FailureCode

// The codes of a [Failure].
const (
	// Invalid: a field breaks its rule; Field names it.
	Invalid = Code(beckonv1.FailureCode_FAILURE_CODE_INVALID)
	// NotInRoom: the sender is not in the room.
	NotInRoom = Code(beckonv1.FailureCode_FAILURE_CODE_NOT_IN_ROOM)
	// NoSuchUser: the user is not in the room, or no longer.
	NoSuchUser = Code(beckonv1.FailureCode_FAILURE_CODE_NO_SUCH_USER)
	// PermissionDenied: the access that was granted does not allow it.
	PermissionDenied = Code(beckonv1.FailureCode_FAILURE_CODE_PERMISSION_DENIED)
	// RateLimited: too many messages; try again later.
	RateLimited = Code(beckonv1.FailureCode_FAILURE_CODE_RATE_LIMITED)
	// TooLarge: over the max_message_bytes of [Limits].
	TooLarge = Code(beckonv1.FailureCode_FAILURE_CODE_TOO_LARGE)
	// RoomFull: the room has no place left.
	RoomFull = Code(beckonv1.FailureCode_FAILURE_CODE_ROOM_FULL)
	// Undelivered: recorded, but the user went before it was known to have arrived. Always an event.
	Undelivered = Code(beckonv1.FailureCode_FAILURE_CODE_UNDELIVERED)
	// Unavailable: not recorded, since the server cannot at present; try again.
	Unavailable = Code(beckonv1.FailureCode_FAILURE_CODE_UNAVAILABLE)
	// TokenExpiring: access is about to run out, that of a token or what a webhook granted; see [WithToken].
	TokenExpiring = Code(beckonv1.FailureCode_FAILURE_CODE_TOKEN_EXPIRING)
)

// Error gives the code's name in the specification, such as NO_SUCH_USER.
func (c Code) Error() string {
	return strings.TrimPrefix(beckonv1.FailureCode(c).String(), "FAILURE_CODE_")
}

// EndError tells why a session ended in another way than by [Session.Close] or a leave without a room, or why it could
// not be opened.
type EndError struct {
	// The stream's status; never OK.
	Code codes.Code
	// Why, for a program; errors.Is finds it. Empty if the connection was lost, or could not be made.
	Reason Reason
	// Why, for a person; not to be parsed.
	Detail string
}

// Error gives the status, the reason and the detail.
func (e *EndError) Error() string {
	return join(strings.TrimSuffix(e.Code.String()+" "+string(e.Reason), " "), e.Detail)
}

// Unwrap gives the reason, if there is one, so that errors.Is(err, beckon.TakenOver) holds.
func (e *EndError) Unwrap() error {
	if e.Reason == "" {
		return nil
	}
	return e.Reason
}

// Reason is why a session ended: the reason of the google.rpc.ErrorInfo in the stream's status, as an error. A reason
// that this package does not know is passed on.
type Reason string

// The reasons of an [EndError] that the server gives. The specification says what a client should do about each.
const (
	// NoToken: the server asks for an access token; or, given by this package, the [TokenSource] had none.
	NoToken Reason = "NO_TOKEN"
	// BadToken: the access token is not one that the server trusts.
	BadToken Reason = "BAD_TOKEN"
	// TokenExpired: access ran out, that of the token or what a webhook granted, and could not be renewed.
	TokenExpired Reason = "TOKEN_EXPIRED"
	// NotAllowed: the access that was granted does not allow it.
	NotAllowed Reason = "NOT_ALLOWED"
	// Kicked: an operator ended the session.
	Kicked Reason = "KICKED"
	// SlowConsumer: the events were not taken fast enough.
	SlowConsumer Reason = "SLOW_CONSUMER"
	// MessageTooLarge: a message was beyond twice the max_message_bytes of [Limits].
	MessageTooLarge Reason = "MESSAGE_TOO_LARGE"
	// Limit: too many sessions, or messages far over the rate.
	Limit Reason = "LIMIT"
	// TakenOver: the session was resumed on another stream.
	TakenOver Reason = "TAKEN_OVER"
	// NoSuchSession: the session to resume is unknown or has ended.
	NoSuchSession Reason = "NO_SUCH_SESSION"
	// Silent: one side did not hear of the other for three heartbeat intervals. Given by the server or by this package.
	Silent Reason = "SILENT"
	// ShuttingDown: the server stops.
	ShuttingDown Reason = "SHUTTING_DOWN"
	// NoLog: the server has lost its store.
	NoLog Reason = "NO_LOG"
)

// Abandoned is the reason of an [EndError] when [Session.Abort] was called, or [Session.Close] had no answer in time.
const Abandoned Reason = "ABANDONED"

// Error gives the reason as it is.
func (r Reason) Error() string { return string(r) }

// join builds the text of an error from what went wrong and, if it is known, how.
func join(what, how string) string {
	if how == "" {
		return "beckon: " + what
	}
	return "beckon: " + what + ": " + how
}

// newFailure takes a failure out of its envelope.
func newFailure(meta Meta, f *beckonv1.Failure) *Failure {
	return &Failure{Meta: meta, Code: Code(f.Code), Detail: f.Detail, Field: f.Field, To: f.To, CallID: f.CallId}
}

// endError tells how a stream ended, or could not be opened, from the error of that: nil is a clean end. A reason with
// which this package itself cancelled ctx, the stream's context, goes before the status that came of it.
func endError(ctx context.Context, err error) *EndError {
	if errors.Is(err, io.EOF) {
		return nil
	}
	if ended, ok := errors.AsType[*EndError](err); ok {
		return ended
	}
	if ended, ok := errors.AsType[*EndError](context.Cause(ctx)); ok && status.Code(err) == codes.Canceled {
		return ended
	}
	return EndOf(err)
}

// EndOf tells why a stream of Connect ended, from the error of the generated stub. A [Session] gives its end by itself.
func EndOf(err error) *EndError {
	st := status.Convert(err)
	ended := &EndError{Code: st.Code(), Detail: st.Message()}
	for _, detail := range st.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.Domain == domain {
			ended.Reason = Reason(info.Reason)
		}
	}
	return ended
}

// domain is that of the google.rpc.ErrorInfo whose reasons are Beckon's own.
const domain = "beckon"

// notWelcomed is the end of a stream that did not begin with a welcome but with first, which is nil if it was empty.
func notWelcomed(first *beckonv1.ConnectResponse) *EndError {
	return &EndError{
		Code:   codes.Internal,
		Detail: fmt.Sprintf("the stream began with %T: expected a welcome; is this a Beckon server?", first.GetEvent()),
	}
}
