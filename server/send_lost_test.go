package server_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/beckonrtc/beckon/server"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// TestSendSurvives: a Send whose Listen is lost, or whose session is taken up on another, under way is carried through: each
// of its messages has one effect, and nobody is told that the session is no more.
func TestSendSurvives(t *testing.T) {
	for _, takenOver := range []bool{false, true} {
		t.Run(fmt.Sprint("taken over: ", takenOver), func(t *testing.T) {
			onEach(t, func(t *testing.T, call func(*service) grpc.ClientConnInterface) {
				s := start(t, server.Config{MaxMessagesPerSecond: -1}, nil)
				bob := connect(t, s.dial(), "lobby", none)
				ctx, lose := context.WithCancel(t.Context())
				defer lose()
				ana := listenIn(ctx, t, call(s), "lobby", none)
				const n = 1000
				var batch []*beckonv1.ConnectRequest
				for i := range n {
					batch = append(batch, numbered(uint64(i+1), data(bob.id, "lobby", fmt.Append(nil, i))))
				}
				sent := make(chan error, 1)
				go func() { sent <- ana.send(batch...) }()
				for i := range n {
					if i == 3 { // In the middle of it.
						if takenOver {
							again, err := ana.client.Listen(t.Context(), &beckonv1.ListenRequest{First: &beckonv1.ConnectRequest{
								Message: &beckonv1.ConnectRequest_Resume{Resume: &beckonv1.Resume{ResumeToken: ana.token}},
							}})
							if err != nil {
								t.Fatal(err)
							}
							go func() {
								for {
									if _, err := again.Recv(); err != nil {
										return
									}
								}
							}()
						} else {
							lose()
						}
					}
					if got := string(bob.next().GetDataReceived().GetPayload()); got != fmt.Sprint(i) {
						t.Fatalf("message %d is %q", i, got)
					}
				}
				if err := <-sent; err != nil {
					t.Errorf("Send: %v", err)
				}
			})
		})
	}
}

// TestSendWhileStreamLives: a server that drains takes what is sent for as long as the session's stream goes on.
func TestSendWhileStreamLives(t *testing.T) {
	onEach(t, func(t *testing.T, call func(*service) grpc.ClientConnInterface) {
		s := start(t, server.Config{}, nil)
		bob := connect(t, s.dial(), "lobby", none)
		var all []*listened
		for range 50 {
			all = append(all, listenIn(t.Context(), t, call(s), "lobby", none))
		}
		stopped := make(chan error, 1)
		began := time.Now()
		go func() { stopped <- s.Shutdown(t.Context()) }()
		taken := 0
		for _, ana := range all {
			after := ana.next().GetDraining().GetReconnectAfter().AsDuration()
			err := ana.send(numbered(1, data("", "lobby", nil)))
			if err == nil {
				taken++
			} else if code, reason := statusOf(err); code != codes.Unavailable || reason != "SHUTTING_DOWN" || time.Since(began) < after {
				t.Errorf("%s after the start of the end, of a stream that ends %s after it: %v", time.Since(began), after, err)
			}
		}
		if taken == 0 {
			t.Error("none of 50 clients could send")
		}
		for _, ana := range all {
			if code, reason := ana.end(); code != codes.Unavailable || reason != "SHUTTING_DOWN" {
				t.Errorf("a stream ended with %s %s", code, reason)
			}
		}
		bob.end()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
}

// TestTrickleReader: a client that has ended its session cannot hold the server for long by reading what is left bit by bit.
func TestTrickleReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, server.Config{MaxMessagesPerSecond: -1, MaxBytesPerSecond: -1}, nil)
		ana := connect(t, s.dial(), "lobby", none)
		slow := connect(t, s.dial(grpc.WithStaticStreamWindowSize(64<<10), grpc.WithStaticConnWindowSize(64<<10)), "lobby", none)
		payload := make([]byte, 8<<10)
		for range 100 {
			ana.send(data(slow.id, "lobby", payload))
		}
		synctest.Wait()
		start := time.Now()
		if err := slow.CloseSend(); err != nil {
			t.Fatal(err)
		}
		events := 0
		for {
			if _, err := slow.Recv(); err != nil {
				break
			}
			if events++; events%4 == 0 { // Enough for the server to see that it goes on.
				time.Sleep(4 * time.Second)
			}
		}
		// Those that the transport had taken by then are read to the end.
		if held := time.Since(start); events > 70 {
			t.Errorf("%d events of 100 were served in %s", events, held)
		}
	})
}
