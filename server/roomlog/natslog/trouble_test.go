package natslog_test

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/roomlog/natslog"
)

// TestFull: that NATS has no space left is the outcome of what is sent, is told to the operator, and is over when there is
// space again.
func TestFull(t *testing.T) {
	const space = 200_000
	for name, bound := range map[string]func(*testing.T, *server.Server, jetstream.JetStream){
		"the server's limit": nil, // See below: it is there from the start.
		"the account's": func(t *testing.T, s *server.Server, _ jetstream.JetStream) {
			limits := server.JetStreamAccountLimits{MaxMemory: -1, MaxStore: space, MaxStreams: -1, MaxConsumers: -1}
			if err := s.GlobalAccount().UpdateJetStreamLimits(map[string]server.JetStreamAccountLimits{"": limits}); err != nil {
				t.Fatal(err)
			}
		},
		"the stream's": func(t *testing.T, _ *server.Server, js jetstream.JetStream) {
			stream, err := js.Stream(t.Context(), "beckon-rooms-0")
			if err != nil {
				t.Fatal(err)
			}
			bounded := stream.CachedInfo().Config
			bounded.MaxBytes, bounded.Discard = space, jetstream.DiscardNew
			if _, err := js.UpdateStream(t.Context(), bounded); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := &server.Options{}
			if bound == nil {
				opts.JetStreamMaxStore = space
			}
			s := startNATSWith(t, opts)
			nc := connect(t, s.ClientURL())
			js, err := jetstream.New(nc)
			if err != nil {
				t.Fatal(err)
			}
			again := listenFor("NATS stores records again\" stream=beckon-rooms-0")
			log, _, _ := follow(t, nc, "a", natslog.Options{Shards: 1, Retention: time.Hour, Patience: 200 * time.Millisecond, Lease: time.Second, Logger: again.logger()})
			if bound != nil {
				bound(t, s, js)
			}
			owner := join(t, log, "a", "lobby", "ana")
			for i := range 100 {
				_, err = log.Append(t.Context(), roomlog.Record{
					Kind: roomlog.Broadcast, Room: "lobby", From: "ana", CSeq: uint64(i + 1), Expect: roomlog.Expect{User: "ana", Seq: owner}, Data: make([]byte, 10_000),
				})
				if err != nil {
					break
				}
			}
			if !errors.Is(err, roomlog.ErrFull) {
				t.Errorf("in the end Append returned %v, want %v", err, roomlog.ErrFull)
			}
			const want = "the storage of NATS is full"
			if err := log.Trouble(); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(log.Status(t.Context()).Trouble, want) {
				t.Errorf("what is wrong is told as %v, want that %s", err, want)
			}
			stream, err := js.Stream(t.Context(), "beckon-rooms-0")
			if err != nil {
				t.Fatal(err)
			}
			if err := stream.Purge(t.Context(), jetstream.WithPurgeSubject("beckon.0.b.>")); err != nil {
				t.Fatal(err)
			}
			again.wait(t)
			join(t, log, "a", "lobby", "bob")
		})
	}
}

// TestMissing: that a stream is gone is told, and what to do about it. Made anew by a node that was started since, it is not
// taken for the one that was there.
func TestMissing(t *testing.T) {
	nc := connect(t, startNATS(t))
	opts := natslog.Options{Shards: 2, Patience: time.Hour}
	missing, remade := listenFor("a stream is missing"), listenFor("a stream was made anew")
	opts.Logger = both{missing, remade}.logger()
	log, _, _ := follow(t, nc, "a", opts)
	room := roomIn(t, log, 1)
	owner := join(t, log, "a", room, "ana")
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(t.Context(), "beckon-rooms-1"); err != nil {
		t.Fatal(err)
	}
	missing.wait(t)
	if err := log.Trouble(); err == nil || !strings.Contains(err.Error(), "restart the nodes, one after the other (beckon-rooms-1)") {
		t.Errorf("what is wrong is told as %v", err)
	}
	status := log.Status(t.Context())
	if status.Shards[0].Error != "" || !strings.Contains(status.Shards[1].Error, "the stream is missing") {
		t.Errorf("the shards are told as %+v", status.Shards)
	}

	again, err := natslog.Open(t.Context(), nc, natslog.Options{Shards: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	remade.wait(t)
	if err := log.Trouble(); err == nil || !strings.Contains(err.Error(), "restart the node (beckon-rooms-1)") {
		t.Errorf("what is wrong is told as %v", err)
	}
	_, err = log.Append(t.Context(), roomlog.Record{Kind: roomlog.Broadcast, Room: room, From: "ana", Expect: roomlog.Expect{User: "ana", Seq: owner}})
	if !errors.Is(err, roomlog.ErrRefused) {
		t.Errorf("Append to the new stream: %v, want %v", err, roomlog.ErrRefused)
	}
	if _, err := log.Append(t.Context(), roomlog.Record{Kind: roomlog.Leave, Room: room, From: "ana"}); !errors.Is(err, roomlog.ErrRefused) {
		t.Errorf("a leave, of whomever: %v, want %v", err, roomlog.ErrRefused)
	}
}

// roomIn returns a room of that shard, of two.
func roomIn(t *testing.T, log *natslog.Log, shard int) string {
	t.Helper()
	for i := range 100 {
		room := fmt.Sprint("room ", i)
		before := log.Status(t.Context()).Shards[shard].Last
		join(t, log, "a", room, "nobody")
		if log.Status(t.Context()).Shards[shard].Last > before {
			return room
		}
	}
	t.Fatal("no room is in the shard")
	return ""
}

// TestForgotten: when NATS has forgotten all streams, since they were in memory, that is told; once another node has made them
// anew, a node that was there before does not take them for the former.
func TestForgotten(t *testing.T) {
	s := startNATSWith(t, &server.Options{})
	url := s.ClientURL()
	port := s.Addr().(*net.TCPAddr).Port
	opts := natslog.Options{Shards: 2, Memory: true, Patience: 200 * time.Millisecond, Lease: time.Second}
	missing, remade := listenFor("a stream is missing"), listenFor("a stream was made anew")
	opts.Logger = both{missing, remade}.logger()
	log, told, _ := follow(t, connect(t, url), "a", opts)
	join(t, log, "a", "lobby", "ana")
	s.Shutdown()
	s.WaitForShutdown()
	again, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	again.Start()
	t.Cleanup(func() { again.Shutdown(); again.WaitForShutdown() })
	missing.wait(t)
	const restart = "restart the node"
	if err := log.Trouble(); err == nil || !strings.Contains(err.Error(), restart) {
		t.Errorf("what is wrong is told as %v, want to %s", err, restart)
	}

	opts.Logger = nil
	follow(t, connect(t, url), "b", opts)
	told.wait(t, "the node hears that it is not in the new streams", func(e roomlog.Event) bool { return e.Node == "a" && !e.Up })
	remade.wait(t)
	if err := log.Healthy(); err == nil || !strings.Contains(err.Error(), restart) {
		t.Errorf("what is wrong is told as %v, want to %s", err, restart)
	}
	if _, err := log.Append(t.Context(), roomlog.Record{Kind: roomlog.Join, Room: "lobby", From: "ben", Node: "a"}); !errors.Is(err, roomlog.ErrUnavailable) {
		t.Errorf("a join: %v, want %v", err, roomlog.ErrUnavailable)
	}
}
