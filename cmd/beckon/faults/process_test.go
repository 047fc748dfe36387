package faults

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what should come much sooner.
const patience = 30 * time.Second

// server is the beckon command as a process, or another one that says as much of itself, or one after the other at the
// same address.
type server struct {
	// Immutable.
	t       *testing.T
	addr    string                      // Where clients connect; free when the first process was started.
	command func(addr string) *exec.Cmd // Returns a process that is to listen there.
	errors  bool                        // It may log errors: what it needs fails.
	disk    *disk                       // What it writes to. Nil: the machine's own.

	// Owned by the scenario.
	process *exec.Cmd
	log     *serverLog
	rss     int64 // The largest resident memory of processes that have ended, in bytes; 0 where it is not told.
}

// startServer runs a server, which the end of the test kills.
func startServer(t *testing.T, args ...string) *server {
	t.Helper()
	args = append([]string{"serve", "--web=off", "--admin=off", "--log-format=json"}, args...)
	s := &server{t: t, command: func(addr string) *exec.Cmd { return exec.Command(binary, append(args, "--grpc="+addr)...) }}
	s.addr = s.start(freeAddr(t))
	t.Cleanup(s.kill)
	return s
}

// start runs a process that listens at addr, and returns where that is once it is ready.
func (s *server) start(addr string) string {
	s.t.Helper()
	s.process = s.command(addr)
	stderr, err := s.process.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.log = readLog(stderr)
	select {
	case addr := <-s.log.ready:
		return addr
	case <-s.log.ended:
	case <-time.After(patience):
	}
	s.process.Process.Kill()
	<-s.log.ended
	s.t.Fatalf("the server does not start:\n%s", s.log)
	return ""
}

// restart runs another process after the first has ended, at the same address.
func (s *server) restart() {
	s.t.Helper()
	s.start(s.addr)
}

// signal sends one to the process.
func (s *server) signal(signal syscall.Signal) {
	s.t.Helper()
	if err := s.process.Process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
}

// wait waits for the process to end, and returns how it did.
func (s *server) wait() error {
	s.t.Helper()
	select {
	case <-s.log.ended: // Before Wait, as StderrPipe wants it.
	case <-time.After(patience):
		s.t.Errorf("the server does not end")
		s.process.Process.Kill()
		<-s.log.ended
	}
	err := s.process.Wait()
	if s.log.complaint != "" && !s.errors || s.log.panicked {
		s.t.Errorf("the server complains: %s\n%s", s.log.complaint, s.log)
	}
	return err
}

// kill ends the process with no chance to do anything, if it has not ended.
func (s *server) kill() {
	if s.process.ProcessState != nil {
		return
	}
	s.rss = max(s.rss, s.residentBytes())
	s.process.Process.Kill()
	s.wait()
}

// terminate ends the process in order.
func (s *server) terminate() {
	s.t.Helper()
	s.rss = max(s.rss, s.residentBytes())
	s.signal(syscall.SIGTERM)
	if err := s.wait(); err != nil {
		s.t.Errorf("the server ended with %v, want exit code 0:\n%s", err, s.log)
	}
}

// residentBytes is the most memory that the process has had, or that one before it had; 0 where /proc does not tell.
func (s *server) residentBytes() int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.Process.Pid))
	if err != nil {
		return s.rss
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			if err == nil {
				return max(s.rss, kib<<10)
			}
		}
	}
	return s.rss
}

// cpu is the processor time that the process has used.
func (s *server) cpu() time.Duration { return cpuOf(s.process.Process.Pid) }

// cpuOf is the processor time that a process has used; the kernel counts it in steps of 10 ms. 0 where /proc does not
// tell.
func cpuOf(pid int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+2:]))
	ticks := 0
	for _, field := range fields[11:13] { // utime and stime, by proc(5).
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// serverLog is what a process writes to standard error.
type serverLog struct {
	ready chan string   // Gets the address once, when the server is ready.
	ended chan struct{} // Closed at the end of the log.

	// Written before ended is closed.
	last      []string // The last lines.
	complaint string   // The first line that is an error, or no log line at all.
	panicked  bool     // There was a line of the latter kind: of a panic, or of a race.
}

// keptLines is how many lines of a server's log are kept for when something is wrong.
const keptLines = 200

func readLog(r io.Reader) *serverLog {
	l := &serverLog{ready: make(chan string, 1), ended: make(chan struct{})}
	go func() {
		defer close(l.ended)
		addr := ""
		for lines := bufio.NewScanner(r); lines.Scan(); {
			line := lines.Text()
			l.last = append(l.last[max(0, len(l.last)-keptLines+1):], line)
			var entry struct{ Level, Msg, Port, Addr string }
			err := json.Unmarshal([]byte(line), &entry)
			if (err != nil || entry.Level == "ERROR") && (l.complaint == "" || err != nil && !l.panicked) {
				l.complaint = line
			}
			l.panicked = l.panicked || err != nil
			switch {
			case entry.Msg == "listening" && (entry.Port == "grpc" || entry.Port == "nats"):
				addr = entry.Addr
			case entry.Msg == "ready":
				l.ready <- addr
			}
		}
	}()
	return l
}

// String gives the last lines. Not before the log has ended.
func (l *serverLog) String() string { return strings.Join(l.last, "\n") }
