package beckon_test

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"

	beckon "github.com/beckonrtc/beckon/clients/go"
	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

func TestPings(t *testing.T) {
	const interval = 10 * time.Second
	tests := []struct {
		heartbeat time.Duration
		in        time.Duration
		want      int
	}{
		{interval, time.Hour, 359}, // The last is under way when the hour ends.
		{0, time.Hour, 0},          // None are wanted.
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			pings := 0
			session := script(func(stage *stage) error {
				stage.welcome(ana(test.heartbeat))
				for request := stage.hear(); request != nil; request = stage.hear() {
					if request.GetPing() != nil {
						pings++
						stage.say(&beckonv1.ConnectResponse{Event: &beckonv1.ConnectResponse_Pong{Pong: &beckonv1.Pong{}}})
					}
				}
				return nil
			}).open(t)
			time.Sleep(test.in - time.Nanosecond)
			synctest.Wait()
			if err := session.Close(); err != nil {
				t.Errorf("with a heartbeat of %v: Close: %v", test.heartbeat, err)
			}
			if pings != test.want {
				t.Errorf("with a heartbeat of %v: %d pings in %v, want %d", test.heartbeat, pings, test.in, test.want)
			}
		})
	}
}

// A server that says nothing for three intervals is taken as gone, to the second.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := script(func(stage *stage) error {
			stage.welcome(ana(10 * time.Second))
			time.Sleep(25 * time.Second)
			stage.data("", 0, "only just in time")
			<-stage.Context().Done()
			return nil
		}).open(t)
		begin := time.Now()
		<-session.Done()
		if took := time.Since(begin); took != 55*time.Second {
			t.Errorf("the session ended after %v: want 55s", took)
		}
		var end *beckon.EndError
		if err := session.Err(); !errors.As(err, &end) || end.Code != codes.Unavailable || !errors.Is(err, beckon.Silent) {
			t.Errorf("the session ended with %v: want Unavailable, Silent", err)
		}
	})
}

// While the application takes no events, the client does not listen; that is no silence of the server's.
func TestFullQueueIsNotSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := script(func(stage *stage) error {
			stage.welcome(ana(10 * time.Second))
			stage.data("", 0, "one")
			stage.data("", 0, "two")
			stage.hearEnd()
			return nil
		}).open(t, beckon.WithQueue(1))
		time.Sleep(time.Hour)
		for _, want := range []string{"one", "two"} {
			event, err := session.Recv(t.Context())
			if data, ok := event.(*beckon.DataReceived); !ok || data.Type != want {
				t.Errorf("after an hour: %v, %v: want %q", event, err, want)
			}
		}
		begin := time.Now()
		if _, err := session.Recv(t.Context()); !errors.Is(err, beckon.Silent) {
			t.Errorf("once the queue is empty: %v: want Silent", err)
		}
		if took := time.Since(begin); took != 30*time.Second {
			t.Errorf("once the queue was empty, the session ended after %v: want 30s", took)
		}
	})
}

// A ping tells what has arrived, taken by the application or not, once for each step.
func TestPingsTellWhatHasArrived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps := []struct {
			what string
			say  func(*stage)
			want []*beckonv1.Cursor
		}{
			{"nothing", func(*stage) {}, nil},
			{"in the session's own log", func(stage *stage) {
				stage.data("", 4, "")
			}, []*beckonv1.Cursor{{Epoch: "own", Seq: 4}}},
			{"a list, and more", func(stage *stage) {
				stage.list("lobby", "e1", 10, "ana")
				stage.data("lobby", 12, "")
				stage.data("lobby", 0, "in no log")
			}, []*beckonv1.Cursor{{Room: "lobby", Epoch: "e1", Seq: 12}}},
			{"in no log", func(stage *stage) {
				stage.data("lobby", 0, "")
			}, nil},
			{"a new life of a room's log, another room", func(stage *stage) {
				stage.list("lobby", "e3", 2, "ana")
				stage.list("attic", "e2", 1, "ana")
			}, []*beckonv1.Cursor{{Room: "attic", Epoch: "e2", Seq: 1}, {Room: "lobby", Epoch: "e3", Seq: 2}}},
			{"a room that was not entered, one that was left", func(stage *stage) {
				stage.data("cellar", 7, "")
				stage.say(&beckonv1.ConnectResponse{Room: "attic", Seq: 9, Event: &beckonv1.ConnectResponse_UserLeft{
					UserLeft: &beckonv1.UserLeft{User: &beckonv1.User{Id: "ana"}},
				}})
			}, nil},
			{"one that is being left", func(stage *stage) {
				request := stage.hear()
				stage.ack(request)
				stage.data("lobby", 20, "under way when the room was left")
			}, nil},
		}
		session := script(func(stage *stage) error {
			welcome := ana(10 * time.Second)
			welcome.Epoch = "own"
			stage.welcome(welcome)
			for _, step := range steps {
				step.say(stage)
				got := stage.hear().GetPing().GetReceived()
				slices.SortFunc(got, func(a, b *beckonv1.Cursor) int { return cmp.Compare(a.Room, b.Room) })
				if diff := gocmp.Diff(step.want, got, protocmp.Transform()); diff != "" {
					t.Errorf("%s: the ping's received (-want +got):\n%s", step.what, diff)
				}
				stage.say(&beckonv1.ConnectResponse{Event: &beckonv1.ConnectResponse_Pong{Pong: &beckonv1.Pong{}}})
			}
			stage.hearEnd()
			return nil
		}).open(t)
		time.Sleep(time.Duration(len(steps)-1)*10*time.Second + time.Second)
		if err := session.Leave(t.Context(), "lobby"); err != nil {
			t.Error(err)
		}
		time.Sleep(10 * time.Second)
		if err := session.Close(); err != nil {
			t.Error(err)
		}
	})
}

// The server is told of the first event that is in a log, and then, between two pings, after every 64 KiB.
func TestReceived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := script(func(stage *stage) error {
			stage.welcome(ana(time.Hour))
			stage.list("lobby", "e", 1, "ana")
			want := []*beckonv1.Cursor{{Room: "lobby", Epoch: "e", Seq: 1}}
			if diff := gocmp.Diff(want, stage.hearReceived().GetReceived().GetCursors(), protocmp.Transform()); diff != "" {
				t.Errorf("at first: received (-want +got):\n%s", diff)
			}
			payload := strings.Repeat("x", 10<<10)
			for range 20 {
				stage.data("lobby", 0, payload) // In no log.
			}
			for round := range uint64(3) {
				for i := range uint64(7) {
					stage.data("lobby", 7*round+i+2, payload)
				}
				request := stage.hearReceived()
				want := []*beckonv1.Cursor{{Room: "lobby", Epoch: "e", Seq: 7*round + 8}}
				if diff := gocmp.Diff(want, request.GetReceived().GetCursors(), protocmp.Transform()); diff != "" {
					t.Errorf("round %d: received (-want +got):\n%s", round, diff)
				}
				if request.RequestId != 0 {
					t.Errorf("received has the request id %d: want none", request.RequestId)
				}
			}
			stage.hearEnd()
			return nil
		}).open(t)
		time.Sleep(time.Minute)
		if err := session.Close(); err != nil {
			t.Error(err)
		}
	})
}
