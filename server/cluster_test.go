package server_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"google.golang.org/grpc"

	"github.com/beckonrtc/beckon/server"
	"github.com/beckonrtc/beckon/server/transcript"
)

// startNATS starts a NATS server inside this process, and returns its address.
func startNATS(tb testing.TB) string {
	tb.Helper()
	s, err := natsserver.NewServer(&natsserver.Options{
		Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, JetStream: true, StoreDir: tb.TempDir(), NoSigs: true, NoLog: true,
	})
	if err != nil {
		tb.Fatal(err)
	}
	s.Start()
	tb.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		tb.Fatal("NATS is not ready in 10 s")
	}
	return s.ClientURL()
}

// startNodes starts servers that share their rooms through the NATS at url.
func startNodes(tb testing.TB, n int, url string, cfg server.Config, c server.Cluster) []*service {
	tb.Helper()
	if cfg.SessionKeyFile == "" {
		cfg.SessionKeyFile = fileOf(tb, strings.Repeat("key ", 10))
	}
	var nodes []*service
	for range n {
		nc, err := nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectBufSize(-1))
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(nc.Close)
		node := c
		node.NATS = nc
		cfg.Cluster = &node
		nodes = append(nodes, start(tb, cfg, listen(tb)))
	}
	return nodes
}

// TestTranscriptsAcrossNodes plays every conversation with each stream on another node than the one before.
func TestTranscriptsAcrossNodes(t *testing.T) {
	files, err := filepath.Glob("../clients/testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("found %d transcripts: %v", len(files), err)
	}
	url := startNATS(t)
	for i, file := range files {
		conversation, err := transcript.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			nodes := startNodes(t, 3, url, server.Config{ResumeWindow: 3 * time.Second}, server.Cluster{Prefix: fmt.Sprint("play", i), Shards: 2})
			var dialled atomic.Int64
			dials := make([]transcript.Dial, len(nodes))
			for i, node := range nodes {
				dials[i] = transports["Connect over gRPC"](node)
			}
			dial := func(ctx context.Context) (transcript.Peer, error) {
				return dials[int(dialled.Add(1))%len(dials)](ctx)
			}
			if err := conversation.Play(t.Context(), dial); err != nil {
				t.Error(err)
			}
		})
		if !conversation.Opens("join", "resume", "raw") {
			continue // A stream of Listen begins otherwise.
		}
		t.Run(filepath.Base(file)+", listening", func(t *testing.T) {
			t.Parallel()
			nodes := startNodes(t, 3, url, server.Config{ResumeWindow: 3 * time.Second}, server.Cluster{Prefix: fmt.Sprint("listen", i), Shards: 2})
			var dialled atomic.Int64
			dial := func(ctx context.Context) (transcript.Peer, error) {
				n := int(dialled.Add(1))
				call := connections["gRPC"]
				return listening(apart{call(nodes[n%3]), call(nodes[(n+1)%3])})(ctx)
			}
			if err := conversation.Play(t.Context(), dial); err != nil {
				t.Error(err)
			}
		})
	}
}

// apart is a connection whose streams are on one node, and whose other calls go to another.
type apart struct {
	grpc.ClientConnInterface
	other grpc.ClientConnInterface
}

// Invoke implements grpc.ClientConnInterface.
func (a apart) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	return a.other.Invoke(ctx, method, args, reply, opts...)
}
