package server_test

import (
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"google.golang.org/grpc/codes"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server"
)

// TestForwardMuch: a Send that is more than NATS takes at once reaches the node that has the session in parts, in order.
func TestForwardMuch(t *testing.T) {
	s, err := natsserver.NewServer(&natsserver.Options{
		Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true, MaxPayload: 40_000,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("NATS is not ready in 10 s")
	}
	nodes := startNodes(t, 2, s.ClientURL(), server.Config{MaxMessageBytes: 16 << 10}, server.Cluster{Shards: 1})
	bob := connect(t, nodes[0].dial(), "lobby", none)
	ana := listenIn(t.Context(), t, nodes[0].dial(), "lobby", none)
	ana.client = beckonv1.NewSignalClient(nodes[1].dial())
	if err := ana.send(numbered(1, data(bob.id, "lobby", make([]byte, 50_000)))); err == nil {
		t.Error("one that cannot be forwarded was taken")
	} else if code, reason := statusOf(err); code != codes.ResourceExhausted || reason != "MESSAGE_TOO_LARGE" {
		t.Errorf("one that cannot be forwarded: %v", err)
	}
	const n = 4
	var batch []*beckonv1.ConnectRequest
	for i := range n {
		payload := make([]byte, 15_000)
		payload[0] = byte(i)
		batch = append(batch, numbered(uint64(i+2), data(bob.id, "lobby", payload)))
	}
	if err := ana.send(batch...); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if got := bob.next().GetDataReceived().GetPayload(); len(got) != 15_000 || got[0] != byte(i) {
			t.Fatalf("message %d has %d bytes", i, len(got))
		}
	}
}
