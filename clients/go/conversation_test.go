package beckon_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	beckon "github.com/beckonrtc/beckon/clients/go"
	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server"
)

// next gives the next event, which has to be a T. It fails the test if none comes within a minute, of the bubble's time.
func next[T beckon.Event](t *testing.T, session *beckon.Session) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	event, err := session.Recv(ctx)
	e, ok := event.(T)
	if !ok {
		t.Fatalf("Recv: %T %v, %v, want a %T", event, event, err, e)
	}
	return e
}

// join makes a session enter a room and take the list of who is there.
func join(t *testing.T, session *beckon.Session, room, name string, presence beckon.Presence) *beckon.JoinedUsers {
	t.Helper()
	if err := session.Join(t.Context(), &beckon.Join{Room: room, Name: &name, Presence: presence}); err != nil {
		t.Fatalf("Join: %v", err)
	}
	return next[*beckon.JoinedUsers](t, session)
}

// names gives those of users, in their order.
func names(users []*beckon.User) string {
	var names []string
	for _, user := range users {
		names = append(names, user.Name)
	}
	return strings.Join(names, " ")
}

// Whatever ana says arrives at ben as it is, from her.
func TestRelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		house := openHouse(t, server.Config{})
		ana, ben := house.guest(t), house.guest(t)
		join(t, ben, "lobby", "ben", beckon.PresenceNone)
		join(t, ana, "lobby", "ana", beckon.PresenceNone)
		ctx, from, to := t.Context(), &beckon.Sender{Id: ana.ID(), Name: "ana"}, ben.ID()

		candidates := []*beckon.IceCandidate{
			{Candidate: "candidate:1", SdpMid: new("0"), SdpMLineIndex: new(uint32(0)), UsernameFragment: new("u")},
			{},
		}
		tests := []struct {
			err  error
			want proto.Message
		}{
			{
				ana.Offer(ctx, &beckon.Offer{To: to, Room: "lobby", CallId: "1", Sdp: "offer"}),
				&beckonv1.CallMade{Sender: from, CallId: "1", Sdp: "offer"},
			},
			{
				ana.Answer(ctx, &beckon.Answer{To: to, CallId: "2", Sdp: "answer", Provisional: true}), // In the room they share.
				&beckonv1.AnswerMade{Sender: from, CallId: "2", Sdp: "answer", Provisional: true},
			},
			{
				ana.Candidate(ctx, &beckon.Candidate{Room: "lobby", CallId: "3", Candidates: candidates}), // To everybody else.
				&beckonv1.CandidateReceived{Sender: from, CallId: "3", Candidates: candidates},
			},
			{
				ana.Reject(ctx, &beckon.Reject{To: to, Room: "lobby", CallId: "4", Reason: beckon.RejectNoAnswer, Detail: "out"}),
				&beckonv1.CallRejected{Sender: from, CallId: "4", Reason: beckon.RejectNoAnswer, Detail: "out"},
			},
			{
				ana.Hangup(ctx, &beckon.Hangup{To: to, Room: "lobby", CallId: "5", Reason: beckon.HangupTimeout, Detail: "late"}),
				&beckonv1.CallEnded{Sender: from, CallId: "5", Reason: beckon.HangupTimeout, Detail: "late"},
			},
			{
				ana.Data(ctx, &beckon.Data{To: to, Room: "lobby", Type: "chat", Payload: []byte("hi \xff")}),
				&beckonv1.DataReceived{Sender: from, Type: "chat", Payload: []byte("hi \xff")},
			},
			{
				ana.Send(ctx, &beckon.ConnectRequest{Message: &beckonv1.ConnectRequest_Data{
					Data: &beckon.Data{To: to, Type: "silent"},
				}}),
				&beckonv1.DataReceived{Sender: from, Type: "silent"},
			},
		}
		var last uint64
		for _, test := range tests {
			if test.err != nil {
				t.Errorf("the call of which %v was to come: %v", test.want, test.err)
			}
			event, err := ben.Recv(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, event.(proto.Message).ProtoReflect().Interface(), protocmp.Transform()); diff != "" {
				t.Errorf("the event (-want +got):\n%s", diff)
			}
			if about := event.About(); about.Room != "lobby" || about.Seq <= last {
				t.Errorf("the event happened at %+v: want in the lobby, after %d", about, last)
			}
			last = event.About().Seq
		}
	})
}

// The failures that a server answers with are those that errors.Is knows.
func TestFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		house := openHouse(t, server.Config{MaxRooms: 1})
		ana := house.guest(t)
		join(t, ana, "lobby", "ana", beckon.PresenceFull)
		ctx := t.Context()
		tests := []struct {
			err   error
			want  beckon.Code
			field string
		}{
			{ana.Offer(ctx, &beckon.Offer{To: "nobody", Room: "lobby", CallId: "1", Sdp: "offer"}), beckon.NoSuchUser, "to"},
			{ana.Offer(ctx, &beckon.Offer{To: "nobody", Room: "lobby", CallId: "1"}), beckon.Invalid, "sdp"},
			{ana.Data(ctx, &beckon.Data{Room: "attic"}), beckon.NotInRoom, "room"},
			{ana.Leave(ctx, "attic"), beckon.NotInRoom, "room"},
			{ana.Update(ctx, &beckon.Update{}), beckon.Invalid, "room"},
			{ana.Join(ctx, &beckon.Join{Room: "attic"}), beckon.Invalid, "room"},
			{ana.Data(ctx, &beckon.Data{Room: "lobby", Payload: make([]byte, 1<<20)}), beckon.TooLarge, ""},
			{ana.Do(ctx, &beckon.ConnectRequest{}), beckon.Invalid, "message"},
			{ana.Do(ctx, nil), beckon.Invalid, "message"},
		}
		for i, test := range tests {
			failure, ok := errors.AsType[*beckon.Failure](test.err)
			if !ok || !errors.Is(test.err, test.want) || failure.Detail == "" {
				t.Errorf("call %d: %v, want %v and a detail", i, test.err, test.want)
			} else if failure.Field != test.field {
				t.Errorf("call %d: %v, of the field %q: want %q", i, failure, failure.Field, test.field)
			}
		}
		if err := ana.Update(ctx, &beckon.Update{Room: "lobby", Name: new("anna")}); err != nil {
			t.Errorf("after all that: %v", err)
		}
	})
}

func TestPresence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		house := openHouse(t, server.Config{})
		full, delta, none := house.guest(t), house.guest(t), house.guest(t)
		join(t, full, "lobby", "full", beckon.PresenceFull)
		join(t, delta, "lobby", "delta", beckon.PresenceDelta)
		next[*beckon.JoinedUsers](t, full)
		if list := join(t, none, "lobby", "none", beckon.PresenceNone); names(list.Users) != "none" {
			t.Errorf("one who hears nobody joined %v: want itself alone", list)
		}
		list := func(when, want string) {
			t.Helper()
			if list := next[*beckon.JoinedUsers](t, full); names(list.Users) != want {
				t.Errorf("%s, the list is %v: want %s", when, list, want)
			}
		}

		list("after one joined", "full delta none")
		if e := next[*beckon.UserJoined](t, delta); e.User.Name != "none" || e.User.Id != none.ID() {
			t.Errorf("%v joined: want none", e)
		}
		update := &beckon.Update{Room: "lobby", Name: new("neither"), Attributes: map[string]string{"mood": "calm"}}
		if err := none.Update(t.Context(), update); err != nil {
			t.Fatal(err)
		}
		list("after one changed", "full delta neither")
		if e := next[*beckon.UserUpdated](t, delta); e.User.Name != "neither" || e.User.Attributes["mood"] != "calm" {
			t.Errorf("%v changed: want neither, who is calm", e)
		}
		if e := next[*beckon.UserUpdated](t, none); e.User.Name != "neither" {
			t.Errorf("%v changed: want oneself", e)
		}
		if err := none.Leave(t.Context(), "lobby"); err != nil {
			t.Fatal(err)
		}
		list("after one left", "full delta")
		if e := next[*beckon.UserLeft](t, delta); e.User.Id != none.ID() || e.Reason != beckon.LeaveLeft {
			t.Errorf("%v left: want neither, as it wished", e)
		}
		if err := none.Data(t.Context(), &beckon.Data{Room: "lobby"}); !errors.Is(err, beckon.NotInRoom) {
			t.Errorf("a message to the room that was left: %v, want NotInRoom", err)
		}
	})
}

// How a session ends is how others see it leave.
func TestLeaving(t *testing.T) {
	tests := []struct {
		leave func(*beckon.Session) error
		end   error
		want  beckon.LeaveReason
	}{
		{func(s *beckon.Session) error { return s.Close() }, nil, beckon.LeaveLeft},
		{func(s *beckon.Session) error { return s.Leave(context.Background(), "") }, nil, beckon.LeaveLeft},
		{func(s *beckon.Session) error { s.Abort(); return nil }, beckon.Abandoned, beckon.LeaveLost},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			house := openHouse(t, server.Config{})
			ana, ben := house.guest(t), house.guest(t)
			join(t, ben, "lobby", "ben", beckon.PresenceDelta)
			join(t, ana, "lobby", "ana", beckon.PresenceDelta)
			next[*beckon.UserJoined](t, ben)
			if err := test.leave(ana); err != nil {
				t.Errorf("leaving: %v", err)
			}
			<-ana.Done()
			if err := ana.Err(); !errors.Is(err, test.end) {
				t.Errorf("the session ended with %v, want %v", err, test.end)
			}
			if test.want == beckon.LeaveLost { // Not at once.
				next[*beckon.UserUpdated](t, ben)
			}
			if e := next[*beckon.UserLeft](t, ben); e.User.Id != ana.ID() || e.Reason != test.want {
				t.Errorf("ben sees %v, want ana gone for %v", e, test.want)
			}
		})
	}
}

// Heartbeats keep a session in which nothing happens.
func TestIdleForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		house := openHouse(t, server.Config{})
		ana := house.guest(t)
		join(t, ana, "lobby", "ana", beckon.PresenceFull)
		time.Sleep(24 * time.Hour)
		if err := ana.Data(t.Context(), &beckon.Data{Room: "lobby"}); err != nil {
			t.Errorf("after a day: %v", err)
		}
		if err := ana.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
}

func TestServerShutsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		house := openHouse(t, server.Config{})
		ana := house.guest(t, beckon.WithoutResume())
		join(t, ana, "lobby", "ana", beckon.PresenceFull)
		if err := house.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		<-ana.Done()
		if end, ok := errors.AsType[*beckon.EndError](ana.Err()); !ok ||
			end.Code != codes.Unavailable || end.Reason != beckon.ShuttingDown {
			t.Errorf("the session ended with %v, want Unavailable, ShuttingDown", ana.Err())
		}
	})
}

// Who does not take what comes for long enough is put out, and learns of it after what had come until then.
func TestSlowConsumer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const sent = 500
		house := openHouse(t, server.Config{MaxOutboxBytes: 512 << 10})
		ana, ben := house.guest(t, beckon.WithQueue(1), beckon.WithoutResume()), house.guest(t)
		join(t, ana, "lobby", "ana", beckon.PresenceNone)
		join(t, ben, "lobby", "ben", beckon.PresenceNone)
		for range sent {
			err := ben.Data(t.Context(), &beckon.Data{To: ana.ID(), Room: "lobby", Payload: make([]byte, 10<<10)})
			if err != nil {
				t.Fatal(err)
			}
		}
		taken := 0
		var end error
		for _, err := range ana.Events(t.Context()) {
			if end = err; err == nil {
				taken++
			}
		}
		if !errors.Is(end, beckon.SlowConsumer) {
			t.Errorf("the session ended with %v, want SlowConsumer", end)
		}
		if taken == 0 || taken >= sent {
			t.Errorf("%d of %d events were taken before the end: want some", taken, sent)
		}
	})
}

// A list that is too large for one message arrives as one event.
func TestLargeList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const users = 80
		house := openHouse(t, server.Config{})
		conn := dialConn(t, house.listener.DialContext)
		for i := range users {
			session, err := beckon.Connect(t.Context(), conn)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(session.Abort)
			if err := session.Join(t.Context(), &beckon.Join{
				Room: "lobby", Name: new(fmt.Sprint(i)), Presence: beckon.PresenceNone,
				Attributes: map[string]string{"long": strings.Repeat("x", 4000)},
			}); err != nil {
				t.Fatal(err)
			}
		}
		ana := house.guest(t)
		list := join(t, ana, "lobby", "ana", beckon.PresenceDelta)
		if len(list.Users) != users+1 || list.More || proto.Size(list) < 2*128<<10 {
			t.Errorf("the list has %d users in %d bytes: want %d", len(list.Users), proto.Size(list), users+1)
		}
		for i, user := range list.Users[:users] {
			if user.Name != fmt.Sprint(i) {
				t.Errorf("user %d is %q", i, user.Name)
			}
		}
		if err := ana.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A session that dialled owns its connection.
func TestDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		house := openHouse(t, server.Config{})
		dial := beckon.WithDialOptions(grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return house.listener.DialContext(ctx)
		}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if session, err := beckon.Dial(ctx, "passthrough:///beckon", dial); err == nil {
			t.Error("Dial trusts a server without TLS")
			session.Abort()
		}
		session, err := beckon.Dial(ctx, "passthrough:///beckon", dial, beckon.WithPlaintext())
		if err != nil {
			t.Fatalf("Dial: %v", err)
		}
		if err := session.Join(ctx, &beckon.Join{Room: "lobby"}); err != nil {
			t.Errorf("Join: %v", err)
		}
		// That nothing is left of it after this, the connection's goroutines included, the bubble checks.
		if err := session.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
}

func TestDialNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refuse := grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
			return nil, errors.New("nobody is there")
		})
		_, err := beckon.Dial(t.Context(), "passthrough:///beckon", beckon.WithPlaintext(), beckon.WithDialOptions(refuse))
		if end, ok := errors.AsType[*beckon.EndError](err); !ok || end.Code != codes.Unavailable {
			t.Errorf("Dial: %v, want Unavailable", err)
		}
		if _, err := beckon.Dial(t.Context(), "no%zzscheme://", beckon.WithPlaintext()); err == nil {
			t.Error("Dial of a bad target: want an error")
		}
	})
}
