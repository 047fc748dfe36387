package server

import (
	"strings"
	"sync/atomic"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/beckonrtc/beckon/server/hub"
)

// The ends of streams for which the client is told no reason.
const (
	endedOK    = "ok"    // As it has asked.
	endedLost  = "lost"  // It was lost.
	endedOther = "other" // A status without a reason.
)

// streamEnds counts how streams ended, by the reason that the client is told, in lower case. All methods may be called
// concurrently.
type streamEnds map[string]*atomic.Uint64 // Immutable.

func newStreamEnds() streamEnds {
	ends := streamEnds{endedOK: new(atomic.Uint64), endedLost: new(atomic.Uint64), endedOther: new(atomic.Uint64)}
	for reason := range codeOf {
		ends[strings.ToLower(string(reason))] = new(atomic.Uint64)
	}
	return ends
}

// add counts a stream that ends with that status.
func (e streamEnds) add(final *status.Status) {
	reason := strings.ToLower(string(whyEnded(final)))
	switch {
	case e[reason] != nil:
	case final.Code() == codes.OK:
		reason = endedOK
	case final.Code() == codes.Canceled, final.Code() == codes.DeadlineExceeded:
		reason = endedLost
	default:
		reason = endedOther
	}
	e[reason].Add(1)
}

// whyEnded returns the reason that a status has; "": none.
func whyEnded(st *status.Status) hub.Reason {
	for _, d := range st.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			return hub.Reason(info.GetReason())
		}
	}
	return ""
}
