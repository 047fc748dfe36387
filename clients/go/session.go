package beckon

import (
	"context"
	"io"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// closeTimeout is how long Close waits for the server to end the stream.
const closeTimeout = 5 * time.Second

// Session is one user's presence on a server, from [Dial] or [Connect] to its end. All methods may be called
// concurrently.
//
// Two goroutines serve it, a reader and a writer; both end with the session. A session has to be ended, by Close, by
// Abort or by the server, for its resources to be freed.
type Session struct {
	// Immutable.
	stream  stream
	welcome *Welcome
	cancel  context.CancelCauseFunc // Ends the stream.
	owned   io.Closer               // Closed at the end; may be nil.

	events   *queue
	progress *progress
	calls    chan *call    // From callers to the writer; unbuffered, never closed.
	closing  chan struct{} // Closed by Close: nothing more is sent.
	once     sync.Once     // Closes closing.
	written  chan struct{} // Closed when the writer has ended.
	done     chan struct{} // Closed at the end, by the reader.

	// Owned by the reader goroutine.
	lists   map[string]*beckonv1.JoinedUsers // By room: lists of which parts are still to come.
	silence *silence                         // nil: the server may be silent.

	// Owned by the writer goroutine.
	lastID uint64 // The request id given last.

	// Written before done is closed.
	err error

	mu sync.Mutex
	// Guarded by mu. By request id: the calls that wait for their outcome.
	waiting map[uint64]*call
}

type stream = grpc.BidiStreamingClient[beckonv1.ConnectRequest, beckonv1.ConnectResponse]

func newSession(
	life context.Context, cancel context.CancelCauseFunc, stream stream, welcome *Welcome, owned io.Closer, o *options,
) *Session {
	s := &Session{
		stream:   stream,
		welcome:  welcome,
		cancel:   cancel,
		owned:    owned,
		events:   newQueue(o.queue),
		progress: newProgress(welcome.UserId),
		calls:    make(chan *call),
		closing:  make(chan struct{}),
		written:  make(chan struct{}),
		done:     make(chan struct{}),
		lists:    make(map[string]*beckonv1.JoinedUsers),
		silence:  newSilence(welcome.HeartbeatInterval.AsDuration(), cancel),
		waiting:  make(map[uint64]*call),
	}
	go s.read(life)
	go s.write(life)
	return s
}

// ID is the user's id, what others put into the field To.
func (s *Session) ID() string { return s.welcome.UserId }

// Welcome is what the server said first; not to be changed.
func (s *Session) Welcome() *Welcome { return s.welcome }

// Done is closed when the session has ended. Events may still wait to be taken.
func (s *Session) Done() <-chan struct{} { return s.done }

// Err is nil before the end and after a clean one, else an [*EndError].
func (s *Session) Err() error {
	select {
	case <-s.done:
		return s.err
	default:
		return nil
	}
}

// Close ends the session: what was sent before is answered, the user leaves all rooms, and the server ends the stream,
// for which Close waits at most five seconds before it aborts ([Abandoned]). A server that does not read what is still on
// its way to it is given that time, too. The events that came until then can still be taken. The error is that of Err.
// Later calls of Close wait for the same end.
func (s *Session) Close() error {
	s.once.Do(func() {
		s.events.lift() // So that what comes until the end does not wait for the application to take it.
		close(s.closing)
	})
	timeout := time.NewTimer(closeTimeout)
	defer timeout.Stop()
	select {
	case <-s.done:
	case <-timeout.C:
		s.cancel(&EndError{
			Code:   codes.DeadlineExceeded,
			Reason: Abandoned,
			Detail: "the server did not end the session within " + closeTimeout.String(),
		})
		<-s.done
	}
	return s.err
}

// Abort ends the session as a lost connection does: the server keeps it for the resume_window of the [Welcome], in which
// nobody sees the user leave. It does not wait.
func (s *Session) Abort() {
	s.cancel(&EndError{Code: codes.Canceled, Reason: Abandoned, Detail: "the session was aborted"})
}
