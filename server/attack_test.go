package server_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server"
	"github.com/beckonrtc/beckon/server/transcript"
	"github.com/beckonrtc/beckon/server/web/webtest"
)

const (
	// attackTime is how long an attack goes on, in real time.
	attackTime = 400 * time.Millisecond
	// attackers is how many connections an attack has at one time. One that the server closes is opened anew.
	attackers = 4
	// patience is how long a test waits for what should come much sooner.
	patience = 30 * time.Second
	// leastCalls is how many calls there are during an attack at least.
	leastCalls = 20
	// mostGrown is by how much the live heap may grow. What the attackers need is in it.
	mostGrown = 192 << 20
)

// attack is a way to harm a server.
type attack struct {
	port string // "gRPC" or "web".
	// Speaks on a connection until that fails or ctx ends, and returns how often it did its harm.
	run func(ctx context.Context, conn net.Conn) int
}

// TestAttack: whatever comes on other connections, the calls of those who behave go through, and it costs the server no
// more than it may.
func TestAttack(t *testing.T) {
	for name, run := range map[string]attack{
		"rapid reset":          {"gRPC", rapidReset},
		"large metadata":       {"gRPC", largeMetadata},
		"endless continuation": {"gRPC", endlessContinuation},
		"giant frames":         {"gRPC", giantFrames},
		"pings":                {"gRPC", pings},
		"large headers":        {"web", largeHeaders},
		"giant websockets":     {"web", giantWebsocket},
	} {
		t.Run(name, func(t *testing.T) { run.on(t) })
	}
	for name, s := range silences {
		t.Run("silence on "+name, func(t *testing.T) { s.on(t) })
	}
}

// on attacks a server while a pair goes on calling.
func (a attack) on(t *testing.T) {
	s := serveSecured(t, server.Config{MaxMessagesPerSecond: -1}) // The pair calls as fast as it can.
	native, err := grpc.NewClient(s.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = native.Close() })
	browser := webtest.New(s.web, nil)
	t.Cleanup(func() { _ = browser.Close() })
	p := newPair(t, call(t, transcript.Stubs(native), "lobby", none), call(t, transcript.Stubs(browser), "lobby", none))

	most := watchHeap(t)
	ctx, stop := context.WithTimeout(t.Context(), attackTime)
	defer stop()
	addr := map[string]string{"gRPC": s.grpc, "web": s.web}[a.port]
	var attacking sync.WaitGroup
	var harm atomic.Int64
	for range attackers {
		attacking.Go(func() {
			for ctx.Err() == nil {
				harm.Add(int64(a.attempt(ctx, addr)))
			}
		})
	}
	for ctx.Err() == nil || p.calls < leastCalls {
		p.call()
	}
	attacking.Wait()
	grown := most()
	t.Logf("%d calls; %d times; the live heap grew by up to %d MiB", p.calls, harm.Load(), grown>>20)
	if harm.Load() == 0 {
		t.Error("nothing was done")
	}
	if grown > mostGrown {
		t.Errorf("the live heap grew by up to %d MiB", grown>>20)
	}
	p.end()
}

// pair is two users of whom one calls the other, again and again.
type pair struct {
	// Immutable.
	t              *testing.T
	caller, callee *phone
	failed         chan error // Gets why the callee can no longer answer. The caller's stream ends then.

	// Owned by the test.
	calls int // That were answered.
}

// newPair has the callee answer from now on.
func newPair(t *testing.T, caller, callee *phone) *pair {
	p := &pair{t: t, caller: caller, callee: callee, failed: make(chan error, 1)}
	go func() {
		for {
			e, err := callee.recv()
			if err == nil && e.GetCallMade() != nil {
				err = callee.peer.Send(answer(e.GetCallMade().GetSender().GetId(), e.GetCallMade().GetSdp()))
			}
			if err != nil {
				p.failed <- err
				caller.drop()
				return
			}
		}
	}()
	return p
}

// call makes a call, which must be answered. It is given up after patience.
func (p *pair) call() {
	p.t.Helper()
	sdp := fmt.Sprint("call ", p.calls)
	defer time.AfterFunc(patience, p.caller.drop).Stop()
	p.caller.send(offer(p.callee.id(), sdp))
	for {
		e, err := p.caller.recv()
		if err != nil {
			p.check()
			p.t.Fatalf("the caller's stream ended: %v", err)
		}
		if e.GetFailure() != nil {
			p.t.Fatalf("the caller was sent %v", e)
		}
		if a := e.GetAnswerMade(); a != nil {
			if a.GetSdp() != sdp {
				p.t.Fatalf("the caller was sent the answer %q, want that to %q", a.GetSdp(), sdp)
			}
			p.calls++
			return
		}
	}
}

// check fails the test if the callee can no longer answer.
func (p *pair) check() {
	p.t.Helper()
	select {
	case err := <-p.failed:
		p.t.Fatalf("the callee's stream ended: %v", err)
	default:
	}
}

// end ends both streams. The callee's must not have ended before.
func (p *pair) end() {
	p.t.Helper()
	p.check()
	p.caller.drop()
	p.callee.drop()
}

// attempt makes a connection for an attack.
func (a attack) attempt(ctx context.Context, addr string) int {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return 0
	}
	defer conn.Close()
	end, _ := ctx.Deadline()
	_ = conn.SetDeadline(end)
	return a.run(ctx, conn)
}

// speaker speaks HTTP/2, and reads nothing of what it is told.
type speaker struct {
	*http2.Framer
	block  bytes.Buffer
	fields *hpack.Encoder
	stream uint32
}

// speak opens a connection of HTTP/2.
func speak(conn net.Conn) *speaker {
	go func() { _, _ = io.Copy(io.Discard, conn) }() // Ends with the connection.
	_, _ = io.WriteString(conn, http2.ClientPreface) // Whatever fails, so does what comes after it.
	s := &speaker{Framer: http2.NewFramer(conn, nil)}
	s.AllowIllegalWrites = true
	s.fields = hpack.NewEncoder(&s.block)
	s.stream = 1
	_ = s.WriteSettings()
	return s
}

// call returns the next stream's id, and the headers of a call of Connect.
func (s *speaker) call(more ...hpack.HeaderField) (uint32, []byte) {
	s.block.Reset()
	for _, f := range append([]hpack.HeaderField{
		{Name: ":method", Value: http.MethodPost}, {Name: ":scheme", Value: "http"}, {Name: ":authority", Value: "beckon"},
		{Name: ":path", Value: beckonv1.Signal_Connect_FullMethodName}, {Name: "content-type", Value: "application/grpc"}, {Name: "te", Value: "trailers"},
	}, more...) {
		_ = s.fields.WriteField(f) // To memory.
	}
	id := s.stream
	s.stream += 2
	return id, s.block.Bytes()
}

// rapidReset opens streams and resets each at once.
func rapidReset(ctx context.Context, conn net.Conn) (n int) {
	for s := speak(conn); ctx.Err() == nil && n < 100_000; n++ {
		id, block := s.call()
		if s.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true}) != nil || s.WriteRSTStream(id, http2.ErrCodeCancel) != nil {
			break
		}
	}
	return n
}

// largeMetadata opens streams with metadata of 64 KiB.
func largeMetadata(ctx context.Context, conn net.Conn) (n int) {
	value := strings.Repeat("x", 64<<10)
	for s := speak(conn); ctx.Err() == nil; n++ {
		id, block := s.call(hpack.HeaderField{Name: "x-large", Value: value, Sensitive: true})
		const part = 16 << 10
		if s.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block[:part]}) != nil {
			break
		}
		for block = block[part:]; len(block) > part; block = block[part:] {
			_ = s.WriteContinuation(id, false, block[:part])
		}
		if s.WriteContinuation(id, true, block) != nil {
			break
		}
	}
	return n
}

// endlessContinuation sends headers that never end.
func endlessContinuation(ctx context.Context, conn net.Conn) (n int) {
	s := speak(conn)
	id, block := s.call()
	_ = s.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block})
	s.block.Reset()
	for i := range 100 {
		_ = s.fields.WriteField(hpack.HeaderField{Name: fmt.Sprint("x-", i), Value: strings.Repeat("y", 100), Sensitive: true})
	}
	for ; ctx.Err() == nil && s.WriteContinuation(id, false, s.block.Bytes()) == nil; n++ {
	}
	return n
}

// giantFrames sends frames, and messages in them, that are far larger than they may be.
func giantFrames(ctx context.Context, conn net.Conn) (n int) {
	s := speak(conn)
	id, block := s.call()
	_ = s.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true})
	_ = s.WriteData(id, false, []byte{0, 0xff, 0xff, 0xff, 0xff}) // A message of 4 GiB begins.
	for giant := make([]byte, 1<<20); ctx.Err() == nil && s.WriteData(id, false, giant) == nil; n++ {
	}
	return n
}

// pings sends nothing but pings.
func pings(ctx context.Context, conn net.Conn) (n int) {
	for s := speak(conn); ctx.Err() == nil && s.WritePing(false, [8]byte{}) == nil; n++ {
	}
	return n
}

// largeHeaders sends a request whose headers never end.
func largeHeaders(ctx context.Context, conn net.Conn) (n int) {
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n")
	for line := "X-Large: " + strings.Repeat("x", 8<<10) + "\r\n"; ctx.Err() == nil; n++ {
		if _, err := io.WriteString(conn, line); err != nil {
			break
		}
	}
	return n
}

// upgradeRequest asks for a websocket.
const upgradeRequest = "GET " + beckonv1.Signal_Connect_FullMethodName + " HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-Websocket-Version: 13\r\nSec-Websocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-Websocket-Protocol: grpc-websockets\r\n\r\n"

// upgrade makes a websocket of a connection.
func upgrade(conn net.Conn) bool {
	if _, err := io.WriteString(conn, upgradeRequest); err != nil {
		return false
	}
	_, err := conn.Read(make([]byte, 4<<10)) // The server's answer.
	return err == nil
}

// giantWebsocket sends a frame of headers that is far larger than it may be.
func giantWebsocket(ctx context.Context, conn net.Conn) (n int) {
	if !upgrade(conn) {
		return 0
	}
	frame := webtest.Frame(webtest.Fin|webtest.Binary, make([]byte, 4<<20))
	_, _ = conn.Write(frame) // The server closes the connection.
	return 1
}
