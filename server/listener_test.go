package server

import (
	"context"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// listening is the transport of a listener that is only received from.
type listening struct {
	grpc.ServerStream
	ctx context.Context
}

func (l listening) Context() context.Context { return l.ctx }

// TestListenerOneSend: while a batch is under way there is no place for another, even if its call was given up.
func TestListenerOneSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &listener{ServerStream: listening{ctx: t.Context()}, batches: make(chan *batch, 1), ended: make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		carried := make(chan error, 1)
		go func() { carried <- l.carry(ctx, [][]byte{{1}, {2}}) }()
		synctest.Wait()
		if err := l.carry(t.Context(), [][]byte{{3}}); err != errSendUnderWay {
			t.Errorf("the second batch: %v, want %v", err, errSendUnderWay)
		}
		cancel()
		if code := status.Code(<-carried); code != codes.Canceled {
			t.Errorf("the first batch: %s, want CANCELLED", code)
		}
		for _, want := range []byte{1, 2} {
			if err := l.carry(t.Context(), [][]byte{{3}}); err != errSendUnderWay {
				t.Errorf("before message %d was handled: %v, want %v", want, err, errSendUnderWay)
			}
			m, err := l.Recv()
			if err != nil || m.ReadOnlyData()[0] != want {
				t.Fatalf("received %v %v, want %d", m, err, want)
			}
			m.Free()
		}

		go func() { carried <- l.carry(t.Context(), [][]byte{{3}, {4}}) }()
		m, err := l.Recv()
		if err != nil || m.ReadOnlyData()[0] != 3 {
			t.Fatalf("received %v %v, want 3", m, err)
		}
		m.Free()
		close(l.ended)
		if err := <-carried; err != errNoSession {
			t.Errorf("the batch whose session has ended: %v, want %v", err, errNoSession)
		}
	})
}

// TestListenerEnded: a batch whose session has ended within it is no longer handed out, nor does another one wait for it.
func TestListenerEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	l := &listener{ServerStream: listening{ctx: ctx}, batches: make(chan *batch, 1), ended: make(chan struct{})}
	carried := make(chan error, 1)
	go func() { carried <- l.carry(t.Context(), [][]byte{{1}, {2}}) }()
	m, err := l.Recv()
	if err != nil {
		t.Fatal(err)
	}
	m.Free()
	cancel()
	if m, err := l.Recv(); err != context.Canceled {
		t.Errorf("received %v %v, want %v", m, err, context.Canceled)
	}
	close(l.ended)
	if err := <-carried; err != errNoSession {
		t.Errorf("the batch under way: %v, want %v", err, errNoSession)
	}
	if err := l.carry(t.Context(), [][]byte{{3}}); err != errNoSession {
		t.Errorf("the next one: %v, want %v", err, errNoSession)
	}
}
