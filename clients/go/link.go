package beckon

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// drainPatience is how long after the announced time a draining server may take to end the stream.
const drainPatience = 5 * time.Second

type stream = grpc.BidiStreamingClient[beckonv1.ConnectRequest, beckonv1.ConnectResponse]

// link is one stream of a session, from its welcome to its end.
type link struct {
	// Immutable.
	stream  stream
	welcome *Welcome
	begun   time.Time               // When it was welcomed.
	ctx     context.Context         // The stream's.
	cancel  context.CancelCauseFunc // Ends the stream.
	written chan struct{}           // Closed when the writer has ended.
	token   string                  // That was shown; empty: none was.

	// Each of size 1, never closed: holds a value while a message is put on the stream, or while one that came is dealt with.
	// Who has filled both can open another stream that begins where this one stands. They stay full if it takes its place.
	// Two, so that reading never waits for a server that does not read.
	putting, taking chan struct{}

	// Owned by the run goroutine.
	lists   map[string]*beckonv1.JoinedUsers // By room: lists of which parts are still to come.
	silence *silence                         // nil: the server may be silent.
	drained *time.Timer                      // Ends a stream that a draining server does not end; nil: it does not drain.
	renewal *renewal                         // Of the token; nil: it has not begun.
	end     *EndError                        // How the stream ended; nil: cleanly, or it has not.
	orderly bool                             // The server answered all that it handled before it ended the stream.
}

// greet opens a stream and sends first on it, in order to be welcomed. cancel ends ctx, the stream's. The error is an
// [*EndError] or that of the stream.
func greet(
	ctx context.Context, cancel context.CancelCauseFunc, cc grpc.ClientConnInterface, first *ConnectRequest,
	opts ...grpc.CallOption,
) (*link, error) {
	stream, err := beckonv1.NewSignalClient(cc).Connect(ctx, opts...)
	if err != nil {
		return nil, err
	}
	// An io.EOF tells that the stream has ended; why, Recv tells.
	if err := stream.Send(first); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	event, err := stream.Recv()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	welcome := event.GetWelcome()
	if welcome == nil {
		return nil, notWelcomed(event)
	}
	return &link{
		stream:  stream,
		welcome: welcome,
		begun:   time.Now(),
		ctx:     ctx,
		cancel:  cancel,
		written: make(chan struct{}),
		putting: make(chan struct{}, 1),
		taking:  make(chan struct{}, 1),
		lists:   make(map[string]*beckonv1.JoinedUsers),
		silence: newSilence(welcome.HeartbeatInterval.AsDuration(), cancel),
	}, nil
}

// put calls act, which puts messages on the stream. If another stream has taken the place of this one it returns io.EOF,
// as sending does on a stream that has ended.
func (l *link) put(act func() error) error {
	if !fill(l.ctx, l.putting) {
		return io.EOF
	}
	defer func() { <-l.putting }()
	return act()
}

// take calls act, which deals with what came on the stream, unless another stream has taken the place of this one.
func (l *link) take(act func()) {
	if !fill(l.ctx, l.taking) {
		return
	}
	defer func() { <-l.taking }()
	act()
}

// fill puts the one value into c, waiting until there is room; false: ctx ended first.
func fill(ctx context.Context, c chan struct{}) bool {
	select {
	case c <- struct{}{}:
		return true
	default:
	}
	select {
	case c <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// drain gives the server until some time after reconnect to end the stream.
func (l *link) drain(reconnect time.Duration) {
	if l.drained != nil {
		l.drained.Stop()
	}
	l.drained = time.AfterFunc(reconnect+drainPatience, func() {
		l.cancel(&EndError{
			Code:   codes.Unavailable,
			Reason: ShuttingDown,
			Detail: "the server did not end the stream within " + drainPatience.String() + " of the time that it gave",
		})
	})
}

// close ends the stream if it has not ended.
func (l *link) close() {
	l.cancel(nil)
	l.silence.end()
	if l.drained != nil {
		l.drained.Stop()
	}
}
