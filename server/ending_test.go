package server_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server"
)

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
				bob.seesLost(ana.id) // Until then the session can be taken up.
			})
		})
	}
}

// TestLost: a client whose connection breaks leaves when it has not come back in time.
func TestLost(t *testing.T) {
	s := start(t, server.Config{ResumeWindow: time.Second}, listen(t))
	bob := connect(t, s.dial(), "lobby", delta)
	conn, page := s.dial(), s.dialWeb()
	ana, cleo := connect(t, conn, "lobby", none), connect(t, page, "lobby", none)
	bob.next()
	bob.next()
	began := time.Now()
	if err := errors.Join(conn.Close(), page.Close()); err != nil {
		t.Fatal(err)
	}
	gone := map[string]beckonv1.LeaveReason{}
	for range 2 {
		e := bob.next().GetUserLeft()
		gone[e.GetUser().GetId()] = e.GetReason()
	}
	if gone[ana.id] != lost || gone[cleo.id] != lost {
		t.Errorf("bob sees leaving %v, want both LOST", gone)
	}
	if took := time.Since(began); took < time.Second {
		t.Errorf("it took %s, less than the time to come back", took)
	}
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

// TestVanished: that a client vanishes without a word, and has never sent a ping, is noticed after 80 s.
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
		bob.seesAway(ana.id)
		if after := time.Since(began); after < 60*time.Second || after > 92*time.Second {
			t.Errorf("it took %s, want some 80 s", after)
		}
		bob.seesLeft(ana.id, lost)
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
		bob.next() // Ana has come.
		bob.seesLost(ana.id)
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
