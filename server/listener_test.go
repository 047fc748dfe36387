package server

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// listening is the transport of a listener that is only received from.
type listening struct {
	grpc.ServerStream
	ctx context.Context
}

func (l listening) Context() context.Context { return l.ctx }

// TestListenerOneSend: while a batch is under way there is no place for another, even if its call was given up.
func TestListenerOneSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &listener{ServerStream: listening{ctx: t.Context()}, batches: make(chan *batch, 1), over: make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		carried := make(chan error, 1)
		go func() {
			_, err := l.carry(ctx, [][]byte{{1}, {2}})
			carried <- err
		}()
		synctest.Wait()
		if _, err := l.carry(t.Context(), [][]byte{{3}}); err != errSendUnderWay {
			t.Errorf("the second batch: %v, want %v", err, errSendUnderWay)
		}
		cancel()
		if code := status.Code(<-carried); code != codes.Canceled {
			t.Errorf("the first batch: %s, want CANCELLED", code)
		}
		for _, want := range []byte{1, 2} {
			if _, err := l.carry(t.Context(), [][]byte{{3}}); err != errSendUnderWay {
				t.Errorf("before message %d was handled: %v, want %v", want, err, errSendUnderWay)
			}
			m, err := l.Recv()
			if err != nil || m.ReadOnlyData()[0] != want {
				t.Fatalf("received %v %v, want %d", m, err, want)
			}
			m.Free()
		}

		left := make(chan [][]byte, 1)
		go func() {
			rest, _ := l.carry(t.Context(), [][]byte{{3}, {4}})
			left <- rest
		}()
		m, err := l.Recv()
		if err != nil || m.ReadOnlyData()[0] != 3 {
			t.Fatalf("received %v %v, want 3", m, err)
		}
		m.Free()
		close(l.over)
		if rest := <-left; len(rest) != 1 || rest[0][0] != 4 {
			t.Errorf("of the batch whose stream has ended %v is left, want the last message", rest)
		}
	})
}

// TestListenerEnded: of a batch whose stream has ended within it, what was not handled is given back; so is the next one.
func TestListenerEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	l := &listener{ServerStream: listening{ctx: ctx}, batches: make(chan *batch, 1), over: make(chan struct{})}
	left := make(chan [][]byte, 1)
	carry := func(messages ...[]byte) {
		rest, err := l.carry(t.Context(), messages)
		if err != nil {
			t.Error(err)
		}
		left <- rest
	}
	go carry([]byte{1}, []byte{2}, []byte{3})
	m, err := l.Recv()
	if err != nil {
		t.Fatal(err)
	}
	m.Free()
	if m, err = l.Recv(); err != nil {
		t.Fatal(err)
	}
	m.Return() // The session is on another stream by now.
	cancel()
	if m, err := l.Recv(); err != context.Canceled {
		t.Errorf("received %v %v, want %v", m, err, context.Canceled)
	}
	close(l.over)
	if rest := <-left; len(rest) != 2 || rest[0][0] != 2 || rest[1][0] != 3 {
		t.Errorf("of the batch under way %v is left, want messages 2 and 3", rest)
	}
	carry([]byte{4})
	if rest := <-left; len(rest) != 1 {
		t.Errorf("of the next one %v is left, want all", rest)
	}
}

// TestSendWhileDraining: a Send that arrives after its Listen has ended with SHUTTING_DOWN does nothing, for nobody would
// learn what.
func TestSendWhileDraining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Config{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		lis := bufconn.Listen(64 << 10)
		go func() { _ = s.Serve(lis) }()
		conn, err := grpc.NewClient("passthrough:///bufconn", grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) }))
		if err != nil {
			t.Fatal(err)
		}
		events, err := beckonv1.NewSignalClient(conn).Listen(t.Context(), &beckonv1.ListenRequest{First: &beckonv1.ConnectRequest{
			Message: &beckonv1.ConnectRequest_Join{Join: &beckonv1.Join{Room: "lobby"}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		first, err := events.Recv()
		if err != nil {
			t.Fatal(err)
		}
		s.beginDraining()
		for err == nil {
			_, err = events.Recv()
		}
		if status.Code(err) != codes.Unavailable {
			t.Fatalf("the Listen ended with %v", err)
		}

		message, err := proto.Marshal(&beckonv1.SendRequest{Messages: []*beckonv1.ConnectRequest{{RequestId: 1, Message: &beckonv1.ConnectRequest_Leave{Leave: &beckonv1.Leave{Room: "lobby"}}}}})
		if err != nil {
			t.Fatal(err)
		}
		req := new(beckonv1.SendRequest)
		req.ProtoReflect().SetUnknown(message) // As the server's codec leaves it.
		ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs(sessionMetadata, first.GetEvent().GetWelcome().GetResumeToken()))
		if _, err := (signal{server: s}).Send(ctx, req); status.Convert(err).Code() != codes.Unavailable || err.Error() != errDraining.Error() {
			t.Errorf("Send: %v, want %v", err, errDraining)
		}
		_ = conn.Close()
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
