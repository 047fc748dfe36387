package broker_test

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/beckonrtc/beckon/server/broker"
)

// address returns a free one.
func address(t *testing.T) string {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer lis.Close()
	return lis.Addr().String()
}

// file returns the path of a file with that text.
func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// use makes a stream on so many servers.
func use(t *testing.T, b *broker.Broker, replicas int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := b.WaitForLeader(ctx, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(b.Conn())
	if err != nil {
		t.Fatal(err)
	}
	for {
		_, err = js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: "s", Subjects: []string{"s"}, Replicas: replicas})
		if err == nil || ctx.Err() != nil {
			break
		}
		time.Sleep(100 * time.Millisecond) // Not all servers are there.
	}
	if err == nil {
		_, err = js.Publish(ctx, "s", []byte("kept"))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestInside: a server inside the process keeps what it has over a restart, and lets nobody else in.
func TestInside(t *testing.T) {
	cfg := broker.Config{Name: "alone", Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)}
	b, err := broker.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	use(t, b, 1)
	b.Close()
	if b, err = broker.Open(cfg); err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	js, err := jetstream.New(b.Conn())
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), "s")
	if err != nil || stream.CachedInfo().State.Msgs != 1 {
		t.Errorf("after a restart: %v", err)
	}
	if _, err := broker.Open(broker.Config{Name: "stranger", URLs: []string{b.Conn().ConnectedUrl()}, Logger: cfg.Logger}); err == nil {
		t.Error("a stranger was let in")
	}
}

// TestCluster: three nodes' servers find each other if they share a secret.
func TestCluster(t *testing.T) {
	secret := file(t, strings.Repeat("secret", 6))
	peers := []string{address(t), address(t), address(t)}
	nodes := make([]*broker.Broker, len(peers))
	for i, addr := range peers {
		var err error
		nodes[i], err = broker.Open(broker.Config{
			Name: "node-" + string(rune('a'+i)), Dir: t.TempDir(), ClusterAddr: addr, Peers: peers, SecretFile: secret,
			Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer nodes[i].Close()
	}
	use(t, nodes[0], 3)
}

// TestOpen: what cannot be is told.
func TestOpen(t *testing.T) {
	elsewhere, err := natsserver.NewServer(&natsserver.Options{Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, Username: "ana", Password: "secret", NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	elsewhere.Start()
	defer elsewhere.Shutdown()
	if !elsewhere.ReadyForConnections(10 * time.Second) {
		t.Fatal("NATS is not ready")
	}
	host := strings.TrimPrefix(elsewhere.ClientURL(), "nats://")
	dir := t.TempDir()
	for name, c := range map[string]struct {
		cfg  broker.Config
		want string // Empty: it works.
	}{
		"elsewhere":        {broker.Config{URLs: []string{"nats://ana:secret@" + host}}, ""},
		"a wrong password": {broker.Config{URLs: []string{"nats://ana:guess@" + host}}, "Authorization Violation"},
		"nobody there":     {broker.Config{URLs: []string{"nats://ana:secret@" + address(t)}}, "connect to NATS at nats://ana:xxxxx@127.0.0.1"},
		"no credentials":   {broker.Config{URLs: []string{elsewhere.ClientURL()}, CredsFile: "/nowhere"}, "credentials for NATS"},
		"no authorities":   {broker.Config{URLs: []string{elsewhere.ClientURL()}, CAFile: file(t, "none")}, "expected certificates in PEM"},
		"no secret":        {broker.Config{Dir: dir, ClusterAddr: "0.0.0.0:6222", Peers: []string{"10.0.0.1:6222"}}, "expected a secret that the servers share"},
		"a short secret":   {broker.Config{Dir: dir, ClusterAddr: "127.0.0.1:6222", SecretFile: file(t, "short")}, "has 5 bytes: expected 32 or more"},
		"no port":          {broker.Config{Dir: dir, ClusterAddr: "127.0.0.1"}, "missing port"},
		"half of a TLS":    {broker.Config{Dir: dir, ClusterAddr: "127.0.0.1:6222", CertFile: file(t, "none"), KeyFile: file(t, "none")}, "certificate for NATS"},
	} {
		c.cfg.Name, c.cfg.Logger = "node", slog.New(slog.DiscardHandler)
		b, err := broker.Open(c.cfg)
		if err == nil {
			b.Close()
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "guess") {
			t.Errorf("%s: the error shows a password: %v", name, err)
		}
	}
}
