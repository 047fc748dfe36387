package server_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"
)

// Who is silent is so in a process of its own, since a process may have only so many files open and both ends of a connection
// are one: this binary, started with silentEnv set. Each silentTask on its standard input tells it what to do. It ends when that
// is closed, as it is when this process ends, in whatever way. It prints a word for each connection that the server closes.
const silentEnv = "BECKON_TEST_SILENT"

// silentTask is to open connections and to keep them.
type silentTask struct {
	Addr        string
	Connections int
	Words       string // Are said on each, and then nothing more. Empty: nothing is.
}

// The words that it prints: of a connection on which nothing was said, and of another.
const muteClosed, begunClosed = "mute", "begun"

// dialers is how many connections are opened at one time.
const dialers = 16

// silentChild does not return.
func silentChild() {
	if err := silentRun(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// silentRun does what it is told until standard input is closed.
func silentRun() error {
	if err := raiseFiles(); err != nil {
		return err
	}
	next := make(chan silentTask) // One for each connection.
	ended := make(chan error, dialers+1)
	for range dialers {
		go func() {
			for task := range next {
				if err := silentConnection(task); err != nil {
					ended <- err
					return
				}
			}
		}()
	}
	tasks := make(chan silentTask, 100) // There are few, so that the end of the input is seen at once.
	go func() {
		for task := range tasks {
			for range task.Connections {
				next <- task
			}
		}
	}()
	go func() {
		for in := json.NewDecoder(os.Stdin); ; {
			var task silentTask
			switch err := in.Decode(&task); err {
			case nil:
				tasks <- task
			case io.EOF:
				ended <- nil
				return
			default:
				ended <- fmt.Errorf("read what to do: %w", err)
				return
			}
		}
	}()
	return <-ended
}

// silentConnection opens a connection. When it ends, it prints of what kind it was.
func silentConnection(task silentTask) error {
	conn, err := net.Dial("tcp", task.Addr)
	if err != nil {
		return err
	}
	_ = conn.(*net.TCPConn).SetLinger(0) // So many ports are free again at once.
	kind := muteClosed
	if task.Words != "" {
		kind = begunClosed
		_, _ = io.WriteString(conn, task.Words) // If the server has closed it, that is seen below.
	}
	go func() {
		defer conn.Close()
		said := make([]byte, 256) // What the server says is of no matter.
		for {
			if _, err := conn.Read(said); err != nil {
				fmt.Println(kind) // One write, so that words do not mix.
				return
			}
		}
	}()
	return nil
}

// silentProcess is a process with silent connections, and how to end it.
type silentProcess struct {
	// Immutable.
	t    *testing.T
	cmd  *exec.Cmd
	in   io.WriteCloser
	gone chan struct{} // Closed when it prints no more, for it has ended.

	// How many connections the server has closed, of those on which nothing was said and of the others.
	mute, begun atomic.Int64
}

// startSilent starts a process that ends with the test at the latest.
func startSilent(t *testing.T) *silentProcess {
	t.Helper()
	s := &silentProcess{t: t, cmd: exec.Command(os.Args[0]), gone: make(chan struct{})}
	s.cmd.Env = append(os.Environ(), silentEnv+"=1")
	s.cmd.Stderr = os.Stderr
	var err error
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.end)
	go func() {
		defer close(s.gone)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			switch lines.Text() {
			case muteClosed:
				s.mute.Add(1)
			case begunClosed:
				s.begun.Add(1)
			default:
				t.Errorf("the silent process prints %q", lines.Text())
			}
		}
	}()
	return s
}

// do tells the process what to do.
func (s *silentProcess) do(task silentTask) {
	s.t.Helper()
	if err := json.NewEncoder(s.in).Encode(task); err != nil {
		s.t.Fatal(err)
	}
}

// closed is how many connections the server has closed.
func (s *silentProcess) closed() int { return int(s.mute.Load() + s.begun.Load()) }

// check fails the test if the process has ended.
func (s *silentProcess) check() {
	s.t.Helper()
	select {
	case <-s.gone:
		s.t.Fatal("the silent process has ended")
	default:
	}
}

// end ends the process, with its connections. It may be called again.
func (s *silentProcess) end() {
	if s.cmd.ProcessState != nil {
		return
	}
	_ = s.in.Close() // That is its end, if it has not ended before.
	select {
	case <-s.gone:
	case <-time.After(patience):
		s.t.Error("the silent process does not end")
		_ = s.cmd.Process.Kill()
		<-s.gone
	}
	if err := s.cmd.Wait(); err != nil {
		s.t.Errorf("the silent process ended with %v", err)
	}
}
