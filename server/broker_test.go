package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

// startBroker starts a NATS server inside this process, for nodes to share, until the test ends.
func startBroker(t *testing.T) *natsserver.Server {
	t.Helper()
	broker, err := natsserver.NewServer(&natsserver.Options{
		Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	broker.Start()
	t.Cleanup(func() { broker.Shutdown(); broker.WaitForShutdown() })
	if !broker.ReadyForConnections(10 * time.Second) {
		t.Fatal("NATS is not ready in 10 s")
	}
	return broker
}

// clusterKey returns a file with the session key that all nodes of a cluster have.
func clusterKey(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(strings.Repeat("key ", 10)), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
