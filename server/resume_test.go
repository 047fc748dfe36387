package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server"
)

const (
	resumed  = beckonv1.Resumption_RESUMPTION_RESUMED
	resynced = beckonv1.Resumption_RESUMPTION_RESYNCED
)

// TestResumeElsewhere: a session is taken up on any transport, whatever it was on before.
func TestResumeElsewhere(t *testing.T) {
	for from := range transports {
		for to := range transports {
			t.Run(from+", then "+to, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := start(t, server.Config{}, nil)
					bob := connect(t, s.dial(), "lobby", delta)
					ana := call(t, transports[from](s), "lobby", full)
					bob.news()
					bob.send(data(ana.id(), "lobby", []byte("before")))
					ana.sees("before")
					ana.drop()
					synctest.Wait()
					bob.send(data(ana.id(), "lobby", []byte("meanwhile")))
					bob.send(data("", "lobby", []byte("to all")))
					time.Sleep(time.Second) // Virtual.
					ana.comeBack(transports[to](s), resumed)
					bob.send(data(ana.id(), "lobby", []byte("after")))
					ana.sees("meanwhile")
					ana.sees("to all")
					ana.sees("after")
					ana.send(numbered(1, data(bob.id, "lobby", []byte("thanks"))))
					if e := bob.news(); string(e.GetDataReceived().GetPayload()) != "thanks" { // And nothing before it.
						t.Errorf("bob was sent %v", e)
					}
					if e := ana.outcome(1); e.GetAck() == nil {
						t.Errorf("ana was sent %v", e)
					}
				})
			})
		}
	}
}

// TestTakenOver: a newer stream takes the session from an older one, whether that is read or not, and is sent what the
// older one has not brought.
func TestTakenOver(t *testing.T) {
	for name, dial := range transports {
		for _, reading := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, reading %v", name, reading), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := start(t, server.Config{}, nil)
					bob := connect(t, s.dial(), "lobby", delta)
					ana := call(t, dial(s), "lobby", none)
					bob.news()
					const n = 10 // More than the transport takes.
					if !reading {
						for i := range n {
							bob.send(data(ana.id(), "lobby", large(i)))
						}
						synctest.Wait()
					}
					older := ana.peer
					ana.comeBack(dial(s), resumed)
					if !reading {
						for i := range n {
							ana.sees(string(large(i)))
						}
					}
					if code, reason := endOf(older.Recv); code != codes.Aborted || reason != "TAKEN_OVER" {
						t.Errorf("the older stream ended with %s %s, want ABORTED TAKEN_OVER", code, reason)
					}
					ana.send(data(bob.id, "lobby", []byte("still here")))
					if e := bob.news(); string(e.GetDataReceived().GetPayload()) != "still here" { // And nothing before it.
						t.Errorf("bob was sent %v", e)
					}
				})
			})
		}
	}
}

// large returns a message of 14 KiB that tells its number.
func large(i int) []byte { return []byte(fmt.Sprint(i) + strings.Repeat("x", 14<<10)) }

// TestSendToLost: a session whose Listen was lost takes messages; what became of them is told when they are repeated.
func TestSendToLost(t *testing.T) {
	onEach(t, func(t *testing.T, way func(*service) grpc.ClientConnInterface) {
		s := start(t, server.Config{}, nil)
		bob := connect(t, s.dial(), "lobby", delta)
		ana := call(t, listening(way(s)), "lobby", none)
		bob.news()
		ana.drop()
		synctest.Wait()
		client := beckonv1.NewSignalClient(way(s))
		send := func(m ...*beckonv1.ConnectRequest) error {
			return sendAs(t.Context(), client, m, ana.welcome.GetResumeToken())
		}

		if err := send(numbered(1, data(bob.id, "lobby", []byte("one"))), numbered(2, data("nobody", "lobby", nil)), data("", "lobby", []byte("two"))); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"one", "two"} {
			if e := bob.news(); string(e.GetDataReceived().GetPayload()) != want {
				t.Errorf("bob was sent %v, want %q", e, want)
			}
		}
		if code, reason := statusOf(send(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Resume{Resume: &beckonv1.Resume{}}})); code != codes.InvalidArgument || reason != "RESUME_NOT_FIRST" {
			t.Errorf("a resume: %s %s, want INVALID_ARGUMENT RESUME_NOT_FIRST", code, reason)
		}
		ana.comeBack(listening(way(s)), resumed)
		ana.send(numbered(1, data(bob.id, "lobby", []byte("one"))))
		if e := ana.outcome(1); e.GetAck() == nil {
			t.Errorf("the message is answered with %v", e)
		}
		ana.send(numbered(2, data("nobody", "lobby", nil)))
		if e := ana.outcome(2); e.GetFailure().GetCode() != beckonv1.FailureCode_FAILURE_CODE_NO_SUCH_USER {
			t.Errorf("the message to nobody is answered with %v", e)
		}
		ana.drop()
		synctest.Wait()

		// A page that goes away says so.
		began := time.Now()
		if err := send(leaving("")); err != nil {
			t.Fatal(err)
		}
		bob.seesLeft(ana.id(), left) // And nothing before it.
		if took := time.Since(began); took > time.Millisecond {
			t.Errorf("it took %s", took)
		}
		for name, err := range map[string]error{"another message": send(pinging("")), "another leave": send(leaving(""))} {
			if code, reason := statusOf(err); code != codes.NotFound || reason != "NO_SUCH_SESSION" {
				t.Errorf("%s: %s %s, want NOT_FOUND NO_SUCH_SESSION", name, code, reason)
			}
		}
	})
}

// TestResumeAfter: whatever ends a stream, but for its client's wish, leaves the session to be taken up.
func TestResumeAfter(t *testing.T) {
	raw := func(bytes ...byte) *beckonv1.ConnectRequest {
		m := &beckonv1.ConnectRequest{}
		m.ProtoReflect().SetUnknown(bytes)
		return m
	}
	for name, c := range map[string]struct {
		says   *beckonv1.ConnectRequest
		code   codes.Code
		reason string
	}{
		"garbage":        {raw(0xff, 0xff), codes.InvalidArgument, "UNDECODABLE"},
		"a late resume":  {raw(0x5a, 0x00), codes.InvalidArgument, "RESUME_NOT_FIRST"},
		"far too large":  {data("", "lobby", make([]byte, 600<<10)), codes.ResourceExhausted, "MESSAGE_TOO_LARGE"},
		"silence":        {pinging(""), codes.Unavailable, "SILENT"},
		"a lost network": {nil, codes.Canceled, ""},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, way func(*service) grpc.ClientConnInterface) {
				s := start(t, server.Config{}, nil)
				bob := connect(t, s.dial(), "lobby", delta)
				dial := transports["Connect over gRPC"]
				if _, ok := way(s).(*grpc.ClientConn); !ok {
					dial = transports["Connect over grpc-web"]
				}
				ana := call(t, dial(s), "lobby", none)
				bob.news()
				if c.says == nil {
					ana.drop()
				} else {
					ana.send(c.says)
				}
				if code, reason := ana.end(); code != c.code || reason != c.reason {
					t.Errorf("the stream ended with %s %s, want %s %s", code, reason, c.code, c.reason)
				}
				bob.send(data(ana.id(), "lobby", []byte("meanwhile")))
				ana.comeBack(dial(s), resumed)
				ana.sees("meanwhile")
				ana.send(data(bob.id, "lobby", []byte("here I am")))
				if e := bob.news(); string(e.GetDataReceived().GetPayload()) != "here I am" { // And nothing before it.
					t.Errorf("bob was sent %v", e)
				}
			})
		})
	}
}

// TestResumeSlowConsumer: a client that has read too slowly comes back to everything that was kept, in order.
func TestResumeSlowConsumer(t *testing.T) {
	for name, dial := range transports {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := start(t, server.Config{MaxMessageBytes: 16 << 10, MaxOutboxBytes: 32 << 10}, nil)
				bob := connect(t, s.dial(), "lobby", none)
				ana := call(t, dial(s), "lobby", none)
				var want []string
				for i := range 17 { // More than the transport and the outbox hold, less than the log keeps.
					bob.send(numbered(uint64(i+1), data(ana.id(), "lobby", large(i))))
					if e := bob.news(); e.GetAck() == nil {
						t.Fatalf("bob was sent %v", e)
					}
					want = append(want, string(large(i)))
				}
				synctest.Wait()
				if code, reason := ana.end(); code != codes.ResourceExhausted || reason != "SLOW_CONSUMER" {
					t.Errorf("the stream ended with %s %s, want RESOURCE_EXHAUSTED SLOW_CONSUMER", code, reason)
				}
				before := len(ana.got)
				if before == len(want) {
					t.Error("nothing was left to be sent")
				}
				ana.comeBack(dial(s), resumed) // What is missed comes no faster than it is read, though it is more than the outbox.
				for len(ana.got) < len(want) {
					ana.next()
				}
				if !slices.Equal(ana.got, want) {
					t.Errorf("ana got %d messages, %d of them before, want all %d in order", len(ana.got), before, len(want))
				}
			})
		})
	}
}
