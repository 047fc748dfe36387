package process

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestOnProcessors: what is started so is on these processors, and the thread that starts it is afterwards where it was.
func TestOnProcessors(t *testing.T) {
	before, err := Processors()
	if err != nil {
		t.Fatal(err)
	}
	last := before[len(before)-1:]
	c, err := Start(t.Context(), last, os.Environ(), "/bin/sh", "-c", says+"exec sleep 1000")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	if got, err := processorsOf(c.PID()); err != nil || !slices.Equal(got, last) {
		t.Errorf("it runs on processors %v, %v; want %v", got, err, last)
	}
	if after, err := Processors(); err != nil || !slices.Equal(after, before) {
		t.Errorf("this process runs on processors %v, %v; it did on %v", after, err, before)
	}
}

// TestPin pins a copy of this process, since it does not end.
func TestPin(t *testing.T) {
	const mark = "BENCH_TEST_PINNED"
	all, err := Processors()
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv(mark) == "" {
		again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestPin$", "-test.v")
		again.Env = append(os.Environ(), mark+"=1")
		if said, err := again.CombinedOutput(); err != nil || !strings.Contains(string(said), "--- PASS: TestPin") {
			t.Fatalf("%v\n%s", err, said)
		}
		return
	}
	first := all[:1]
	if err := Pin(first); err != nil {
		t.Fatal(err)
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, thread := range threads {
		status, err := os.ReadFile("/proc/self/task/" + thread.Name() + "/status")
		if err != nil {
			continue // It has ended.
		}
		_, list, _ := strings.Cut(string(status), "Cpus_allowed_list:\t")
		if list, _, _ = strings.Cut(list, "\n"); strings.ContainsAny(list, ",-") {
			t.Errorf("thread %s runs on processors %s", thread.Name(), list)
		}
	}
}
