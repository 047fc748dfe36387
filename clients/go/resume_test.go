package beckon_test

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"

	beckon "github.com/beckonrtc/beckon/clients/go"
	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// A stream that is lost is replaced by one that begins where it ended; the application goes on as it was.
func TestResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := acts(t, func(stage *stage) error {
			stage.welcome(kept("own", anew))
			stage.join("ben")
			stage.data("lobby", 12, "before")
			stage.data("lobby", 0, "in no log")
			stage.data("", 3, "own")
			return lost
		}, func(stage *stage) error {
			sameResume(t, stage.resume(kept("own", resumed)), &beckonv1.Resume{
				Cursors: []*beckonv1.Cursor{{Epoch: "own", Seq: 3}, {Room: "lobby", Epoch: "e1", Seq: 12}},
				Rejoin:  []*beckon.Join{{Room: "lobby", Name: new("ana"), Presence: beckon.PresenceDelta}},
			})
			stage.data("lobby", 15, "missed")
			stage.list("lobby", "e1", 16, "ana", "cleo")
			stage.ack(stage.hear())
			return lost
		}, func(stage *stage) error {
			sameResume(t, stage.resume(kept("own", resumed)), &beckonv1.Resume{
				Cursors: []*beckonv1.Cursor{{Epoch: "own", Seq: 3}, {Room: "lobby", Epoch: "e1", Seq: 16}},
				Rejoin:  []*beckon.Join{{Room: "lobby", Name: new("ana"), Presence: beckon.PresenceDelta}},
			})
			stage.hearEnd()
			return nil
		}).open(t)
		if err := session.Join(t.Context(), &beckon.Join{
			Room: "lobby", Name: new("ana"), Presence: beckon.PresenceDelta,
		}); err != nil {
			t.Fatal(err)
		}
		expect(t, session, "lobby: ana ben", "lobby: data before", "lobby: data in no log", ": data own",
			"reconnecting 1: Unavailable: lost", "resumed", "lobby: data missed", "lobby: ana cleo")
		if err := session.Data(t.Context(), &beckon.Data{Room: "lobby"}); err != nil {
			t.Errorf("a call after the loss: %v", err)
		}
		expect(t, session, "reconnecting 1: Unavailable: lost", "resumed")
		if session.ID() != "ana" || session.Welcome().Resumption != resumed {
			t.Errorf("the session is %s, %v: want ana, resumed", session.ID(), session.Welcome())
		}
		if err := session.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if event, err := session.Recv(t.Context()); err != io.EOF {
			t.Errorf("Recv after Close: %v, %v", event, err)
		}
	})
}

// What is joined anew is what was joined and changed since, but not what was left, or is not known to be joined.
func TestRejoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := acts(t, func(stage *stage) error {
			stage.welcome(kept("own", anew))
			for request := stage.hear(); request != nil; request = stage.hear() {
				switch {
				case request.GetLeave().GetRoom() == "leaving", request.GetJoin().GetRoom() == "joining":
					continue // No outcome.
				case request.GetUpdate().GetName() == "refused", request.GetJoin().GetRoom() == "refused":
					stage.fail(request.RequestId, beckon.Invalid)
				case request.GetUpdate().GetRoom() == "kicked":
					stage.ack(request)
					stage.say(&beckonv1.ConnectResponse{Room: "kicked", Seq: 9, Event: &beckonv1.ConnectResponse_UserLeft{
						UserLeft: &beckonv1.UserLeft{User: user("ana"), Reason: beckon.LeaveKicked},
					}})
				case request.GetData() != nil:
					return lost
				default:
					stage.ack(request)
				}
			}
			return nil
		}, func(stage *stage) error {
			sameResume(t, stage.resume(kept("own", resumed)), &beckonv1.Resume{
				Cursors: []*beckonv1.Cursor{{Epoch: "own"}},
				Rejoin: []*beckon.Join{
					{Room: "changed", Name: new("anna"), Attributes: map[string]string{"mood": "calm", "mic": "on"}},
					{Room: "plain", Presence: beckon.PresenceNone},
				},
			})
			fail := func(room string, code beckon.Code) {
				failure := &beckonv1.Failure{Code: beckonv1.FailureCode(code)}
				stage.say(&beckonv1.ConnectResponse{Room: room, Event: &beckonv1.ConnectResponse_Failure{Failure: failure}})
			}
			fail("plain", beckon.PermissionDenied) // It cannot be joined anew.
			if leave := stage.hear(); leave.GetLeave() == nil {
				t.Errorf("the client sent %v: want the leave again", leave)
			} else {
				stage.fail(leave.RequestId, beckon.NotInRoom) // For it is not rejoined, or was left before.
			}
			if join := stage.hear(); join.GetJoin() == nil {
				t.Errorf("the client sent %v: want the join again", join)
			} else {
				stage.ack(join)
			}
			stage.hear() // The data.
			return lost
		}, func(stage *stage) error {
			sameResume(t, stage.resume(kept("own", resumed)), &beckonv1.Resume{
				Cursors: []*beckonv1.Cursor{{Epoch: "own"}},
				Rejoin: []*beckon.Join{
					{Room: "changed", Name: new("anna"), Attributes: map[string]string{"mood": "calm", "mic": "on"}},
					{Room: "joining"},
				},
			})
			stage.ack(stage.hear())
			stage.hearEnd()
			return nil
		}).open(t)
		ctx := t.Context()
		for _, err := range []error{
			session.Join(ctx, &beckon.Join{
				Room: "changed", Name: new("ana"), Attributes: map[string]string{"mood": "wild", "hand": "up"},
			}),
			session.Join(ctx, &beckon.Join{Room: "plain", Presence: beckon.PresenceFull}),
			session.Join(ctx, &beckon.Join{Room: "left"}),
			session.Join(ctx, &beckon.Join{Room: "leaving"}),
			session.Join(ctx, &beckon.Join{Room: "kicked"}),
			session.Update(ctx, &beckon.Update{Room: "changed", Attributes: map[string]string{"mood": "calm", "hand": ""}}),
			session.Join(ctx, &beckon.Join{Room: "changed", Name: new("anna"), Attributes: map[string]string{"mic": "on"}}),
			session.Join(ctx, &beckon.Join{Room: "plain", Presence: beckon.PresenceNone}),
			session.Leave(ctx, "left"),
			session.Update(ctx, &beckon.Update{Room: "kicked"}),
		} {
			if err != nil {
				t.Error(err)
			}
		}
		for _, err := range []error{
			session.Join(ctx, &beckon.Join{Room: "refused"}),
			session.Update(ctx, &beckon.Update{Room: "changed", Name: new("refused")}),
		} {
			if !errors.Is(err, beckon.Invalid) {
				t.Errorf("%v, want Invalid", err)
			}
		}
		outcomes := make(chan error)
		go func() { outcomes <- session.Leave(ctx, "leaving") }()
		synctest.Wait()
		go func() { outcomes <- session.Join(ctx, &beckon.Join{Room: "joining"}) }()
		synctest.Wait()
		if err := session.Data(ctx, &beckon.Data{Room: "changed"}); err != nil {
			t.Errorf("Data: %v", err)
		}
		for range 2 {
			if err := <-outcomes; err != nil {
				t.Errorf("a call under way when the connection was lost: %v", err)
			}
		}
		expect(t, session, "kicked: left ana KICKED",
			"reconnecting 1: Unavailable: lost", "resumed", "plain: PERMISSION_DENIED ",
			"reconnecting 1: Unavailable: lost", "resumed")
	})
}

// A list that was cut in its midst is forgotten; what follows the resume is whole.
func TestListIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		part := func(more bool, users ...*beckon.User) *beckonv1.ConnectResponse {
			return &beckonv1.ConnectResponse{Room: "lobby", Seq: 20, Event: &beckonv1.ConnectResponse_JoinedUsers{
				JoinedUsers: &beckonv1.JoinedUsers{Users: users, Epoch: "e1", More: more},
			}}
		}
		session := acts(t, func(stage *stage) error {
			stage.welcome(kept("own", anew))
			stage.join("ben")
			stage.say(part(true, user("ana"), user("cleo")))
			return lost
		}, func(stage *stage) error {
			sameResume(t, stage.resume(kept("own", resumed)), &beckonv1.Resume{
				Cursors: []*beckonv1.Cursor{{Epoch: "own"}, {Room: "lobby", Epoch: "e1", Seq: 10}},
				Rejoin:  []*beckon.Join{{Room: "lobby"}},
			})
			stage.say(part(true, user("ana"), user("dan")))
			stage.say(part(false, user("eve")))
			stage.hearEnd()
			return nil
		}).open(t)
		if err := session.Join(t.Context(), &beckon.Join{Room: "lobby"}); err != nil {
			t.Fatal(err)
		}
		expect(t, session, "lobby: ana ben", "reconnecting 1: Unavailable: lost", "resumed", "lobby: ana dan eve")
		expectNone(t, session)
	})
}

// Some ends are final, on a stream and as the answer to a resume.
func TestFinalEnds(t *testing.T) {
	tests := []struct {
		code   codes.Code
		reason beckon.Reason
		final  bool
	}{
		{codes.NotFound, beckon.NoSuchSession, true},
		{codes.Aborted, beckon.TakenOver, true},
		{codes.Unauthenticated, beckon.BadToken, true},
		{codes.PermissionDenied, beckon.Kicked, true},
		{codes.InvalidArgument, "UNDECODABLE", true},
		{codes.Unimplemented, "", true},
		{codes.ResourceExhausted, beckon.SlowConsumer, false},
		{codes.ResourceExhausted, beckon.Limit, false},
		{codes.Unavailable, beckon.Silent, false},
		{codes.Unavailable, beckon.ShuttingDown, false},
		{codes.Unavailable, beckon.NoLog, false},
		{codes.Canceled, "", false},
		{codes.Internal, "", false}, // As when a proxy ends the connection.
		{codes.Unknown, "", false},
	}
	for _, test := range tests {
		for _, atOnce := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				end := because(test.code, test.reason)
				plays := []script{func(stage *stage) error {
					stage.welcome(kept("own", anew))
					if !atOnce {
						return lost
					}
					return end
				}}
				if !atOnce {
					plays = append(plays, func(*stage) error { return end })
				}
				if !test.final {
					plays = append(plays, func(stage *stage) error {
						stage.resume(kept("own", resumed))
						stage.hearEnd()
						return nil
					})
				}
				session := acts(t, plays...).open(t)
				time.Sleep(time.Minute)
				synctest.Wait()
				select {
				case <-session.Done():
					ended, ok := errors.AsType[*beckon.EndError](session.Err())
					if !test.final || !ok || ended.Code != test.code || ended.Reason != test.reason {
						t.Errorf("%v %s: the session ended with %v", test.code, test.reason, session.Err())
					}
				default:
					if test.final {
						t.Errorf("%v %s: the session goes on", test.code, test.reason)
					}
				}
			})
		}
	}
}

// Sessions that are not to be resumed, or that the server does not keep, end with their stream.
func TestWithoutResume(t *testing.T) {
	tests := []struct {
		what   string
		change func(*beckon.Welcome)
		opts   []beckon.Option
	}{
		{"the option", func(*beckon.Welcome) {}, []beckon.Option{beckon.WithoutResume()}},
		{"no token", func(w *beckon.Welcome) { w.ResumeToken = "" }, nil},
		{"no window", func(w *beckon.Welcome) { w.ResumeWindow = nil }, nil},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			session := acts(t, func(stage *stage) error {
				welcome := kept("own", anew)
				test.change(welcome)
				stage.welcome(welcome)
				return lost
			}).open(t, test.opts...)
			if event, err := session.Recv(t.Context()); err == nil || err.Error() != "beckon: Unavailable: lost" {
				t.Errorf("with %s: Recv: %v, %v, want how the stream ended", test.what, event, err)
			}
		})
	}
}

// A session that is not the one that was lost is none.
func TestResumedAsAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := acts(t, func(stage *stage) error {
			stage.welcome(kept("own", anew))
			return lost
		}, func(stage *stage) error {
			welcome := kept("own", anew)
			welcome.UserId = "another"
			stage.resume(welcome)
			stage.hearEnd()
			return nil
		}).open(t)
		<-session.Done()
		if err := session.Err(); !errors.Is(err, beckon.NoSuchSession) {
			t.Errorf("the session ended with %v, want NoSuchSession", err)
		}
	})
}

// A server that drains ends the stream by itself. If it does not, the client does, five seconds later.
func TestDraining(t *testing.T) {
	for _, ends := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			var back time.Duration
			session := acts(t, func(stage *stage) error {
				stage.welcome(kept("own", anew))
				stage.say(&beckonv1.ConnectResponse{Event: &beckonv1.ConnectResponse_Draining{
					Draining: &beckonv1.Draining{ReconnectAfter: durationpb.New(7 * time.Second)},
				}})
				stage.ack(stage.hear()) // The stream still serves.
				if ends {
					time.Sleep(7 * time.Second)
					return because(codes.Unavailable, beckon.ShuttingDown)
				}
				<-stage.Context().Done()
				return nil
			}, func(stage *stage) error {
				stage.resume(kept("own", resumed))
				back = time.Since(begin)
				stage.hearEnd()
				return nil
			}).open(t)
			if err := session.Data(t.Context(), &beckon.Data{Room: "lobby"}); err != nil {
				t.Errorf("a call while the server drains: %v", err)
			}
			detail, after := "as told", 7*time.Second
			if !ends {
				detail, after = "the server did not end the stream within 5s of the time that it gave", 12*time.Second
			}
			expect(t, session, "draining", "reconnecting 1: Unavailable SHUTTING_DOWN: "+detail, "resumed")
			synctest.Wait()
			if back < after || back > after+100*time.Millisecond {
				t.Errorf("the client was back after %v: want %v", back, after)
			}
		})
	}
}

// A server that is silent for three intervals is taken as lost.
func TestSilenceIsALoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := acts(t, func(stage *stage) error {
			welcome := kept("own", anew)
			welcome.HeartbeatInterval = durationpb.New(10 * time.Second)
			stage.welcome(welcome)
			<-stage.Context().Done()
			return nil
		}, func(stage *stage) error {
			stage.resume(kept("own", resumed))
			stage.hearEnd()
			return nil
		}).open(t)
		begin := time.Now()
		expect(t, session, "reconnecting 1: Unavailable SILENT: nothing heard from the server for 30s")
		if took := time.Since(begin); took != 30*time.Second {
			t.Errorf("the loss was noticed after %v: want 30s", took)
		}
		expect(t, session, "resumed")
	})
}

// What came before the room's first list comes again on a resume, since there is no cursor: it is given once. After a
// restart the room's numbers begin anew.
func TestArrivedBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := acts(t, func(stage *stage) error {
			stage.welcome(kept("own", anew))
			stage.data("lobby", 12, "early")
			return lost
		}, func(stage *stage) error {
			sameResume(t, stage.resume(kept("own", resumed)), &beckonv1.Resume{Cursors: []*beckonv1.Cursor{{Epoch: "own"}}})
			stage.data("lobby", 12, "early")
			stage.data("lobby", 13, "late")
			stage.list("lobby", "e1", 13, "ana")
			stage.list("lobby", "e1", 13, "ana", "ben")
			return lost
		}, func(stage *stage) error {
			stage.resume(kept("new", beckonv1.Resumption_RESUMPTION_RESYNCED))
			stage.data("lobby", 2, "anew")
			stage.hearEnd()
			return nil
		}).open(t)
		expect(t, session, "lobby: data early", "reconnecting 1: Unavailable: lost", "resumed", "lobby: data late",
			"lobby: ana", "lobby: ana ben", "reconnecting 1: Unavailable: lost", "resynced", "lobby: data anew")
		if err := session.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
}
