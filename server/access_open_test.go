package server_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/beckonrtc/beckon/server"
	"github.com/beckonrtc/beckon/server/web/webtest"
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
		{"an admin port for all", server.Config{GRPCAddr: "127.0.0.1:0", WebAddr: "off", AdminAddr: ":0"}, "AdminAddr"},
		{"an open server's, too", server.Config{GRPCAddr: ":0", WebAddr: "off", AdminAddr: ":0", Open: true}, "AdminAddr"},
		{"an admin port that takes tokens", server.Config{GRPCAddr: ":0", WebAddr: "off", AdminAddr: ":0", TokenKeyFile: tokens}, ""},
		{"an admin port with a secret", server.Config{GRPCAddr: "127.0.0.1:0", WebAddr: "off", AdminAddr: ":0", AdminSecretFile: tokens}, ""},
		{"tokens", server.Config{GRPCAddr: ":0", WebAddr: ":0", TokenKeyFile: tokens}, ""},
		{"this machine", server.Config{GRPCAddr: "127.0.0.1:0", WebAddr: "localhost:0"}, ""},
		{"this machine by another address", server.Config{GRPCAddr: "127.1.2.3:0", WebAddr: "off"}, ""},
	} {
		t.Run(c.about, func(t *testing.T) {
			t.Parallel()
			if c.cfg.AdminAddr == "" {
				c.cfg.AdminAddr = "off"
			}
			c.cfg.DrainTimeout = 10 * time.Second
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

// TestForeignHost: a server that lets everybody in on this machine answers no page whose host's name was made to stand for
// it, and serves it no page; one that was told who may do what, or is open, answers by every name.
func TestForeignHost(t *testing.T) {
	tokens := newMint(t, "k").file
	for _, c := range []struct {
		about string
		cfg   server.Config
		want  int
	}{
		{"nobody is told apart", server.Config{}, http.StatusMisdirectedRequest},
		{"behind a proxy", server.Config{WebOrigins: []string{"https://signal.example.org"}}, http.StatusMisdirectedRequest},
		{"the name of the proxy", server.Config{WebOrigins: []string{"https://evil.example"}}, http.StatusOK},
		{"tokens", server.Config{TokenKeyFile: tokens}, http.StatusOK},
		{"open", server.Config{Open: true}, http.StatusOK},
		{"another address", server.Config{WebAddr: "192.0.2.1:8080"}, http.StatusOK},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := start(t, c.cfg, nil)
			lis := webtest.Listen()
			go func() { _ = s.ServeWeb(lis) }() // Until the server shuts down.
			client := &http.Client{Transport: &http.Transport{DialContext: lis.Dial, DisableKeepAlives: true}}
			for _, path := range []string{"/", "/beckon.v1.Signal/Send"} {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://evil.example:8080"+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Origin", "http://evil.example:8080")
				response, err := client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				_ = response.Body.Close()
				if served := response.StatusCode != http.StatusMisdirectedRequest; served != (c.want == http.StatusOK) {
					t.Errorf("%s: %s: %s, want %d", c.about, path, response.Status, c.want)
				}
			}
		})
	}
}
