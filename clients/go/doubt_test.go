package beckon_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"

	beckon "github.com/beckonrtc/beckon/clients/go"
	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// These tests are about messages that are not sent again.

// A server that started anew does not remember what it has recorded. What it may have is not sent again, unless it had
// answered all.
func TestEpochChanges(t *testing.T) {
	unavailable := beckon.Unavailable.Error()
	tests := []struct {
		what  string
		ends  []error // Of the streams before the new server's.
		again string  // What is sent to it of "relayed join relayed-later".
		fails string
	}{
		{"a loss", []error{lost}, "join", "relayed relayed-later"},
		{"a stop in good order", []error{because(codes.Unavailable, beckon.ShuttingDown)}, "relayed join relayed-later", ""},
		{"a stop in good order after a loss", []error{lost, because(codes.Unavailable, beckon.ShuttingDown)},
			"join", "relayed relayed-later"},
		{"a loss after a stop in good order", []error{because(codes.Unavailable, beckon.ShuttingDown), lost},
			"join", "relayed relayed-later"},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			var again []string
			hear := func(stage *stage) string {
				request := stage.hear()
				if request.GetJoin() != nil {
					return "join"
				}
				return request.GetData().GetType()
			}
			var plays []script
			for i, end := range test.ends {
				plays = append(plays, func(stage *stage) error {
					if i == 0 {
						stage.welcome(kept("own", anew))
					} else {
						stage.resume(kept("own", resumed))
					}
					for range 3 {
						hear(stage)
					}
					time.Sleep(time.Second)
					return end
				})
			}
			session := acts(t, append(plays, func(stage *stage) error {
				sameResume(t, stage.resume(kept("new", resynced)), &beckonv1.Resume{Cursors: []*beckonv1.Cursor{{Epoch: "own"}}})
				stage.data("", 2, "in the new log")
				for {
					request := stage.hear()
					switch {
					case request.GetLeave() != nil:
						stage.ack(request)
						return lost
					case request.GetJoin() != nil:
						again = append(again, "join")
					default:
						again = append(again, request.GetData().GetType())
					}
					stage.ack(request)
				}
			}, func(stage *stage) error {
				sameResume(t, stage.resume(kept("new", resumed)), &beckonv1.Resume{
					Cursors: []*beckonv1.Cursor{{Epoch: "new", Seq: 2}},
				})
				stage.hearEnd()
				return nil
			})...).open(t)
			relayed := say(t.Context(), session, "relayed")
			joined := make(chan error)
			go func() { joined <- session.Join(t.Context(), &beckon.Join{Room: "lobby"}) }()
			synctest.Wait()
			later := say(t.Context(), session, "relayed-later")
			if err := <-joined; err != nil {
				t.Errorf("after %s: Join: %v", test.what, err)
			}
			var fails []string
			for i, err := range []error{<-relayed, <-later} {
				failure, ok := errors.AsType[*beckon.Failure](err)
				if err != nil && (!ok || failure.Code.Error() != unavailable || failure.To != "ben" || failure.Room != "lobby" ||
					!strings.Contains(failure.Detail, "may have been recorded or not")) {
					t.Errorf("after %s: %#v, want Unavailable, which says why", test.what, err)
				}
				if err != nil {
					fails = append(fails, []string{"relayed", "relayed-later"}[i])
				}
			}
			if got := strings.Join(fails, " "); got != test.fails {
				t.Errorf("after %s, there fail %q: want %q", test.what, got, test.fails)
			}
			if err := session.Leave(t.Context(), "lobby"); err != nil {
				t.Errorf("after %s: Leave: %v", test.what, err)
			}
			synctest.Wait()
			if got := strings.Join(again, " "); got != test.again {
				t.Errorf("after %s, the new server is sent %q: want %q", test.what, got, test.again)
			}
			time.Sleep(time.Minute)
		})
	}
}

// A stream that the client dropped itself did not end in order, even if the server said that it would stop.
func TestDroppedWhileDraining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := acts(t, func(stage *stage) error {
			stage.welcome(kept("own", anew))
			stage.say(&beckonv1.ConnectResponse{Event: &beckonv1.ConnectResponse_Draining{Draining: &beckonv1.Draining{}}})
			<-stage.Context().Done()
			return nil
		}, func(stage *stage) error {
			stage.resume(kept("new", resynced))
			if request := stage.hear(); request != nil {
				t.Errorf("the new server is sent %v", request)
			}
			return nil
		}).open(t)
		err := session.Data(t.Context(), &beckon.Data{Room: "lobby"})
		if !errors.Is(err, beckon.Unavailable) {
			t.Errorf("Data: %v, want Unavailable", err)
		}
		if err := session.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
}

// A message in doubt for which nobody waits fails as an event that tells which it was.
func TestDoubtfulSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := acts(t, func(stage *stage) error {
			stage.welcome(kept("own", anew))
			stage.hear()
			return lost
		}, func(stage *stage) error {
			stage.resume(kept("new", resynced))
			stage.hearEnd()
			return nil
		}).open(t)
		candidate := &beckonv1.ConnectRequest_Candidate{Candidate: &beckon.Candidate{
			To: "ben", Room: "lobby", CallId: "1", Candidates: []*beckon.IceCandidate{{}},
		}}
		if err := session.Send(t.Context(), &beckon.ConnectRequest{Message: candidate}); err != nil {
			t.Fatal(err)
		}
		expect(t, session, "reconnecting 1: Unavailable: lost", "resynced")
		failure := next[*beckon.Failure](t, session)
		want := &beckon.Failure{
			Meta: beckon.Meta{Room: "lobby"}, Code: beckon.Unavailable, Detail: failure.Detail, To: "ben", CallID: "1",
		}
		if diff := cmp.Diff(want, failure); diff != "" {
			t.Errorf("the failure (-want +got):\n%s", diff)
		}
	})
}

// A message that ended the stream because it was too large is not sent again.
func TestTooLargeEndsTheStream(t *testing.T) {
	tests := []struct {
		limit uint32 // That the client knows of.
		end   error
		want  string // What fails of small, large, larger.
	}{
		{0, because(codes.ResourceExhausted, beckon.MessageTooLarge), "larger"}, // One of them must have been it.
		{1000, because(codes.ResourceExhausted, beckon.MessageTooLarge), "large larger"},
		{1000, because(codes.ResourceExhausted, ""), "large larger"}, // From the transport.
		{0, because(codes.ResourceExhausted, ""), ""},                // From who knows whom.
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			session := acts(t, func(stage *stage) error {
				stage.welcome(kept("own", anew))
				for range 3 {
					stage.hear()
				}
				return lost
			}, func(stage *stage) error {
				welcome := kept("own", resumed)
				welcome.Limits = &beckon.Limits{MaxMessageBytes: test.limit} // It has changed.
				stage.resume(welcome)
				for range 3 {
					stage.hear()
				}
				return test.end
			}, func(stage *stage) error {
				stage.resume(kept("own", resumed))
				for request := stage.hear(); request != nil; request = stage.hear() {
					stage.ack(request)
				}
				return nil
			}).open(t)
			kinds := []string{"small", "large", "larger"}
			var outcomes []chan error
			for i, kind := range kinds {
				outcomes = append(outcomes, make(chan error))
				go func() {
					data := &beckon.Data{Room: "lobby", Type: kind, Payload: make([]byte, 1000*i)}
					outcomes[i] <- session.Data(t.Context(), data)
				}()
				synctest.Wait()
			}
			var failed []string
			for i, outcome := range outcomes {
				err := <-outcome
				if err != nil {
					failed = append(failed, kinds[i])
				}
				if err != nil && !errors.Is(err, beckon.TooLarge) {
					t.Errorf("%s: %v, want TooLarge", kinds[i], err)
				}
			}
			if got := strings.Join(failed, " "); got != test.want {
				t.Errorf("with a limit of %d, after %v, there fail %q: want %q", test.limit, test.end, got, test.want)
			}
		})
	}
}

// A resume that is too large itself would be so again.
func TestResumeIsTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := acts(t, func(stage *stage) error {
			stage.welcome(kept("own", anew))
			return lost
		}, func(*stage) error {
			return because(codes.ResourceExhausted, beckon.MessageTooLarge)
		}).open(t)
		<-session.Done()
		if err := session.Err(); !errors.Is(err, beckon.MessageTooLarge) {
			t.Errorf("the session ended with %v, want MessageTooLarge", err)
		}
	})
}
