package web

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
)

// Stream is a call of Connect. One goroutine calls Recv, another one Send.
type Stream struct {
	// Immutable.
	ctx          context.Context // Ends when the client is lost.
	body         io.ReadCloser   // The client's envelopes. To close it writes the trailers and closes the websocket.
	most         int             // Config.MaxMessageBytes.
	w            http.ResponseWriter
	guard        *guard
	pingInterval time.Duration // Of Config, as closeTimeout.
	closeTimeout time.Duration

	end     sync.Once
	writing chan struct{} // Holds one while somebody writes. Never closed.

	// Guarded by writing.
	ended  bool // Nothing is sent any more.
	pinged time.Time
}

var errEnded = errors.New("the stream has ended")

// Send sends a message. It may block.
func (s *Stream) Send(message []byte) error {
	s.writing <- struct{}{}
	defer func() { <-s.writing }()
	if s.ended {
		return errEnded
	}
	pool := mem.DefaultBufferPool()
	buffer := pool.Get(prefixSize + len(message))
	defer pool.Put(buffer)
	if _, err := s.w.Write(appendEnvelope((*buffer)[:0], message)); err != nil {
		return err
	}
	if now := time.Now(); now.Sub(s.pinged) >= s.pingInterval {
		s.pinged = now
		return s.guard.ping()
	}
	return nil
}

// Recv returns the next message. After a half-close the error is io.EOF; if what came is no message, one of
// ErrMalformed, ErrTooLarge and ErrCompressed; with any other the client is lost.
func (s *Stream) Recv() ([]byte, error) {
	s.guard.next()
	message, err := readEnvelope(timed{s}, s.most)
	switch {
	case err == nil:
		return message, nil
	case s.ctx.Err() != nil:
		return nil, s.ctx.Err()
	case s.guard.isClosed(): // Within a message.
		return nil, net.ErrClosed
	}
	return nil, err
}

// timed is the body of a stream, from which a message is read that must come in time.
type timed struct{ *Stream }

// Read implements io.Reader.
func (t timed) Read(p []byte) (int, error) {
	n, err := t.body.Read(p)
	if n > 0 {
		t.guard.begin()
	}
	return n, err
}

// WriteStatus ends the stream with a status, once, and makes Send and Recv return. The error is always nil: a client that does
// not take it is lost.
func (s *Stream) WriteStatus(st *status.Status) error {
	s.end.Do(func() {
		s.guard.finish(s.closeTimeout) // Also of a Send that blocks.
		s.writing <- struct{}{}
		s.ended = true
		<-s.writing
		setStatus(s.w.Header(), st)
		_ = s.body.Close() // Also if nobody is there to read it: it lets go of the connection.
	})
	return nil
}
