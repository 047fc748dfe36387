package beckon_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"

	beckon "github.com/beckonrtc/beckon/clients/go"
	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// Every event of the specification but the outcomes arrives as the event of its name.
func TestEveryEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fields := (&beckonv1.ConnectResponse{}).ProtoReflect().Descriptor().Oneofs().ByName("event").Fields()
		var want []string
		session := script(func(stage *stage) error {
			stage.welcome(ana(0))
			for i := range fields.Len() {
				field := fields.Get(i)
				switch field.Name() {
				case "welcome", "ack", "pong":
					continue
				}
				response := &beckonv1.ConnectResponse{Room: "lobby", Seq: uint64(i)}
				response.ProtoReflect().Mutable(field)
				stage.say(response)
				want = append(want, fmt.Sprintf("*beckon.%s lobby %d", field.Message().Name(), i))
			}
			return nil
		}).open(t)
		var got []string
		for event, err := range session.Events(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprintf("%s %s %d", reflect.TypeOf(event), event.About().Room, event.About().Seq))
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("the events:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

// An event of a kind that is not known yet is passed over.
func TestUnknownEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := script(func(stage *stage) error {
			stage.welcome(ana(0))
			later := &beckonv1.ConnectResponse{Room: "lobby", Seq: 1}
			later.ProtoReflect().SetUnknown(protowire.AppendBytes(protowire.AppendTag(nil, 500, protowire.BytesType), []byte("?")))
			stage.say(later)
			stage.data("lobby", 2, "known")
			return nil
		}).open(t)
		event, err := session.Recv(t.Context())
		if data, ok := event.(*beckon.DataReceived); !ok || data.Type != "known" {
			t.Errorf("Recv: %v, %v, want the known event", event, err)
		}
	})
}

// Lists that come in parts are put together, each room's for itself, while other events pass.
func TestPartsOfLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := script(func(stage *stage) error {
			stage.welcome(ana(0))
			part := func(room string, seq uint64, more bool, users ...string) {
				list := &beckonv1.JoinedUsers{Epoch: "e", More: more}
				for _, id := range users {
					list.Users = append(list.Users, &beckonv1.User{Id: id})
				}
				stage.say(&beckonv1.ConnectResponse{
					Room: room, Seq: seq, Event: &beckonv1.ConnectResponse_JoinedUsers{JoinedUsers: list},
				})
			}
			part("lobby", 7, true, "a", "b")
			part("attic", 3, true, "x")
			stage.data("cellar", 1, "between")
			part("lobby", 7, true, "c")
			part("lobby", 7, false, "d")
			part("attic", 3, false)
			part("lobby", 8, false, "e")
			return nil
		}).open(t)
		var got []string
		for event, err := range session.Events(t.Context()) {
			switch e := event.(type) {
			case *beckon.JoinedUsers:
				line := fmt.Sprintf("%s %d %s %t", e.Room, e.Seq, e.Epoch, e.More)
				for _, user := range e.Users {
					line += " " + user.Id
				}
				got = append(got, line)
			case *beckon.DataReceived:
				got = append(got, e.Type)
			default:
				t.Fatal(event, err)
			}
		}
		want := "between; lobby 7 e false a b c d; attic 3 e false x; lobby 8 e false e"
		if got := strings.Join(got, "; "); got != want {
			t.Errorf("the events are\n%s, want\n%s", got, want)
		}
	})
}

// The events loop can be left and begun again, and ends as the session does.
func TestEventsLoop(t *testing.T) {
	tests := []struct {
		end  error
		want error
	}{
		{nil, nil},
		{status.Error(codes.Unavailable, "gone"), &beckon.EndError{}},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			session := script(func(stage *stage) error {
				stage.welcome(ana(0))
				for _, kind := range []string{"one", "two", "three"} {
					stage.data("", 0, kind)
				}
				return test.end
			}).open(t)
			var got []string
			var end error
			for range 2 {
				for event, err := range session.Events(t.Context()) {
					if err != nil {
						end = err
						continue // Which ends the loop.
					}
					if got = append(got, event.(*beckon.DataReceived).Type); len(got) == 1 {
						break
					}
				}
			}
			if got := strings.Join(got, " "); got != "one two three" {
				t.Errorf("the events were %q", got)
			}
			if reflect.TypeOf(end) != reflect.TypeOf(test.want) {
				t.Errorf("the loop ended with %v, want %T", end, test.want)
			}
			if _, err := session.Recv(t.Context()); test.end == nil && err != io.EOF {
				t.Errorf("Recv after the end: %v, want io.EOF", err)
			}
		})
	}
}

// A context bounds the waiting for an event and loses none.
func TestRecvEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := script(func(stage *stage) error {
			stage.welcome(ana(0))
			stage.data("", 0, "one")
			stage.hearEnd()
			return nil
		}).open(t)
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if event, err := session.Recv(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Recv with an ended context: %v, %v", event, err)
		}
		if event, err := session.Recv(t.Context()); err != nil {
			t.Errorf("Recv: %v, %v, want an event", event, err)
		}
	})
}

// A full queue stops the server through the stream's flow control; taking events sets it going again.
func TestBackpressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const events = 100
		said := 0
		session := script(func(stage *stage) error {
			stage.welcome(ana(0))
			for range events {
				stage.data("", 0, strings.Repeat("x", 10<<10))
				said++
			}
			return nil
		}).open(t, beckon.WithQueue(3))
		synctest.Wait()
		if said > events/2 {
			t.Errorf("the server could say %d of %d events before one was taken", said, events)
		}
		taken := 0
		for _, err := range session.Events(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			taken++
		}
		if taken != events {
			t.Errorf("%d events were taken: want %d", taken, events)
		}
	})
}

// Calls can be made from the loop that takes the events, however full the queue is.
func TestCallsFromTheEventsLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := script(func(stage *stage) error {
			stage.welcome(ana(0))
			for request := stage.hear(); request != nil; request = stage.hear() {
				for range 20 {
					stage.data("lobby", 0, "before the ack")
				}
				stage.ack(request)
			}
			return nil
		}).open(t, beckon.WithQueue(1))
		if err := session.Join(t.Context(), &beckon.Join{Room: "lobby"}); err != nil {
			t.Fatal(err)
		}
		taken, calls := 0, 1
		for _, err := range session.Events(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if taken++; calls < 5 {
				calls++
				if err := session.Data(t.Context(), &beckon.Data{Room: "lobby"}); err != nil {
					t.Fatal(err)
				}
			} else if taken == 10 {
				if err := session.Close(); err != nil { // Which has a full queue before it, too.
					t.Fatal(err)
				}
			}
		}
		if taken != 100 {
			t.Errorf("%d events were taken: want 100", taken)
		}
	})
}
