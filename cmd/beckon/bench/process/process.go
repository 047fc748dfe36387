// Package process starts servers as processes of their own, and measures what a process uses.
package process

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/shirou/gopsutil/v4/process"
)

// A Child is a server that this process has started. Stop must end it.
type Child struct {
	// Immutable.
	process *os.Process
	// Where it listens, by the name of the port.
	Ports map[string]string

	ended chan struct{} // Closed when the process has ended.

	// How long Stop waits for it to end by itself. 5 s.
	Grace time.Duration
}

// Start starts a command on some of the processors, on any if there are none, and returns when it is ready: it logs in
// JSON to its standard error, "listening" with a port and an addr for each, then "ready". Its environment is env.
func Start(ctx context.Context, processors []int, env []string, path string, args ...string) (*Child, error) {
	cmd := exec.Command(path, args...)
	cmd.Env = env
	ownGroup(cmd)
	log, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	c := &Child{Ports: map[string]string{}, ended: make(chan struct{}), Grace: 5 * time.Second}
	ready, exhausted := make(chan error, 1), make(chan struct{})
	started := make(chan error)
	go func() {
		// A process is started on the processors of the thread that starts it, and is ended with that thread.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := onProcessors(processors, cmd.Start)
		started <- err
		if err != nil {
			return
		}
		<-exhausted    // Before that, Wait would close it.
		_ = cmd.Wait() // How it ended is of no matter.
		close(c.ended)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	c.process = cmd.Process
	go func() {
		defer close(exhausted)
		ready <- c.follow(log)
		_, _ = io.Copy(io.Discard, log) // Until it ends.
	}()
	select {
	case err = <-ready:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		c.Stop()
		return nil, fmt.Errorf("start %s %s: %w", path, args[0], err)
	}
	return c, nil
}

// follow reads the log until the server is ready.
func (c *Child) follow(log io.Reader) error {
	var said []string
	lines := bufio.NewReader(log) // What it reads beyond the line that counts is dropped: more lines of the log.
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return fmt.Errorf("it has ended; it said: %s", strings.Join(said, "; "))
		}
		var entry struct{ Msg, Port, Addr string }
		if json.Unmarshal([]byte(line), &entry) != nil {
			said = append(said, strings.TrimSpace(line))
			continue
		}
		switch entry.Msg {
		case "listening":
			c.Ports[entry.Port] = entry.Addr
		case "ready":
			return nil
		default:
			said = append(said, strings.TrimSpace(line))
		}
	}
}

// PID returns the process's id.
func (c *Child) PID() int { return c.process.Pid }

// Stop ends the process, and kills it if it takes its time. It returns when it has ended.
func (c *Child) Stop() {
	_ = c.process.Signal(syscall.SIGTERM) // Fails if it has ended.
	select {
	case <-c.ended:
		return
	case <-time.After(c.Grace):
	}
	_ = c.process.Kill()
	<-c.ended
}

// Usage is what a process uses.
type Usage struct {
	CPU time.Duration // All that it has used so far. Elsewhere than on Linux it may come in steps of 10 ms.
	RSS uint64        // Its resident memory, in bytes.
}

// UsageOf measures a process.
func UsageOf(pid int) (Usage, error) {
	p, err := process.NewProcess(int32(pid))
	if err != nil {
		return Usage{}, fmt.Errorf("process %d: %w", pid, err)
	}
	cpu, cpuErr := cpuOf(p)
	memory, memoryErr := p.MemoryInfo()
	if err := errors.Join(cpuErr, memoryErr); err != nil {
		return Usage{}, fmt.Errorf("measure process %d: %w", pid, err)
	}
	return Usage{CPU: cpu, RSS: memory.RSS}, nil
}
