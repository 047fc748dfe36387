package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/beckonrtc/beckon/server"
	"github.com/beckonrtc/beckon/server/transcript"
	"github.com/beckonrtc/beckon/server/web/webtest"
)

const (
	// silentConnections is how many silent connections the server must have open at one time.
	silentConnections = 10_000
	// silentSpare is by how much this process may have more or fewer other files open meanwhile: all are counted together.
	silentSpare = 100
	// silentEach is how many connections of each half are opened.
	silentEach = silentConnections/2 + silentSpare
	// silentBatch is how many are opened before the server has accepted those before them.
	silentBatch = silentEach / 3
)

// silentAttack is an attack by connections on which nothing is said: on half of them nothing at all, on the others so much
// that the server waits for more.
type silentAttack struct {
	port  string // By its name in the log.
	words string // Of the other half.
	kept  bool   // The server lets these be, for nothing is missing yet. Else it closes them as it does the first half.
}

// silences are those on each port, by its name.
var silences = map[string]silentAttack{
	// Whoever has greeted so has a connection, and may take its time to open a stream.
	"gRPC": {"grpc", http2.ClientPreface + noSettings, true},
	// A websocket, without the headers that it begins with.
	"the web": {"web", upgradeRequest, false},
	// A request that goes no further.
	"the admin port": {"admin", "GET /healthz HTTP/1.1\r\nHost: localhost\r\n", false},
}

// noSettings are settings of HTTP/2 that say nothing.
const noSettings = "\x00\x00\x00\x04\x00\x00\x00\x00\x00"

// How long the server waits for the first words. All connections must be open before the first of them is closed, which some
// machine may not manage in time: then it is tried again with twice as long.
const shortestSilence, longestSilence = 2 * time.Second, 16 * time.Second

// on attacks a server while pairs go on calling, on each way there is.
func (a silentAttack) on(t *testing.T) {
	if err := raiseFiles(); err != nil {
		t.Fatal(err)
	}
	for timeout := shortestSilence; ; timeout *= 2 {
		var most int
		t.Run(timeout.String(), func(t *testing.T) { most = a.attempt(t, timeout) })
		if most >= silentConnections || t.Failed() {
			return
		}
		if timeout >= longestSilence {
			t.Fatalf("at most %d silent connections were open at one time, want %d", most, silentConnections)
		}
	}
}

// attempt attacks a server that waits so long for the first words. It returns how many silent connections it had open at one
// time while there were calls. If they are too few, it has closed some before all were there.
func (a silentAttack) attempt(t *testing.T, timeout time.Duration) (most int) {
	s := a.besiege(t, timeout)
	grown := watchHeap(t)
	began := time.Now()
	if most = s.fill(); most < silentConnections {
		t.Logf("the server closed connections after %s already, when there were %d", timeout, most)
		return most
	}
	filled := time.Since(began)
	for range leastCalls {
		s.round()
	}
	for _, p := range newPairs(t, s.addrs) { // Who comes now is let in.
		p.call()
		p.end()
	}
	runtime.GC() // The heap at its largest.
	if most = s.open(); most < silentConnections {
		t.Logf("the server closed connections after %s, before there were %d calls of each pair", timeout, leastCalls)
		return most
	}
	s.outlast()
	s.end()
	heap := grown()
	t.Logf("%d connections at least were open at one time, after %s; the server closed %d, after %s; %d calls of the first pair; the live heap grew by up to %d MiB",
		most, filled.Round(time.Millisecond), s.child.closed(), timeout, s.pairs[0].calls, heap>>20)
	if heap > mostGrown {
		t.Errorf("the live heap grew by up to %d MiB", heap>>20)
	}
	return most
}

// siege is a server, those who call on it, and those who are silent.
type siege struct {
	// Immutable.
	t       *testing.T
	attack  silentAttack
	timeout time.Duration     // How long the server waits for the first words.
	addrs   map[string]string // Of the server, by port.
	pairs   []*pair
	child   *silentProcess
	files   func() int // Asks how many files the server has open.
	before  int        // How many there were before the attack, and silentSpare.
}

// besiege starts a server, the pairs, and a process that is to be silent.
func (a silentAttack) besiege(t *testing.T, timeout time.Duration) *siege {
	t.Helper()
	addrs := serveAll(t, server.Config{HandshakeTimeout: timeout, MaxMessagesPerSecond: -1}) // The pairs call as fast as they can.
	s := &siege{t: t, attack: a, timeout: timeout, addrs: addrs, child: startSilent(t), pairs: newPairs(t, addrs), files: openFiles(t, addrs["admin"])}
	s.round()
	s.before = s.files() + silentSpare
	runtime.GC() // Pools keep what they have until the second, which is watchHeap's.
	return s
}

// open returns how many silent connections the server has open at least.
func (s *siege) open() int { return s.files() - s.before }

// round makes a call of each pair.
func (s *siege) round() {
	s.t.Helper()
	for _, p := range s.pairs {
		p.call()
	}
}

// fill has connections opened until there are enough, or the server closes some. It returns how many there are.
func (s *siege) fill() int {
	s.t.Helper()
	deadline := time.Now().Add(s.timeout + patience)
	for told := 0; ; s.round() {
		n := s.open()
		if n >= silentConnections || s.child.closed() > 0 {
			return n
		}
		if s.child.check(); time.Now().After(deadline) {
			s.t.Fatalf("%d silent connections are open, want %d", n, silentConnections)
		}
		// No more wait to be accepted than the kernel has room for: a client beyond that tries again a second later.
		if told < 2*silentEach && told-n < silentBatch {
			task := silentTask{Addr: s.addrs[s.attack.port], Connections: silentBatch}
			if told < silentEach { // First, for these may not have to wait for the end of the others.
				task.Words = s.attack.words
			}
			s.child.do(task)
			told += silentBatch
		}
	}
}

// outlast waits until the server has closed what it does not keep, and checks that this was all.
func (s *siege) outlast() {
	s.t.Helper()
	kept := 0
	if s.attack.kept {
		kept = silentEach
	}
	for deadline := time.Now().Add(s.timeout + patience); s.child.closed() < 2*silentEach-kept && !time.Now().After(deadline); s.round() {
		s.child.check()
	}
	if mute, begun := s.child.mute.Load(), s.child.begun.Load(); mute != silentEach || begun != int64(silentEach-kept) {
		s.t.Errorf("the server has closed %d connections on which nothing was said and %d others, want %d and %d", mute, begun, silentEach, silentEach-kept)
	}
	if n := s.open() + silentSpare; n < kept-silentSpare || n > kept+silentSpare {
		s.t.Errorf("%d connections are open, want %d", n, kept)
	}
}

// end closes the connections that are left, of which the server must let go, and the pairs'.
func (s *siege) end() {
	s.t.Helper()
	s.child.end()
	for deadline := time.Now().Add(patience); s.open() > 0; s.round() {
		if time.Now().After(deadline) {
			s.t.Fatalf("%d connections at least are open that their clients have closed", s.open())
		}
	}
	for _, p := range s.pairs {
		p.end()
	}
}

// TestSilentConnections: a connection of native gRPC is closed if the client does not greet, and otherwise when it does not answer
// a ping.
func TestSilentConnections(t *testing.T) {
	for name, c := range map[string]struct {
		words string
		want  time.Duration
	}{
		"nothing":       {"", 10 * time.Second},
		"half a word":   {http2.ClientPreface[:10], 10 * time.Second},
		"the preface":   {http2.ClientPreface, 10 * time.Second},
		"settings, too": {http2.ClientPreface + noSettings, 80 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := start(t, server.Config{}, nil)
				began := time.Now()
				conn, err := s.pipe(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				if _, err := io.WriteString(conn, c.words); err != nil {
					t.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, conn) // Until the server closes it.
				if took := time.Since(began); took != c.want {
					t.Errorf("it was closed after %s, want %s", took, c.want)
				}
			})
		})
	}
}

// newPairs returns pairs on connections of their own, so that each way to call is both one's that calls and one's that answers.
func newPairs(t *testing.T, addrs map[string]string) []*pair {
	t.Helper()
	ways := []func() transcript.Dial{
		func() transcript.Dial {
			conn, err := grpc.NewClient(addrs["grpc"], grpc.WithTransportCredentials(insecure.NewCredentials()))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			return transcript.Stubs(conn)
		},
		func() transcript.Dial { return transcript.Stubs(browse(t, addrs["web"])) },
		func() transcript.Dial { return listening(browse(t, addrs["web"])) },
	}
	var pairs []*pair
	for i, way := range ways {
		pairs = append(pairs, newPair(t, call(t, way(), "lobby", none), call(t, ways[(i+1)%len(ways)](), "lobby", none)))
	}
	return pairs
}

// browse returns a browser.
func browse(t *testing.T, addr string) *webtest.Conn {
	conn := webtest.New(addr, nil)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// serveAll runs a server with all its ports until the test ends, and returns their addresses by their names.
func serveAll(t *testing.T, cfg server.Config) map[string]string {
	t.Helper()
	log, lines := io.Pipe()
	cfg.GRPCAddr, cfg.WebAddr, cfg.AdminAddr = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	cfg.Logger = slog.New(slog.NewJSONHandler(lines, nil))
	srv, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- srv.Run(ctx)
		_ = lines.Close()
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	addrs := map[string]string{}
	for r := bufio.NewReader(log); ; {
		line, err := r.ReadBytes('\n')
		if err != nil {
			t.Fatalf("the server does not start: %v", err)
		}
		var entry struct{ Msg, Port, Addr string }
		if err := json.Unmarshal(line, &entry); err != nil {
			t.Fatal(err)
		}
		switch entry.Msg {
		case "listening":
			addrs[entry.Port] = entry.Addr
		case "ready":
			go func() { _, _ = io.Copy(io.Discard, log) }() // Until the server has ended.
			return addrs
		}
	}
}

// openFiles returns a function that asks a server at its admin port how many files it has open.
func openFiles(t *testing.T, addr string) func() int {
	transport := new(http.Transport)
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport, Timeout: patience}
	return func() int {
		t.Helper()
		response, err := client.Get("http://" + addr + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if value, ok := strings.CutPrefix(strings.TrimSpace(line), "process_open_fds "); ok {
				n, err := strconv.ParseFloat(value, 64)
				if err != nil {
					t.Fatal(err)
				}
				return int(n)
			}
		}
		t.Fatal("the metrics do not tell how many files are open")
		return 0
	}
}
