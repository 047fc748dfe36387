package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server"
)

func TestServeUntilSignal(t *testing.T) {
	for _, signal := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			process, log := startProcess(t, "serve", "--grpc=127.0.0.1:0", "--web=127.0.0.1:0", "--admin=127.0.0.1:0",
				"--log-format=json")
			ports := awaitReady(log)
			expectReady(t, ports["admin"])
			ana := connect(t, ports["grpc"])
			ana.join("lobby")

			sendSignal(t, process, signal)
			ana.expectShutdown()
			log.expect(`"msg":"shut down"`)
			if err := process.Wait(); err != nil {
				t.Errorf("the server ended with %v, want exit code 0", err)
			}
		})
	}
}

func TestServeSecondSignal(t *testing.T) {
	process, log := startProcess(t, "serve", "--grpc=127.0.0.1:0", "--web=127.0.0.1:0", "--admin=127.0.0.1:0",
		"--log-format=json", "--drain-timeout=1m")
	ports := awaitReady(log)
	conn, err := grpc.NewClient(ports["grpc"], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	watch, err := healthv1.NewHealthClient(conn).Watch(t.Context(), new(healthv1.HealthCheckRequest)) // Does not end, so the server waits for it.
	if err != nil {
		t.Fatal(err)
	}
	if _, err := watch.Recv(); err != nil {
		t.Fatal(err)
	}

	sendSignal(t, process, syscall.SIGTERM)
	log.expect(`"msg":"shutting down"`)
	sendSignal(t, process, syscall.SIGTERM)
	process.Wait()
	if got := process.ProcessState.ExitCode(); got != 143 {
		t.Errorf("exit code %d, want 143", got)
	}
}

// TestServeDrain: a POST to /drain ends the server as a signal does; a page in the operator's browser may not.
func TestServeDrain(t *testing.T) {
	program, ports := startServer(t)
	expectReady(t, ports["admin"])
	ana := connect(t, ports["grpc"])
	ana.join("lobby")

	for _, c := range []struct {
		origin string
		want   int
	}{{"https://evil.example", http.StatusForbidden}, {"", http.StatusAccepted}} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+ports["admin"]+"/drain", nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.origin != "" {
			request.Header.Set("Origin", c.origin)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != c.want {
			t.Errorf("from the origin %q: %s, want %d", c.origin, response.Status, c.want)
		}
	}

	ana.expectShutdown()
	program.errs.expect(`"msg":"shut down"`)
	program.expectExit(exitOK)
}

// TestServeSessionKey: a server with the key of the one before takes up its sessions, one with another key does not.
func TestServeSessionKey(t *testing.T) {
	key, otherKey := writeFile(t, strings.Repeat("k", 32)), writeFile(t, strings.Repeat("o", 32))
	former, ports := startServer(t, "--session-key-file", key)
	welcome := connect(t, ports["grpc"]).join("lobby")
	former.interrupt(interruption{syscall.SIGTERM})
	former.errs.expect(`"msg":"shut down"`)

	resume := &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Resume{Resume: &beckonv1.Resume{
		ResumeToken: welcome.GetResumeToken(), Rejoin: []*beckonv1.Join{{Room: "lobby"}},
	}}}
	_, ports = startServer(t, "--session-key-file", otherKey)
	ana := connect(t, ports["grpc"])
	ana.send(resume)
	if e, err := ana.Recv(); status.Code(err) != codes.NotFound {
		t.Errorf("with another key: %v %v, want NOT_FOUND", e, err)
	}

	_, ports = startServer(t, "--session-key-file", key)
	ana = connect(t, ports["grpc"])
	ana.send(resume)
	again := ana.next().GetWelcome()
	if again.GetUserId() != welcome.GetUserId() || again.GetResumption() != beckonv1.Resumption_RESUMPTION_RESYNCED {
		t.Errorf("welcomed as %s, %s; want %s, RESYNCED", again.GetUserId(), again.GetResumption(), welcome.GetUserId())
	}
	if users := ana.next().GetJoinedUsers().GetUsers(); len(users) != 1 || users[0].GetId() != welcome.GetUserId() {
		t.Errorf("in the lobby are %v, want ana", users)
	}
}

// TestServeShortKey: who gives a bad session key is told how to make one.
func TestServeShortKey(t *testing.T) {
	file := writeFile(t, "secret\n")
	code, _, stderr := runBeckon(t, "serve", "--session-key-file", file)
	want := "beckon: the session key in " + file + ` has 6 bytes: expected a secret of 32 or more, such as the output of "openssl rand -hex 32"` + "\n"
	if code != exitFailed || stderr != want {
		t.Errorf("exit code %d\ngot  %swant %s", code, stderr, want)
	}
}

// client is a stream of Connect.
type client struct {
	grpc.BidiStreamingClient[beckonv1.ConnectRequest, beckonv1.ConnectResponse]
	t *testing.T
}

// connect opens a stream that ends with the test.
func connect(t *testing.T, addr string) *client {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	st, err := beckonv1.NewSignalClient(conn).Connect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return &client{st, t}
}

func (c *client) send(m *beckonv1.ConnectRequest) {
	c.t.Helper()
	if err := c.Send(m); err != nil {
		c.t.Fatal(err)
	}
}

// next returns the next event.
func (c *client) next() *beckonv1.ConnectResponse {
	c.t.Helper()
	e, err := c.Recv()
	if err != nil {
		c.t.Fatal(err)
	}
	return e
}

// join opens a session and enters a room.
func (c *client) join(room string) *beckonv1.Welcome {
	c.t.Helper()
	c.send(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Join{Join: &beckonv1.Join{Room: room}}})
	welcome := c.next().GetWelcome()
	if e := c.next(); e.GetJoinedUsers() == nil {
		c.t.Fatalf("after the welcome came %v, want the list", e)
	}
	return welcome
}

// expectShutdown reads that the server is about to stop, then that it has.
func (c *client) expectShutdown() {
	c.t.Helper()
	if e := c.next(); e.GetDraining() == nil {
		c.t.Errorf("the client was sent %v, want draining", e)
	}
	_, err := c.Recv()
	details := status.Convert(err).Details()
	if len(details) != 1 || status.Code(err) != codes.Unavailable {
		c.t.Fatalf("the stream ended with %v, want UNAVAILABLE with a reason", err)
	}
	if info, ok := details[0].(*errdetails.ErrorInfo); !ok || info.GetReason() != "SHUTTING_DOWN" {
		c.t.Errorf("the stream ended because of %v, want SHUTTING_DOWN", details[0])
	}
}

func TestServePortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, flag := range []string{"--grpc", "--web", "--admin"} {
		addrs := map[string]string{"--grpc": "127.0.0.1:0", "--web": "127.0.0.1:0", "--admin": "127.0.0.1:0"}
		addrs[flag] = taken.Addr().String()
		var args []string
		for name, addr := range addrs {
			args = append(args, name, addr)
		}
		program := start(t, append([]string{"serve"}, args...)...)
		line := program.errs.expect("beckon: ")
		if !strings.Contains(line, taken.Addr().String()) || !strings.Contains(line, flag+" changes") {
			t.Errorf("%s: the error is %s", flag, line)
		}
		program.expectExit(exitFailed)
	}
}

func TestServePortsOff(t *testing.T) {
	t.Setenv("BECKON_WEB", "")
	_, ports := startServer(t, "--admin", "off", "--web", "off")
	if len(ports) != 1 || ports["grpc"] == "" {
		t.Errorf("listens on %v, want gRPC alone", ports)
	}
}

func TestServeConfiguration(t *testing.T) {
	file := writeFile(t, "max-message-bytes: 2KiB\nmax-rooms: 3\nheartbeat-interval: 7s\n")
	t.Setenv("BECKON_MAX_ROOMS", "5")
	_, ports := startServer(t, "--config", file)

	ana := start(t, "join", "lobby", "--json", "--server", ports["grpc"])
	welcome := ana.out.expect(`"welcome"`)
	for _, want := range []string{`"max_message_bytes":2048`, `"max_rooms":5`, `"heartbeat_interval":"7s"`} {
		if !strings.Contains(welcome, want) {
			t.Errorf("the welcome lacks %s: %s", want, welcome)
		}
	}
}

func TestServeHasAllFlags(t *testing.T) {
	flags := newServe().Flags()
	acronyms := regexp.MustCompile("(TLS|TURN|ICE|CA)([A-Z])")
	words := regexp.MustCompile("([a-z])([A-Z])") // IP is one word.
	for field := range reflect.TypeFor[server.Config]().Fields() {
		name := acronyms.ReplaceAllString(strings.TrimSuffix(field.Name, "Addr"), "$1-$2")
		name = strings.ToLower(words.ReplaceAllString(name, "$1-$2"))
		if field.Type.Kind() == reflect.Slice { // It may be repeated.
			name = strings.TrimSuffix(name, "s")
			if stem, ok := strings.CutSuffix(name, "ie"); ok {
				name = stem + "y"
			}
		}
		if name == "logger" || name == "version" || name == "cluster" {
			continue // From --log-format and --log-level, the build, and what begins with --nats.
		}
		if flags.Lookup(name) == nil {
			t.Errorf("there is no flag --%s for the field %s", name, field.Name)
		}
	}
}

// expectReady asks the admin port whether the server is ready.
func expectReady(t *testing.T, admin string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+"/readyz", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); response.StatusCode != http.StatusOK {
		t.Fatalf("/readyz: %s, %s", response.Status, body)
	}
}

// startProcess runs a command line as a process, which the end of the test kills.
func startProcess(t *testing.T, args ...string) (process *exec.Cmd, stderr *output) {
	t.Helper()
	process = exec.CommandContext(t.Context(), os.Args[0], args...)
	process.Env = append(os.Environ(), "RUN_AS_BECKON=1")
	process.WaitDelay = time.Second
	pipe, err := process.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { process.Process.Kill() })
	return process, newOutput(t, pipe)
}

func sendSignal(t *testing.T, process *exec.Cmd, signal os.Signal) {
	t.Helper()
	if err := process.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}
