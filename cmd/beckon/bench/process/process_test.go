//go:build unix

package process

import (
	"context"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/shirou/gopsutil/v4/process"
)

// script starts what a line of sh does.
func script(ctx context.Context, line string) (*Child, error) {
	return Start(ctx, nil, os.Environ(), "/bin/sh", "-c", line)
}

const says = `echo '{"msg":"listening","port":"grpc","addr":"127.0.0.1:7"}' >&2; echo '{"msg":"ready"}' >&2; `

func TestStart(t *testing.T) {
	c, err := script(t.Context(), says+"exec cat /dev/zero >/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	if c.Ports["grpc"] != "127.0.0.1:7" || len(c.Ports) != 1 {
		t.Errorf("ports %v", c.Ports)
	}
	used, err := UsageOf(c.PID())
	if err != nil {
		t.Fatal(err)
	}
	if used.RSS == 0 {
		t.Error("it uses no memory")
	}
	for used.CPU == 0 { // It burns it.
		if used, err = UsageOf(c.PID()); err != nil {
			t.Fatal(err)
		}
	}
	c.Stop()
	if alive, err := process.PidExists(int32(c.PID())); err != nil || alive {
		t.Errorf("after its end: alive %t, %v", alive, err)
	}
	if _, err := UsageOf(c.PID()); err == nil {
		t.Error("a process that has ended is measured")
	}
}

// TestStopKills: one that does not heed SIGTERM ends, too.
func TestStopKills(t *testing.T) {
	c, err := script(t.Context(), "trap '' TERM; "+says+"while :; do sleep 0.05; done")
	if err != nil {
		t.Fatal(err)
	}
	c.Grace = 10 * time.Millisecond
	c.Stop()
	if alive, err := process.PidExists(int32(c.PID())); err != nil || alive {
		t.Errorf("after its end: alive %t, %v", alive, err)
	}
}

func TestStartFails(t *testing.T) {
	if _, err := script(t.Context(), "echo 'there is no room' >&2; exit 1"); err == nil || !strings.Contains(err.Error(), "there is no room") {
		t.Errorf("error %v, want what it said", err)
	}
	if _, err := Start(t.Context(), nil, nil, "/no/such/program", "serve"); err == nil {
		t.Error("what does not exist is started")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := script(ctx, "exec sleep 1000"); err == nil || !strings.Contains(err.Error(), context.Canceled.Error()) {
		t.Errorf("error %v, want that of the context", err)
	}
}

func TestUsageOfThis(t *testing.T) {
	used, err := UsageOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if used.CPU <= 0 || used.RSS == 0 {
		t.Errorf("this process uses %+v", used)
	}
	if m := ThisMachine(); m.Processors != runtime.NumCPU() || m.Memory == 0 {
		t.Errorf("this machine is %+v", m)
	}
}
