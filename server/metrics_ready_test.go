package server

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// TestMetricsReady: the metrics tell whether a server takes sessions, and how many there may be.
func TestMetricsReady(t *testing.T) {
	s, err := New(Config{Logger: slog.New(slog.DiscardHandler), MaxSessions: 7})
	if err != nil {
		t.Fatal(err)
	}
	told := func(s *Server, wants ...string) {
		t.Helper()
		text := scrape(s)
		for _, want := range wants {
			if !strings.Contains(text, "\n"+want+"\n") {
				t.Errorf("the metrics lack %s", want)
			}
		}
	}
	told(s, "beckon_ready 1", "beckon_draining 0", "beckon_sessions_max 7")
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	told(s, "beckon_ready 0", "beckon_draining 1")

	unbounded, err := New(Config{Logger: slog.New(slog.DiscardHandler), MaxSessions: -1})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(scrape(unbounded), "beckon_sessions_max") {
		t.Error("there is no bound, and yet one is told")
	}
	if err := unbounded.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestMetricsConnected: the metrics of a node tell when it has lost NATS, and that it then takes no sessions.
func TestMetricsConnected(t *testing.T) {
	broker := startBroker(t)
	lost := make(chan struct{})
	nc, err := nats.Connect(broker.ClientURL(), nats.MaxReconnects(-1), nats.ReconnectBufSize(-1),
		nats.DisconnectErrHandler(func(*nats.Conn, error) { close(lost) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	s, err := New(Config{SessionKeyFile: clusterKey(t), Logger: slog.New(slog.DiscardHandler), Cluster: &Cluster{NATS: nc, Shards: 1, Lease: time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Shutdown(t.Context()) }) // Without NATS it cannot say goodbye.
	if text := scrape(s); !strings.Contains(text, "\nbeckon_log_connected 1\n") {
		t.Error("the metrics do not tell that NATS is there")
	}
	broker.Shutdown()
	<-lost
	if text := scrape(s); !strings.Contains(text, "\nbeckon_log_connected 0\n") {
		t.Error("the metrics do not tell that NATS has gone")
	}
	for deadline := time.Now().Add(10 * time.Second); s.outOfTouch() == nil; { // Until the lease has run out.
		if time.Now().After(deadline) {
			t.Fatal("the node is not out of touch in 10 s")
		}
		<-time.After(10 * time.Millisecond)
	}
	if text := scrape(s); !strings.Contains(text, "\nbeckon_ready 0\n") || !strings.Contains(text, "\nbeckon_draining 0\n") {
		t.Error("the metrics do not tell that the node takes no sessions")
	}
}
