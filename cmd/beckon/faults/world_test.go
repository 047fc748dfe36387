package faults

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// heartbeat is that of the server: a short one, so that silence is noticed soon.
const heartbeat = time.Second

// world is a server, a network and the people on it.
type world struct {
	*company

	// Immutable.
	server *server
	way    atomic.Pointer[network] // On which connections are made.
}

// newWorld starts a server and opens sessions that know of each other. Its end ends them.
func newWorld(t *testing.T, window, pace time.Duration) *world {
	t.Helper()
	names := []string{"ana", "bob", "cleo", "dan", "eva", "fay", "gus", "hal"}
	w := &world{
		company: newCompany(t, map[string][]string{hall: names, "red": names[:4], "blue": names[4:]}, pace),
		server: startServer(t, "--session-key-file="+sessionKey(t), "--resume-window="+window.String(),
			"--heartbeat-interval="+heartbeat.String()),
	}
	w.way.Store(newNetwork(t, w.server.addr))
	w.meet(func(int) func(context.Context, string) (net.Conn, error) {
		return func(ctx context.Context, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", w.way.Load().addr)
		}
	})
	return w
}

// sessionKey writes the secret that resume tokens are made with, and returns where it is.
func sessionKey(t *testing.T) string {
	t.Helper()
	key := filepath.Join(t.TempDir(), "session.key")
	if err := os.WriteFile(key, []byte(strings.Repeat("a secret of a test", 2)), 0o600); err != nil {
		t.Fatal(err)
	}
	return key
}
