package server

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// counting is a server whose metrics are looked at.
func counting(t *testing.T) (*Server, beckonv1.SignalClient) {
	t.Helper()
	s, err := New(Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	lis := bufconn.Listen(64 << 10)
	served := make(chan error, 1)
	go func() { served <- s.Serve(lis) }()
	conn, err := grpc.NewClient("passthrough:///", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = s.Shutdown(ctx) // Sessions that have lost their streams need not be waited for.
		<-served
	})
	return s, beckonv1.NewSignalClient(conn)
}

// asker is a client that waits for what each of its messages comes to.
type asker struct {
	t       *testing.T
	st      beckonv1.Signal_ConnectClient
	lose    context.CancelFunc
	welcome *beckonv1.Welcome
}

func newAsker(t *testing.T, c beckonv1.SignalClient) *asker {
	t.Helper()
	ctx, lose := context.WithCancel(t.Context())
	st, err := c.Connect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return &asker{t: t, st: st, lose: lose}
}

// ask sends a message and returns the first event about it.
func (a *asker) ask(m *beckonv1.ConnectRequest) *beckonv1.ConnectResponse {
	a.t.Helper()
	if err := a.st.Send(m); err != nil {
		a.t.Fatal(err)
	}
	for {
		e, err := a.st.Recv()
		if err != nil {
			a.t.Fatal(err)
		}
		if w := e.GetWelcome(); w != nil {
			a.welcome = w
		}
		if e.GetRequestId() == m.GetRequestId() && e.GetWelcome() == nil {
			return e
		}
	}
}

func (a *asker) join(id uint64) {
	a.t.Helper()
	a.ask(&beckonv1.ConnectRequest{RequestId: id, Message: &beckonv1.ConnectRequest_Join{Join: &beckonv1.Join{Room: "lobby"}}})
}

// TestCountsFailures: each failure that a client is sent is counted, and what was never appended is not timed as an append.
func TestCountsFailures(t *testing.T) {
	s, c := counting(t)
	ana := newAsker(t, c)
	ana.join(500)
	for id := range uint64(40) {
		ana.ask(&beckonv1.ConnectRequest{RequestId: 501 + id, Message: &beckonv1.ConnectRequest_Offer{
			Offer: &beckonv1.Offer{Room: "lobby", To: "nobody", CallId: "1", Sdp: "v=0"},
		}})
	}
	ana.ask(&beckonv1.ConnectRequest{RequestId: 7, Message: &beckonv1.ConnectRequest_Leave{Leave: &beckonv1.Leave{Room: "lobby"}}}) // A number that comes too late.
	ana.ask(&beckonv1.ConnectRequest{RequestId: 600})                                                                               // No message.
	for _, line := range []string{
		`beckon_failures_total{code="no_such_user"} 40`,
		`beckon_failures_total{code="invalid"} 2`,
		`beckon_messages_total{kind="offer",outcome="failure"} 40`,
		`beckon_messages_total{kind="leave",outcome="failure"} 1`,
		`beckon_messages_total{kind="message",outcome="failure"} 1`,
		`beckon_append_seconds_count 0`,
	} {
		counted(t, s, line)
	}
}

// TestCountsBroadcasts: one of 16 messages is timed, to a whole room, too.
func TestCountsBroadcasts(t *testing.T) {
	s, c := counting(t)
	ana, bob := newAsker(t, c), newAsker(t, c)
	ana.join(1)
	bob.join(1)
	for id := range uint64(160) {
		ana.ask(&beckonv1.ConnectRequest{RequestId: 2 + id, Message: &beckonv1.ConnectRequest_Data{Data: &beckonv1.Data{Room: "lobby", Payload: []byte("x")}}})
	}
	counted(t, s, `beckon_append_seconds_count 10`)
	counted(t, s, `beckon_relay_seconds_count 10`)
}

// TestCountsResumes: a resume is counted whether or not it has a number.
func TestCountsResumes(t *testing.T) {
	s, c := counting(t)
	ana := newAsker(t, c)
	ana.join(1)
	token := ana.welcome.GetResumeToken()
	for i, number := range []uint64{0, 9} {
		ana.lose()
		counted(t, s, `beckon_streams 0`)
		ana = newAsker(t, c)
		if err := ana.st.Send(&beckonv1.ConnectRequest{RequestId: number, Message: &beckonv1.ConnectRequest_Resume{Resume: &beckonv1.Resume{ResumeToken: token}}}); err != nil {
			t.Fatal(err)
		}
		counted(t, s, []string{`beckon_messages_total{kind="resume",outcome="ok"} 1`, `beckon_messages_total{kind="resume",outcome="ok"} 2`}[i])
	}
	counted(t, s, `beckon_resumes_total{resumption="resumed"} 2`)
}
