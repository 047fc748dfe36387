package beckon_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"

	beckon "github.com/beckonrtc/beckon/clients/go"
	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// acts plays one script for each stream of a session, in turn. All have to be played.
func acts(t *testing.T, plays ...script) script {
	var begun atomic.Int32
	t.Cleanup(func() {
		if n := int(begun.Load()); n != len(plays) {
			t.Errorf("there were %d streams: want %d", n, len(plays))
		}
	})
	return func(stage *stage) error {
		i := int(begun.Add(1)) - 1
		if i >= len(plays) {
			return status.Error(codes.Aborted, "there was one stream too many")
		}
		return plays[i](stage)
	}
}

// cutAfter is as open, but over a line that is cut once when that time has passed.
func (play script) cutAfter(t *testing.T, lifetime time.Duration) *beckon.Session {
	t.Helper()
	network := play.network(t)
	session, err := beckon.Connect(t.Context(), dialConn(t, network.dial))
	if err != nil {
		t.Fatalf("Connect: %v", err)
	}
	t.Cleanup(session.Abort)
	time.AfterFunc(lifetime, func() {
		network.cut()
		network.mend()
	})
	return session
}

// What the resumptions of the tests' welcomes are.
const (
	anew     = beckonv1.Resumption_RESUMPTION_NEW
	resumed  = beckonv1.Resumption_RESUMPTION_RESUMED
	resynced = beckonv1.Resumption_RESUMPTION_RESYNCED
)

// kept is how the scripts welcome a client whose session can be resumed.
func kept(epoch string, resumption beckonv1.Resumption) *beckon.Welcome {
	w := ana(0)
	w.ResumeToken = "token"
	w.ResumeWindow = durationpb.New(30 * time.Second)
	w.Epoch = epoch
	w.Resumption = resumption
	return w
}

// resume hears the first message, which has to be a resume, and answers it as w.
func (s *stage) resume(w *beckon.Welcome) *beckonv1.Resume {
	first := s.hear()
	resume := first.GetResume()
	if resume.GetResumeToken() != "token" || first.GetRequestId() != 0 {
		s.t.Errorf("the client began with %v: want a resume with the token and without an id", first)
	}
	s.say(&beckonv1.ConnectResponse{Event: &beckonv1.ConnectResponse_Welcome{Welcome: w}})
	return resume
}

// join hears a join and acknowledges it with the list of who is there, the user ana and others.
func (s *stage) join(others ...string) {
	request := s.hear()
	if request.GetJoin() == nil {
		s.t.Errorf("the client sent %v: want a join", request)
	}
	s.ack(request)
	s.list(request.GetJoin().GetRoom(), "e1", 10, append([]string{"ana"}, others...)...)
}

// hearData hears one data message and gives its request id and type.
func (s *stage) hearData() (id uint64, kind string) {
	request := s.hear()
	if request.GetData() == nil || request.RequestId == 0 {
		s.t.Errorf("the client sent %v: want data with a request id", request)
	}
	return request.GetRequestId(), request.GetData().GetType()
}

// lost is the end of a stream whose connection was lost.
var lost = status.Error(codes.Unavailable, "lost")

// because is the end of a stream for a reason of the server's own.
func because(code codes.Code, reason beckon.Reason) error {
	st, err := status.New(code, "as told").WithDetails(&errdetails.ErrorInfo{Domain: "beckon", Reason: string(reason)})
	if err != nil {
		panic(err)
	}
	return st.Err()
}

// expect takes as many events as are wanted, and compares what they tell.
func expect(t *testing.T, session *beckon.Session, want ...string) {
	t.Helper()
	var got []string
	for range want {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		event, err := session.Recv(ctx)
		cancel()
		if err != nil {
			got = append(got, err.Error())
			break
		}
		got = append(got, tell(event))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("the events (-want +got):\n%s", diff)
	}
}

// expectNone fails the test if an event waits.
func expectNone(t *testing.T, session *beckon.Session) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	if event, err := session.Recv(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Recv: %T %v, %v: want nothing", event, event, err)
	}
}

// tell gives an event as a line. A user who is away has a "?".
func tell(event beckon.Event) string {
	called := func(user *beckon.User) string {
		if user.Status == beckon.UserAway {
			return user.Id + "?"
		}
		return user.Id
	}
	room := event.About().Room
	switch e := event.(type) {
	case *beckon.Reconnecting:
		return fmt.Sprintf("reconnecting %d: %s", e.Attempt, strings.TrimPrefix(e.Cause.Error(), "beckon: "))
	case *beckon.Resumed:
		return "resumed"
	case *beckon.Resynced:
		return "resynced"
	case *beckon.JoinedUsers:
		users := ""
		for _, user := range e.Users {
			users += " " + called(user)
		}
		return room + ":" + users
	case *beckon.UserJoined:
		return room + ": joined " + called(e.User)
	case *beckon.UserUpdated:
		return room + ": updated " + called(e.User)
	case *beckon.UserLeft:
		return room + ": left " + called(e.User) + " " + strings.TrimPrefix(e.Reason.String(), "LEAVE_REASON_")
	case *beckon.DataReceived:
		return room + ": data " + e.Type
	case *beckon.Failure:
		return room + ": " + e.Code.Error() + " " + e.To
	case *beckon.Draining:
		return "draining"
	}
	return fmt.Sprintf("%T", event)
}

// sameResume compares what a client resumed with. Cursors are in no order.
func sameResume(t *testing.T, got, want *beckonv1.Resume) {
	t.Helper()
	want.ResumeToken = "token"
	sorted := protocmp.SortRepeated(func(a, b *beckonv1.Cursor) bool { return a.Room < b.Room })
	if diff := cmp.Diff(want, got, protocmp.Transform(), sorted); diff != "" {
		t.Errorf("the resume (-want +got):\n%s", diff)
	}
}
