package server_test

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server"
	"github.com/beckonrtc/beckon/server/web/webtest"
)

// service is a running server and how to get at it: with native gRPC, and as a browser does.
type service struct {
	*server.Server
	dial    func(...grpc.DialOption) *grpc.ClientConn
	dialWeb func() *webtest.Conn
	pipe    func(context.Context) (net.Conn, error) // What dial dials.
}

// start runs a server until the test ends: in memory, or on TCP with a listener.
func start(tb testing.TB, cfg server.Config, lis net.Listener) *service {
	tb.Helper()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	srv, err := server.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	target := "passthrough:///bufconn"
	var options []grpc.DialOption
	var web net.Listener
	var dialWeb func(context.Context, string, string) (net.Conn, error)
	var pipe func(context.Context) (net.Conn, error)
	if lis == nil {
		native, browsers := bufconn.Listen(64<<10), webtest.Listen()
		lis, web, pipe = native, browsers, native.DialContext
		options = append(options, grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return pipe(ctx) }))
		dialWeb = browsers.Dial
	} else {
		target = lis.Addr().String()
		pipe = func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "tcp", target) }
		web = listen(tb)
	}
	options = append(options, grpc.WithTransportCredentials(insecure.NewCredentials()))
	served := make(chan error, 2)
	go func() { served <- srv.Serve(lis) }()
	go func() { served <- srv.ServeWeb(web) }()
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil && ctx.Err() == nil {
			tb.Error(err)
		}
		for range cap(served) {
			if err := <-served; err != nil {
				tb.Error(err)
			}
		}
		time.Sleep(time.Millisecond) // In virtual time: what is about to end does; see webtest.Listener.
	})
	return &service{srv,
		func(more ...grpc.DialOption) *grpc.ClientConn {
			tb.Helper()
			conn, err := grpc.NewClient(target, append(options, more...)...)
			if err != nil {
				tb.Fatal(err)
			}
			tb.Cleanup(func() { _ = conn.Close() }) // A test may have closed it.
			return conn
		},
		func() *webtest.Conn {
			conn := webtest.New(web.Addr().String(), dialWeb)
			tb.Cleanup(func() { _ = conn.Close() })
			return conn
		},
		pipe,
	}
}

// connections are the ways to call a server. Messages of the type rawMessage are sent as they are.
var connections = map[string]func(*service) grpc.ClientConnInterface{
	"gRPC": func(s *service) grpc.ClientConnInterface {
		return s.dial(grpc.WithDefaultCallOptions(grpc.ForceCodecV2(rawCodec{})))
	},
	"grpc-web": func(s *service) grpc.ClientConnInterface {
		conn := s.dialWeb()
		conn.Codec = rawCodec{}
		return conn
	},
}

// onEach runs a test in virtual time, with each way to call a server.
func onEach(t *testing.T, test func(t *testing.T, call func(*service) grpc.ClientConnInterface)) {
	for name, call := range connections {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, call) })
		})
	}
}

// listen listens on a free port of the loopback interface.
func listen(tb testing.TB) net.Listener {
	tb.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	return lis
}

// client is a stream of Connect.
type client struct {
	grpc.BidiStreamingClient[beckonv1.ConnectRequest, beckonv1.ConnectResponse]
	tb testing.TB
	id string
}

// connect opens a stream and enters a room.
func connect(tb testing.TB, conn grpc.ClientConnInterface, room string, p beckonv1.Presence) *client {
	tb.Helper()
	st, err := beckonv1.NewSignalClient(conn).Connect(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	c := &client{BidiStreamingClient: st, tb: tb}
	c.send(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Join{Join: &beckonv1.Join{Room: room, Presence: p}}})
	c.id = c.next().GetWelcome().GetUserId()
	if c.next().GetJoinedUsers() == nil {
		tb.Fatal("no list after the welcome")
	}
	return c
}

func (c *client) send(m *beckonv1.ConnectRequest) {
	c.tb.Helper()
	if err := c.Send(m); err != nil {
		c.tb.Fatalf("Send: %v", err)
	}
}

// next returns the next event.
func (c *client) next() *beckonv1.ConnectResponse {
	c.tb.Helper()
	m, err := c.Recv()
	if err != nil {
		c.tb.Fatalf("Recv: %v", err)
	}
	return m
}

// news returns the next event that is no heartbeat.
func (c *client) news() *beckonv1.ConnectResponse {
	c.tb.Helper()
	for {
		if e := c.next(); e.GetPong() == nil || e.GetRequestId() != 0 || len(e.GetPong().GetPayload()) > 0 {
			return e
		}
	}
}

// seesAway reads that a user is away.
func (c *client) seesAway(id string) {
	c.tb.Helper()
	if e := c.news(); e.GetUserUpdated().GetUser().GetId() != id || e.GetUserUpdated().GetUser().GetStatus() != beckonv1.UserStatus_USER_STATUS_AWAY {
		c.tb.Errorf("%s was sent %v, want that %s is away", c.id, e, id)
	}
}

// seesLeft reads that a user has left, and why.
func (c *client) seesLeft(id string, why beckonv1.LeaveReason) {
	c.tb.Helper()
	if e := c.news(); e.GetUserLeft().GetUser().GetId() != id || e.GetUserLeft().GetReason() != why {
		c.tb.Errorf("%s was sent %v, want that %s has left: %s", c.id, e, id, why)
	}
}

// seesLost reads that a user whose stream is lost is away after two seconds, and gone after thirty.
func (c *client) seesLost(id string) {
	c.tb.Helper()
	began := time.Now()
	c.seesAway(id)
	away := time.Since(began)
	c.seesLeft(id, lost)
	if gone := time.Since(began); away.Round(time.Second) != 2*time.Second || gone.Round(time.Second) != 30*time.Second {
		c.tb.Errorf("%s was away after %s and gone after %s, want 2 s and 30 s", id, away, gone)
	}
}

// end reads up to the end of the stream, and returns its status and its reason.
func (c *client) end() (codes.Code, string) {
	for {
		if _, err := c.Recv(); err != nil {
			return statusOf(err)
		}
	}
}

// statusOf returns the code and the ErrorInfo's reason of a stream's end.
func statusOf(err error) (codes.Code, string) {
	st := status.Convert(err)
	for _, d := range st.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok && info.GetDomain() == "beckon" {
			return st.Code(), info.GetReason()
		}
	}
	return st.Code(), ""
}

// data returns a message for one user, or for the whole room.
func data(to, room string, payload []byte) *beckonv1.ConnectRequest {
	return &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Data{Data: &beckonv1.Data{To: to, Room: room, Payload: payload}}}
}

func offer(to, sdp string) *beckonv1.ConnectRequest {
	return &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Offer{Offer: &beckonv1.Offer{To: to, Room: "lobby", CallId: "1", Sdp: sdp}}}
}

func answer(to, sdp string) *beckonv1.ConnectRequest {
	return &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Answer{Answer: &beckonv1.Answer{To: to, Room: "lobby", CallId: "1", Sdp: sdp}}}
}

const (
	full  = beckonv1.Presence_PRESENCE_FULL
	delta = beckonv1.Presence_PRESENCE_DELTA
	none  = beckonv1.Presence_PRESENCE_NONE

	left = beckonv1.LeaveReason_LEAVE_REASON_LEFT
	lost = beckonv1.LeaveReason_LEAVE_REASON_LOST
)
