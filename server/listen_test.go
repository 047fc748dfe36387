package server_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server"
)

// listened is a session of Listen and Send.
type listened struct {
	t      *testing.T
	client beckonv1.SignalClient
	events grpc.ServerStreamingClient[beckonv1.ListenResponse]
	id     string
	token  string
}

// listenIn opens a session and enters a room. The session is lost when ctx ends.
func listenIn(ctx context.Context, t *testing.T, conn grpc.ClientConnInterface, room string, p beckonv1.Presence) *listened {
	t.Helper()
	l := &listened{t: t, client: beckonv1.NewSignalClient(conn)}
	var err error
	l.events, err = l.client.Listen(ctx, &beckonv1.ListenRequest{First: joining(room, p)})
	if err != nil {
		t.Fatal(err)
	}
	welcome := l.next().GetWelcome()
	l.id, l.token = welcome.GetUserId(), welcome.GetResumeToken()
	if l.next().GetJoinedUsers() == nil {
		t.Fatal("no list after the welcome")
	}
	return l
}

func joining(room string, p beckonv1.Presence) *beckonv1.ConnectRequest {
	return &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Join{Join: &beckonv1.Join{Room: room, Presence: p}}}
}

func leaving(room string) *beckonv1.ConnectRequest {
	return &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Leave{Leave: &beckonv1.Leave{Room: room}}}
}

func pinging(payload string) *beckonv1.ConnectRequest {
	return &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Ping{Ping: &beckonv1.Ping{Payload: []byte(payload)}}}
}

// next returns the next event.
func (l *listened) next() *beckonv1.ConnectResponse {
	l.t.Helper()
	m, err := l.events.Recv()
	if err != nil {
		l.t.Fatalf("Recv: %v", err)
	}
	return m.GetEvent()
}

// end reads up to the end of the stream, and returns its status and its reason.
func (l *listened) end() (codes.Code, string) {
	for {
		switch _, err := l.events.Recv(); err {
		case nil:
		case io.EOF:
			return codes.OK, ""
		default:
			return statusOf(err)
		}
	}
}

// send sends messages.
func (l *listened) send(messages ...*beckonv1.ConnectRequest) error {
	return sendAs(l.t.Context(), l.client, messages, l.token)
}

// sendAs sends messages with these tokens.
func sendAs(ctx context.Context, client beckonv1.SignalClient, messages []*beckonv1.ConnectRequest, tokens ...string) error {
	for _, token := range tokens {
		ctx = metadata.AppendToOutgoingContext(ctx, "beckon-session", token)
	}
	_, err := client.Send(ctx, &beckonv1.SendRequest{Messages: messages})
	return err
}

// TestSend: messages are tried in order, whatever becomes of those before, and Send returns when they have been.
func TestSend(t *testing.T) {
	onEach(t, func(t *testing.T, call func(*service) grpc.ClientConnInterface) {
		s := start(t, server.Config{}, nil)
		bob := connect(t, s.dial(), "lobby", none)
		ana := listenIn(t.Context(), t, call(s), "lobby", none)
		const n = 100
		var batch []*beckonv1.ConnectRequest
		for i := range n {
			m := data(bob.id, "lobby", fmt.Append(nil, i))
			if i%10 == 9 {
				m = data("nobody", "lobby", nil)
			}
			m.RequestId = uint64(i + 1)
			batch = append(batch, m)
		}
		for from := range 10 { // Calls follow one another without a pause.
			if err := ana.send(batch[10*from : 10*from+10]...); err != nil {
				t.Fatal(err)
			}
		}
		for i := range n {
			e := ana.next()
			if e.GetRequestId() != uint64(i+1) || (e.GetFailure() != nil) != (i%10 == 9) {
				t.Fatalf("message %d: %v", i+1, e)
			}
			if i%10 != 9 {
				if e := bob.next(); string(e.GetDataReceived().GetPayload()) != fmt.Sprint(i) {
					t.Fatalf("bob was sent %v instead of %d", e, i)
				}
			}
		}
	})
}

// TestSendRefused: a mistake in a call of Send fails the call and nothing else.
func TestSendRefused(t *testing.T) {
	onEach(t, func(t *testing.T, call func(*service) grpc.ClientConnInterface) {
		s := start(t, server.Config{}, nil)
		conn := call(s)
		ana := listenIn(t.Context(), t, conn, "lobby", none)
		gone := listenIn(t.Context(), t, conn, "lobby", none)
		if err := gone.send(leaving("")); err != nil {
			t.Fatal(err)
		}
		if code, _ := gone.end(); code != codes.OK {
			t.Errorf("a session that was left ended with %s", code)
		}
		st, err := beckonv1.NewSignalClient(conn).Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		bob := &client{BidiStreamingClient: st, tb: t}
		bob.send(pinging("1"))
		connected := bob.next().GetWelcome().GetResumeToken()

		id, mac := ana.token[:16], ana.token[16:]
		ping := []*beckonv1.ConnectRequest{pinging("ping")}
		for name, c := range map[string]struct {
			messages []*beckonv1.ConnectRequest
			tokens   []string
			code     codes.Code
			reason   string
		}{
			"no token":             {ping, nil, codes.InvalidArgument, "NO_SESSION"},
			"two tokens":           {ping, []string{ana.token, ana.token}, codes.InvalidArgument, "NO_SESSION"},
			"an empty token":       {ping, []string{""}, codes.NotFound, "NO_SUCH_SESSION"},
			"an id alone":          {ping, []string{id}, codes.NotFound, "NO_SUCH_SESSION"},
			"a token cut short":    {ping, []string{ana.token[:len(ana.token)-1]}, codes.NotFound, "NO_SUCH_SESSION"},
			"a token of another":   {ping, []string{connected[:16] + mac}, codes.NotFound, "NO_SUCH_SESSION"},
			"a session that ended": {ping, []string{gone.token}, codes.NotFound, "NO_SUCH_SESSION"},
			"a session of Connect": {ping, []string{connected}, codes.FailedPrecondition, "NOT_LISTENING"},
			"no messages":          {nil, []string{ana.token}, codes.InvalidArgument, "NO_MESSAGES"},
		} {
			if code, reason := statusOf(sendAs(t.Context(), ana.client, c.messages, c.tokens...)); code != c.code || reason != c.reason {
				t.Errorf("%s: %s %s, want %s %s", name, code, reason, c.code, c.reason)
			}
		}
		ctx := metadata.AppendToOutgoingContext(t.Context(), "beckon-session", ana.token)
		for _, raw := range []rawMessage{{0xff}, {0x0a}, {0x0a, 0x05, 0x01}} {
			err := conn.Invoke(ctx, beckonv1.Signal_Send_FullMethodName, raw, new(beckonv1.SendResponse))
			if code, reason := statusOf(err); code != codes.InvalidArgument || reason != "UNDECODABLE" {
				t.Errorf("% x: %s %s, want INVALID_ARGUMENT UNDECODABLE", raw, code, reason)
			}
		}
		large := make([]*beckonv1.ConnectRequest, 5)
		for i := range large {
			large[i] = data("", "lobby", make([]byte, 250<<10))
		}
		if code, _ := statusOf(ana.send(large...)); code != codes.ResourceExhausted {
			t.Errorf("1,250 KiB: %s, want RESOURCE_EXHAUSTED", code)
		}
		// The session has noticed nothing.
		if err := ana.send(ping...); err != nil {
			t.Error(err)
		}
		if e := ana.next(); string(e.GetPong().GetPayload()) != "ping" {
			t.Errorf("ana was sent %v", e)
		}
	})
}

// TestListenEnds: what ends a session, or its stream, ends its Listen.
func TestListenEnds(t *testing.T) {
	for name, c := range map[string]struct {
		messages []*beckonv1.ConnectRequest // Of a Send.
		sent     codes.Code                 // Of that.
		code     codes.Code
		reason   string
	}{
		"left":              {[]*beckonv1.ConnectRequest{leaving("")}, codes.OK, codes.OK, ""},
		"left before more":  {[]*beckonv1.ConnectRequest{leaving(""), pinging("")}, codes.NotFound, codes.OK, ""},
		"a later resume":    {[]*beckonv1.ConnectRequest{{Message: &beckonv1.ConnectRequest_Resume{}}}, codes.OK, codes.InvalidArgument, "RESUME_NOT_FIRST"},
		"a message too big": {[]*beckonv1.ConnectRequest{data("", "lobby", make([]byte, 600<<10))}, codes.OK, codes.ResourceExhausted, "MESSAGE_TOO_LARGE"},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, call func(*service) grpc.ClientConnInterface) {
				s := start(t, server.Config{}, nil)
				bob := connect(t, s.dial(), "lobby", delta)
				ana := listenIn(t.Context(), t, call(s), "lobby", none)
				bob.next()
				if code := status.Code(ana.send(c.messages...)); code != c.sent {
					t.Errorf("Send: %s, want %s", code, c.sent)
				}
				if code, reason := ana.end(); code != c.code || reason != c.reason {
					t.Errorf("Listen ended with %s %s, want %s %s", code, reason, c.code, c.reason)
				}
				if c.code == codes.OK {
					bob.seesLeft(ana.id, left)
				} else {
					bob.seesLost(ana.id) // Until then the session can be taken up.
				}
			})
		})
	}
}

// TestListenFirst: a Listen begins with a join or a resume.
func TestListenFirst(t *testing.T) {
	onEach(t, func(t *testing.T, call func(*service) grpc.ClientConnInterface) {
		s := start(t, server.Config{}, nil)
		client := beckonv1.NewSignalClient(call(s))
		for name, c := range map[string]struct {
			first  *beckonv1.ConnectRequest
			code   codes.Code
			reason string
		}{
			"none":   {nil, codes.InvalidArgument, "BAD_FIRST_MESSAGE"},
			"empty":  {&beckonv1.ConnectRequest{}, codes.InvalidArgument, "BAD_FIRST_MESSAGE"},
			"data":   {data("", "lobby", nil), codes.InvalidArgument, "BAD_FIRST_MESSAGE"},
			"ping":   {pinging(""), codes.InvalidArgument, "BAD_FIRST_MESSAGE"},
			"leave":  {leaving(""), codes.InvalidArgument, "BAD_FIRST_MESSAGE"},
			"resume": {&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Resume{Resume: &beckonv1.Resume{ResumeToken: "x"}}}, codes.NotFound, "NO_SUCH_SESSION"},
		} {
			events, err := client.Listen(t.Context(), &beckonv1.ListenRequest{First: c.first})
			if err != nil {
				t.Fatal(err)
			}
			l := &listened{t: t, events: events}
			if code, reason := l.end(); code != c.code || reason != c.reason {
				t.Errorf("%s: %s %s, want %s %s", name, code, reason, c.code, c.reason)
			}
		}
	})
}

// TestListenLost: a Listen that is cancelled is a connection that is lost.
func TestListenLost(t *testing.T) {
	onEach(t, func(t *testing.T, call func(*service) grpc.ClientConnInterface) {
		var lines bytes.Buffer
		s := start(t, server.Config{Logger: slog.New(slog.NewTextHandler(&lines, nil))}, nil)
		bob := connect(t, s.dial(), "lobby", delta)
		ctx, cancel := context.WithCancel(t.Context())
		ana := listenIn(ctx, t, call(s), "lobby", none)
		bob.next()
		cancel()
		bob.seesLost(ana.id)
		synctest.Wait()
		if code, reason := statusOf(ana.send(pinging(""))); code != codes.NotFound || reason != "NO_SUCH_SESSION" {
			t.Errorf("Send: %s %s, want NOT_FOUND NO_SUCH_SESSION", code, reason)
		}
		synctest.Wait()
		if log := lines.String(); !strings.Contains(log, "status=Canceled") || strings.Contains(log, "status=Unknown") {
			t.Errorf("the log says:\n%s", log)
		}
	})
}

// TestListenHeartbeat: a Listen hears something in every interval; one whose client has promised to ping ends when it
// does not.
func TestListenHeartbeat(t *testing.T) {
	onEach(t, func(t *testing.T, call func(*service) grpc.ClientConnInterface) {
		s := start(t, server.Config{}, nil)
		ana := listenIn(t.Context(), t, call(s), "lobby", none)
		began := time.Now()
		if e := ana.next(); e.GetPong() == nil || time.Since(began) > 15*time.Second {
			t.Errorf("after %s: %v", time.Since(began), e)
		}
		if err := ana.send(pinging("")); err != nil {
			t.Fatal(err)
		}
		if code, reason := ana.end(); code != codes.Unavailable || reason != "SILENT" {
			t.Errorf("Listen ended with %s %s, want UNAVAILABLE SILENT", code, reason)
		}
	})
}

// TestListenShutdown: a Listen ends in order with the server.
func TestListenShutdown(t *testing.T) {
	onEach(t, func(t *testing.T, call func(*service) grpc.ClientConnInterface) {
		s := start(t, server.Config{}, nil)
		ana := listenIn(t.Context(), t, call(s), "lobby", none)
		shut := make(chan error, 1)
		go func() { shut <- s.Shutdown(t.Context()) }()
		if e := ana.next(); e.GetDraining() == nil {
			t.Errorf("ana was sent %v", e)
		}
		if code, reason := ana.end(); code != codes.Unavailable || reason != "SHUTTING_DOWN" {
			t.Errorf("Listen ended with %s %s, want UNAVAILABLE SHUTTING_DOWN", code, reason)
		}
		if err := <-shut; err != nil {
			t.Error(err)
		}
	})
}
