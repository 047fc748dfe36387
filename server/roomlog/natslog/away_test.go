package natslog_test

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/roomlog/natslog"
)

// TestAway: when most of the servers that keep a stream are away, that is told, and not that a disk is full, until
// they are back.
func TestAway(t *testing.T) {
	servers := newNATSCluster(t)
	for _, s := range servers {
		s.Start()
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	}
	await := func(what string, so func() bool) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); !so(); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: not in a minute", what)
			}
		}
	}
	log, _, _ := follow(t, connect(t, servers[0].ClientURL()), "a", natslog.Options{Shards: 1, Replicas: 3})
	owner := join(t, log, "a", "lobby", "ana")
	await("the stream is on three", func() bool { return log.Status(t.Context()).Shards[0].Replicas == 3 })
	if leader := log.Status(t.Context()).Shards[0].Leader; leader != servers[0].Name() {
		await("the node's server leads", func() bool {
			for _, s := range servers[1:] {
				_ = s.JetStreamStepdownStream("$G", "beckon-rooms-0") // Fails on who does not lead.
			}
			return log.Status(t.Context()).Shards[0].Leader == servers[0].Name()
		})
	}
	var addrs []*net.TCPAddr
	var dirs []string
	for _, s := range servers {
		addrs, dirs = append(addrs, s.ClusterAddr()), append(dirs, filepath.Dir(s.StoreDir())) // Which a server forgets when it ends.
	}
	for _, s := range servers[1:] {
		s.Shutdown()
		s.WaitForShutdown()
	}
	go func() {
		_, _ = log.Append(t.Context(), roomlog.Record{ // It is repeated for a while.
			Kind: roomlog.Broadcast, Room: "lobby", From: "ana", CSeq: 1, Expect: roomlog.Expect{User: "ana", Seq: owner},
		})
	}()
	const want = "most of the NATS servers that keep a stream are away, so that nothing is stored: expected a majority of them (beckon-rooms-0"
	await("it is told that they are away", func() bool {
		err := log.Trouble()
		if err != nil && !strings.Contains(err.Error(), want) {
			t.Fatalf("it is told that %v", err)
		}
		return err != nil
	})

	// It is over when they are back.
	for i, s := range servers[1:] {
		back, err := server.NewServer(&server.Options{
			ServerName: s.Name(), Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: dirs[i+1], NoSigs: true, NoLog: true,
			Cluster: server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: addrs[i+1].Port},
			Routes:  server.RoutesFromStr("nats://" + addrs[0].String() + ",nats://" + addrs[1].String() + ",nats://" + addrs[2].String()),
		})
		if err != nil {
			t.Fatal(err)
		}
		back.Start()
		t.Cleanup(func() { back.Shutdown(); back.WaitForShutdown() })
	}
	await("it is over", func() bool { return log.Trouble() == nil })
}

// TestNoAnswer: that nobody answers for a shard is told in words.
func TestNoAnswer(t *testing.T) {
	log, _, _ := follow(t, connect(t, startNATS(t)), "a", natslog.Options{Shards: 1})
	ctx, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	if s := log.Status(ctx).Shards[0]; s.Error != "no answer: no leader is known yet" {
		t.Errorf("the shard is told as %+v", s)
	}
}
