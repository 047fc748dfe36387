package natslog_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/roomlog/natslog"
)

// TestUnconnected: what fails while there is no connection is told as that.
func TestUnconnected(t *testing.T) {
	s := startNATSWith(t, &server.Options{})
	nc := connect(t, s.ClientURL())
	log, _, _ := follow(t, nc, "a", natslog.Options{Shards: 1, Patience: 100 * time.Millisecond})
	owner := join(t, log, "a", "lobby", "ana")
	lost := nc.StatusChanged(nats.RECONNECTING)
	s.Shutdown()
	<-lost
	_, appending := log.Append(t.Context(), roomlog.Record{Kind: roomlog.Broadcast, Room: "lobby", From: "ana", Expect: roomlog.Expect{User: "ana", Seq: owner}})
	if !errors.Is(appending, roomlog.ErrUnavailable) {
		t.Errorf("Append: %v, want %v", appending, roomlog.ErrUnavailable)
	}
	_, looking := log.Append(t.Context(), roomlog.Record{Kind: roomlog.Leave, Room: "lobby", From: "ana"})
	_, reading := log.Read(t.Context(), roomlog.Query{Room: "lobby"})
	_, asking := log.Ask(t.Context(), "b", nil)
	for what, err := range map[string]error{"Append": appending, "an Append that looks": looking, "Read": reading, "Ask": asking} {
		if err == nil || !strings.HasSuffix(err.Error(), "NATS cannot be reached") {
			t.Errorf("%s: %v, want that NATS cannot be reached", what, err)
		}
	}
}

// TestOneOfSeveral: that rooms are on one server of a cluster alone is warned of.
func TestOneOfSeveral(t *testing.T) {
	nc := connect(t, startNATSCluster(t))
	for replicas, want := range map[int]bool{0: true, 3: false} {
		var text bytes.Buffer
		log, err := natslog.Open(t.Context(), nc, natslog.Options{
			Prefix: "p" + string(rune('0'+replicas)), Shards: 1, Replicas: replicas, Logger: slog.New(slog.NewTextHandler(&text, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := log.Close(); err != nil {
			t.Error(err)
		}
		if got := strings.Contains(text.String(), "on one NATS server alone"); got != want {
			t.Errorf("%d replicas: warned %v, want %v: %s", replicas, got, want, &text)
		}
	}
}
