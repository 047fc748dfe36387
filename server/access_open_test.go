package server_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/beckonrtc/beckon/server"
)

// TestOpen: a server that others can reach does not run unless something tells who may do what, or it is to be open.
func TestOpen(t *testing.T) {
	tokens := newMint(t, "k").file
	for _, c := range []struct {
		about string
		cfg   server.Config
		field string // Empty: it runs.
	}{
		{"all addresses", server.Config{GRPCAddr: ":0", WebAddr: "off"}, "GRPCAddr"},
		{"all IPv4 addresses", server.Config{GRPCAddr: "0.0.0.0:0", WebAddr: "off"}, "GRPCAddr"},
		{"all IPv6 addresses", server.Config{GRPCAddr: "[::]:0", WebAddr: "off"}, "GRPCAddr"},
		{"another name", server.Config{GRPCAddr: "beckon.example.org:0", WebAddr: "off"}, "GRPCAddr"},
		{"a name that looks like it", server.Config{GRPCAddr: "localhost.example.org:0", WebAddr: "off"}, "GRPCAddr"},
		{"the web for all", server.Config{GRPCAddr: "127.0.0.1:0", WebAddr: ":0"}, "WebAddr"},
		{"open", server.Config{GRPCAddr: ":0", WebAddr: ":0", Open: true}, ""},
		{"tokens", server.Config{GRPCAddr: ":0", WebAddr: ":0", TokenKeyFile: tokens}, ""},
		{"this machine", server.Config{GRPCAddr: "127.0.0.1:0", WebAddr: "localhost:0"}, ""},
		{"this machine by another address", server.Config{GRPCAddr: "127.1.2.3:0", WebAddr: "off"}, ""},
	} {
		t.Run(c.about, func(t *testing.T) {
			t.Parallel()
			c.cfg.AdminAddr, c.cfg.DrainTimeout = "off", 10*time.Second
			ready := make(chan struct{})
			c.cfg.Logger = slog.New(whenReady{slog.DiscardHandler, ready})
			s, err := server.New(c.cfg)
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			ran := make(chan error, 1)
			go func() { ran <- s.Run(ctx) }()
			select {
			case <-ready:
				stop()
				if err := <-ran; err != nil || c.field != "" {
					t.Errorf("it ran, and ended with %v", err)
				}
			case err := <-ran:
				open, ok := errors.AsType[*server.OpenError](err)
				if !ok || open.Field != c.field {
					t.Errorf("Run: %v, want an OpenError of %q", err, c.field)
				}
			}
		})
	}
}

// whenReady is a log handler that tells when a server says that it is ready.
type whenReady struct {
	slog.Handler
	ready chan struct{}
}

// Enabled implements slog.Handler.
func (w whenReady) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (w whenReady) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "ready" {
		close(w.ready)
	}
	return nil
}
