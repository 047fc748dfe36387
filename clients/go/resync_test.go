package beckon_test

import (
	"testing"
	"testing/synctest"
	"time"

	beckon "github.com/beckonrtc/beckon/clients/go"
	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// These tests are about the picture that the application has of a room when the server has lost its own.

func (s *stage) joined(room, id string) {
	s.say(&beckonv1.ConnectResponse{Room: room, Seq: 100, Event: &beckonv1.ConnectResponse_UserJoined{
		UserJoined: &beckonv1.UserJoined{User: user(id)},
	}})
}

func (s *stage) updated(room, id string) {
	s.say(&beckonv1.ConnectResponse{Room: room, Seq: 100, Event: &beckonv1.ConnectResponse_UserUpdated{
		UserUpdated: &beckonv1.UserUpdated{User: user(id)},
	}})
}

func (s *stage) left(room, id string) {
	s.say(&beckonv1.ConnectResponse{Room: room, Seq: 100, Event: &beckonv1.ConnectResponse_UserLeft{
		UserLeft: &beckonv1.UserLeft{User: user(id), Reason: beckon.LeaveLeft},
	}})
}

// begin welcomes a client, lets it enter the room with some others, and loses it.
func begin(others ...string) script {
	return func(stage *stage) error {
		stage.welcome(kept("own", anew))
		stage.join(others...)
		time.Sleep(time.Second)
		return lost
	}
}

// loseTrack makes a session enter the room in that mode, and takes what comes until it is back, RESYNCED.
func loseTrack(t *testing.T, session *beckon.Session, presence beckon.Presence, list string) {
	t.Helper()
	if err := session.Join(t.Context(), &beckon.Join{Room: "lobby", Presence: presence}); err != nil {
		t.Fatal(err)
	}
	expect(t, session, "lobby: "+list, "reconnecting 1: Unavailable: lost", "resynced")
}

// Who is in no list any more is away until the window has passed; who comes back has never been gone.
func TestResyncedLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := acts(t, begin("ben", "cleo", "dan", "eve"), func(stage *stage) error {
			stage.resume(kept("new", resynced))
			stage.list("lobby", "e2", 1, "ana", "eve")
			time.Sleep(time.Second)
			stage.list("lobby", "e2", 2, "ana", "eve", "ben")
			time.Sleep(time.Second)
			stage.list("lobby", "e2", 3, "ana", "ben") // Eve is known to the server: she has left.
			time.Sleep(27 * time.Second)
			stage.list("lobby", "e2", 4, "ana", "ben", "dan")
			time.Sleep(10 * time.Second)
			stage.list("lobby", "e2", 5, "ana", "ben", "dan", "fay")
			stage.hearEnd()
			return nil
		}).open(t)
		loseTrack(t, session, beckon.PresenceFull, "ana ben cleo dan eve")
		back := time.Now()
		expect(t, session,
			"lobby: ana eve ben? cleo? dan?",
			"lobby: ana eve ben cleo? dan?",
			"lobby: ana ben cleo? dan?",
			"lobby: ana ben dan cleo?")
		last := next[*beckon.JoinedUsers](t, session)
		if got := tell(last); got != "lobby: ana ben dan" || last.Seq != 0 || last.Epoch != "e2" {
			t.Errorf("when the window has passed: %s, %d of %s", got, last.Seq, last.Epoch)
		}
		if took := time.Since(back); took != 30*time.Second {
			t.Errorf("the picture was put right after %v: want 30s", took)
		}
		expect(t, session, "lobby: ana ben dan fay")
		expectNone(t, session)
	})
}

func TestResyncedChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := acts(t, begin("ben", "cleo", "dan", "eve", "fay", "gus"), func(stage *stage) error {
			stage.resume(kept("new", resynced))
			stage.list("lobby", "e2", 1, "ana", "eve")
			stage.joined("lobby", "ben")
			stage.joined("lobby", "new")
			stage.updated("lobby", "cleo") // That she came, the server need not say.
			stage.left("lobby", "dan")
			stage.left("lobby", "eve")
			time.Sleep(29 * time.Second)
			stage.joined("lobby", "fay")
			stage.left("lobby", "fay")
			stage.hearEnd()
			return nil
		}).open(t)
		loseTrack(t, session, beckon.PresenceDelta, "ana ben cleo dan eve fay gus")
		back := time.Now()
		expect(t, session,
			"lobby: ana eve ben? cleo? dan? fay? gus?",
			"lobby: updated ben",
			"lobby: joined new",
			"lobby: updated cleo",
			"lobby: left dan LEFT",
			"lobby: left eve LEFT",
			"lobby: updated fay",
			"lobby: left fay LEFT")
		gone := next[*beckon.UserLeft](t, session)
		if got := tell(gone); got != "lobby: left gus? LOST" || gone.Seq != 0 {
			t.Errorf("when the window has passed: %s, %d", got, gone.Seq)
		}
		if took := time.Since(back); took != 30*time.Second {
			t.Errorf("gus was gone after %v: want 30s", took)
		}
		time.Sleep(time.Hour)
		expectNone(t, session)
	})
}

// The window does not end for those of whose return one could not have heard.
func TestLossWithinTheWindow(t *testing.T) {
	for _, presence := range []beckon.Presence{beckon.PresenceFull, beckon.PresenceDelta} {
		synctest.Test(t, func(t *testing.T) {
			session := acts(t, begin("ben", "cleo", "dan"), func(stage *stage) error {
				stage.resume(kept("new", resynced))
				stage.list("lobby", "e2", 1, "ana")
				time.Sleep(10 * time.Second)
				return lost
			}, func(stage *stage) error {
				stage.resume(kept("new", resumed))
				stage.list("lobby", "e2", 2, "ana", "dan") // Cleo may still come.
				time.Sleep(10 * time.Second)
				return lost
			}, func(stage *stage) error {
				time.Sleep(9 * time.Second)
				return lost
			}, func(stage *stage) error {
				time.Sleep(9 * time.Second)
				return lost
			}, func(stage *stage) error {
				stage.resume(kept("new", resumed))
				stage.list("lobby", "e2", 3, "ana", "dan", "ben") // She has not.
				stage.hearEnd()
				return nil
			}).open(t)
			loseTrack(t, session, presence, "ana ben cleo dan")
			expect(t, session,
				"lobby: ana ben? cleo? dan?",
				"reconnecting 1: Unavailable: lost", "resumed",
				"lobby: ana dan ben? cleo?",
				"reconnecting 1: Unavailable: lost", "reconnecting 2: Unavailable: lost", "reconnecting 3: Unavailable: lost",
				"resumed",
				"lobby: ana dan ben")
			time.Sleep(time.Hour)
			expectNone(t, session)
		})
	}
}

// Another Resynced begins the window anew, also if no list came after the first.
func TestResyncedTwice(t *testing.T) {
	for _, listed := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			session := acts(t, begin("ben", "cleo"), func(stage *stage) error {
				stage.resume(kept("new", resynced))
				if listed {
					stage.list("lobby", "e2", 1, "ana", "dan")
				}
				time.Sleep(20 * time.Second)
				return lost
			}, func(stage *stage) error {
				stage.resume(kept("newer", resynced))
				stage.list("lobby", "e3", 1, "ana")
				stage.hearEnd()
				return nil
			}).open(t)
			loseTrack(t, session, beckon.PresenceFull, "ana ben cleo")
			want := []string{
				"reconnecting 1: Unavailable: lost", "resynced",
				"lobby: ana ben? cleo?",
			}
			if listed {
				want = []string{
					"lobby: ana dan ben? cleo?",
					"reconnecting 1: Unavailable: lost", "resynced",
					"lobby: ana dan? ben? cleo?",
				}
			}
			expect(t, session, want...)
			back := time.Now()
			expect(t, session, "lobby: ana")
			if took := time.Since(back); took != 30*time.Second {
				t.Errorf("the picture was put right after %v: want 30s", took)
			}
		})
	}
}

// Who wants to hear of nobody is alone, and who was in no list was never there.
func TestResyncedAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := acts(t, begin("ben"), func(stage *stage) error {
			stage.resume(kept("own", resumed))
			stage.ack(stage.hear()) // From now on with PresenceNone.
			return lost
		}, func(stage *stage) error {
			stage.resume(kept("new", resynced))
			stage.list("lobby", "e2", 1, "ana")
			stage.list("attic", "e2", 1, "ana", "zoe")
			stage.hearEnd()
			return nil
		}).open(t)
		if err := session.Join(t.Context(), &beckon.Join{Room: "lobby"}); err != nil {
			t.Fatal(err)
		}
		expect(t, session, "lobby: ana ben", "reconnecting 1: Unavailable: lost", "resumed")
		if err := session.Join(t.Context(), &beckon.Join{Room: "lobby", Presence: beckon.PresenceNone}); err != nil {
			t.Fatal(err)
		}
		expect(t, session, "reconnecting 1: Unavailable: lost", "resynced", "lobby: ana", "attic: ana zoe")
		time.Sleep(time.Hour)
		expectNone(t, session)
	})
}

// Nothing is told of a session that has ended, and a room that was left is forgotten.
func TestWindowEndsWithTheSession(t *testing.T) {
	for _, leaves := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			session := acts(t, begin("ben"), func(stage *stage) error {
				stage.resume(kept("new", resynced))
				stage.list("lobby", "e2", 1, "ana")
				if leaves {
					stage.ack(stage.hear())
				}
				stage.hearEnd()
				return nil
			}).open(t)
			loseTrack(t, session, beckon.PresenceDelta, "ana ben")
			expect(t, session, "lobby: ana ben?")
			if leaves {
				if err := session.Leave(t.Context(), "lobby"); err != nil {
					t.Error(err)
				}
			} else if err := session.Close(); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Hour)
			if leaves {
				expectNone(t, session)
			} else {
				expect(t, session, "EOF")
			}
		})
	}
}

// What the application does to a list is its own affair.
func TestListsAreCopies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := acts(t, begin("ben", "cleo"), func(stage *stage) error {
			stage.resume(kept("new", resynced))
			stage.list("lobby", "e2", 1, "ana")
			stage.hearEnd()
			return nil
		}).open(t)
		if err := session.Join(t.Context(), &beckon.Join{Room: "lobby"}); err != nil {
			t.Fatal(err)
		}
		list := next[*beckon.JoinedUsers](t, session)
		clear(list.Users)
		expect(t, session, "reconnecting 1: Unavailable: lost", "resynced", "lobby: ana ben? cleo?")
	})
}
