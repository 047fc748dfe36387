package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
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
	pipe    func(context.Context) (net.Conn, error) // What dial dials, in memory.
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
)

// TestFrozenClient: a client that stops reading ends, and costs the others nothing, though all of them speak to it. Of
// what it is sent, some 130 MiB, next to nothing is held.
func TestFrozenClient(t *testing.T) {
	for _, mode := range []beckonv1.Presence{none, full} {
		t.Run(mode.String(), func(t *testing.T) {
			const pairs, calls = 50, 40
			s := start(t, server.Config{}, listen(t))
			frozen := connect(t, s.dial(), "lobby", mode)

			most := watchHeap(t)
			var wg sync.WaitGroup
			sdp := strings.Repeat("a=candidate\r\n", 170)
			payload := make([]byte, 64<<10)
			for range pairs {
				caller, callee := connect(t, s.dial(), "lobby", none), connect(t, s.dial(), "lobby", none)
				wg.Go(func() {
					for range calls {
						caller.send(data(frozen.id, "lobby", payload))
						caller.send(offer(callee.id, sdp))
						for caller.next().GetAnswerMade() == nil {
						}
					}
					if err := caller.CloseSend(); err != nil {
						t.Error(err)
					}
					for {
						if _, err := caller.Recv(); errors.Is(err, io.EOF) {
							return
						} else if err != nil {
							t.Errorf("a caller's stream ended with %v", err)
							return
						}
					}
				})
				wg.Go(func() {
					for range calls {
						m := callee.next()
						for m.GetCallMade() == nil {
							m = callee.next()
						}
						callee.send(answer(m.GetCallMade().GetSender().GetId(), sdp))
					}
				})
			}
			wg.Wait() // All calls were answered.
			if grown := most(); grown > 40<<20 {
				t.Errorf("the live heap grew by up to %d MiB", grown>>20)
			}
			if code, reason := frozen.end(); code != codes.ResourceExhausted || reason != "SLOW_CONSUMER" {
				t.Errorf("the frozen client's stream ended with %s %s, want RESOURCE_EXHAUSTED SLOW_CONSUMER", code, reason)
			}
		})
	}
}

// heap returns the size of the live heap.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// watchHeap looks at the live heap after each collection, and returns a function that tells by how much it grew at most.
func watchHeap(t *testing.T) func() int64 {
	live := func() int64 {
		sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(sample)
		return int64(sample[0].Value.Uint64())
	}
	runtime.GC()
	before := live()
	stop, done := make(chan struct{}), make(chan int64)
	go func() {
		most := before
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				most = max(most, live())
			case <-stop:
				done <- most
				return
			}
		}
	}()
	return func() int64 {
		close(stop)
		return <-done - before
	}
}

// TestBadInput: each mistake gets its own answer, harms nobody else, and the next message works.
func TestBadInput(t *testing.T) {
	const lobby, side = "lobby", "side"
	long := strings.Repeat("x", 129)
	longest := strings.Repeat("ä", 64)
	name := func(s string) *string { return &s }
	many := map[string]string{}
	for i := range 33 {
		many[fmt.Sprint(i)] = "x"
	}
	type (
		request = beckonv1.ConnectRequest
		join    = beckonv1.ConnectRequest_Join
		leave   = beckonv1.ConnectRequest_Leave
		update  = beckonv1.ConnectRequest_Update
	)
	joining := func(j *beckonv1.Join) *request { return &request{Message: &join{Join: j}} }
	updating := func(u *beckonv1.Update) *request { return &request{Message: &update{Update: u}} }
	calling := func(o *beckonv1.Offer) *request {
		return &request{Message: &beckonv1.ConnectRequest_Offer{Offer: o}}
	}
	answering := func(a *beckonv1.Answer) *request {
		return &request{Message: &beckonv1.ConnectRequest_Answer{Answer: a}}
	}
	trickling := func(c *beckonv1.Candidate) *request {
		return &request{Message: &beckonv1.ConnectRequest_Candidate{Candidate: c}}
	}
	saying := func(d *beckonv1.Data) *request {
		return &request{Message: &beckonv1.ConnectRequest_Data{Data: d}}
	}

	synctest.Test(t, func(t *testing.T) {
		s := start(t, server.Config{MaxRooms: 3}, nil)
		// ana is in lobby and side, bob in both, eve in side, dan in a room of his own; new is in no room.
		ana, bob := connect(t, s.dial(), lobby, none), connect(t, s.dial(), lobby, none)
		eve, dan := connect(t, s.dial(), side, none), connect(t, s.dial(), "far", none)
		for _, c := range []*client{ana, bob} {
			c.send(joining(&beckonv1.Join{Room: side, Presence: none}))
			c.next()
		}
		st, err := beckonv1.NewSignalClient(s.dial()).Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		fresh := &client{BidiStreamingClient: st, tb: t}
		fresh.send(&request{Message: &beckonv1.ConnectRequest_Ping{Ping: &beckonv1.Ping{}}})
		fresh.next()
		fresh.next()

		for i, c := range []struct {
			from  *client
			m     *request
			code  string
			field string
		}{
			{ana, &request{}, "INVALID", "message"},                       // no member of the oneof
			{ana, joining(&beckonv1.Join{}), "INVALID", "room"},           // empty
			{ana, joining(&beckonv1.Join{Room: long}), "INVALID", "room"}, // too long by one
			{ana, joining(&beckonv1.Join{Room: "a\x00b"}), "INVALID", "room"},
			{ana, joining(&beckonv1.Join{Room: "a\u0085b"}), "INVALID", "room"}, // a control character of the second block
			{ana, joining(&beckonv1.Join{Room: "new", Name: name("")}), "INVALID", "name"},
			{ana, joining(&beckonv1.Join{Room: "new", Name: name(long)}), "INVALID", "name"},
			{ana, joining(&beckonv1.Join{Room: "new", Name: name("a\nb")}), "INVALID", "name"},
			{ana, joining(&beckonv1.Join{Room: "new", Attributes: many}), "INVALID", "attributes"}, // 33 of 32
			{ana, joining(&beckonv1.Join{Room: "new", Attributes: map[string]string{"k": strings.Repeat("x", 4096)}}), "INVALID", "attributes"},
			{ana, joining(&beckonv1.Join{Room: "new", Attributes: map[string]string{"": "x"}}), "INVALID", "attributes"},
			{ana, joining(&beckonv1.Join{Room: "new", Attributes: map[string]string{long: "x"}}), "INVALID", "attributes"},
			{ana, &request{Message: &leave{Leave: &beckonv1.Leave{Room: "nowhere"}}}, "NOT_IN_ROOM", "room"},
			{ana, &request{Message: &leave{Leave: &beckonv1.Leave{Room: long}}}, "INVALID", "room"},
			{ana, updating(&beckonv1.Update{}), "INVALID", "room"},
			{ana, updating(&beckonv1.Update{Room: "nowhere"}), "NOT_IN_ROOM", "room"},
			{ana, updating(&beckonv1.Update{Room: lobby, Name: name("")}), "INVALID", "name"},
			{ana, updating(&beckonv1.Update{Room: lobby, Attributes: many}), "INVALID", "attributes"},
			{ana, calling(&beckonv1.Offer{CallId: "1", Sdp: "v=0"}), "INVALID", "to"},                          // both to and room empty
			{ana, calling(&beckonv1.Offer{To: ana.id, Room: lobby, CallId: "1", Sdp: "v=0"}), "INVALID", "to"}, // oneself
			{ana, calling(&beckonv1.Offer{To: long, Room: lobby, CallId: "1", Sdp: "v=0"}), "INVALID", "to"},
			{ana, calling(&beckonv1.Offer{To: eve.id, Room: lobby, CallId: "1", Sdp: "v=0"}), "NO_SUCH_USER", "to"}, // in another room of hers
			{ana, calling(&beckonv1.Offer{To: dan.id, CallId: "1", Sdp: "v=0"}), "NO_SUCH_USER", "to"},              // in no room of hers
			{ana, calling(&beckonv1.Offer{To: dan.id, Room: "far", CallId: "1", Sdp: "v=0"}), "NOT_IN_ROOM", "room"},
			{ana, calling(&beckonv1.Offer{To: "nobody", Room: lobby, CallId: "1", Sdp: "v=0"}), "NO_SUCH_USER", "to"},
			{ana, calling(&beckonv1.Offer{To: bob.id, CallId: "1", Sdp: "v=0"}), "INVALID", "room"}, // two rooms to choose from
			{ana, calling(&beckonv1.Offer{To: bob.id, Room: long, CallId: "1", Sdp: "v=0"}), "INVALID", "room"},
			{ana, calling(&beckonv1.Offer{To: bob.id, Room: lobby, Sdp: "v=0"}), "INVALID", "call_id"},
			{ana, calling(&beckonv1.Offer{To: bob.id, Room: lobby, CallId: long, Sdp: "v=0"}), "INVALID", "call_id"},
			{ana, calling(&beckonv1.Offer{To: bob.id, Room: lobby, CallId: "a\tb", Sdp: "v=0"}), "INVALID", "call_id"},
			{ana, calling(&beckonv1.Offer{To: bob.id, Room: lobby, CallId: "1"}), "INVALID", "sdp"},
			{ana, calling(&beckonv1.Offer{To: bob.id, Room: lobby, CallId: "1", Sdp: strings.Repeat("x", 256<<10)}), "TOO_LARGE", "sdp"},
			{ana, answering(&beckonv1.Answer{To: bob.id, Room: lobby, CallId: "1"}), "INVALID", "sdp"},
			{ana, trickling(&beckonv1.Candidate{To: bob.id, Room: lobby, CallId: "1"}), "INVALID", "candidates"},
			{ana, &request{Message: &beckonv1.ConnectRequest_Reject{Reject: &beckonv1.Reject{To: bob.id, Room: lobby, CallId: "1", Detail: strings.Repeat("x", 1025)}}}, "INVALID", "detail"},
			{ana, &request{Message: &beckonv1.ConnectRequest_Hangup{Hangup: &beckonv1.Hangup{To: bob.id, Room: lobby, CallId: "1", Detail: strings.Repeat("x", 1025)}}}, "INVALID", "detail"},
			{ana, saying(&beckonv1.Data{To: bob.id, Room: lobby, Type: long}), "INVALID", "type"},
			{ana, saying(&beckonv1.Data{To: bob.id, Room: lobby, Payload: make([]byte, 256<<10)}), "TOO_LARGE", "payload"},
			{ana, &request{Message: &beckonv1.ConnectRequest_Ping{Ping: &beckonv1.Ping{Payload: make([]byte, 65)}}}, "INVALID", "payload"},
			{fresh, calling(&beckonv1.Offer{To: bob.id, CallId: "1", Sdp: "v=0"}), "NOT_IN_ROOM", "room"}, // before any join
			{fresh, calling(&beckonv1.Offer{Room: lobby, CallId: "1", Sdp: "v=0"}), "NOT_IN_ROOM", "room"},
			{fresh, updating(&beckonv1.Update{Room: lobby}), "NOT_IN_ROOM", "room"},
			{bob, joining(&beckonv1.Join{Room: "third", Presence: none}), "", ""},
			{bob, joining(&beckonv1.Join{Room: "fourth"}), "INVALID", "room"},                                   // one more than the bound
			{ana, joining(&beckonv1.Join{Room: longest, Name: name(longest), Presence: none}), "", ""},          // just short enough
			{ana, saying(&beckonv1.Data{Room: longest, Type: longest, Payload: make([]byte, 250<<10)}), "", ""}, // to nobody
		} {
			if i%2 == 1 {
				c.m.RequestId = uint64(i)
			}
			c.from.send(c.m)
			c.from.send(&request{Message: &beckonv1.ConnectRequest_Ping{Ping: &beckonv1.Ping{Payload: []byte("next")}}})
			e := c.from.next()
			if c.code == "" {
				for ; string(e.GetPong().GetPayload()) != "next"; e = c.from.next() {
					if e.GetFailure() != nil {
						t.Errorf("row %d: %v", i, e)
					}
				}
				continue
			}
			f := e.GetFailure()
			if got := strings.TrimPrefix(f.GetCode().String(), "FAILURE_CODE_"); got != c.code || f.GetField() != c.field || f.GetDetail() == "" || e.GetRequestId() != c.m.GetRequestId() {
				t.Errorf("row %d: %v, want a failure %s of field %s, with a detail", i, e, c.code, c.field)
			}
			if e = c.from.next(); string(e.GetPong().GetPayload()) != "next" {
				t.Errorf("row %d: the next message is answered with %v", i, e)
			}
		}
		// Nobody else has noticed, and messages still pass.
		ana.send(data(bob.id, lobby, []byte("still here")))
		if e := bob.next(); string(e.GetDataReceived().GetPayload()) != "still here" {
			t.Errorf("bob was sent %v", e)
		}
	})
}

// TestEndings: what a stream cannot survive ends it, with a reason that a program can read.
func TestEndings(t *testing.T) {
	for name, c := range map[string]struct {
		raw    []byte
		code   codes.Code
		reason string
	}{
		"garbage":          {[]byte{0xff, 0xff}, codes.InvalidArgument, "UNDECODABLE"},
		"truncated":        {[]byte{0x22, 0x10, 0x0a}, codes.InvalidArgument, "UNDECODABLE"},
		"not UTF-8":        {[]byte{0x12, 0x04, 0x0a, 0x02, 0xc3, 0x28}, codes.InvalidArgument, "UNDECODABLE"},
		"resume later":     {[]byte{0x5a, 0x00}, codes.InvalidArgument, "RESUME_NOT_FIRST"},
		"beyond twice":     {make([]byte, 2*256<<10+1), codes.ResourceExhausted, "MESSAGE_TOO_LARGE"},
		"four times":       {make([]byte, 4*256<<10), codes.ResourceExhausted, "MESSAGE_TOO_LARGE"},
		"beyond all means": {make([]byte, 4*256<<10+1), codes.ResourceExhausted, ""},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, call func(*service) grpc.ClientConnInterface) {
				s := start(t, server.Config{}, nil)
				bob := connect(t, call(s), "lobby", delta)
				ana := connect(t, call(s), "lobby", none)
				bob.next()
				if err := ana.SendMsg(rawMessage(c.raw)); err != nil {
					t.Fatal(err)
				}
				code, reason := ana.end()
				if code == codes.Unavailable && reason == "" { // A websocket has ended without a status: with 1009.
					code = codes.ResourceExhausted
				}
				if code != c.code || reason != c.reason {
					t.Errorf("the stream ended with %s %s, want %s %s", code, reason, c.code, c.reason)
				}
				if left := bob.next().GetUserLeft(); left.GetUser().GetId() != ana.id || left.GetReason() != beckonv1.LeaveReason_LEAVE_REASON_LOST {
					t.Errorf("bob hears %v", left)
				}
			})
		})
	}
}

// TestLost: a client whose connection breaks has left at once, for all of its rooms.
func TestLost(t *testing.T) {
	s := start(t, server.Config{}, listen(t))
	bob := connect(t, s.dial(), "lobby", delta)
	lost := func(ana *client, lose func() error) {
		t.Helper()
		bob.next()
		if err := lose(); err != nil {
			t.Fatal(err)
		}
		if left := bob.next().GetUserLeft(); left.GetUser().GetId() != ana.id || left.GetReason() != beckonv1.LeaveReason_LEAVE_REASON_LOST {
			t.Errorf("bob hears %v", left)
		}
	}
	conn := s.dial()
	lost(connect(t, conn, "lobby", none), conn.Close)
	page := s.dialWeb()
	lost(connect(t, page, "lobby", none), page.Close)
}

// vanishing is a connection whose writes go nowhere once it has vanished, as when a phone loses its network.
type vanishing struct {
	net.Conn
	vanished *atomic.Bool
}

// Write implements net.Conn.
func (v vanishing) Write(b []byte) (int, error) {
	if v.vanished.Load() {
		return len(b), nil
	}
	return v.Conn.Write(b)
}

// TestVanished: a client that vanishes without a word, and has never sent a ping, is seen leaving after 80 s.
func TestVanished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := start(t, server.Config{}, nil)
		var vanished atomic.Bool
		bob := connect(t, srv.dial(), "lobby", delta)
		conn := srv.dial(grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			conn, err := srv.pipe(ctx)
			return vanishing{conn, &vanished}, err
		}))
		ana := connect(t, conn, "lobby", none)
		bob.next()
		vanished.Store(true)
		began := time.Now()
		for {
			if left := bob.next().GetUserLeft(); left != nil {
				if left.GetUser().GetId() != ana.id || left.GetReason() != beckonv1.LeaveReason_LEAVE_REASON_LOST {
					t.Errorf("bob hears %v", left)
				}
				break
			}
		}
		if after := time.Since(began); after < 60*time.Second || after > 90*time.Second {
			t.Errorf("it took %s, want some 80 s", after)
		}
	})
}

// TestMobileKeepalive: a client whose transport pings every 10 s is never told that those are too many.
func TestMobileKeepalive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// With heartbeats in the stream the transport would have no cause to ping.
		s := start(t, server.Config{HeartbeatInterval: 24 * time.Hour}, nil)
		c := connect(t, s.dial(grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, PermitWithoutStream: true})), "lobby", none)
		time.Sleep(time.Hour) // Virtual.
		c.send(data("", "lobby", nil))
		c.send(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Ping{Ping: &beckonv1.Ping{Payload: []byte("alive")}}})
		for {
			if e := c.next(); e.GetFailure() != nil {
				t.Fatal(e)
			} else if string(e.GetPong().GetPayload()) == "alive" {
				return
			}
		}
	})
}

// TestNoBeginning: a stream on which nothing is said ends.
func TestNoBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, server.Config{MaxSessions: 1}, nil)
		st, err := beckonv1.NewSignalClient(s.dial()).Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c := &client{BidiStreamingClient: st, tb: t}
		if code, reason := c.end(); code != codes.Unavailable || reason != "SILENT" {
			t.Errorf("the stream ended with %s %s, want UNAVAILABLE SILENT", code, reason)
		}
		synctest.Wait()
		connect(t, s.dial(), "lobby", none) // In its place.
	})
}

// TestConnectionLimits: connections and streams beyond their bounds wait, and come when others have gone.
func TestConnectionLimits(t *testing.T) {
	for name, cfg := range map[string]server.Config{"connections": {MaxConnections: 1}, "streams": {MaxStreams: 1}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := start(t, cfg, nil)
				one := s.dial()
				another := one
				if cfg.MaxConnections > 0 {
					another = s.dial()
				}
				first := connect(t, one, "lobby", none)
				came := make(chan struct{})
				go func() {
					defer close(came)
					connect(t, another, "lobby", none)
				}()
				synctest.Wait()
				select {
				case <-came:
					t.Error("a second came at once")
				default:
				}
				if err := first.CloseSend(); err != nil {
					t.Fatal(err)
				}
				first.end()
				if cfg.MaxConnections > 0 {
					if err := one.Close(); err != nil {
						t.Fatal(err)
					}
				}
				<-came
			})
		})
	}
}

// TestSilence: a client that has pinged and is not heard of any more ends.
func TestSilence(t *testing.T) {
	onEach(t, func(t *testing.T, call func(*service) grpc.ClientConnInterface) {
		s := start(t, server.Config{}, nil)
		bob := connect(t, call(s), "lobby", delta)
		ana := connect(t, call(s), "lobby", none)
		ana.send(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Ping{Ping: &beckonv1.Ping{}}})
		began := time.Now()
		if code, reason := ana.end(); code != codes.Unavailable || reason != "SILENT" {
			t.Errorf("the stream ended with %s %s, want UNAVAILABLE SILENT", code, reason)
		}
		if after := time.Since(began); after < 29*time.Second || after > 35*time.Second {
			t.Errorf("it took %s, want some 30 s", after)
		}
		for {
			e := bob.next()
			if e.GetUserLeft() != nil {
				return
			}
		}
	})
}

// TestShutdown: on shutdown all streams end with UNAVAILABLE, and nobody is told that the others have left.
func TestShutdown(t *testing.T) {
	onEach(t, func(t *testing.T, call func(*service) grpc.ClientConnInterface) {
		s := start(t, server.Config{}, nil)
		conn := call(s)
		var clients []*client
		for range 20 {
			clients = append(clients, connect(t, conn, "lobby", delta))
		}
		watch, err := healthv1.NewHealthClient(conn).Watch(t.Context(), &healthv1.HealthCheckRequest{Service: "beckon.v1.Signal"})
		if err != nil {
			t.Fatal(err)
		}
		if st, err := watch.Recv(); err != nil || st.GetStatus() != healthv1.HealthCheckResponse_SERVING {
			t.Errorf("health: %v %v", st, err)
		}
		began := time.Now()
		shut := make(chan error, 1)
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			shut <- s.Shutdown(ctx)
		}()
		if st, err := watch.Recv(); err != nil || st.GetStatus() != healthv1.HealthCheckResponse_NOT_SERVING {
			t.Errorf("health: %v %v", st, err)
		}
		for i, c := range clients {
			told := false
			for {
				e, err := c.Recv()
				if err != nil {
					if !told {
						t.Errorf("client %d was not told that the server drains", i)
					}
					if code, reason := statusOf(err); code != codes.Unavailable || reason != "SHUTTING_DOWN" {
						t.Errorf("client %d: %s %s, want UNAVAILABLE SHUTTING_DOWN", i, code, reason)
					}
					break
				}
				told = told || e.GetDraining() != nil
				if e.GetUserLeft() != nil {
					t.Errorf("client %d hears %v", i, e)
				}
			}
		}
		if err := <-shut; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if _, err := watch.Recv(); err == nil {
			t.Error("the health service goes on")
		}
		if took := time.Since(began); took > 2*time.Second { // The watcher of health would stay for ever.
			t.Errorf("it took %s, though every client reads", took)
		}
	})
}

// TestLimits: sessions beyond the bound are refused, and take their turn when others have gone.
func TestLimits(t *testing.T) {
	onEach(t, func(t *testing.T, call func(*service) grpc.ClientConnInterface) {
		s := start(t, server.Config{MaxSessions: 2}, nil)
		first := connect(t, call(s), "lobby", none)
		connect(t, call(s), "lobby", none)
		st, err := beckonv1.NewSignalClient(call(s)).Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		third := &client{BidiStreamingClient: st, tb: t}
		if code, reason := third.end(); code != codes.ResourceExhausted || reason != "LIMIT" {
			t.Errorf("a third of two sessions ended with %s %s, want RESOURCE_EXHAUSTED LIMIT", code, reason)
		}
		if err := first.CloseSend(); err != nil {
			t.Fatal(err)
		}
		first.end()
		synctest.Wait()
		connect(t, call(s), "lobby", none)
	})
}

// TestHalfCloseUnread: a client that does not read what it has yet to be sent is not told that all is well.
func TestHalfCloseUnread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, server.Config{}, nil)
		bob := connect(t, s.dial(), "lobby", none)
		ana := connect(t, s.dial(), "lobby", none)
		for range 9 {
			bob.send(data(ana.id, "lobby", make([]byte, 100<<10)))
		}
		synctest.Wait()
		if err := ana.CloseSend(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute) // Virtual.
		if code, reason := ana.end(); code != codes.ResourceExhausted || reason != "SLOW_CONSUMER" {
			t.Errorf("the stream ended with %s %s, want RESOURCE_EXHAUSTED SLOW_CONSUMER", code, reason)
		}
	})
}

// TestHalfClose: all that was said before a half-close is answered, and the stream ends with OK.
func TestHalfClose(t *testing.T) {
	onEach(t, func(t *testing.T, call func(*service) grpc.ClientConnInterface) {
		s := start(t, server.Config{}, nil)
		bob := connect(t, call(s), "lobby", none)
		ana := connect(t, call(s), "lobby", none)
		const n = 200
		for i := range n {
			m := data(bob.id, "lobby", make([]byte, 1000))
			m.RequestId = uint64(i + 1)
			ana.send(m)
		}
		if err := ana.CloseSend(); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if e := ana.next(); e.GetAck() == nil || e.GetRequestId() != uint64(i+1) {
				t.Fatalf("message %d: %v", i+1, e)
			}
		}
		if e, err := ana.Recv(); !errors.Is(err, io.EOF) { // The stub's word for OK.
			t.Errorf("the stream ended with %v %v", e, err)
		}
		for range n {
			if e := bob.next(); e.GetDataReceived() == nil {
				t.Fatalf("bob was sent %v", e)
			}
		}
	})
}

// TestLogs: every line of a session names it; what users say is in no line unless asked for.
func TestLogs(t *testing.T) {
	for _, payloads := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var lines bytes.Buffer
			s := start(t, server.Config{LogPayloads: payloads, Logger: slog.New(slog.NewJSONHandler(&lines, &slog.HandlerOptions{Level: slog.LevelDebug}))}, nil)
			ana, bob := connect(t, s.dial(), "lobby", none), connect(t, s.dial(), "lobby", none)
			const secret = "a=ice-pwd:secret"
			ana.send(offer(bob.id, "v=0 "+secret))
			bob.next()
			ana.send(offer("nobody", "v=0 "+secret))
			ana.next()
			if err := ana.CloseSend(); err != nil {
				t.Fatal(err)
			}
			ana.end()
			synctest.Wait()

			if strings.Contains(lines.String(), secret) != payloads {
				t.Errorf("with LogPayloads %v:\n%s", payloads, lines.String())
			}
			seen := map[string]bool{}
			for _, line := range strings.Split(strings.TrimSpace(lines.String()), "\n") {
				var l map[string]any
				if err := json.Unmarshal([]byte(line), &l); err != nil {
					t.Fatal(err)
				}
				msg, _ := l["msg"].(string)
				seen[msg] = true
				if l["session"] == nil {
					t.Errorf("a line without its session: %s", line)
				}
				if (strings.HasPrefix(msg, "offer") || msg == "join") && l["room"] != "lobby" {
					t.Errorf("a line without its room: %s", line)
				}
			}
			for _, msg := range []string{"session opened", "join", "offer", "offer failed", "session ended", "stream ended"} {
				if !seen[msg] {
					t.Errorf("no line says %q:\n%s", msg, lines.String())
				}
			}
		})
	}
}

// TestReflection: tools can ask what the service is.
func TestReflection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, server.Config{}, nil)
		st, err := reflectionv1.NewServerReflectionClient(s.dial()).ServerReflectionInfo(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := st.Send(&reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}}); err != nil {
			t.Fatal(err)
		}
		r, err := st.Recv()
		if err != nil {
			t.Fatal(err)
		}
		names := fmt.Sprint(r.GetListServicesResponse().GetService())
		for _, want := range []string{"beckon.v1.Signal", "grpc.health.v1.Health"} {
			if !strings.Contains(names, want) {
				t.Errorf("%s is not among %s", want, names)
			}
		}
		if err := st.CloseSend(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestConfig: a wrong configuration is refused with the name of the field.
func TestConfig(t *testing.T) {
	for field, cfg := range map[string]server.Config{
		"MaxMessageBytes":   {MaxMessageBytes: -1},
		"MaxOutboxBytes":    {MaxOutboxBytes: 300 << 10}, // Less than two messages.
		"HeartbeatInterval": {HeartbeatInterval: time.Millisecond},
		"DrainTimeout":      {DrainTimeout: -1},
		"GRPCAddr":          {GRPCAddr: "off"},
	} {
		if _, err := server.New(cfg); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}
