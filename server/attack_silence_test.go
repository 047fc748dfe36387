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

// fillPatience is how long the machine may take to open all silent connections.
const fillPatience = 2 * time.Minute

// on attacks a server while pairs go on calling, on each way there is: at first one that waits for the first words for so long
// that all are silent at one time, however slow the machine is, and then one that does not wait for long.
func (a silentAttack) on(t *testing.T) {
	if err := raiseFiles(); err != nil {
		t.Fatal(err)
	}
	t.Run("at one time", a.atOneTime)
	t.Run("in the end", a.inTheEnd)
}

// atOneTime has the calls made while at least silentConnections are open.
func (a silentAttack) atOneTime(t *testing.T) {
	s := a.besiege(t, time.Hour)
	grown := watchHeap(t)
	began := time.Now()
	least := s.fill()
	filled := time.Since(began)
	for range leastCalls {
		for enough := false; !enough; { // Before each call, and after it.
			s.fill()
			s.round()
			n := s.open()
			if enough = n >= silentConnections; enough {
				least = min(least, n)
			}
		}
	}
	for _, p := range newPairs(t, s.addrs) { // Who comes now is let in.
		p.call()
		p.end()
	}
	s.fill()
	runtime.GC() // The heap at its largest.
	s.end()
	heap := grown()
	t.Logf("%d connections at least were open at one time, after %s; the live heap grew by up to %d MiB", least, filled.Round(time.Millisecond), heap>>20)
	if heap > mostGrown {
		t.Errorf("the live heap grew by up to %d MiB", heap>>20)
	}
}

// inTheEnd has the server close what it does not keep.
func (a silentAttack) inTheEnd(t *testing.T) {
	const each = 500
	s := a.besiege(t, 2*time.Second) // More than those who behave need, on a slow machine, too.
	addr := s.addrs[a.port]
	s.child.do(silentTask{addr, each, a.words})
	s.child.do(silentTask{addr, each, ""})
	closed := func() bool {
		return s.child.mute.Load() == each && (a.kept || s.child.begun.Load() == each)
	}
	for deadline := time.Now().Add(patience); !closed(); s.round() {
		if s.child.check(); time.Now().After(deadline) {
			t.Fatalf("the server has closed %d of %d connections on which nothing was said, and %d of %d others", s.child.mute.Load(), each, s.child.begun.Load(), each)
		}
	}
	s.end()
}

// siege is a server, those who call on it, and those who are silent.
type siege struct {
	// Immutable.
	t      *testing.T
	attack silentAttack
	addrs  map[string]string // Of the server, by port.
	pairs  []*pair
	child  *silentProcess
	files  func() int // Asks how many files the server has open.
	before int        // How many there were before the attack, and silentSpare.

	// Owned by the test.
	told int // How many connections the child was told to open.
}

// besiege starts a server that waits so long for the first words, the pairs, and a process that is to be silent.
func (a silentAttack) besiege(t *testing.T, timeout time.Duration) *siege {
	t.Helper()
	addrs := serveAll(t, server.Config{HandshakeTimeout: timeout, MaxMessagesPerSecond: -1}) // The pairs call as fast as they can.
	s := &siege{t: t, attack: a, addrs: addrs, child: startSilent(t), pairs: newPairs(t, addrs), files: openFiles(t, addrs["admin"])}
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

// fill has connections opened until there are enough, and returns how many there are. One that is closed is opened anew. The
// pairs call in turn meanwhile.
func (s *siege) fill() int {
	s.t.Helper()
	deadline := time.Now().Add(fillPatience)
	for turn := 0; ; turn++ {
		n := s.open()
		if n >= silentConnections {
			return n
		}
		if s.child.check(); time.Now().After(deadline) {
			s.t.Fatalf("%d silent connections are open, want %d", n, silentConnections)
		}
		// No more wait to be accepted than the kernel has room for: a client beyond that tries again a second later.
		if alive := s.told - s.child.closed(); alive < 2*silentEach && alive-n < silentBatch {
			task := silentTask{Addr: s.addrs[s.attack.port], Connections: silentBatch}
			if s.told < silentEach {
				task.Words = s.attack.words
			}
			s.child.do(task)
			s.told += silentBatch
		}
		s.pairs[turn%len(s.pairs)].call()
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
