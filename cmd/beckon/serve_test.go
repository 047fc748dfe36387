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

	"github.com/beckonrtc/beckon/server"
)

func TestServeUntilSignal(t *testing.T) {
	for _, signal := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			process, log := startProcess(t, "serve", "--grpc=127.0.0.1:0", "--web=127.0.0.1:0", "--admin=127.0.0.1:0",
				"--log-format=json")
			ports := awaitReady(log)
			expectReady(t, ports["admin"])
			ana := start(t, "join", "lobby", "--name", "ana", "--server", ports["grpc"])
			ana.out.expect("ana (")

			sendSignal(t, process, signal)
			ana.errs.expect("SHUTTING_DOWN")
			ana.expectExit(exitFailed)
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
	conn, err := net.Dial("tcp", ports["grpc"]) // Says nothing, so the server waits for it.
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()

	sendSignal(t, process, syscall.SIGTERM)
	log.expect(`"msg":"shutting down"`)
	sendSignal(t, process, syscall.SIGTERM)
	process.Wait()
	if got := process.ProcessState.ExitCode(); got != 143 {
		t.Errorf("exit code %d, want 143", got)
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
	words := regexp.MustCompile("([a-z])([A-Z])")
	for field := range reflect.TypeFor[server.Config]().Fields() {
		name := strings.ToLower(words.ReplaceAllString(strings.TrimSuffix(field.Name, "Addr"), "$1-$2"))
		if field.Type.Kind() == reflect.Slice {
			name = strings.TrimSuffix(name, "s") // It may be repeated.
		}
		if name == "logger" || name == "version" {
			continue // From --log-format and --log-level, and from the build.
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
