package web

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/grpclog"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/web/webtest"
)

func init() {
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard)) // What clients do wrong.
}

// start runs a server whose sessions are served by serve until the test ends.
func start(t *testing.T, lis net.Listener, serve func(context.Context, *Stream) error) *Server {
	t.Helper()
	g := grpc.NewServer()
	healthv1.RegisterHealthServer(g, health.NewServer())
	s := New(Config{
		Serve: serve, GRPC: g, Logger: slog.New(slog.DiscardHandler),
		MaxMessageBytes: 1 << 20, MaxHeaderBytes: 16 << 10,
		HandshakeTimeout: 10 * time.Second, StallTimeout: 20 * time.Second, PingInterval: time.Minute,
		SilenceTimeout: 90 * time.Second, CloseTimeout: 2 * time.Second,
	})
	served := make(chan error, 1)
	go func() { served <- s.Serve(lis) }()
	t.Cleanup(func() {
		cut, cancel := context.WithCancel(context.Background())
		cancel()
		s.Shutdown(cut)
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return s
}

// receive serves a session that does nothing but receive.
func receive(_ context.Context, st *Stream) error {
	for {
		if _, err := st.Recv(); err != nil {
			return err
		}
	}
}

// uploads are requests with a body of up to 100 bytes, by what is about them, and the status of the answer when it does
// not come in time; 0 stands for none.
var uploads = map[string]struct {
	head string
	want int
}{
	"the page":               {"POST / HTTP/1.1\r\nContent-Length: 100\r\n", http.StatusMethodNotAllowed},
	"a GET":                  {"GET / HTTP/1.1\r\nContent-Length: 100\r\n", http.StatusOK},
	"nothing":                {"POST /nothing HTTP/1.1\r\nContent-Length: 100\r\n", http.StatusNotFound},
	"a path to be cleaned":   {"POST //nothing HTTP/1.1\r\nContent-Length: 100\r\n", http.StatusTemporaryRedirect},
	"a foreign page":         {"POST / HTTP/1.1\r\nOrigin: https://evil.example\r\nContent-Length: 100\r\n", http.StatusForbidden},
	"a foreign page, chunks": {"POST / HTTP/1.1\r\nOrigin: https://evil.example\r\nTransfer-Encoding: chunked\r\n", http.StatusForbidden},
	"a foreign call": {"POST /grpc.health.v1.Health/Check HTTP/1.1\r\nOrigin: https://evil.example\r\n" +
		"Content-Type: application/grpc-web\r\nContent-Length: 100\r\n", http.StatusForbidden},
	"a call":         {"POST /grpc.health.v1.Health/Check HTTP/1.1\r\nContent-Type: application/grpc-web\r\nContent-Length: 100\r\n", http.StatusOK},
	"a call as text": {"POST /grpc.health.v1.Health/Check HTTP/1.1\r\nContent-Type: application/grpc-web-text\r\nContent-Length: 100\r\n", http.StatusOK},
	"a call of JSON": {"POST /grpc.health.v1.Health/Check HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n", http.StatusUnsupportedMediaType},
	"Connect":        {"POST /beckon.v1.Signal/Connect HTTP/1.1\r\nContent-Type: application/grpc-web\r\nContent-Length: 100\r\n", http.StatusOK},
	"Connect, chunks": {"POST /beckon.v1.Signal/Connect HTTP/1.1\r\nContent-Type: application/grpc-web\r\nTransfer-Encoding: chunked\r\n",
		http.StatusOK},
	"a GET of Connect": {"GET /beckon.v1.Signal/Connect HTTP/1.1\r\nContent-Length: 100\r\n", http.StatusBadRequest},
	"no path":          {"OPTIONS * HTTP/1.1\r\nContent-Length: 100\r\n", http.StatusBadRequest},
}

// TestSlowUpload: a request whose body does not come in time is answered, and its connection closed.
func TestSlowUpload(t *testing.T) {
	for _, pace := range []time.Duration{0, time.Second} { // Nothing comes, or a byte a second.
		for name, c := range uploads {
			t.Run(fmt.Sprint(name, " ", pace), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					lis := webtest.Listen()
					start(t, lis, receive)
					conn, err := lis.Dial(t.Context(), "", "")
					if err != nil {
						t.Fatal(err)
					}
					began := time.Now()
					dripping := make(chan struct{})
					go func() {
						defer close(dripping)
						_, err := io.WriteString(conn, c.head+"Host: bufconn\r\n\r\n")
						for i := 0; i < 90 && err == nil && pace > 0; i++ {
							time.Sleep(pace) // Virtual.
							_, err = conn.Write([]byte{'0'})
						}
					}()
					// A server that waits for ever is to fail the test.
					stop := time.AfterFunc(80*time.Second, func() { _ = conn.Close() })
					defer stop.Stop()
					code := 0
					r := bufio.NewReader(conn)
					if response, err := http.ReadResponse(r, nil); err == nil {
						code = response.StatusCode
						_, _ = io.Copy(io.Discard, response.Body) // It may be cut.
					}
					_, _ = io.Copy(io.Discard, r)
					if took := time.Since(began).Round(time.Second); code != c.want || took > 11*time.Second {
						t.Errorf("%d after %s, want %d after 10 s at the most", code, took, c.want)
					}
					_ = conn.Close()
					<-dripping
				})
			})
		}
	}
}

// TestLargeUpload: of a body that goes on behind its message the server takes no more than its bound.
func TestLargeUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lis := webtest.Listen()
		start(t, lis, receive)
		conn, err := lis.Dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = io.Copy(io.Discard, conn) }()
		const part, most = 16 << 10, 3 << 20
		head := "POST /grpc.health.v1.Health/Check HTTP/1.1\r\nHost: bufconn\r\nContent-Type: application/grpc-web\r\nContent-Length: 1000000000\r\n\r\n"
		_, err = io.WriteString(conn, head)
		taken := 0
		for ; err == nil && taken < 10*most; taken += part {
			_, err = conn.Write(make([]byte, part))
		}
		if taken > most {
			t.Errorf("the server took %d KiB, want at most %d", taken>>10, most>>10)
		}
		_ = conn.Close()
	})
}

// timedWriter is an answer that remembers its deadline.
type timedWriter struct {
	*httptest.ResponseRecorder
	deadline time.Time
}

// SetWriteDeadline is for http.ResponseController.
func (w *timedWriter) SetWriteDeadline(t time.Time) error {
	w.deadline = t
	return nil
}

// TestAnswerWithoutBody: an answer without a body has a deadline of its own, not that of the one before it.
func TestAnswerWithoutBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &timedWriter{ResponseRecorder: httptest.NewRecorder()}
		answer := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) }
		patient(Config{StallTimeout: time.Minute}, http.HandlerFunc(answer)).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		if want := time.Now().Add(time.Minute); !w.deadline.Equal(want) || w.Code != http.StatusNotModified {
			t.Errorf("%d until %s, want 304 until %s", w.Code, w.deadline, want)
		}
	})
}

// open opens a websocket whose headers are sent.
func open(t *testing.T, conn *webtest.Conn, headers string) *webtest.Raw {
	t.Helper()
	r, err := conn.Raw(t.Context(), beckonv1.Signal_Connect_FullMethodName)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	if headers != "" {
		_, err = r.Write(webtest.Frame(webtest.Fin|webtest.Binary, []byte(headers)))
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestSlowMessage: a message that has begun must end, however its bytes come.
func TestSlowMessage(t *testing.T) {
	const size = 1_000_000
	prefix := []byte{0, 0, 0x0f, 0x42, 0x40} // Of as many bytes.
	bytewise := func(first byte, payload ...byte) []byte { return webtest.Frame(first, payload) }
	for name, c := range map[string]struct {
		first, then []byte
	}{
		"a frame for each byte":     {bytewise(webtest.Fin|webtest.Binary, append([]byte{0}, prefix...)...), bytewise(webtest.Fin|webtest.Binary, 0, 'x')},
		"a frame within":            {webtest.Frame(webtest.Fin|webtest.Binary, append(append([]byte{0}, prefix...), make([]byte, size)...))[:20], []byte{'x'}},
		"fragments":                 {bytewise(webtest.Binary, append([]byte{0}, prefix...)...), bytewise(webtest.Continuation, 'x')},
		"fragments and pongs":       {bytewise(webtest.Binary, append([]byte{0}, prefix...)...), append(bytewise(webtest.Continuation, 'x'), bytewise(webtest.Fin|webtest.Pong)...)},
		"a frame for a part of one": {bytewise(webtest.Fin|webtest.Binary, 0, 0), append(bytewise(webtest.Fin|webtest.Pong), bytewise(webtest.Fin|webtest.Binary)...)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lis := webtest.Listen()
				start(t, lis, receive)
				r := open(t, webtest.New("bufconn", lis.Dial), webtest.Headers)
				go func() { _, _ = io.Copy(io.Discard, r) }()
				_, err := r.Write(c.first)
				began := time.Now()
				for ; err == nil && time.Since(began) < time.Hour; time.Sleep(time.Second) { // Virtual.
					_, err = r.Write(c.then)
				}
				if took := time.Since(began); took < 80*time.Second || took > 90*time.Second {
					t.Errorf("it took %s, want 84 s", took)
				}
			})
		})
	}
}

// TestManyMessages: the time for a message does not count for the ones that follow, nor for pongs.
func TestManyMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lis := webtest.Listen()
		start(t, lis, receive)
		r := open(t, webtest.New("bufconn", lis.Dial), webtest.Headers)
		go func() { _, _ = io.Copy(io.Discard, r) }()
		envelope := webtest.Envelope(0, []byte("hello"))
		for i := range 1000 {
			frame := webtest.Frame(webtest.Fin|webtest.Binary, append([]byte{0}, envelope...))
			if i%3 == 0 {
				frame = webtest.Frame(webtest.Fin|webtest.Pong, nil)
			}
			cut := i % (len(frame) + 1) // Every frame comes in two parts.
			for _, part := range [][]byte{frame[:cut], frame[cut:]} {
				if _, err := r.Write(part); err != nil {
					t.Fatalf("message %d: %v", i, err)
				}
				time.Sleep(5 * time.Second) // Virtual.
			}
		}
	})
}

// TestForgedHeaders: of what a websocket's first message says of its client, only who it is counts.
func TestForgedHeaders(t *testing.T) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	contexts := make(chan context.Context, 1)
	start(t, lis, func(ctx context.Context, st *Stream) error {
		contexts <- ctx
		return receive(ctx, st)
	})
	conn := webtest.New(lis.Addr().String(), nil)
	conn.Header.Set("X-Forwarded-For", "203.0.113.8")
	conn.Header.Set("Cookie", "session=1")
	forger := open(t, conn, webtest.Headers+"authorization: Bearer abc\r\norigin: https://evil.example\r\nhost: evil.example\r\n"+
		"x-forwarded-for: 203.0.113.9\r\nx-real-ip: 203.0.113.9\r\nforwarded: for=203.0.113.9\r\ncookie: session=1\r\nbeckon-session: abc\r\n"+
		"traceparent: 00-1-2-01\r\ntraceparent: 00-3-4-01\r\n")
	ctx := <-contexts
	md, _ := metadata.FromIncomingContext(ctx)
	if want := (metadata.MD{"authorization": {"Bearer abc"}, "traceparent": {"00-1-2-01", "00-3-4-01"}}); !reflect.DeepEqual(md, want) {
		t.Errorf("the session has the metadata %#v, want %#v", md, want)
	}
	if p, _ := peer.FromContext(ctx); p.Addr.String() != forger.LocalAddr().String() {
		t.Errorf("the session is from %s, want %s", p.Addr, forger.LocalAddr())
	}
}

// TestPanic: a fault in what serves one websocket ends that one, and is logged.
func TestPanic(t *testing.T) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	s := New(Config{
		Serve:           func(context.Context, *Stream) error { panic("a fault") },
		GRPC:            grpc.NewServer(),
		Logger:          slog.New(slog.NewTextHandler(&log, nil)),
		MaxMessageBytes: 1 << 20, MaxHeaderBytes: 16 << 10, HandshakeTimeout: 10 * time.Second, StallTimeout: 20 * time.Second,
		PingInterval: time.Minute, SilenceTimeout: 90 * time.Second, CloseTimeout: 2 * time.Second,
	})
	served := make(chan error, 1)
	go func() { served <- s.Serve(lis) }()
	for range 2 {
		r := open(t, webtest.New(lis.Addr().String(), nil), webtest.Headers)
		_, _ = io.Copy(io.Discard, r) // Until it ends.
	}
	s.Shutdown(t.Context()) // Nothing is left.
	if err := <-served; err != nil {
		t.Error(err)
	}
	if got := strings.Count(log.String(), `level=ERROR msg="panic on a websocket" why="a fault"`); got != 2 {
		t.Errorf("%d panics were logged, want 2: %s", got, &log)
	}
}

// TestShutdownOpening: a websocket that has yet to send its headers is told that the server shuts down.
func TestShutdownOpening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lis := webtest.Listen()
		s := start(t, lis, receive)
		r := open(t, webtest.New("bufconn", lis.Dial), "")
		synctest.Wait()
		cut, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		go s.Shutdown(cut)
		if code, _ := r.End(); code != 1001 {
			t.Errorf("it ended with %d, want 1001", code)
		}
	})
}

func TestOrigins(t *testing.T) {
	allowed := origins{"https://app.example.org"}
	for origin, want := range map[string]bool{
		"":                            true, // No browser.
		"https://app.example.org":     true,
		"http://app.example.org":      false,
		"https://app.example.org:444": false,
		"http://host:8080":            true,
		"https://host:8080":           true, // Behind a proxy.
		"http://host":                 false,
		"http://x@host:8080":          false,
		"http://host:8080/":           false,
		"ftp://host:8080":             false,
		"host:8080":                   false,
		"null":                        false,
	} {
		r := &http.Request{Host: "host:8080", Header: http.Header{}}
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		if got := allowed.allow(r); got != want {
			t.Errorf("%q: %t, want %t", origin, got, want)
		}
	}
	if sameHost("http://", "") {
		t.Error("no host is the same as none")
	}
}
