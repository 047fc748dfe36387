package beckon_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"

	beckon "github.com/beckonrtc/beckon/clients/go"
	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// These tests renew tokens with a server whose answer takes its time.

// renewable is a source that gives another token each time.
func renewable() beckon.Option {
	n := 0
	return beckon.WithTokenSource(func(context.Context) (string, error) {
		n++
		return fmt.Sprint("token", n), nil
	})
}

// replaced is the end of a stream when another has taken the session up.
var replaced = because(codes.Aborted, beckon.TakenOver)

// From when the other stream is asked for, nothing is taken from the first one and nothing said on it: the session goes on
// from where it was then.
func TestRenewalHoldsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, shown := make(chan struct{}), make(chan struct{})
		session := acts(t, func(stage *stage) error {
			stage.welcome(kept("own", anew))
			stage.join("ben")
			stage.data("lobby", 11, "before")
			stage.join()
			stage.fail(0, beckon.TokenExpiring)
			<-asked
			stage.data("lobby", 12, "meanwhile")
			stage.replacedIn("den", 11)
			close(shown)
			if request := stage.hear(); request != nil {
				t.Errorf("on the first stream the client said %v", request)
			}
			return nil
		}, func(stage *stage) error {
			resume := stage.hear().GetResume()
			sameResume(t, resume, &beckonv1.Resume{
				Cursors: []*beckonv1.Cursor{{Epoch: "own"}, {Room: "den", Epoch: "e1", Seq: 10}, {Room: "lobby", Epoch: "e1", Seq: 11}},
				Rejoin:  []*beckon.Join{{Room: "den"}, {Room: "lobby"}},
			})
			close(asked)
			<-shown
			time.Sleep(5 * time.Second)
			stage.say(welcomed(kept("own", resumed)))
			stage.replacedIn("den", 11)
			stage.data("lobby", 12, "meanwhile")
			stage.list("lobby", "e1", 13, "ana", "ben")
			stage.ack(stage.hear())
			stage.data("lobby", 14, "after")
			stage.hearEnd()
			return nil
		}).open(t, renewable(), beckon.WithPlaintext())
		for _, room := range []string{"lobby", "den"} {
			if err := session.Join(t.Context(), &beckon.Join{Room: room}); err != nil {
				t.Fatal(err)
			}
		}
		<-shown
		if err := session.Data(t.Context(), &beckon.Data{Room: "lobby"}); err != nil {
			t.Errorf("a call during the renewal: %v", err)
		}
		expect(t, session, "lobby: ana ben", "lobby: data before", "den: ana",
			"den: left ana REPLACED", "lobby: data meanwhile", "lobby: ana ben", "lobby: data after")
		expectNone(t, session)
	})
}

// A session that is closed meanwhile says goodbye on the other stream.
func TestCloseDuringRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := make(chan struct{})
		session := acts(t, func(stage *stage) error {
			stage.welcome(kept("own", anew))
			stage.fail(0, beckon.TokenExpiring)
			<-asked
			return replaced
		}, func(stage *stage) error {
			stage.hear()
			close(asked)
			time.Sleep(time.Second)
			stage.say(welcomed(kept("own", resumed)))
			if !stage.hearEnd() {
				t.Error("the client did not say goodbye")
			}
			return nil
		}).open(t, renewable(), beckon.WithPlaintext())
		<-asked
		if err := session.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
}

// A server that took the session over and could not say so is asked again, as after any other loss.
func TestRenewalUnanswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := make(chan struct{})
		session := acts(t, func(stage *stage) error {
			stage.welcome(kept("own", anew))
			stage.fail(0, beckon.TokenExpiring)
			<-asked
			return replaced
		}, func(stage *stage) error {
			stage.hear()
			close(asked)
			time.Sleep(time.Second)
			return lost
		}, func(stage *stage) error {
			stage.resume(kept("own", resumed))
			stage.hearEnd()
			return nil
		}).open(t, renewable(), beckon.WithPlaintext())
		expect(t, session, "reconnecting 1: Aborted TAKEN_OVER: as told", "resumed")
	})
}

// Who is refused goes on as before. That the session is taken over by somebody else is then the end of it.
func TestRenewalRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := make(chan struct{})
		n := 0
		session := acts(t, func(stage *stage) error {
			stage.welcome(kept("own", anew))
			stage.fail(0, beckon.TokenExpiring)
			<-refused
			stage.data("", 1, "still here")
			stage.ack(stage.hear())
			time.Sleep(30 * time.Second)
			return replaced
		}, func(stage *stage) error {
			stage.hear()
			defer close(refused)
			return because(codes.Unauthenticated, beckon.BadToken)
		}).open(t, beckon.WithPlaintext(), beckon.WithTokenSource(func(context.Context) (string, error) {
			n++
			return fmt.Sprint("token", min(n, 2)), nil
		}))
		expect(t, session, ": data still here")
		if err := session.Data(t.Context(), &beckon.Data{Room: "lobby"}); err != nil {
			t.Errorf("a call after the refusal: %v", err)
		}
		<-session.Done()
		if !errors.Is(session.Err(), beckon.TakenOver) {
			t.Errorf("the session ended: %v", session.Err())
		}
		if n < 4 {
			t.Errorf("the source was asked %d times", n)
		}
	})
}

// Other ICE servers than before are told, since no event tells of the other stream's welcome.
func TestRenewalWithOtherICEServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		with := func(resumption beckonv1.Resumption, credential string) *beckon.Welcome {
			w := kept("own", resumption)
			w.IceServers = []*beckonv1.IceServer{{Urls: []string{"turn:turn.example.org"}, Username: "ana", Credential: credential}}
			return w
		}
		renewed := func(credential string) script {
			return func(stage *stage) error {
				stage.resume(with(resumed, credential))
				stage.fail(0, beckon.TokenExpiring)
				stage.hearEnd()
				return nil
			}
		}
		session := acts(t, func(stage *stage) error {
			stage.welcome(with(anew, "first"))
			stage.fail(0, beckon.TokenExpiring)
			stage.hearEnd()
			return nil
		}, renewed("first"), renewed("second"), func(stage *stage) error {
			stage.resume(with(resumed, "second"))
			stage.data("", 1, "the end")
			stage.hearEnd()
			return nil
		}).open(t, renewable(), beckon.WithPlaintext())
		if e := next[*beckon.IceServersChanged](t, session); e.IceServers[0].Credential != "second" {
			t.Errorf("the ICE servers are %v", e.IceServers)
		}
		expect(t, session, ": data the end")
	})
}

// replacedIn tells the client that it is no longer in a room.
func (s *stage) replacedIn(room string, seq uint64) {
	s.say(&beckonv1.ConnectResponse{
		Room: room,
		Seq:  seq,
		Event: &beckonv1.ConnectResponse_UserLeft{UserLeft: &beckonv1.UserLeft{
			User: user("ana"), Reason: beckonv1.LeaveReason_LEAVE_REASON_REPLACED,
		}},
	})
}

// welcomed is a welcome as it is sent.
func welcomed(w *beckon.Welcome) *beckonv1.ConnectResponse {
	return &beckonv1.ConnectResponse{Event: &beckonv1.ConnectResponse_Welcome{Welcome: w}}
}
