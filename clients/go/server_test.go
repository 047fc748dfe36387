package beckon_test

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"

	"google.golang.org/grpc/test/bufconn"

	beckon "github.com/beckonrtc/beckon/clients/go"
	"github.com/beckonrtc/beckon/server"
)

// startServer runs a server on loopback until the process ends, and gives its address.
var startServer = sync.OnceValue(func() string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go newServer(server.Config{}).Serve(listener)
	return listener.Addr().String()
})

func newServer(config server.Config) *server.Server {
	config.Logger = slog.New(slog.DiscardHandler)
	srv, err := server.New(config)
	if err != nil {
		panic(err)
	}
	return srv
}

// house is a server in a test's bubble.
type house struct {
	*server.Server
	listener *bufconn.Listener
}

func openHouse(t *testing.T, config server.Config) *house {
	h := &house{newServer(config), bufconn.Listen(64 << 10)}
	served := make(chan error)
	go func() { served <- h.Serve(h.listener) }()
	t.Cleanup(func() {
		h.Shutdown(context.Background())
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return h
}

// guest opens a session that is closed with the test.
func (h *house) guest(t *testing.T, opts ...beckon.Option) *beckon.Session {
	t.Helper()
	session, err := beckon.Connect(t.Context(), dialConn(t, h.listener.DialContext), opts...)
	if err != nil {
		t.Fatalf("Connect: %v", err)
	}
	t.Cleanup(session.Abort)
	return session
}
