package server_test

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server"
	"github.com/beckonrtc/beckon/server/auth"
	"github.com/beckonrtc/beckon/server/transcript"
	"github.com/beckonrtc/beckon/server/web/webtest"
)

const (
	rateLimited = beckonv1.FailureCode_FAILURE_CODE_RATE_LIMITED
	roomFull    = beckonv1.FailureCode_FAILURE_CODE_ROOM_FULL
)

// somewhere is a port in memory to which all connections come from one address.
type somewhere struct {
	webtest.Listener
	from net.Addr
}

// Accept implements net.Listener.
func (s somewhere) Accept() (net.Conn, error) {
	conn, err := s.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return distant{conn, s.from}, nil
}

// distant is a connection from an address.
type distant struct {
	net.Conn
	from net.Addr
}

// RemoteAddr implements net.Conn.
func (d distant) RemoteAddr() net.Addr { return d.from }

// dialFrom returns how to open streams from an address.
func dialFrom(t *testing.T, s *service, address string, web bool) transcript.Dial {
	lis := somewhere{webtest.Listen(), net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(address), 40000))}
	if web {
		go func() { _ = s.ServeWeb(lis) }() // Until the server shuts down.
		page := webtest.New("localhost", lis.Dial)
		t.Cleanup(func() { _ = page.Close() })
		return transcript.Stubs(page)
	}
	go func() { _ = s.Serve(lis) }()
	return transcript.Stubs(s.dial(grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) })))
}

// refused checks that a stream that begins with a join is one too many.
func refused(t *testing.T, dial transcript.Dial) {
	t.Helper()
	st, err := dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = st.Send(joining("lobby", none)) // It may have ended; Recv tells why.
	if code, reason := endOf(st.Recv); code != codes.ResourceExhausted || reason != "LIMIT" {
		t.Errorf("one too many ended with %s %s, want RESOURCE_EXHAUSTED LIMIT", code, reason)
	}
}

// TestMaxSessionsPerIP: an IPv4 address and an IPv6 network have so many sessions each, lost ones included. One that is
// taken up is never one too many, and counts where it came from last.
func TestMaxSessionsPerIP(t *testing.T) {
	for name, c := range map[string]struct{ one, same, other string }{
		"IPv4":             {"192.0.2.1", "192.0.2.1", "192.0.2.2"},
		"IPv4 within IPv6": {"192.0.2.1", "::ffff:192.0.2.1", "::ffff:192.0.2.2"},
		"IPv6":             {"2001:db8:1:2::1", "2001:db8:1:2:ffff::2", "2001:db8:1:3::1"},
		"IPv6 of a link":   {"fe80::1%eth0", "fe80::2%eth1", "fe80:0:0:1::1%eth0"},
	} {
		for transport, web := range map[string]bool{"gRPC": false, "grpc-web": true} {
			t.Run(name+" over "+transport, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := start(t, server.Config{MaxSessionsPerIP: 2}, nil)
					one, same, other := dialFrom(t, s, c.one, web), dialFrom(t, s, c.same, web), dialFrom(t, s, c.other, web)
					ana := call(t, one, "lobby", none)
					call(t, same, "lobby", none)
					refused(t, same)
					bob := call(t, other, "lobby", none)
					call(t, other, "lobby", none)
					refused(t, other)

					ana.drop()
					synctest.Wait()
					refused(t, one)              // For Ana may come back,
					ana.comeBack(other, resumed) // though where there are as many as may be.
					call(t, one, "lobby", none)  // In her place.
					bob.drop()
					synctest.Wait()
					bob.comeBack(one, resumed)
					refused(t, one)
					refused(t, other)
				})
			})
		}
	}
}

// TestMaxPending: so many streams may be open on which nothing has been said; who has something to say makes the oldest of
// them end.
func TestMaxPending(t *testing.T) {
	onEach(t, func(t *testing.T, way func(*service) grpc.ClientConnInterface) {
		s := start(t, server.Config{MaxPending: 1}, nil)
		dial := transcript.Stubs(way(s))
		ana := call(t, dial, "lobby", none)
		mute, err := dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		call(t, dial, "lobby", none)
		if _, err := mute.Recv(); status.Code(err) != codes.Unavailable {
			t.Errorf("the silent stream ends with %v, want SILENT", err)
		}
		ana.send(data("", "lobby", nil)) // Who is there has said something.
	})
}

// TestMaxUsers: a room has so many users, who is away included.
func TestMaxUsers(t *testing.T) {
	onEach(t, func(t *testing.T, way func(*service) grpc.ClientConnInterface) {
		s := start(t, server.Config{MaxUsers: 2}, nil)
		dial := transcript.Stubs(way(s))
		ana, bob, cleo := call(t, dial, "lobby", none), call(t, dial, "lobby", none), call(t, dial, "den", none)
		enter := func(p *phone, id uint64, want beckonv1.FailureCode) {
			t.Helper()
			p.send(numbered(id, joining("lobby", none)))
			e := p.outcome(id)
			if f := e.GetFailure(); f.GetCode() != want || want != 0 && (f.GetField() != "room" || f.GetDetail() == "" || e.GetRoom() != "lobby") {
				t.Errorf("a join is answered with %v, want %s", e, want)
			}
		}
		enter(cleo, 1, roomFull)
		enter(ana, 1, 0) // She is there.
		bob.drop()
		synctest.Wait()
		enter(cleo, 2, roomFull)
		bob.comeBack(dial, resumed)
		bob.drop()
		time.Sleep(31 * time.Second) // Virtual. He is lost.
		enter(cleo, 3, 0)
	})
}

// TestMaxMessagesPerSecond: messages over the rate fail, and harm nobody. Who goes on for long is stopped, and may come
// back.
func TestMaxMessagesPerSecond(t *testing.T) {
	onEach(t, func(t *testing.T, way func(*service) grpc.ClientConnInterface) {
		s := start(t, server.Config{MaxMessagesPerSecond: 10}, nil)
		dial := transcript.Stubs(way(s))
		bob := call(t, dial, "lobby", none)
		ana := call(t, dial, "lobby", none)
		if most := ana.welcome.GetLimits().GetMaxMessagesPerSecond(); most != 10 {
			t.Errorf("the welcome tells of %d messages per second, want 10", most)
		}
		id := uint64(0)
		say := func(n, want int) { // n messages, of which so many are to succeed.
			t.Helper()
			first := id + 1
			for range n {
				id++
				ana.send(numbered(id, offer(bob.id(), "v=0")))
			}
			for i := first; i <= id; i++ {
				e := ana.outcome(i)
				f := e.GetFailure()
				switch {
				case i < first+uint64(want) && e.GetAck() == nil,
					i >= first+uint64(want) && (f.GetCode() != rateLimited || f.GetTo() != bob.id() || f.GetCallId() != "1" || f.GetDetail() == ""):
					t.Errorf("message %d of %d is answered with %v; want %d to succeed", i-first+1, n, e, want)
				}
			}
		}
		say(150, 99) // Ten seconds' worth, of which the join has taken one.
		bob.send(numbered(1, data(ana.id(), "lobby", []byte("calm"))))
		if e := bob.outcome(1); e.GetAck() == nil {
			t.Errorf("the neighbour's message is answered with %v", e)
		}
		ana.sees("calm")
		time.Sleep(time.Second) // Virtual.
		say(20, 10)
		ana.send(numbered(id, offer(bob.id(), "v=0")))
		if e := ana.outcome(id); e.GetFailure().GetCode() != rateLimited {
			t.Errorf("a message that failed and is repeated is answered with %v", e)
		}

		for range 200 {
			id++
			_ = ana.peer.Send(numbered(id, offer(bob.id(), "v=0"))) // The stream may have ended.
		}
		if code, reason := ana.end(); code != codes.ResourceExhausted || reason != "LIMIT" {
			t.Errorf("the stream ended with %s %s, want RESOURCE_EXHAUSTED LIMIT", code, reason)
		}
		bob.send(pinging("that was all"))
		for bob.next().GetPong() == nil {
		}
		if bob.calls != 99+10 {
			t.Errorf("the neighbour was sent %d offers, want 109", bob.calls)
		}
		time.Sleep(5 * time.Second) // Virtual.
		ana.comeBack(dial, resumed)
		say(1, 1)
	})
}

// TestMaxBytesPerSecond: so do bytes.
func TestMaxBytesPerSecond(t *testing.T) {
	onEach(t, func(t *testing.T, way func(*service) grpc.ClientConnInterface) {
		const rate = 2 << 10
		s := start(t, server.Config{MaxMessageBytes: 1 << 10, MaxBytesPerSecond: rate, MaxMessagesPerSecond: -1}, nil)
		dial := transcript.Stubs(way(s))
		bob := call(t, dial, "lobby", none)
		ana := call(t, dial, "lobby", none)
		if most := ana.welcome.GetLimits().GetMaxMessagesPerSecond(); most != 0 {
			t.Errorf("the welcome tells of %d messages per second, want no bound", most)
		}
		spent, over := proto.Size(joining("lobby", none)), false
		for id := range uint64(25) {
			m := numbered(id+1, data(bob.id(), "lobby", make([]byte, 900)))
			ana.send(m)
			spent += proto.Size(m)
			e := ana.outcome(id + 1)
			if over = spent > 10*rate; over {
				spent -= proto.Size(m)
			}
			if over != (e.GetFailure().GetCode() == rateLimited) || over == (e.GetAck() != nil) {
				t.Errorf("after %d bytes, message %d is answered with %v", spent, id+1, e)
			}
		}
		if !over {
			t.Error("nothing was over the rate")
		}
	})
}

// TestMaxRetainedBytes: what is too much to be kept comes back to its senders, the oldest first. What each user gets, and
// what comes back, are together what was sent.
func TestMaxRetainedBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, server.Config{MaxRetainedBytes: 1 << 20}, nil)
		dial := transcript.Stubs(s.dial())
		ana := call(t, dial, "lobby", none)
		const users, each = 8, 12
		var away []*phone
		for range users {
			p := call(t, dial, "lobby", none)
			p.drop()
			away = append(away, p)
		}
		synctest.Wait()
		recipient := map[uint64]string{} // By request id.
		id := uint64(0)
		for range each { // 14 KiB to each of them in turn, in all 1,344 KiB.
			for _, p := range away {
				id++
				recipient[id] = p.id()
				ana.send(numbered(id, data(p.id(), "lobby", large(int(id)))))
				if e := ana.outcome(id); e.GetAck() == nil {
					t.Fatalf("a message is answered with %v", e)
				}
			}
		}
		time.Sleep(time.Second) // Virtual.
		ana.send(pinging("so far"))
		for ana.next().GetPong() == nil {
		}
		var back []uint64
		for _, e := range ana.back {
			if e.GetFailure().GetTo() != recipient[e.GetRequestId()] || e.GetSeq() == 0 || e.GetRoom() != "" {
				t.Errorf("ana was sent %v", e)
			}
			back = append(back, e.GetRequestId())
		}
		if len(back) == 0 || len(back) == int(id) {
			t.Fatalf("%d of %d came back", len(back), id)
		}
		if oldest := slices.Sorted(slices.Values(back)); oldest[len(back)-1] > uint64(len(back))+users {
			t.Errorf("what came back is not the oldest: %v", back)
		}
		got := map[string]bool{}
		for _, p := range away {
			p.comeBack(dial, resynced)
			for p.next().GetJoinedUsers() == nil {
			}
			for _, payload := range p.got {
				got[payload] = true
			}
		}
		for i := range id {
			if got[string(large(int(i+1)))] == slices.Contains(back, i+1) {
				t.Errorf("message %d: arrived %v, came back %v", i+1, got[string(large(int(i+1)))], !got[string(large(int(i+1)))])
			}
		}
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

// TestMaxSessions: sessions beyond the bound are refused, and take their turn when others have gone.
func TestMaxSessions(t *testing.T) {
	onEach(t, func(t *testing.T, call func(*service) grpc.ClientConnInterface) {
		s := start(t, server.Config{MaxSessions: 2}, nil)
		first := connect(t, call(s), "lobby", none)
		connect(t, call(s), "lobby", none)
		st, err := beckonv1.NewSignalClient(call(s)).Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		third := &client{BidiStreamingClient: st, tb: t}
		third.send(joining("lobby", none))
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

// TestMaxFailuresPerIP: an address from which too many tries have failed is refused for a while, whatever it shows.
func TestMaxFailuresPerIP(t *testing.T) {
	for transport, web := range map[string]bool{"gRPC": false, "grpc-web": true} {
		t.Run(transport, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mint := newMint(t, "k")
				s := start(t, server.Config{TokenKeyFile: mint.file, MaxFailuresPerIP: 1}, nil)
				one, other := dialFrom(t, s, "192.0.2.1", web), dialFrom(t, s, "192.0.2.2", web)
				good := mint.token(time.Hour, auth.Grant{Identity: "ana"})
				ana := call(t, bearing(one, good), "lobby", none)
				expect := func(dial transcript.Dial, wantCode codes.Code, wantReason string) {
					t.Helper()
					if code, reason := outcomeOf(t, dial, joining("lobby", none)); code != wantCode || reason != wantReason {
						t.Errorf("%s %s, want %s %s", code, reason, wantCode, wantReason)
					}
				}
				for range 4 {
					expect(bearing(one, "garbage"), codes.Unauthenticated, "BAD_TOKEN")
				}
				expect(bearing(one, "garbage"), codes.ResourceExhausted, "LIMIT")
				expect(bearing(one, good), codes.ResourceExhausted, "LIMIT")
				expect(bearing(other, good), codes.OK, "")
				ana.send(offer("nobody", "sdp")) // Who is there stays.
				if e := ana.next(); e.GetFailure() == nil {
					t.Errorf("ana was sent %v, want a failure", e)
				}
				time.Sleep(time.Second)
				expect(bearing(one, good), codes.OK, "") // That is no failure.
				expect(bearing(one, "garbage"), codes.Unauthenticated, "BAD_TOKEN")
				expect(one, codes.ResourceExhausted, "LIMIT")
			})
		})
	}
}
