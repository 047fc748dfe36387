package beckon_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/durationpb"

	beckon "github.com/beckonrtc/beckon/clients/go"
	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// script is a server that does what a test tells it to, in particular what a real one does not do on demand. The
// stream ends with what it returns.
type script func(stage *stage) error

// stage is the server's end of a stream.
type stage struct {
	t *testing.T
	grpc.BidiStreamingServer[beckonv1.ConnectRequest, beckonv1.ConnectResponse]
}

// welcome hears the first message, which has to be a ping, and answers it as w.
func (s *stage) welcome(w *beckon.Welcome) {
	if first := s.hear(); first.GetPing() == nil {
		s.t.Errorf("the client began with %v: want a ping", first)
	}
	s.say(&beckonv1.ConnectResponse{Event: &beckonv1.ConnectResponse_Welcome{Welcome: w}})
	s.say(&beckonv1.ConnectResponse{Event: &beckonv1.ConnectResponse_Pong{Pong: &beckonv1.Pong{}}})
}

// hear gives the next message; nil: the client has half-closed or gone.
func (s *stage) hear() *beckonv1.ConnectRequest {
	for {
		request, err := s.Recv()
		if err != nil {
			return nil
		}
		if request.GetReceived() == nil { // For hearReceived.
			return request
		}
	}
}

// hearReceived returns the next message, which must tell what was received.
func (s *stage) hearReceived() *beckonv1.ConnectRequest {
	request, err := s.Recv()
	if err != nil || request.GetReceived() == nil {
		s.t.Errorf("the client said %v, %v: want received", request, err)
	}
	return request
}

// hearEnd hears the client out, and tells whether it ended the session as it should, by half-close.
func (s *stage) hearEnd() bool {
	for {
		if _, err := s.Recv(); err != nil {
			return errors.Is(err, io.EOF)
		}
	}
}

// say sends an event. That the client has gone is for hear to find out.
func (s *stage) say(response *beckonv1.ConnectResponse) { _ = s.Send(response) }

func (s *stage) ack(request *beckonv1.ConnectRequest) {
	s.say(&beckonv1.ConnectResponse{
		RequestId: request.GetRequestId(),
		Event:     &beckonv1.ConnectResponse_Ack{Ack: &beckonv1.Ack{Seq: 1}},
	})
}

func (s *stage) fail(id uint64, code beckon.Code) {
	failure := &beckonv1.Failure{Code: beckonv1.FailureCode(code), Detail: "as told", Field: "to", To: "ben", CallId: "c"}
	s.say(&beckonv1.ConnectResponse{RequestId: id, Event: &beckonv1.ConnectResponse_Failure{Failure: failure}})
}

// data sends a data_received of that type and number.
func (s *stage) data(room string, seq uint64, kind string) {
	s.say(&beckonv1.ConnectResponse{
		Room:  room,
		Seq:   seq,
		Event: &beckonv1.ConnectResponse_DataReceived{DataReceived: &beckonv1.DataReceived{Type: kind}},
	})
}

// list sends the list of who is in a room.
func (s *stage) list(room, epoch string, seq uint64, ids ...string) {
	list := &beckonv1.JoinedUsers{Epoch: epoch}
	for _, id := range ids {
		list.Users = append(list.Users, user(id))
	}
	s.say(&beckonv1.ConnectResponse{Room: room, Seq: seq, Event: &beckonv1.ConnectResponse_JoinedUsers{JoinedUsers: list}})
}

// user is somebody whose name is the id.
func user(id string) *beckon.User { return &beckon.User{Id: id, Name: id} }

// perform serves the script to a new connection, until the test ends.
func (play script) perform(t *testing.T) *grpc.ClientConn {
	return dialConn(t, play.network(t).dial)
}

// network serves the script at the end of a line, until the test ends.
func (play script) network(t *testing.T) *line {
	server := grpc.NewServer(grpc.WaitForHandlers(true))
	beckonv1.RegisterSignalServer(server, &scripted{t: t, play: play})
	listener := bufconn.Listen(64 << 10)
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	return &line{far: listener.DialContext}
}

// open performs the script and opens a session with it that is closed with the test.
func (play script) open(t *testing.T, opts ...beckon.Option) *beckon.Session {
	t.Helper()
	session, err := beckon.Connect(t.Context(), play.perform(t), opts...)
	if err != nil {
		t.Fatalf("Connect: %v", err)
	}
	t.Cleanup(session.Abort)
	return session
}

func dialConn(t *testing.T, dial func(context.Context) (net.Conn, error)) *grpc.ClientConn {
	conn, err := grpc.NewClient("passthrough:///beckon",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return dial(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

type scripted struct {
	beckonv1.UnimplementedSignalServer
	t    *testing.T
	play script
}

func (s *scripted) Connect(stream grpc.BidiStreamingServer[beckonv1.ConnectRequest, beckonv1.ConnectResponse]) error {
	return s.play(&stage{s.t, stream})
}

// ana is how the scripts welcome a client.
func ana(heartbeat time.Duration) *beckon.Welcome {
	return &beckon.Welcome{UserId: "ana", HeartbeatInterval: durationpb.New(heartbeat)}
}
