package server_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/grpclog"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/proto"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server"
	"github.com/beckonrtc/beckon/server/web/webtest"
)

func init() {
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard)) // What clients do wrong.
}

// raw opens a websocket of whose first message nothing has been sent.
func raw(tb testing.TB, conn *webtest.Conn) *webtest.Raw {
	tb.Helper()
	r, err := conn.Raw(tb.Context(), beckonv1.Signal_Connect_FullMethodName)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = r.Close() }) // The server may have closed it.
	return r
}

// write writes bytes; the server may have closed the connection by then.
func write(r *webtest.Raw, parts ...[]byte) { _, _ = r.Write(bytes.Join(parts, nil)) }

// The frames of a client that does as it should.
var (
	headersFrame   = webtest.Frame(webtest.Fin|webtest.Binary, []byte(webtest.Headers))
	halfCloseFrame = webtest.Frame(webtest.Fin|webtest.Binary, []byte{1})
)

// dataFrame returns the frame of a part of the stream.
func dataFrame(parts ...[]byte) []byte {
	return webtest.Frame(webtest.Fin|webtest.Binary, append([]byte{0}, bytes.Join(parts, nil)...))
}

// envelopeOf returns a message in its envelope.
func envelopeOf(tb testing.TB, m proto.Message) []byte {
	b, err := proto.Marshal(m)
	if err != nil {
		tb.Fatal(err)
	}
	return webtest.Envelope(0, b)
}

// TestBadWebsocket: each mistake ends its own websocket, in time, and nothing else.
func TestBadWebsocket(t *testing.T) {
	join := envelopeOf(t, joining("lobby", none))
	prefix := func(flags byte, size uint32) []byte { return binary.BigEndian.AppendUint32([]byte{flags}, size) }
	type end struct {
		status codes.Code // Unavailable: none came.
		reason string
		close  int
	}
	for name, c := range map[string]struct {
		says [][]byte
		want end
		took time.Duration
	}{
		// Before the headers have come.
		"nothing":              {nil, end{codes.Unavailable, "", 1008}, 10 * time.Second},
		"headers as text":      {[][]byte{webtest.Frame(webtest.Fin|webtest.Text, []byte(webtest.Headers))}, end{codes.Unavailable, "", 1002}, 0},
		"headers without form": {[][]byte{webtest.Frame(webtest.Fin|webtest.Binary, []byte{0xff, 0, '\n', 0x80})}, end{codes.Unavailable, "", 1002}, 0},
		"headers in part":      {[][]byte{webtest.Frame(webtest.Binary, []byte(webtest.Headers))}, end{codes.Unavailable, "", 1002}, 0},
		"headers without end":  {[][]byte{headersFrame[:30]}, end{codes.Unavailable, "", 1008}, 10 * time.Second},
		"headers too large":    {[][]byte{webtest.Frame(webtest.Fin|webtest.Binary, make([]byte, 64<<10))}, end{codes.Unavailable, "", 1009}, 0},
		"headers far too large": {[][]byte{{0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, make([]byte, 64<<10)},
			end{codes.Unavailable, "", 1009}, 0},
		"no websocket":       {[][]byte{[]byte("GET / HTTP/1.1\r\n\r\n")}, end{codes.Unavailable, "", 1002}, 0},
		"a frame not masked": {[][]byte{{0x82, 0x01, 'a'}}, end{codes.Unavailable, "", 1002}, 0},
		"a long ping":        {[][]byte{webtest.Frame(webtest.Fin|webtest.Ping, make([]byte, 126))}, end{codes.Unavailable, "", 1002}, 0},
		"a close":            {[][]byte{webtest.Frame(webtest.Fin|webtest.Close, []byte{0x03, 0xe8})}, end{codes.Unavailable, "", 1000}, 0},

		// Then.
		"text": {[][]byte{headersFrame, webtest.Frame(webtest.Fin|webtest.Text, []byte("hello"))},
			end{codes.InvalidArgument, "UNDECODABLE", 1000}, 0},
		"garbage":                {[][]byte{headersFrame, dataFrame(bytes.Repeat([]byte{0xab}, 100))}, end{codes.InvalidArgument, "UNDECODABLE", 1000}, 0},
		"trailers":               {[][]byte{headersFrame, dataFrame(prefix(0x80, 0))}, end{codes.InvalidArgument, "UNDECODABLE", 1000}, 0},
		"compressed":             {[][]byte{headersFrame, dataFrame(prefix(1, 5), []byte("12345"))}, end{codes.Unimplemented, "", 1000}, 0},
		"a length too short":     {[][]byte{headersFrame, dataFrame(prefix(0, uint32(len(join)-8)), join[5:])}, end{codes.InvalidArgument, "UNDECODABLE", 1000}, 0},
		"a length too long":      {[][]byte{headersFrame, dataFrame(prefix(0, uint32(len(join))), join[5:]), halfCloseFrame}, end{codes.InvalidArgument, "UNDECODABLE", 1000}, 0},
		"a length far too long":  {[][]byte{headersFrame, dataFrame(prefix(0, 1<<31))}, end{codes.ResourceExhausted, "MESSAGE_TOO_LARGE", 1000}, 0},
		"a message too large":    {[][]byte{headersFrame, dataFrame(prefix(0, 600<<10), make([]byte, 600<<10))}, end{codes.ResourceExhausted, "MESSAGE_TOO_LARGE", 1000}, 0},
		"a frame far too large":  {[][]byte{headersFrame, dataFrame(prefix(0, 2<<20), make([]byte, 2<<20))}, end{codes.Unavailable, "", 1009}, 0},
		"silence":                {[][]byte{headersFrame}, end{codes.Unavailable, "SILENT", 1000}, 10 * time.Second},
		"a message without end":  {[][]byte{headersFrame, dataFrame(join, prefix(0, 100)), {0x82, 0xfe}}, end{codes.Unavailable, "", 1006}, 84 * time.Second},
		"half-closed within one": {[][]byte{headersFrame, dataFrame(prefix(0, 1)), halfCloseFrame}, end{codes.InvalidArgument, "UNDECODABLE", 1000}, 0},

		// What looks like a mistake, and is none.
		"no message":     {[][]byte{headersFrame, halfCloseFrame}, end{codes.OK, "", 1000}, 0},
		"empty messages": {[][]byte{headersFrame, webtest.Frame(webtest.Fin|webtest.Binary, nil), dataFrame(), dataFrame(prefix(0, 0), prefix(0, 0)), halfCloseFrame}, end{codes.OK, "", 1000}, 0},
		"no headers":     {[][]byte{webtest.Frame(webtest.Fin|webtest.Binary, []byte("\r\n")), dataFrame(join), halfCloseFrame}, end{codes.OK, "", 1000}, 0},
		"cut anywhere": {[][]byte{headersFrame, dataFrame(join[:2]), webtest.Frame(webtest.Binary, []byte{0, join[2]}), webtest.Frame(webtest.Fin|webtest.Ping, nil),
			webtest.Frame(webtest.Fin|webtest.Continuation, join[3:]), dataFrame(join, join), halfCloseFrame}, end{codes.OK, "", 1000}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := start(t, server.Config{}, nil)
				bob := connect(t, s.dial(), "den", none)
				bad := raw(t, s.dialWeb())
				began := time.Now()
				go write(bad, c.says...)
				code, err := bad.End()
				got := end{status: codes.OK, close: code}
				if err != io.EOF {
					got.status, got.reason = statusOf(err)
				}
				if got != c.want {
					t.Errorf("the end is %v (%v), want %v", got, err, c.want)
				}
				if took := time.Since(began); took.Round(time.Second) != c.took {
					t.Errorf("it took %s, want %s", took, c.took)
				}
				bob.send(pinging("still here"))
				for string(bob.next().GetPong().GetPayload()) != "still here" { // There may have been heartbeats.
				}
			})
		})
	}
}

// TestDrip: who sends a byte a second has no more time for the headers than anybody else.
func TestDrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, server.Config{}, nil)
		bad := raw(t, s.dialWeb())
		began := time.Now()
		var dripping sync.WaitGroup
		defer dripping.Wait()
		dripping.Go(func() {
			for _, b := range headersFrame {
				write(bad, []byte{b})
				time.Sleep(time.Second) // Virtual.
			}
		})
		if code, _ := bad.End(); code != 1008 || time.Since(began).Round(time.Second) != 10*time.Second {
			t.Errorf("it ended with %d after %s, want 1008 after 10 s", code, time.Since(began))
		}
	})
}

// TestStalled: a websocket that reads nothing ends, though what there is for it fits into its outbox.
func TestStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, server.Config{}, nil)
		bob := connect(t, s.dial(), "lobby", delta)
		bad := raw(t, s.dialWeb())
		write(bad, headersFrame, dataFrame(envelopeOf(t, joining("lobby", none))))
		bob.next()
		began := time.Now()
		bob.send(data("", "lobby", make([]byte, 200<<10)))
		for bob.next().GetUserUpdated() == nil { // Away: the session can be taken up.
		}
		if took := time.Since(began); took < 19*time.Second || took > 25*time.Second {
			t.Errorf("it took %s, want 20 s", took)
		}
	})
}

// TestStalledListen: a Listen that is not read ends, though what there is for it fits into its outbox.
func TestStalledListen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, server.Config{}, nil)
		bob := connect(t, s.dial(), "lobby", delta)
		response, err := s.dialWeb().Do(t.Context(), http.MethodPost, beckonv1.Signal_Listen_FullMethodName,
			http.Header{"Content-Type": {"application/grpc-web+proto"}},
			bytes.NewReader(envelopeOf(t, &beckonv1.ListenRequest{First: joining("lobby", none)})))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		bob.next()
		began := time.Now()
		bob.send(data("", "lobby", make([]byte, 200<<10)))
		for bob.next().GetUserUpdated() == nil { // Away: the session can be taken up.
		}
		if took := time.Since(began); took < 19*time.Second || took > 25*time.Second {
			t.Errorf("it took %s, want 20 s", took)
		}
	})
}

// TestDeadPeer: a websocket that says nothing is pinged, and ends if it does not answer.
func TestDeadPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, server.Config{}, nil)
		alive := connect(t, s.dialWeb(), "lobby", delta) // The library answers pings while it is read.
		dead := raw(t, s.dialWeb())
		write(dead, headersFrame, dataFrame(envelopeOf(t, joining("lobby", none))))
		alive.next()
		began := time.Now()
		go func() {
			for { // The bytes arrive, but nobody is there.
				if _, _, err := dead.Next(); err != nil {
					return
				}
			}
		}()
		for alive.next().GetUserUpdated() == nil { // Away.
		}
		if took := time.Since(began); took < time.Minute || took > 2*time.Minute {
			t.Errorf("it took %s, want some 90 s", took)
		}
		for time.Since(began) < time.Hour {
			alive.next()
		}
	})
}

// TestSilentWebsockets: websockets on which nothing comes cost nothing once their time is over.
func TestSilentWebsockets(t *testing.T) {
	const n = 500
	goroutines, memory := runtime.NumGoroutine(), heap()
	t.Run("open", func(t *testing.T) {
		s := start(t, server.Config{HandshakeTimeout: 300 * time.Millisecond}, listen(t))
		conn := s.dialWeb()
		var all []*webtest.Raw
		for range n {
			all = append(all, raw(t, conn))
		}
		for _, r := range all {
			if code, _ := r.End(); code != 1008 {
				t.Errorf("a silent websocket ended with %d, want 1008", code)
			}
		}
		bob := connect(t, s.dialWeb(), "lobby", none)
		bob.send(pinging("1"))
		bob.next()
		// The server runs on. What each websocket had has ended before its client saw the end, or is about to.
		for i := 0; runtime.NumGoroutine()-goroutines > 50; i++ {
			if i == 1_000_000 {
				t.Fatalf("%d goroutines are left", runtime.NumGoroutine()-goroutines)
			}
			runtime.Gosched()
		}
		if grown := heap() - memory; grown > 16<<20 { // Of which the clients have some.
			t.Errorf("%d KiB are left", grown>>10)
		}
	})
}

// TestUpgrade: what asks for Connect in another way gets an answer that says so.
func TestUpgrade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, server.Config{WebOrigins: []string{"https://app.example.org"}}, nil)
		upgrade := func(more ...string) http.Header {
			h := http.Header{
				"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"},
				"Sec-Websocket-Key": {"AAAAAAAAAAAAAAAAAAAAAA=="}, "Sec-Websocket-Protocol": {"grpc-websockets"},
			}
			for i := 0; i < len(more); i += 2 {
				h.Set(more[i], more[i+1])
			}
			return h
		}
		for name, c := range map[string]struct {
			path   string
			header http.Header
			want   int
		}{
			"from no page":           {"/beckon.v1.Signal/Connect", upgrade(), 101},
			"from the server's page": {"/beckon.v1.Signal/Connect", upgrade("Origin", "http://localhost"), 101},
			"behind a TLS proxy":     {"/beckon.v1.Signal/Connect", upgrade("Origin", "https://localhost"), 101},
			"from an allowed page":   {"/beckon.v1.Signal/Connect", upgrade("Origin", "https://app.example.org"), 101},
			"from its http twin":     {"/beckon.v1.Signal/Connect", upgrade("Origin", "http://app.example.org"), 403},
			"from a foreign page":    {"/beckon.v1.Signal/Connect", upgrade("Origin", "https://evil.example"), 403},
			"from a file":            {"/beckon.v1.Signal/Connect", upgrade("Origin", "null"), 403},
			"another subprotocol":    {"/beckon.v1.Signal/Connect", upgrade("Sec-Websocket-Protocol", "chat"), 400},
			"no subprotocol":         {"/beckon.v1.Signal/Connect", upgrade("Sec-Websocket-Protocol", ""), 400},
			"another version":        {"/beckon.v1.Signal/Connect", upgrade("Sec-Websocket-Version", "8"), 400},
			"no websocket":           {"/beckon.v1.Signal/Connect", nil, 400},
			"another method":         {"/beckon.v1.Signal/Listen", upgrade(), 415},
			"no method":              {"/beckon.v1.Signal/Nothing", upgrade(), 415},
			"no service":             {"/nothing", upgrade(), 404},
			"too many headers":       {"/beckon.v1.Signal/Connect", upgrade("X-Large", strings.Repeat("x", 32<<10)), 431},
		} {
			response, err := s.dialWeb().Do(t.Context(), http.MethodGet, c.path, c.header, nil)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if response.StatusCode != c.want {
				t.Errorf("%s: %s, want %d", name, response.Status, c.want)
			}
			_ = response.Body.Close()
		}

		// Over fetch there is no Connect.
		response, err := s.dialWeb().Do(t.Context(), http.MethodPost, "/beckon.v1.Signal/Connect", http.Header{"Content-Type": {"application/grpc-web+proto"}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := response.Header.Get("Grpc-Status"); got != "12" || response.Header.Get("Content-Type") != "application/grpc-web+proto" {
			t.Errorf("a Connect over fetch: %v", response.Header)
		}
		_ = response.Body.Close()
	})
}

// TestPreflight: a browser is told which pages may call, and what they may send.
func TestPreflight(t *testing.T) {
	const headers = "authorization,beckon-session,connect-protocol-version,content-type,grpc-timeout,x-grpc-web,x-user-agent"
	synctest.Test(t, func(t *testing.T) {
		s := start(t, server.Config{WebOrigins: []string{"https://app.example.org"}}, nil)
		for _, method := range []string{"/beckon.v1.Signal/Listen", "/beckon.v1.Signal/Send", "/grpc.health.v1.Health/Check"} {
			for origin, want := range map[string]int{"https://app.example.org": http.StatusNoContent, "https://evil.example": http.StatusForbidden} {
				response, err := s.dialWeb().Do(t.Context(), http.MethodOptions, method, http.Header{
					"Origin": {origin}, "Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {headers},
				}, nil)
				if err != nil {
					t.Fatal(err)
				}
				_ = response.Body.Close()
				h := response.Header
				if ok := h.Get("Access-Control-Allow-Origin") == origin && len(h.Get("Access-Control-Allow-Headers")) >= len(headers); response.StatusCode/100 != want/100 || ok != (want/100 == 2) {
					t.Errorf("%s from %s: %s %v", method, origin, response.Status, h)
				}
			}
		}

		// The answer to the call itself may be read, and all that it says of its end.
		page := s.dialWeb()
		page.Header.Set("Origin", "https://app.example.org")
		response, err := page.Do(t.Context(), http.MethodPost, "/beckon.v1.Signal/Send", http.Header{"Content-Type": {"application/grpc-web+proto"}}, bytes.NewReader(make([]byte, 5)))
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		exposed := strings.ToLower(response.Header.Get("Access-Control-Expose-Headers"))
		for _, name := range []string{"grpc-status", "grpc-message", "grpc-status-details-bin"} {
			if !strings.Contains(exposed, name) || response.Header.Get(name) == "" {
				t.Errorf("%s: %v", name, response.Header)
			}
		}
		if got := response.Header.Get("Access-Control-Allow-Origin"); got != "https://app.example.org" {
			t.Errorf("the answer is for %q", got)
		}
	})
}

// TestShutdownStuck: a websocket whose client neither reads nor closes does not keep the server.
func TestShutdownStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, server.Config{}, nil)
		bob := connect(t, s.dial(), "lobby", delta)
		for range 3 {
			stuck := raw(t, s.dialWeb())
			write(stuck, headersFrame, dataFrame(envelopeOf(t, joining("lobby", none))))
			bob.next()
		}
		watch, err := healthv1.NewHealthClient(s.dialWeb()).Watch(t.Context(), &healthv1.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		bob.send(data("", "lobby", make([]byte, 200<<10)))
		synctest.Wait()
		began := time.Now()
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("it took %s", took)
		}
		for err = nil; err == nil; _, err = watch.Recv() {
		}
	})
}
