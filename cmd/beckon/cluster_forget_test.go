package main

import (
	"os/exec"
	"strings"
	"testing"
	"time"
)

// statusOf returns what a node tells of its cluster, in one line, and whether something is wrong.
func statusOf(t *testing.T, admin string) (printed string, wrong bool) {
	t.Helper()
	status := start(t, "cluster", "status", "--admin", admin)
	printed = strings.Join(strings.Fields(status.out.rest()+" "+status.errs.rest()), " ")
	return printed, <-status.code != exitOK
}

// TestServeForget: a node that was not given all peers is refused, and leaves nothing with the others; one that replaces a
// machine which is gone for good waits until that is forgotten, and then has what that one kept.
func TestServeForget(t *testing.T) {
	key, secret, admin := writeFile(t, testSecret), writeFile(t, strings.Repeat("nats", 10)), writeFile(t, strings.Repeat("admin", 10))
	addrs := map[string]string{}
	for _, name := range []string{"node-a", "node-b", "node-c", "node-d"} {
		addrs[name] = freeAddress(t)
	}
	args := func(name string, peers ...string) []string {
		args := []string{
			"serve", "--grpc=127.0.0.1:0", "--web=off", "--admin=127.0.0.1:0", "--log-format=json", "--session-key-file=" + key,
			"--nats=embedded", "--nats-dir=" + t.TempDir(), "--nats-cluster=" + addrs[name], "--nats-secret-file=" + secret,
			"--node=" + name, "--admin-secret-file=" + admin,
		}
		for _, peer := range peers {
			args = append(args, "--nats-peer="+addrs[peer])
		}
		return args
	}
	processes, logs := map[string]*exec.Cmd{}, map[string]*output{}
	for _, name := range []string{"node-a", "node-b", "node-c"} {
		processes[name], logs[name] = startProcess(t, args(name, "node-a", "node-b", "node-c")...)
	}
	at := ""
	for _, name := range []string{"node-c", "node-b", "node-a"} {
		at = awaitReady(logs[name])["admin"]
	}
	await := func(what string, so func(printed string, wrong bool) bool) {
		t.Helper()
		for deadline := time.Now().Add(4 * patience); ; {
			printed, wrong := statusOf(t, at)
			if so(printed, wrong) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: not yet: %s", what, printed)
			}
		}
	}
	await("all is well", func(_ string, wrong bool) bool { return !wrong })

	refused := start(t, args("node-d", "node-a")...)
	refused.errs.expect("3 NATS servers already (node-a, node-b, node-c), and this node, node-d, has the addresses of 2, itself included")
	refused.expectExit(exitFailed)
	if printed, wrong := statusOf(t, at); wrong || strings.Contains(printed, "node-d") {
		t.Errorf("after a node that was refused: %s", printed)
	}

	present := start(t, "cluster", "forget", "node-c", "--admin", at, "--token-file", admin)
	present.errs.expect("NATS server node-c is there")
	present.expectExit(exitFailed)
	if err := processes["node-c"].Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = processes["node-c"].Wait() // It was killed.
	await("one is away", func(printed string, _ bool) bool {
		return strings.Contains(printed, "NATS server node-c is away") && strings.Contains(printed, "node-c away ")
	})
	_, log := startProcess(t, args("node-d", "node-a", "node-b", "node-d")...)
	log.expect("of which node-c is not there: if it is gone for good")
	stranger := start(t, "cluster", "forget", "node-c", "--admin", at)
	stranger.errs.expect("expected the admin secret")
	stranger.expectExit(exitFailed)
	forget := start(t, "cluster", "forget", "node-c", "--admin", at, "--token-file", admin)
	forget.out.expect("node-c is forgotten")
	forget.expectExit(exitOK)
	awaitReady(log)
	await("all is well with another", func(printed string, wrong bool) bool {
		return !wrong && strings.Contains(printed, "node-d.") && strings.Count(printed, " 3 of 3 ") == 16 && !strings.Contains(printed, "node-c ")
	})
}

// TestForgetErrors: what cannot be forgotten is told.
func TestForgetErrors(t *testing.T) {
	_, ports := startServer(t)
	alone := start(t, "cluster", "forget", "node-c", "--admin", ports["admin"])
	alone.errs.expect("this server has no NATS inside that others share")
	alone.expectExit(exitFailed)
	nobody := start(t, "cluster", "forget", "node-c", "--admin", freeAddress(t))
	nobody.errs.expect("ask the node")
	nobody.expectExit(exitFailed)
	unnamed := start(t, "cluster", "forget")
	unnamed.errs.expect("expected the name of one NATS server")
	unnamed.expectExit(exitUsage)
}
