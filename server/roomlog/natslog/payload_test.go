package natslog_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/roomlog/natslog"
)

// TestOpenPayload: a node whose messages NATS would not take does not start.
func TestOpenPayload(t *testing.T) {
	s := startNATSWith(t, &server.Options{MaxPayload: 100_000})
	for data, want := range map[int]string{
		0:        "", // Nothing is said of it.
		95_000:   "",
		96_000:   "the largest message needs 100096 bytes in NATS, which takes 100000 at most: expected max_payload: 100096 or more",
		64 << 20: "JetStream, which keeps 33550336 at most",
	} {
		log, err := natslog.Open(t.Context(), connect(t, s.ClientURL()), natslog.Options{Shards: 1, MaxData: data})
		if err == nil {
			err = log.Close()
		}
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("with %d bytes: %v, want %q", data, err, want)
		}
	}
}

// TestTooLarge: a record that NATS, or the stream, does not take for its size is not tried again.
func TestTooLarge(t *testing.T) {
	s := startNATSWith(t, &server.Options{MaxPayload: 100_000})
	nc := connect(t, s.ClientURL())
	log, _, _ := follow(t, nc, "a", natslog.Options{Shards: 1, Patience: time.Hour})
	owner := join(t, log, "a", "lobby", "ana")
	broadcast := func(cseq uint64, size int) error {
		_, err := log.Append(t.Context(), roomlog.Record{
			Kind: roomlog.Broadcast, Room: "lobby", From: "ana", CSeq: cseq, Expect: roomlog.Expect{User: "ana", Seq: owner}, Data: make([]byte, size),
		})
		return err
	}
	if err := broadcast(1, 100_000); !errors.Is(err, roomlog.ErrTooLarge) {
		t.Errorf("beyond what NATS takes: %v, want %v", err, roomlog.ErrTooLarge)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), "beckon-rooms-0")
	if err != nil {
		t.Fatal(err)
	}
	narrow := stream.CachedInfo().Config
	narrow.MaxMsgSize = 10_000
	if _, err := js.UpdateStream(t.Context(), narrow); err != nil {
		t.Fatal(err)
	}
	if err := broadcast(2, 10_000); !errors.Is(err, roomlog.ErrTooLarge) {
		t.Errorf("beyond what the stream takes: %v, want %v", err, roomlog.ErrTooLarge)
	}
	if err := broadcast(3, 1000); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
