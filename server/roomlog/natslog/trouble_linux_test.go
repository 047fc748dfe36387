package natslog_test

import (
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/roomlog/natslog"
)

// silentVariable is set in the process whose files may not grow.
const silentVariable = "BECKON_TEST_SILENT_DISK"

// TestSilent: NATS says nothing to who writes when its files do not take it. Nodes tell that, and where to look. It is another
// process whose files may not grow, for the test's own writes others.
func TestSilent(t *testing.T) {
	if os.Getenv(silentVariable) == "" {
		command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSilent$", "-test.v")
		command.Env = append(os.Environ(), silentVariable+"=1")
		if out, err := command.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestSilent") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	const space = 1 << 20
	stored := listenFor("a record cannot be stored")
	log, _, _ := follow(t, connect(t, startNATS(t)), "a", natslog.Options{Shards: 1, Lease: 5 * time.Second, Logger: stored.logger()})
	owner := join(t, log, "a", "lobby", "ana")

	signal.Ignore(syscall.SIGXFSZ)
	t.Cleanup(func() { signal.Reset(syscall.SIGXFSZ) })
	var former syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &former); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: space, Max: former.Max}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &former); err != nil {
			t.Error(err)
		}
	})
	go func() {
		for cseq := range uint64(20) { // One of them is not stored, and waits until the node ends.
			_, err := log.Append(t.Context(), roomlog.Record{
				Kind: roomlog.Broadcast, Room: "lobby", From: "ana", CSeq: cseq + 1, Expect: roomlog.Expect{User: "ana", Seq: owner}, Data: make([]byte, space/10),
			})
			if err != nil {
				return
			}
		}
	}()
	stored.wait(t)
	const want = "NATS is there but does not say that what is written is stored"
	if err := log.Trouble(); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "(beckon-rooms-0)") {
		t.Errorf("what is wrong is told as %v, want that %s", err, want)
	}
}
