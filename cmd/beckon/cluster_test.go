package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

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

	// A node tells of itself every two seconds, so that the node which is asked may not have heard of the others yet.
	want := []string{"node-a.", "node-b.", "node-c.", " up 1 1 ", "beckon-rooms-15 ", "NATS SERVER STATE BEHIND", " leader 0 now ", " current 0 "}
	for deadline := time.Now().Add(patience); ; {
		status := start(t, "cluster", "status", "--admin", ports[2]["admin"])
		printed := strings.Join(strings.Fields(status.out.rest()), " ")
		missing := slices.DeleteFunc(slices.Clone(want), func(text string) bool { return strings.Contains(printed, text) })
		code := <-status.code
		if len(missing) == 0 && code == exitOK {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the status lacks %q, exit code %d: %s", missing, code, printed)
		}
	}
}

// startNATS starts a NATS server inside this process.
func startNATS(t *testing.T, addr string, opts *natsserver.Options) {
	t.Helper()
	at, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	opts.Host, opts.Port, opts.StoreDir, opts.NoSigs, opts.NoLog = at.IP.String(), at.Port, t.TempDir(), true, true
	s, err := natsserver.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(patience) {
		t.Fatal("NATS is not ready")
	}
}

// awaitPort reads the log of a server until that port is open, and returns where it is.
func awaitPort(log *output, port string) string {
	log.t.Helper()
	line := log.expect(`"msg":"listening","port":"` + port + `"`)
	var entry struct{ Addr string }
	if err := json.Unmarshal([]byte(line), &entry); err != nil {
		log.t.Fatalf("log line %s: %v", line, err)
	}
	return entry.Addr
}

// ask asks the admin port.
func ask(t *testing.T, method, admin, path string) (status int, body string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, "http://"+admin+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// TestServeBeforeNATS: a node whose NATS is not there yet lives, is not ready, tells what it waits for, and begins when NATS is
// there.
func TestServeBeforeNATS(t *testing.T) {
	addr, key := freeAddress(t), writeFile(t, testSecret)
	begun := time.Now().Truncate(time.Second)
	node := start(t, "serve", "--grpc=127.0.0.1:0", "--web=off", "--admin=127.0.0.1:0", "--log-format=json", "--session-key-file="+key,
		"--nats=nats://"+addr)
	admin := awaitPort(node.errs, "admin")
	const what = "waiting for NATS at nats://"
	node.errs.expect(what + addr)
	if status, body := ask(t, "GET", admin, "/healthz"); status != http.StatusOK {
		t.Errorf("/healthz: %d %s", status, body)
	}
	status, body := ask(t, "GET", admin, "/readyz")
	_, since, _ := strings.Cut(body, " since ")
	since, _, _ = strings.Cut(since, ": ")
	if at, err := time.Parse(time.RFC3339, since); status != http.StatusServiceUnavailable || !strings.HasPrefix(body, "starting: "+what+addr) || err != nil ||
		at.Before(begun) || at.After(time.Now()) {
		t.Errorf("/readyz: %d %s", status, body)
	}
	if status, body := ask(t, "GET", admin, "/metrics"); status != http.StatusOK || !strings.Contains(body, "\nbeckon_ready 0\n") ||
		!strings.Contains(body, "\nbeckon_draining 0\n") || !strings.Contains(body, "\nbeckon_info{") {
		t.Errorf("/metrics: %d %s", status, body)
	}
	if status, body := ask(t, "POST", admin, "/drain"); status != http.StatusServiceUnavailable {
		t.Errorf("/drain: %d %s", status, body)
	}
	cluster := start(t, "cluster", "status", "--admin", admin)
	cluster.errs.expect("starting: " + what + addr)
	cluster.expectExit(exitFailed)

	startNATS(t, addr, &natsserver.Options{JetStream: true})
	ports := awaitReady(node.errs)
	expectReady(t, admin)
	if status, body := ask(t, "GET", admin, "/metrics"); status != http.StatusOK || !strings.Contains(body, "\nbeckon_ready 1\n") {
		t.Errorf("/metrics: %d %s", status, body)
	}
	connect(t, ports["grpc"]).join("lobby")
	node.interrupt(interruption{syscall.SIGTERM})
	node.expectExit(exitOK)
}

// TestServeEndsBeforeNATS: a signal ends a node that waits for NATS, for others' NATS, or for JetStream.
func TestServeEndsBeforeNATS(t *testing.T) {
	key, peer := writeFile(t, testSecret), freeAddress(t)
	alone := freeAddress(t) // One of several, which has no leader.
	startNATS(t, alone, &natsserver.Options{
		JetStream: true, ServerName: "alone", Cluster: natsserver.ClusterOpts{Name: "c", Host: "127.0.0.1", Port: natsserver.RANDOM_PORT},
		Routes: natsserver.RoutesFromStr("nats://" + freeAddress(t) + ",nats://" + freeAddress(t)),
	})
	for what, args := range map[string][]string{
		"NATS at":                             {"--nats=nats://" + freeAddress(t)},
		"JetStream":                           {"--nats=nats://" + alone},
		"the NATS servers of the other nodes": {"--nats=embedded", "--nats-dir=" + t.TempDir(), "--nats-cluster=" + peer, "--nats-peer=" + peer, "--nats-peer=" + freeAddress(t)},
	} {
		args = append([]string{"serve", "--grpc=127.0.0.1:0", "--web=off", "--admin=127.0.0.1:0", "--log-format=json", "--session-key-file=" + key}, args...)
		node := start(t, args...)
		admin := awaitPort(node.errs, "admin")
		node.errs.expect("waiting for " + what)
		if status, body := ask(t, "GET", admin, "/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, "waiting for "+what) {
			t.Errorf("/readyz of who waits for %s: %d %s", what, status, body)
		}
		node.interrupt(interruption{syscall.SIGTERM})
		node.expectExit(exitSignal + int(syscall.SIGTERM))
	}
}

// TestServeOneDirectory: two nodes cannot keep their streams in one directory. When a node was killed, its directory is free.
func TestServeOneDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nats")
	args := []string{
		"serve", "--grpc=127.0.0.1:0", "--web=off", "--admin=off", "--log-format=json", "--session-key-file=" + writeFile(t, testSecret),
		"--nats=embedded", "--nats-dir=" + dir,
	}
	first, log := startProcess(t, args...)
	awaitReady(log)
	second := start(t, args...)
	second.errs.expect(dir + " is in use")
	second.expectExit(exitFailed)
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait() // It was killed.
	_, log = startProcess(t, args...)
	awaitReady(log)
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
		Shards:  []natslog.ShardStatus{{Stream: "s", Clustered: true, Leader: "n", Replicas: 3, Wanted: 3}},
		Servers: &natslog.Group{Leader: "a", Peers: []natslog.Peer{{Name: "a", Current: true}, {Name: "b", Current: true}}}}
	if wrong := whatIsWrong(sound); len(wrong) > 0 {
		t.Errorf("of a sound cluster %q is wrong", wrong)
	}
	for want, spoil := range map[string]func(*natslog.Status){
		"cannot reach NATS":             func(s *natslog.Status) { s.Connected = false },
		"the storage of NATS is full":   func(s *natslog.Status) { s.Trouble = "the storage of NATS is full" },
		"cannot renew its lease":        func(s *natslog.Status) { s.Lease = false },
		"node a is down":                func(s *natslog.Status) { s.Nodes[0].State = "down" },
		"node a has a resume window":    func(s *natslog.Status) { s.Nodes[0].Differs = "node a has a resume window of 1s, and this one 30s" },
		"node a is 5000 records behind": func(s *natslog.Status) { s.Nodes[0].Lag = 5000 },
		"shard s: no answer":            func(s *natslog.Status) { s.Shards[0].Error = "no answer" },
		"NATS servers have no leader":   func(s *natslog.Status) { s.Servers.Leader, s.Servers.Peers[1].Current = "", false },
		"NATS server b is away":         func(s *natslog.Status) { s.Servers.Peers[1] = natslog.Peer{Name: "b", Offline: true} },
		"server b is 7 decisions":       func(s *natslog.Status) { s.Servers.Peers[1] = natslog.Peer{Name: "b", Lag: 7} },
		"shard s has no leader":         func(s *natslog.Status) { s.Shards[0].Leader = "" },
		"shard s is on 2 servers of 3":  func(s *natslog.Status) { s.Shards[0].Replicas = 2 },
	} {
		s := sound
		s.Nodes = append([]natslog.NodeStatus(nil), sound.Nodes...)
		s.Shards = append([]natslog.ShardStatus(nil), sound.Shards...)
		s.Servers = &natslog.Group{Leader: sound.Servers.Leader, Peers: slices.Clone(sound.Servers.Peers)}
		spoil(&s)
		if wrong := whatIsWrong(s); len(wrong) != 1 || !strings.Contains(wrong[0], want) {
			t.Errorf("%q is wrong, want %q", wrong, want)
		}
	}
}

// TestServeClusterErrors: flags that make no cluster are refused in words that tell what to do.
func TestServeClusterErrors(t *testing.T) {
	key, dir := writeFile(t, testSecret), filepath.Join(t.TempDir(), "nats")
	guarded, narrow := freeAddress(t), freeAddress(t)
	startNATS(t, narrow, &natsserver.Options{JetStream: true, MaxPayload: 100_000})
	startNATS(t, guarded, &natsserver.Options{Username: "ana", Password: "secret"})
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
		`--nats-replicas: "2": expected 1, 3 or 5`:                                   {"--nats=nats://" + freeAddress(t), "--session-key-file=" + key, "--nats-replicas=2"},
		"expected --nats, too":                                                       {"--nats-prefix=other"},
		"Authorization Violation: expected credentials":                              {"--nats=nats://ana:guess@" + guarded, "--session-key-file=" + key},
		"NATS has no JetStream":                                                      {"--nats=nats://ana:secret@" + guarded, "--session-key-file=" + key},
		"the largest message needs 282624 bytes in NATS, which takes 100000 at most": {"--nats=nats://" + narrow, "--session-key-file=" + key},
		"the session key in":                                                         {"--nats=nats://" + freeAddress(t), "--session-key-file=" + writeFile(t, "short")},
	} {
		p := start(t, append([]string{"serve", "--grpc=127.0.0.1:0", "--web=off", "--admin=off"}, args...)...)
		p.errs.expect(want)
	}
}
