package beckon_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	beckon "github.com/beckonrtc/beckon/clients/go"
	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		halfClosed := false
		session := script(func(stage *stage) error {
			stage.welcome(ana(10 * time.Second))
			request := stage.hear()
			halfClosed = stage.hearEnd()
			stage.ack(request) // What was sent before the half-close is answered.
			time.Sleep(time.Second)
			for range 3 {
				stage.data("", 0, "until the end")
			}
			return nil
		}).open(t, beckon.WithQueue(1))
		outcome := make(chan error)
		go func() { outcome <- session.Join(t.Context(), &beckon.Join{Room: "lobby"}) }()
		synctest.Wait()
		for range 2 {
			if err := session.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		}
		if !halfClosed {
			t.Error("the session did not end with a half-close")
		}
		if err := <-outcome; err != nil {
			t.Errorf("the call under way during Close: %v", err)
		}
		select {
		case <-session.Done():
		default:
			t.Error("the session is not done")
		}
		if err := session.Err(); err != nil {
			t.Errorf("Err: %v", err)
		}
		if err := session.Leave(t.Context(), "lobby"); err != beckon.ErrClosed {
			t.Errorf("a call after Close: %v, want ErrClosed", err)
		}
		for range 3 {
			if event, err := session.Recv(t.Context()); err != nil || event.(*beckon.DataReceived).Type != "until the end" {
				t.Errorf("Recv after Close: %v, %v", event, err)
			}
		}
		if event, err := session.Recv(t.Context()); err != io.EOF {
			t.Errorf("Recv after the last event: %v, %v, want io.EOF", event, err)
		}
	})
}

func TestCloseIsBounded(t *testing.T) {
	for _, reads := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			session := script(func(stage *stage) error {
				stage.welcome(ana(0))
				if reads {
					stage.hearEnd()
				}
				<-stage.Context().Done() // Does not end the stream.
				return nil
			}).open(t)
			for range 2 { // More than the stream's window, in all.
				data := &beckonv1.ConnectRequest_Data{Data: &beckon.Data{Payload: make([]byte, 100<<10)}}
				go session.Send(t.Context(), &beckon.ConnectRequest{Message: data})
			}
			synctest.Wait()
			begin := time.Now()
			err := session.Close()
			if !errors.Is(err, beckon.Abandoned) {
				t.Errorf("Close: %v, want Abandoned", err)
			}
			if took := time.Since(begin); took != 5*time.Second {
				t.Errorf("Close took %v: want 5s", took)
			}
			if again := session.Close(); again != err {
				t.Errorf("Close again: %v, want %v", again, err)
			}
		})
	}
}

func TestAbort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lost := false
		session := script(func(stage *stage) error {
			stage.welcome(ana(0))
			lost = !stage.hearEnd()
			return nil
		}).open(t)
		outcome := make(chan error)
		go func() { outcome <- session.Join(t.Context(), &beckon.Join{Room: "lobby"}) }()
		synctest.Wait()
		session.Abort()
		<-session.Done()
		synctest.Wait()
		if !lost {
			t.Error("the server took the abort as a half-close")
		}
		end, ok := errors.AsType[*beckon.EndError](session.Err())
		if !ok || end.Code != codes.Canceled || end.Reason != beckon.Abandoned {
			t.Errorf("Err: %v, want Canceled, Abandoned", session.Err())
		}
		if err := <-outcome; !errors.Is(err, beckon.Abandoned) {
			t.Errorf("the call under way: %v, want Abandoned", err)
		}
		if err := session.Leave(t.Context(), "lobby"); !errors.Is(err, beckon.Abandoned) {
			t.Errorf("a call after Abort: %v, want Abandoned", err)
		}
		if _, err := session.Recv(t.Context()); !errors.Is(err, beckon.Abandoned) {
			t.Errorf("Recv after Abort: %v, want Abandoned", err)
		}
		if err := session.Close(); !errors.Is(err, beckon.Abandoned) {
			t.Errorf("Close after Abort: %v, want Abandoned", err)
		}
	})
}

// An abort does not wait for a full queue.
func TestAbortWithFullQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := script(func(stage *stage) error {
			stage.welcome(ana(0))
			for range 10 {
				stage.data("", 0, "")
			}
			stage.hearEnd()
			return nil
		}).open(t, beckon.WithQueue(1))
		synctest.Wait()
		session.Abort()
		<-session.Done()
	})
}

func TestEnd(t *testing.T) {
	tests := []struct {
		status codes.Code
		domain string
		reason beckon.Reason
		want   beckon.EndError
		text   string
	}{
		{
			codes.Aborted, "beckon", beckon.TakenOver,
			beckon.EndError{Code: codes.Aborted, Reason: beckon.TakenOver, Detail: "as told"},
			"beckon: Aborted TAKEN_OVER: as told",
		},
		{
			codes.Unavailable, "beckon", "OF_A_LATER_VERSION",
			beckon.EndError{Code: codes.Unavailable, Reason: "OF_A_LATER_VERSION", Detail: "as told"},
			"beckon: Unavailable OF_A_LATER_VERSION: as told",
		},
		{
			codes.PermissionDenied, "proxy.example.org", beckon.Kicked, // Not the server's own.
			beckon.EndError{Code: codes.PermissionDenied, Detail: "as told"},
			"beckon: PermissionDenied: as told",
		},
		{
			codes.Canceled, "beckon", "", // Not by the client.
			beckon.EndError{Code: codes.Canceled, Detail: "as told"},
			"beckon: Canceled: as told",
		},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			session := script(func(stage *stage) error {
				stage.welcome(ana(0))
				st, err := status.New(test.status, "as told").WithDetails(
					&errdetails.RetryInfo{},
					&errdetails.ErrorInfo{Domain: test.domain, Reason: string(test.reason)})
				if err != nil {
					t.Error(err)
				}
				return st.Err()
			}).open(t)
			<-session.Done()
			err := session.Err()
			end, ok := errors.AsType[*beckon.EndError](err)
			if !ok || *end != test.want {
				t.Errorf("Err: %#v, want %#v", err, test.want)
			}
			if err.Error() != test.text {
				t.Errorf("the error reads %q: want %q", err, test.text)
			}
			if want := test.want.Reason != "" && test.want.Reason == test.reason; errors.Is(err, test.reason) != want {
				t.Errorf("errors.Is(%v, %q) is %v: want %v", err, test.reason, !want, want)
			}
		})
	}
}

// The context of the opening bounds nothing but the opening.
func TestOpening(t *testing.T) {
	tests := []struct {
		name string
		play script
		want error
	}{
		{"no welcome in time", func(stage *stage) error {
			<-stage.Context().Done()
			return nil
		}, context.DeadlineExceeded},
		{"another first event", func(stage *stage) error {
			stage.data("", 0, "")
			stage.hearEnd()
			return nil
		}, &beckon.EndError{
			Code: codes.Internal,
			Detail: "the stream began with *beckonv1.ConnectResponse_DataReceived: expected a welcome; " +
				"is this a Beckon server?",
		}},
		{"refused", func(*stage) error {
			return status.Error(codes.Unauthenticated, "no token")
		}, &beckon.EndError{Code: codes.Unauthenticated, Detail: "no token"}},
		{"ended without a word", func(*stage) error {
			return nil
		}, &beckon.EndError{
			Code:   codes.Internal,
			Detail: "the stream began with <nil>: expected a welcome; is this a Beckon server?",
		}},
		{"welcomed", func(stage *stage) error {
			stage.welcome(ana(0))
			stage.hearEnd()
			return nil
		}, nil},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			conn := test.play.perform(t)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			session, err := beckon.Connect(ctx, conn)
			if want, ok := test.want.(*beckon.EndError); ok {
				if end, ok := errors.AsType[*beckon.EndError](err); !ok || *end != *want {
					t.Errorf("%s: %#v, want %#v", test.name, err, want)
				}
				return
			}
			if !errors.Is(err, test.want) {
				t.Fatalf("%s: %v, want %v", test.name, err, test.want)
			}
			if session == nil {
				return
			}
			cancel()
			time.Sleep(time.Hour)
			if id := session.ID(); id != "ana" || session.Welcome().UserId != "ana" {
				t.Errorf("the client was welcomed as %q: want ana", id)
			}
			if err := session.Close(); err != nil {
				t.Errorf("after the context of the opening ended: %v", err)
			}
		})
	}
}
