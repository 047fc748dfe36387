package server_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server"
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
			wg.Wait()                            // All calls were answered.
			if grown := most(); grown > 64<<20 { // If all were kept, it were twice as much.
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
