package server

import (
	"errors"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/beckonrtc/beckon/server/auth"
	"github.com/beckonrtc/beckon/server/hub"
)

// errorDomain is the domain of every ErrorInfo.
const errorDomain = "beckon"

// The reasons that lie in the server or the transport; the others are the hub's.
const (
	messageTooLarge hub.Reason = "MESSAGE_TOO_LARGE"
	silent          hub.Reason = "SILENT"

	// Of Listen and Send.
	badFirstMessage hub.Reason = "BAD_FIRST_MESSAGE"
	noMessages      hub.Reason = "NO_MESSAGES"
	noSession       hub.Reason = "NO_SESSION"
	notListening    hub.Reason = "NOT_LISTENING"
	sendUnderWay    hub.Reason = "SEND_UNDER_WAY"
)

// codeOf has the status with which a call ends for each reason.
var codeOf = map[hub.Reason]codes.Code{
	hub.Undecodable:    codes.InvalidArgument,
	hub.ResumeNotFirst: codes.InvalidArgument,
	hub.NoSuchSession:  codes.NotFound,
	hub.SlowConsumer:   codes.ResourceExhausted,
	hub.Limit:          codes.ResourceExhausted,
	hub.TakenOver:      codes.Aborted,

	hub.Reason(auth.NoToken):      codes.Unauthenticated,
	hub.Reason(auth.BadToken):     codes.Unauthenticated,
	hub.Reason(auth.TokenExpired): codes.Unauthenticated,
	hub.Reason(auth.NotAllowed):   codes.PermissionDenied,
	hub.Reason(auth.Kicked):       codes.PermissionDenied,
	hub.Reason(auth.Unavailable):  codes.Unavailable,

	hub.NoLog:        codes.Unavailable,
	hub.ShuttingDown: codes.Unavailable,
	messageTooLarge:  codes.ResourceExhausted,
	silent:           codes.Unavailable,
	badFirstMessage:  codes.InvalidArgument,
	noMessages:       codes.InvalidArgument,
	noSession:        codes.InvalidArgument,
	notListening:     codes.FailedPrecondition,
	sendUnderWay:     codes.FailedPrecondition,
}

// endingOf returns the status error with which a call ends because of err.
func endingOf(err error) error {
	if bad, ok := errors.AsType[*hub.Error](err); ok {
		return ending(bad.Reason, bad.Detail)
	}
	return err
}

// ending returns the status error with which a call ends for that reason. detail is for a person.
func ending(reason hub.Reason, detail string) error {
	st, err := status.New(codeOf[reason], detail).WithDetails(&errdetails.ErrorInfo{Reason: string(reason), Domain: errorDomain})
	if err != nil { // Only an OK status can have no details.
		panic(err)
	}
	return st.Err()
}
