package beckon

import (
	"context"
	"io"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
)

// closeTimeout is how long Close waits for the server to end the stream.
const closeTimeout = 5 * time.Second

// Session is one user's presence on a server, from [Dial] or [Connect] to its end. It outlives the streams that carry it:
// one that is lost is replaced by another. All methods may be called concurrently.
//
// Two goroutines serve it: one opens streams, waits between attempts and reads; the other writes, and ends with its
// stream. A session has to be ended, by Close, by Abort or by the server, for its resources to be freed.
//
// No lock is held while another is taken, but for that of rooms, which is held while an event is put into the queue.
type Session struct {
	// Immutable.
	id      string
	cc      grpc.ClientConnInterface
	owned   io.Closer // Closed at the end; may be nil.
	resumes bool      // A stream that is lost is replaced.
	tokens  tokens
	life    context.Context
	end     context.CancelCauseFunc // Ends life, and with it the stream.
	closing context.Context         // Ended by Close: nothing new is begun.
	close   context.CancelFunc
	done    chan struct{} // Closed at the end, by the run goroutine.

	events   *queue
	calls    *calls
	progress *progress
	rooms    *rooms

	welcome atomic.Pointer[Welcome] // The newest stream's.

	// Owned by the run goroutine.
	attempts attempts
	renewals renewals
	shown    string  // The token that was shown last.
	expired  *string // The token with which the stream, or an attempt since, ended with TokenExpired; nil: none did.

	// Written before done is closed.
	err error
}

func newSession(
	life context.Context, end context.CancelCauseFunc, cc grpc.ClientConnInterface, owned io.Closer, l *link, o *options,
	tokens tokens,
) *Session {
	s := &Session{
		id:       l.welcome.UserId,
		cc:       cc,
		owned:    owned,
		resumes:  !o.withoutResume,
		tokens:   tokens,
		life:     life,
		end:      end,
		done:     make(chan struct{}),
		events:   newQueue(o.queue),
		calls:    newCalls(),
		progress: newProgress(l.welcome.UserId, l.welcome.Epoch),
	}
	s.shown = l.token
	s.closing, s.close = context.WithCancel(context.Background())
	s.rooms = newRooms(s.id, s.events)
	s.welcome.Store(l.welcome)
	go s.run(l)
	return s
}

// ID is the user's id, what others put into the field To.
func (s *Session) ID() string { return s.id }

// Welcome is what the server said first on the newest stream; not to be changed. After [Resumed] or [Resynced] it may
// have other ICE servers and other limits; and, without an event but for the ICE servers, when a token was renewed.
func (s *Session) Welcome() *Welcome { return s.welcome.Load() }

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
//
// While the connection is lost there is nobody to say goodbye to: the session ends at once and cleanly, what had no
// outcome is not sent again, and others see the user leave once the resume_window has passed. A connection that is lost
// during Close ends the session with an [*EndError].
func (s *Session) Close() error {
	s.events.lift() // So that what comes until the end does not wait for the application to take it.
	s.close()
	timeout := time.NewTimer(closeTimeout)
	defer timeout.Stop()
	select {
	case <-s.done:
	case <-timeout.C:
		s.end(&EndError{
			Code:   codes.DeadlineExceeded,
			Reason: Abandoned,
			Detail: "the server did not end the session within " + closeTimeout.String(),
		})
		<-s.done
	}
	return s.err
}

// Abort ends the session without a word to the server, which takes the connection as lost: it keeps the session for the
// resume_window of the [Welcome], in which nobody sees the user leave. It does not wait.
func (s *Session) Abort() {
	s.end(&EndError{Code: codes.Canceled, Reason: Abandoned, Detail: "the session was aborted"})
}
