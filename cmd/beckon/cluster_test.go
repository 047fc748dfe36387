package main

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/beckonrtc/beckon/server/roomlog/natslog"
)

// freeAddress returns an address on which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer lis.Close()
	return lis.Addr().String()
}

// TestServeCluster: three nodes, each with its NATS inside, find each other; those who are on different nodes meet, and each
// node tells of all.
func TestServeCluster(t *testing.T) {
	key, secret := writeFile(t, testSecret), writeFile(t, strings.Repeat("nats", 10))
	var peers, args []string
	for range 3 {
		peers = append(peers, freeAddress(t))
		args = append(args, "--nats-peer="+peers[len(peers)-1])
	}
	logs := make([]*output, len(peers))
	for i, peer := range peers {
		_, logs[i] = startProcess(t, append([]string{
			"serve", "--grpc=127.0.0.1:0", "--web=off", "--admin=127.0.0.1:0", "--log-format=json", "--session-key-file=" + key,
			"--nats=embedded", "--nats-dir=" + t.TempDir(), "--nats-cluster=" + peer, "--nats-secret-file=" + secret,
			"--node=node-" + string(rune('a'+i)),
		}, args...)...)
	}
	ports := make([]map[string]string, len(peers))
	for i, log := range logs {
		ports[i] = awaitReady(log)
	}
	ana := start(t, "join", "lobby", "--name", "ana", "--server", ports[0]["grpc"])
	ana.out.expect("that is you")
	ben := start(t, "join", "lobby", "--name", "ben", "--server", ports[1]["grpc"])
	ben.out.expect("that is you")
	ana.out.expect("ben (")
	ben.typeLine("hello from another node")
	ana.out.expect("hello from another node")

	var printed string
	for deadline := time.Now().Add(patience); ; { // A node tells of itself every two seconds.
		status := start(t, "cluster", "status", "--admin", ports[2]["admin"])
		status.out.expect("node-a.")
		printed = status.out.expect("node-b.")
		if strings.Contains(strings.Join(strings.Fields(printed), " "), " up 1 1 ") || time.Now().After(deadline) {
			status.out.expect("node-c.")
			status.out.expect("beckon-rooms-15")
			status.expectExit(exitOK)
			break
		}
	}
	if !strings.Contains(strings.Join(strings.Fields(printed), " "), " up 1 1 ") {
		t.Errorf("node-b is shown as %q, want a session in a room", printed)
	}
}

// TestClusterStatus: what is wrong is told, and shows in the exit code.
func TestClusterStatus(t *testing.T) {
	_, ports := startServer(t, "--admin=127.0.0.1:0")
	alone := start(t, "cluster", "status", "--admin", ports["admin"])
	alone.errs.expect("this server is in no cluster")
	alone.expectExit(exitFailed)
	nobody := start(t, "cluster", "status", "--admin", freeAddress(t))
	nobody.errs.expect("ask the node")
	nobody.expectExit(exitFailed)

	sound := natslog.Status{Connected: true, Lease: true, Nodes: []natslog.NodeStatus{{Name: "a", State: "up"}},
		Shards: []natslog.ShardStatus{{Stream: "s", Clustered: true, Leader: "n", Replicas: 3, Wanted: 3}}}
	if wrong := whatIsWrong(sound); len(wrong) > 0 {
		t.Errorf("of a sound cluster %q is wrong", wrong)
	}
	for want, spoil := range map[string]func(*natslog.Status){
		"cannot reach NATS":             func(s *natslog.Status) { s.Connected = false },
		"cannot renew its lease":        func(s *natslog.Status) { s.Lease = false },
		"node a is down":                func(s *natslog.Status) { s.Nodes[0].State = "down" },
		"node a is 5000 records behind": func(s *natslog.Status) { s.Nodes[0].Lag = 5000 },
		"shard s: no answer":            func(s *natslog.Status) { s.Shards[0].Error = "no answer" },
		"shard s has no leader":         func(s *natslog.Status) { s.Shards[0].Leader = "" },
		"shard s is on 2 servers of 3":  func(s *natslog.Status) { s.Shards[0].Replicas = 2 },
	} {
		s := sound
		s.Nodes = append([]natslog.NodeStatus(nil), sound.Nodes...)
		s.Shards = append([]natslog.ShardStatus(nil), sound.Shards...)
		spoil(&s)
		if wrong := whatIsWrong(s); len(wrong) != 1 || !strings.Contains(wrong[0], want) {
			t.Errorf("%q is wrong, want %q", wrong, want)
		}
	}
}

// TestServeClusterErrors: flags that make no cluster are refused in words that tell what to do.
func TestServeClusterErrors(t *testing.T) {
	key, dir := writeFile(t, testSecret), filepath.Join(t.TempDir(), "nats")
	inside := []string{"--nats=embedded", "--nats-dir=" + dir, "--session-key-file=" + key}
	for want, args := range map[string][]string{
		"--nats: expected --session-key-file, too":                                   {"--nats=nats://127.0.0.1:4222"},
		"--nats embedded: expected --nats-dir, too":                                  {"--nats=embedded", "--session-key-file=" + key},
		`--nats: expected either "embedded" or addresses`:                            append(inside, "--nats=nats://127.0.0.1:4222"),
		"--nats-dir: expected --nats embedded, too":                                  {"--nats-dir=" + dir},
		"--nats-cluster: expected --nats embedded, too":                              {"--nats-cluster=127.0.0.1:6222", "--nats-peer=127.0.0.1:6223"},
		"--nats-cluster: expected --nats-peer, too":                                  append(inside, "--nats-cluster=127.0.0.1:6222"),
		"--nats-peer: expected --nats-cluster, too":                                  append(inside, "--nats-peer=127.0.0.1:6222"),
		"--nats-cluster: others can reach this address: expected --nats-secret-file": append(inside, "--nats-cluster=0.0.0.0:6222", "--nats-peer=10.0.0.2:6222"),
		`"10.0.0.2": expected an address such as 10.0.0.1:6222`:                      append(inside, "--nats-cluster=127.0.0.1:6222", "--nats-peer=10.0.0.2"),
		"--nats-replicas: there are fewer NATS servers":                              append(inside, "--nats-replicas=3"),
		"expected --nats, too":                                                       {"--nats-prefix=other"},
		"connect to NATS at nats://127.0.0.1:1":                                      {"--nats=nats://127.0.0.1:1", "--session-key-file=" + key},
	} {
		p := start(t, append([]string{"serve", "--grpc=127.0.0.1:0", "--web=off", "--admin=off"}, args...)...)
		p.errs.expect(want)
	}
}
