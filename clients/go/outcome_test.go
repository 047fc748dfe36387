package beckon_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	beckon "github.com/beckonrtc/beckon/clients/go"
	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

func TestOutcome(t *testing.T) {
	tests := []struct {
		answer func(*stage, *beckonv1.ConnectRequest) error
		want   error
	}{
		{func(stage *stage, request *beckonv1.ConnectRequest) error {
			stage.ack(request)
			return nil
		}, nil},
		{func(stage *stage, request *beckonv1.ConnectRequest) error {
			stage.fail(request.RequestId, beckon.NoSuchUser)
			return nil
		}, beckon.NoSuchUser},
		{func(stage *stage, request *beckonv1.ConnectRequest) error {
			stage.fail(request.RequestId, 4711) // Of a later version.
			return nil
		}, beckon.Code(4711)},
		{func(stage *stage, request *beckonv1.ConnectRequest) error {
			stage.fail(request.RequestId, beckon.Undelivered) // Recorded, therefore: the ack is on its way.
			stage.ack(request)
			return nil
		}, nil},
		{func(stage *stage, request *beckonv1.ConnectRequest) error {
			stage.ack(&beckonv1.ConnectRequest{RequestId: request.RequestId + 1}) // Somebody else's.
			stage.fail(request.RequestId+2, beckon.NoSuchUser)
			time.Sleep(time.Minute)
			return nil
		}, context.DeadlineExceeded},
		{func(*stage, *beckonv1.ConnectRequest) error {
			return status.Error(codes.Unavailable, "the server is gone")
		}, &beckon.EndError{Code: codes.Unavailable, Detail: "the server is gone"}},
		{func(*stage, *beckonv1.ConnectRequest) error {
			return errEnd
		}, beckon.ErrClosed},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			session := script(func(stage *stage) error {
				stage.welcome(ana(0))
				switch err := test.answer(stage, stage.hear()); err {
				case nil:
					stage.hearEnd()
					return nil
				case errEnd:
					return nil
				default:
					return err
				}
			}).open(t)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			err := session.Offer(ctx, &beckon.Offer{To: "ben", CallId: "c", Sdp: "v=0"})
			if end, ok := errors.AsType[*beckon.EndError](test.want); ok {
				if got, ok := errors.AsType[*beckon.EndError](err); !ok || *got != *end {
					t.Errorf("Offer: %v, want %v", err, end)
				}
			} else if !errors.Is(err, test.want) {
				t.Errorf("Offer: %v, want %v", err, test.want)
			}
		})
	}
}

// errEnd makes a script end the stream cleanly at once.
var errEnd = errors.New("end")

func TestFailureSaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := script(func(stage *stage) error {
			stage.welcome(ana(0))
			stage.fail(stage.hear().RequestId, beckon.RoomFull)
			stage.hearEnd()
			return nil
		}).open(t)
		err := session.Join(t.Context(), &beckon.Join{Room: "lobby"})
		want := beckon.Failure{Code: beckon.RoomFull, Detail: "as told", Field: "to", To: "ben", CallID: "c"}
		if failure, ok := errors.AsType[*beckon.Failure](err); !ok || *failure != want {
			t.Errorf("Join: %#v, want %#v", err, want)
		}
		if text := "beckon: ROOM_FULL: as told"; err.Error() != text {
			t.Errorf("the error reads %q: want %q", err, text)
		}
		if errors.Is(err, beckon.NoSuchUser) {
			t.Error("the error is NoSuchUser, too")
		}
	})
}

// A failure is an event where no call waits for it.
func TestFailureAsEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := script(func(stage *stage) error {
			stage.welcome(ana(0))

			sent := stage.hear()
			if sent.RequestId == 0 || sent.RequestId == 7 {
				t.Errorf("Send gave the message the id %d: want one of its own", sent.RequestId)
			}
			stage.fail(sent.RequestId, beckon.NotInRoom)

			offered := stage.hear()
			stage.ack(offered)
			stage.fail(offered.RequestId, beckon.Undelivered)

			abandoned := stage.hear()
			time.Sleep(time.Minute)
			stage.fail(abandoned.RequestId, beckon.Unavailable)
			stage.hearEnd()
			return nil
		}).open(t)

		data := &beckonv1.ConnectRequest_Data{Data: &beckon.Data{Room: "lobby"}}
		if err := session.Send(t.Context(), &beckon.ConnectRequest{RequestId: 7, Message: data}); err != nil {
			t.Errorf("Send: %v", err)
		}
		if err := session.Offer(t.Context(), &beckon.Offer{To: "ben", CallId: "c", Sdp: "v=0"}); err != nil {
			t.Errorf("Offer: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := session.Data(ctx, data.Data); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Data: %v, want the context's error", err)
		}
		for _, want := range []beckon.Code{beckon.NotInRoom, beckon.Undelivered, beckon.Unavailable} {
			event, err := session.Recv(t.Context())
			if failure, ok := event.(*beckon.Failure); !ok || failure.Code != want {
				t.Errorf("Recv: %v, %v, want %v", event, err, want)
			}
		}
	})
}

// What would end the stream is refused before it is sent, and harms nothing else.
func TestRefusedUnsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := script(func(stage *stage) error {
			welcome := ana(0)
			welcome.Limits = &beckon.Limits{MaxMessageBytes: 1000}
			stage.welcome(welcome)
			for request := stage.hear(); request != nil; request = stage.hear() {
				if kind := request.GetData().GetType(); kind != "good" {
					t.Errorf("the server received %q", kind)
				}
				stage.ack(request)
			}
			return nil
		}).open(t)
		tests := []struct {
			data *beckon.Data
			want error
		}{
			{&beckon.Data{Type: "not \xff UTF-8"}, beckon.Invalid},
			{&beckon.Data{Type: "too large", Payload: make([]byte, 1000)}, beckon.TooLarge},
			{&beckon.Data{Type: "good", Payload: make([]byte, 900)}, nil},
		}
		for _, test := range tests {
			if err := session.Data(t.Context(), test.data); !errors.Is(err, test.want) {
				t.Errorf("Data %q: %v, want %v", test.data.Type, err, test.want)
			}
			request := &beckon.ConnectRequest{Message: &beckonv1.ConnectRequest_Data{Data: test.data}}
			if err := session.Send(t.Context(), request); test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("Send %q: %v, want %v", test.data.Type, err, test.want)
			}
		}
	})
}

func TestIdsIncreaseOnTheWire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const callers, each = 8, 50
		heard := 0
		session := script(func(stage *stage) error {
			stage.welcome(ana(0))
			var last uint64
			for request := stage.hear(); request != nil; request = stage.hear() {
				if request.RequestId <= last {
					t.Errorf("request %d came after %d", request.RequestId, last)
				}
				last = request.RequestId
				heard++
				stage.ack(request)
			}
			return nil
		}).open(t)
		var group sync.WaitGroup
		for range callers {
			group.Go(func() {
				for range each {
					if err := session.Data(t.Context(), &beckon.Data{Room: "lobby"}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		if err := session.Close(); err != nil {
			t.Error(err)
		}
		if heard != callers*each {
			t.Errorf("the server heard %d messages: want %d", heard, callers*each)
		}
	})
}

// A call whose context ends while the server reads nothing returns at once, whether or not its turn to be sent came.
func TestCallsEndWithTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := script(func(stage *stage) error {
			stage.welcome(ana(0))
			<-stage.Context().Done() // Reads nothing.
			return nil
		}).open(t)
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		payload := []byte(strings.Repeat("x", 100<<10)) // More than the stream's window, in all.
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				if err := session.Data(ctx, &beckon.Data{Payload: payload}); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Data: %v, want the context's error", err)
				}
			})
		}
		group.Wait()
		if err := session.Data(ctx, &beckon.Data{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Data, its context having ended: %v, want the context's error", err)
		}
		if took := time.Since(begin); took != time.Second {
			t.Errorf("the calls took %v: want 1s", took)
		}
	})
}
