package beckon_test

import (
	"cmp"
	"errors"
	"slices"
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

// A ping tells how far the application, not the client, has read, once for each step.
func TestPingsTellWhatWasTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		received := make(chan []*beckonv1.Cursor, 16)
		session := script(func(stage *stage) error {
			stage.welcome(ana(10 * time.Second))
			list := func(room, epoch string, seq uint64) {
				stage.say(&beckonv1.ConnectResponse{Room: room, Seq: seq, Event: &beckonv1.ConnectResponse_JoinedUsers{
					JoinedUsers: &beckonv1.JoinedUsers{Epoch: epoch},
				}})
			}
			stage.data("", 4, "in the session's own log")
			list("lobby", "e1", 10)
			stage.data("lobby", 12, "")
			stage.data("lobby", 0, "in no log")
			list("attic", "e2", 1)
			list("lobby", "e3", 2) // A new life of the room's log: the numbers begin anew.
			stage.data("cellar", 7, "in a room that was not entered")
			stage.say(&beckonv1.ConnectResponse{Room: "attic", Seq: 9, Event: &beckonv1.ConnectResponse_UserLeft{
				UserLeft: &beckonv1.UserLeft{User: &beckonv1.User{Id: "ana"}},
			}})
			for request := stage.hear(); request != nil; request = stage.hear() {
				if request.GetLeave() != nil {
					stage.ack(request)
					stage.data("lobby", 20, "under way when the room was left")
					continue
				}
				received <- request.GetPing().GetReceived()
				stage.say(&beckonv1.ConnectResponse{Event: &beckonv1.ConnectResponse_Pong{Pong: &beckonv1.Pong{}}})
			}
			return nil
		}).open(t)

		steps := []struct {
			take  int
			leave string
			want  []*beckonv1.Cursor
		}{
			{0, "", nil}, // Arrived, but not taken.
			{2, "", []*beckonv1.Cursor{{Seq: 4}, {Room: "lobby", Epoch: "e1", Seq: 10}}},
			{1, "", []*beckonv1.Cursor{{Room: "lobby", Epoch: "e1", Seq: 12}}},
			{1, "", nil}, // In no log.
			{0, "", nil}, // Told before.
			{2, "", []*beckonv1.Cursor{{Room: "attic", Epoch: "e2", Seq: 1}, {Room: "lobby", Epoch: "e3", Seq: 2}}},
			{2, "", nil}, // Not in the cellar, and no longer in the attic.
			{0, "lobby", nil},
			{1, "", nil},
		}
		for i, step := range steps {
			for range step.take {
				if _, err := session.Recv(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if step.leave != "" {
				if err := session.Leave(t.Context(), step.leave); err != nil {
					t.Fatal(err)
				}
			}
			got := <-received
			slices.SortFunc(got, func(a, b *beckonv1.Cursor) int { return cmp.Compare(a.Room, b.Room) })
			if diff := gocmp.Diff(step.want, got, protocmp.Transform()); diff != "" {
				t.Errorf("step %d: the ping's received (-want +got):\n%s", i, diff)
			}
		}
		if err := session.Close(); err != nil {
			t.Error(err)
		}
	})
}
