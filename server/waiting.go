package server

import (
	"container/list"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/health/grpc_health_v1"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// waiting bounds calls on gRPC's own transport that belong to no session, or not yet: before a handler knows who calls, gRPC
// reads the whole request, however long that takes, and calls that watch the server's health go on for ever. Streams of
// Connect are the hub's to bound. All methods may be called concurrently, and do not wait.
type waiting struct {
	// Immutable.
	most    int           // How many there may be; then the oldest ends. 0: any number.
	timeout time.Duration // How long a request may take to come. 0: as long as it likes.

	// Calls that were ended since their request did not come, and since there were too many.
	late, surplus atomic.Uint64

	mu    sync.Mutex
	calls list.List // Guarded by mu. Of *call, the oldest first.
}

// call is one of them.
type call struct {
	cancel context.CancelFunc
	late   *time.Timer   // Ends it if its request does not come. Nil: it may take its time.
	place  *list.Element // Guarded by waiting.mu. Nil: it is none any more.
}

type callKey struct{}

// admit notes a call that has begun, and returns the context that is to be the call's.
func (w *waiting) admit(ctx context.Context, method string) context.Context {
	if method == beckonv1.Signal_Connect_FullMethodName {
		return ctx
	}
	ctx, cancel := context.WithCancel(ctx)
	c := &call{cancel: cancel}
	if w.timeout > 0 && isShort(method) {
		c.late = time.AfterFunc(w.timeout, func() {
			w.late.Add(1)
			cancel()
		})
	}
	w.mu.Lock()
	c.place = w.calls.PushBack(c)
	var oldest *call
	if w.most > 0 && w.calls.Len() > w.most {
		oldest = w.calls.Front().Value.(*call)
		w.dropLocked(oldest)
	}
	w.mu.Unlock()
	if oldest != nil {
		w.surplus.Add(1)
		oldest.cancel()
	}
	context.AfterFunc(ctx, func() { w.drop(c) })
	return context.WithValue(ctx, callKey{}, c)
}

// isShort reports whether calls of a method begin with a request that is to come at once.
func isShort(method string) bool {
	switch method {
	case beckonv1.Signal_Listen_FullMethodName, beckonv1.Signal_Send_FullMethodName, grpc_health_v1.Health_Check_FullMethodName:
		return true
	}
	return false
}

// came tells that the request of the call that ctx is of has come.
func (w *waiting) came(ctx context.Context) {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		w.drop(c)
	}
}

// drop takes a call out of the list, if it is there.
func (w *waiting) drop(c *call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dropLocked(c)
}

// dropLocked is drop. w.mu must be held.
func (w *waiting) dropLocked(c *call) {
	if c.place == nil {
		return
	}
	w.calls.Remove(c.place)
	c.place = nil
	if c.late != nil {
		c.late.Stop()
	}
}
