package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain makes the test binary be beckon itself for tests that need a process of its own.
func TestMain(m *testing.M) {
	if os.Getenv("RUN_AS_BECKON") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// patience is how long a test waits for what should come at once.
const patience = 20 * time.Second

// A program is a command line that runs in this process.
type program struct {
	t         *testing.T
	stdin     *io.PipeWriter
	out, errs *output
	interrupt context.CancelCauseFunc
	code      chan int
}

// start runs a command line until it ends, or the test does.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	ctx, interrupt := context.WithCancelCause(context.Background())
	stdin, typed := io.Pipe()
	stdout, printed := io.Pipe()
	stderr, complained := io.Pipe()
	p := &program{
		t:         t,
		stdin:     typed,
		out:       newOutput(t, stdout),
		errs:      newOutput(t, stderr),
		interrupt: interrupt,
		code:      make(chan int, 1),
	}
	go func() {
		p.code <- run(ctx, args, stdin, printed, complained)
		printed.Close()
		complained.Close()
	}()
	t.Cleanup(func() {
		interrupt(interruption{syscall.SIGINT})
		typed.Close()
	})
	return p
}

func (p *program) typeLine(line string) {
	p.t.Helper()
	if _, err := io.WriteString(p.stdin, line+"\n"); err != nil {
		p.t.Fatal(err)
	}
}

// expectExit waits for the end.
func (p *program) expectExit(want int) {
	p.t.Helper()
	select {
	case got := <-p.code:
		if got != want {
			p.t.Errorf("exit code %d, want %d", got, want)
		}
	case <-time.After(patience):
		p.t.Fatal("the program goes on")
	}
}

// An output is what a program writes, by lines.
type output struct {
	t     *testing.T
	lines chan string // Closed at the end.
}

func newOutput(t *testing.T, r io.Reader) *output {
	o := &output{t, make(chan string, 1000)}
	go func() {
		defer close(o.lines)
		for scanner := bufio.NewScanner(r); scanner.Scan(); {
			o.lines <- scanner.Text()
		}
	}()
	return o
}

// expect skips lines until one contains text, and returns that.
func (o *output) expect(text string) string {
	o.t.Helper()
	var skipped []string
	timeout := time.After(patience)
	for {
		select {
		case line, ok := <-o.lines:
			if !ok {
				o.t.Fatalf("the output ended without %q; it had\n%s", text, strings.Join(skipped, "\n"))
			}
			if strings.Contains(line, text) {
				return line
			}
			skipped = append(skipped, line)
		case <-timeout:
			o.t.Fatalf("no %q; there was\n%s", text, strings.Join(skipped, "\n"))
		}
	}
}

// rest returns all that is still written, once the program has ended.
func (o *output) rest() string {
	o.t.Helper()
	var lines []string
	timeout := time.After(patience)
	for {
		select {
		case line, ok := <-o.lines:
			if !ok {
				return strings.Join(lines, "\n")
			}
			lines = append(lines, line)
		case <-timeout:
			o.t.Fatalf("the program goes on; there was\n%s", strings.Join(lines, "\n"))
		}
	}
}

// startServer runs a server on free ports and returns where each is, by its flag.
func startServer(t *testing.T, args ...string) (server *program, ports map[string]string) {
	t.Helper()
	args = append([]string{
		"serve", "--grpc", "127.0.0.1:0", "--web", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log-format", "json",
	}, args...)
	server = start(t, args...)
	return server, awaitReady(server.errs)
}

// awaitReady reads the log of a server until it is ready, and where it listens.
func awaitReady(log *output) (ports map[string]string) {
	log.t.Helper()
	ports = make(map[string]string)
	for {
		line := log.expect("")
		var entry struct{ Msg, Port, Addr string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			log.t.Fatalf("log line %s: %v", line, err)
		}
		switch entry.Msg {
		case "listening":
			ports[entry.Port] = entry.Addr
		case "ready":
			return ports
		}
	}
}
