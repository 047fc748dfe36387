package server_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server"
	"github.com/beckonrtc/beckon/server/web/webtest"
)

// The benchmarks run servers in processes of their own, so that a server's CPU and memory are not its clients': this
// binary, started with serveEnv set to the kind of server. It serves until its standard input ends, and answers each line
// of it with the number of its allocations so far.
const serveEnv = "BECKON_TEST_SERVE"

func TestMain(m *testing.M) {
	if os.Getenv(silentEnv) != "" {
		silentChild()
	}
	kind := os.Getenv(serveEnv)
	if kind == "" {
		os.Exit(m.Run())
	}
	if err := serveChild(kind); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serveChild serves on a free port, which it prints.
func serveChild(kind string) error {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			fmt.Println(m.Mallocs)
		}
		stop()
	}()
	fmt.Println(lis.Addr())
	if kind == "bare" {
		return serveBare(ctx, lis)
	}
	srv, err := server.New(server.Config{
		Logger:               slog.New(slog.DiscardHandler),
		MaxMessagesPerSecond: 1 << 20, MaxBytesPerSecond: 1 << 28, // They are counted, and never reached.
	})
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = srv.Shutdown(ctx) }) // Cut short: ctx has ended.
	if kind == "web" {
		return srv.ServeWeb(lis)
	}
	return srv.Serve(lis)
}

// child is a server in a process of its own.
type child struct {
	kind string
	addr string
	pid  int
	in   io.Writer
	out  *bufio.Reader
}

// startChild starts a server that ends with the benchmark.
func startChild(b *testing.B, kind string) *child {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serveEnv+"="+kind)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	c := &child{kind: kind, pid: cmd.Process.Pid, in: in, out: bufio.NewReader(out)}
	c.addr = c.line(b)
	return c
}

// line returns the next line that the server prints.
func (c *child) line(b *testing.B) string {
	b.Helper()
	line, err := c.out.ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// mallocs returns how many allocations the server has made.
func (c *child) mallocs(b *testing.B) float64 {
	b.Helper()
	if _, err := fmt.Fprintln(c.in); err != nil {
		b.Fatal(err)
	}
	n, err := strconv.ParseFloat(c.line(b), 64)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// cpu returns the processor time that the server has used. The kernel counts it in steps of 10 ms.
func (c *child) cpu(b *testing.B) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+2:]))
	var ticks int
	for _, f := range fields[11:13] { // utime and stime, by proc(5).
		n, err := strconv.Atoi(f)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// rss returns the server's resident memory in bytes.
func (c *child) rss(b *testing.B) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.pid))
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if v, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(v), " kB"))
			if err != nil {
				b.Fatal(err)
			}
			return float64(kib << 10)
		}
	}
	b.Fatal("no VmRSS")
	return 0
}

// join opens a session in the lobby, on a connection of its own.
func (c *child) join(b *testing.B) *client {
	b.Helper()
	if c.kind == "web" {
		conn := webtest.New(c.addr, nil)
		b.Cleanup(func() { _ = conn.Close() })
		return connect(b, conn, "lobby", none)
	}
	conn, err := grpc.NewClient(c.addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	return connect(b, conn, "lobby", none)
}

// BenchmarkRelay is the server's CPU and allocations for a relayed message, beside those of a bare relay in the same run: in turns, 100
// pairs that send one another a message and wait for its like.
func BenchmarkRelay(b *testing.B) {
	sdp := strings.Repeat("a=rtpmap:111 opus/48000\r\n", 88)
	for _, c := range []struct {
		name    string
		message func(to string) *beckonv1.ConnectRequest
	}{
		{"candidate", func(to string) *beckonv1.ConnectRequest {
			return &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Candidate{Candidate: &beckonv1.Candidate{
				To: to, Room: "lobby", CallId: "1",
				Candidates: []*beckonv1.IceCandidate{{Candidate: "candidate:842163049 1 udp 1677729535 203.0.113.17 46154 typ srflx raddr 10.0.17.2 rport 46154 generation 0", SdpMid: proto.String("0")}},
			}}}
		}},
		{"offer", func(to string) *beckonv1.ConnectRequest { return offer(to, sdp) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			const pairs, rounds = 100, 20
			kinds := []string{"beckon", "bare"}
			servers := map[string]*child{}
			clients := map[string][]*client{}
			for _, kind := range kinds {
				servers[kind] = startChild(b, kind)
				for range 2 * pairs {
					clients[kind] = append(clients[kind], servers[kind].join(b))
				}
			}
			used, allocated, relays := map[string]time.Duration{}, map[string]float64{}, 0
			for b.Loop() {
				relays += 2 * pairs * rounds
				for _, kind := range kinds {
					cpu, mallocs := servers[kind].cpu(b), servers[kind].mallocs(b)
					exchange(clients[kind], rounds, c.message)
					used[kind] += servers[kind].cpu(b) - cpu
					allocated[kind] += servers[kind].mallocs(b) - mallocs
				}
			}
			for _, kind := range kinds {
				b.ReportMetric(float64(used[kind].Nanoseconds())/float64(relays), kind+"-cpu-ns/relay")
				b.ReportMetric(allocated[kind]/float64(relays), kind+"-allocs/relay")
			}
			b.ReportMetric(used["beckon"].Seconds()/used["bare"].Seconds(), "ratio")
		})
	}
}

// exchange lets the clients, in pairs, send one another so many messages, each after the other's.
func exchange(clients []*client, rounds int, message func(to string) *beckonv1.ConnectRequest) {
	var wg sync.WaitGroup
	for i, c := range clients {
		wg.Go(func() {
			m := message(clients[i^1].id)
			for range rounds {
				c.send(m)
				c.next()
			}
		})
	}
	wg.Wait()
}

// BenchmarkIdleSession is the server's resident memory for a session that is in a room, on a connection of its own or a
// websocket, beside that of a stream of the bare relay.
func BenchmarkIdleSession(b *testing.B) {
	const n = 2000
	for b.Loop() {
		for _, kind := range []string{"beckon", "web", "bare"} {
			s := startChild(b, kind)
			s.join(b) // What the first one costs once.
			before := s.rss(b)
			for range n {
				s.join(b)
			}
			b.ReportMetric((s.rss(b)-before)/n/1024, kind+"-KiB/session")
		}
	}
}
