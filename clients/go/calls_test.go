package beckon_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"

	beckon "github.com/beckonrtc/beckon/clients/go"
	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// These tests are about what becomes of calls when the stream is lost that they were made on.

// say begins a call with a data message of that type for ben, and gives its error when it returns.
func say(ctx context.Context, session *beckon.Session, kind string) <-chan error {
	outcome := make(chan error, 1)
	go func() { outcome <- session.Data(ctx, &beckon.Data{To: "ben", Room: "lobby", Type: kind}) }()
	synctest.Wait() // So that calls are made in the order in which this is called.
	return outcome
}

// drop begins to send a data message of that type without waiting for its outcome.
func drop(ctx context.Context, session *beckon.Session, kind string) <-chan error {
	outcome := make(chan error, 1)
	data := &beckonv1.ConnectRequest_Data{Data: &beckon.Data{To: "ben", Room: "lobby", Type: kind}}
	go func() { outcome <- session.Send(ctx, &beckon.ConnectRequest{Message: data}) }()
	synctest.Wait()
	return outcome
}

// Calls wait over a loss. What had no outcome is sent again with its id, and then what was said in the meantime, in order.
func TestCallsOverALoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var first []string
		hear := func(stage *stage) string {
			id, kind := stage.hearData()
			return fmt.Sprintf("%d %s", id, kind)
		}
		session := acts(t, func(stage *stage) error {
			stage.welcome(kept("own", anew))
			stage.ack(stage.hear())
			for range 3 {
				first = append(first, hear(stage))
			}
			return lost
		}, func(stage *stage) error {
			time.Sleep(time.Second) // The attempt takes its time, and fails.
			return lost
		}, func(stage *stage) error {
			stage.resume(kept("own", resumed))
			for i := range 6 {
				id, kind := stage.hearData()
				if got := fmt.Sprintf("%d %s", id, kind); i < len(first) && got != first[i] {
					t.Errorf("the client sent %q: want %q again", got, first[i])
				}
				if want := fmt.Sprintf("message %d", i+1); kind != want {
					t.Errorf("the client sent %q: want %q", kind, want)
				}
				if kind == "message 2" {
					stage.fail(id, beckon.NoSuchUser)
				} else {
					stage.ack(&beckonv1.ConnectRequest{RequestId: id})
				}
			}
			stage.hearEnd()
			return nil
		}).open(t)
		outcomes := []<-chan error{
			say(t.Context(), session, "message 0"),
			say(t.Context(), session, "message 1"),
			drop(t.Context(), session, "message 2"),
			say(t.Context(), session, "message 3"),
		}
		expect(t, session, "reconnecting 1: Unavailable: lost")
		time.Sleep(500 * time.Millisecond)
		outcomes = append(outcomes,
			say(t.Context(), session, "message 4"),
			drop(t.Context(), session, "message 5"),
		)
		short, cancel := context.WithCancel(t.Context())
		given := say(short, session, "given up while the connection was lost")
		outcomes = append(outcomes, say(t.Context(), session, "message 6"))
		cancel()
		if err := <-given; err != context.Canceled {
			t.Errorf("a call that was given up: %v", err)
		}
		for i, outcome := range outcomes {
			if err := <-outcome; err != nil {
				t.Errorf("call %d: %v", i, err)
			}
		}
		expect(t, session, "reconnecting 2: Unavailable: lost", "resumed", ": NO_SUCH_USER ben")
		if err := session.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
}

// A call that was given up after it was sent is sent again all the same, and its failure is an event.
func TestGivenUpCallIsSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := acts(t, func(stage *stage) error {
			stage.welcome(kept("own", anew))
			stage.hearData()
			time.Sleep(time.Minute)
			return lost
		}, func(stage *stage) error {
			stage.resume(kept("own", resumed))
			id, _ := stage.hearData()
			stage.fail(id, beckon.NoSuchUser)
			stage.hearEnd()
			return nil
		}).open(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := session.Data(ctx, &beckon.Data{Room: "lobby"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Data: %v, want the context's error", err)
		}
		expect(t, session, "reconnecting 1: Unavailable: lost", "resumed", ": NO_SUCH_USER ben")
	})
}

// There are never more messages without an outcome than the server remembers; others wait for their turn, or give up.
func TestWindow(t *testing.T) {
	const window, calls = 64, 200
	synctest.Test(t, func(t *testing.T) {
		heard := make(map[string]int)
		early := 0
		session := acts(t, func(stage *stage) error {
			stage.welcome(kept("own", anew))
			for range window {
				stage.hearData()
				early++
			}
			if more := stage.hear(); more != nil { // Nothing, until the connection is lost.
				t.Errorf("without an outcome of the others, the client sent %v", more)
			}
			return lost
		}, func(stage *stage) error {
			stage.resume(kept("own", resumed))
			for range calls {
				id, kind := stage.hearData()
				if want := fmt.Sprint(len(heard)); kind != want {
					t.Errorf("the client sent %s: want %s", kind, want)
				}
				heard[kind]++
				stage.ack(&beckonv1.ConnectRequest{RequestId: id})
			}
			stage.hearEnd()
			return nil
		}).cutAfter(t, time.Minute)
		var outcomes []<-chan error
		for i := range calls {
			outcomes = append(outcomes, say(t.Context(), session, fmt.Sprint(i)))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for _, outcome := range []<-chan error{say(ctx, session, "too late"), drop(ctx, session, "too late")} {
			if err := <-outcome; !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a call whose turn did not come: %v, want the context's error", err)
			}
		}
		for i, outcome := range outcomes {
			if err := <-outcome; err != nil {
				t.Errorf("call %d: %v", i, err)
			}
		}
		if err := session.Close(); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if early != window {
			t.Errorf("%d messages came without an outcome: want %d", early, window)
		}
		for kind, n := range heard {
			if n != 1 {
				t.Errorf("%s came %d times", kind, n)
			}
		}
	})
}

// Whatever was sent has to be sent again before the goodbye.
func TestCloseAfterALoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const calls = 20
		session := acts(t, func(stage *stage) error {
			stage.welcome(kept("own", anew))
			for range calls {
				stage.hearData()
			}
			return lost
		}, func(stage *stage) error {
			stage.resume(kept("own", resumed))
			for i := range calls {
				if _, kind := stage.hearData(); kind != fmt.Sprint(i) {
					t.Errorf("the client sent %q: want %d", kind, i)
				}
			}
			if !stage.hearEnd() {
				t.Error("the client did not half-close")
			}
			return nil
		}).open(t)
		for i := range calls {
			data := &beckonv1.ConnectRequest_Data{Data: &beckon.Data{
				Room: "lobby", Type: fmt.Sprint(i), Payload: make([]byte, 20<<10), // More than fits on the way, in all.
			}}
			if err := session.Send(t.Context(), &beckon.ConnectRequest{Message: data}); err != nil {
				t.Fatal(err)
			}
		}
		expect(t, session, "reconnecting 1: Unavailable: lost", "resumed")
		if err := session.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
}

// A session that was left, of which the answer was lost, has ended as it was to.
func TestAnswerToTheGoodbyeIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := acts(t, func(stage *stage) error {
			stage.welcome(kept("own", anew))
			stage.hear()
			return lost
		}, func(*stage) error {
			return because(codes.NotFound, beckon.NoSuchSession)
		}).open(t)
		if err := session.Leave(t.Context(), ""); err != nil {
			t.Errorf("Leave: %v", err)
		}
		<-session.Done()
		if err := session.Err(); err != nil {
			t.Errorf("the session ended with %v", err)
		}
	})
}

// Many callers, many losses: whatever is acknowledged was recorded once, and each caller's messages in their order.
func TestManyCallersManyLosses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const callers, each, perStream = 8, 40, 23
		var mu sync.Mutex
		recorded := make(map[string]int) // By caller: how many messages.
		var last uint64                  // The id of the last that was recorded.
		streams := 0
		session := script(func(stage *stage) error {
			mu.Lock()
			streams++
			first := streams == 1
			mu.Unlock()
			if first {
				stage.welcome(kept("own", anew))
			} else {
				stage.resume(kept("own", resumed))
			}
			for n := 0; ; n++ {
				request := stage.hear()
				if request == nil {
					return nil
				}
				mu.Lock()
				if request.RequestId > last {
					last = request.RequestId
					data := request.GetData()
					if want := fmt.Sprint(recorded[data.Type]); string(data.Payload) != want {
						t.Errorf("caller %s sent message %s: want %s", data.Type, data.Payload, want)
					}
					recorded[data.Type]++
				}
				mu.Unlock()
				if n == perStream {
					return lost // Recorded, but not acknowledged.
				}
				stage.ack(request)
			}
		}).open(t)
		var group sync.WaitGroup
		for caller := range callers {
			group.Go(func() {
				for i := range each {
					data := &beckon.Data{Room: "lobby", Type: fmt.Sprint(caller), Payload: fmt.Append(nil, i)}
					if err := session.Data(t.Context(), data); err != nil {
						t.Errorf("caller %d, message %d: %v", caller, i, err)
					}
				}
			})
		}
		group.Wait()
		if err := session.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		synctest.Wait()
		for caller := range callers {
			if n := recorded[fmt.Sprint(caller)]; n != each {
				t.Errorf("caller %d: %d messages were recorded, want %d", caller, n, each)
			}
		}
		if streams < callers*each/perStream {
			t.Errorf("there were %d streams only", streams)
		}
	})
}
