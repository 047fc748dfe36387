package hub

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

// tape is a stream that holds back what it is sent, and notes what it is asked to do.
type tape struct {
	mu     sync.Mutex
	broken bool
	played []string // Guarded by mu.
}

// Send implements Stream.
func (s *tape) Send(event []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.played = append(s.played, string(event))
	return nil
}

// Flush implements Flusher.
func (s *tape) Flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.played = append(s.played, "flush")
	if s.broken {
		return errors.New("it is broken")
	}
	return nil
}

// TestFlush: a stream that holds events back is told once what was put is with it, and not after each event.
func TestFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(tape)
		o := &outbox{stream: s, stats: new(stats), ends: new(ends)}
		s.mu.Lock() // So that both are there before the first is written.
		o.push([]byte("a"))
		o.push([]byte("b"))
		s.mu.Unlock()
		<-o.written()
		o.push([]byte("c"))
		<-o.written()
		if want := []string{"a", "b", "flush", "c", "flush"}; !slices.Equal(s.played, want) {
			t.Errorf("the stream was asked for %q, want %q", s.played, want)
		}
		s.broken = true
		o.push([]byte("d"))
		synctest.Wait()
		if !o.isClosed() {
			t.Error("the stream is broken, and the outbox takes more")
		}
	})
}
