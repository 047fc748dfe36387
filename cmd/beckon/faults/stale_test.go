//go:build unix

package faults

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// stream is a stream of a client that keeps nothing in mind: it repeats nothing, and speaks on streams that it has given up.
type stream struct {
	t *testing.T
	grpc.BidiStreamingClient[beckonv1.ConnectRequest, beckonv1.ConnectResponse]
}

// open opens a stream to a node, with its first message.
func open(t *testing.T, node *server, first *beckonv1.ConnectRequest) stream {
	t.Helper()
	conn, err := grpc.NewClient(node.addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	t.Cleanup(cancel)
	connected, err := beckonv1.NewSignalClient(conn).Connect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	s := stream{t, connected}
	s.send(first)
	return s
}

func (s stream) send(m *beckonv1.ConnectRequest) {
	s.t.Helper()
	if err := s.Send(m); err != nil {
		s.t.Fatal(err)
	}
}

// await returns the first event of which is holds.
func (s stream) await(what string, is func(*beckonv1.ConnectResponse) bool) *beckonv1.ConnectResponse {
	s.t.Helper()
	for {
		e, err := s.Recv()
		if err != nil {
			s.t.Fatalf("%s: %v", what, err)
		}
		if is(e) {
			return e
		}
	}
}

func joinOf(room string) *beckonv1.ConnectRequest {
	return &beckonv1.ConnectRequest{RequestId: 1, Message: &beckonv1.ConnectRequest_Join{Join: &beckonv1.Join{Room: room}}}
}

func dataFor(to, room, text string) *beckonv1.ConnectRequest {
	return &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Data{Data: &beckonv1.Data{To: to, Room: room, Payload: []byte(text)}}}
}

func isAck(e *beckonv1.ConnectResponse) bool { return e.GetAck() != nil }

func isWelcome(e *beckonv1.ConnectResponse) bool { return e.GetWelcome() != nil }

// TestStaleNode: a node that has stood still while a session was taken up on another finds what its client had said to it
// before. Nothing of that is recorded any more: by now the session may have said other things, or have left.
func TestStaleNode(t *testing.T) {
	t.Parallel()
	w := &cluster{
		company:       newCompany(t, nil, time.Second),
		clusterConfig: clusterConfig{brokers: 1, window: 30 * time.Second, heartbeat: 5 * time.Second, lease: 20 * time.Second},
	}
	w.startBrokers()
	w.startNodes()
	bob := open(t, w.nodes[1], joinOf("lobby"))
	bobID := bob.await("bob's welcome", isWelcome).GetWelcome().GetUserId()
	bob.await("bob's join", isAck)
	ana := open(t, w.nodes[0], joinOf("lobby"))
	welcome := ana.await("ana's welcome", isWelcome).GetWelcome()
	ana.await("ana's join", isAck)
	ana.send(dataFor(bobID, "lobby", "first"))
	said := func(text string) func(*beckonv1.ConnectResponse) bool {
		return func(e *beckonv1.ConnectResponse) bool {
			got := string(e.GetDataReceived().GetPayload())
			if e.GetDataReceived() != nil && got != text {
				t.Errorf("bob received %q, want %q", got, text)
			}
			return got == text
		}
	}
	bob.await("what ana says", said("first"))

	w.nodes[0].signal(syscall.SIGSTOP)
	w.pass(time.Second) // A client needs longer to see that its node says nothing.
	for i := range 3 {
		ana.send(dataFor(bobID, "lobby", fmt.Sprint("late ", i)))
	}
	again := open(t, w.nodes[1], &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Resume{
		Resume: &beckonv1.Resume{ResumeToken: welcome.GetResumeToken()},
	}})
	again.await("ana's second welcome", isWelcome)
	again.send(dataFor(bobID, "lobby", "second"))
	bob.await("what ana says", said("second"))
	w.nodes[0].signal(syscall.SIGCONT)
	for { // Its node ends the former stream when it has handled, or refused, what came on it.
		if _, err := ana.Recv(); err != nil {
			break
		}
	}
	again.send(dataFor(bobID, "lobby", "third"))
	bob.await("what ana says", said("third"))
}
