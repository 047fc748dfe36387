package server

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// journal is a log that is read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer // Guarded by mu.
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

// await waits for a line that contains words.
func (j *journal) await(t *testing.T, words string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; <-time.After(10 * time.Millisecond) {
		j.mu.Lock()
		found := strings.Contains(j.text.String(), words)
		j.mu.Unlock()
		if found {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%q is not logged in 10 s", words)
		}
	}
}

// TestCertificatesAreLogged: that files of certificates have changed is logged, and that they cannot be used.
func TestCertificatesAreLogged(t *testing.T) {
	from, key, _ := certificateFor(t)
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	write := func(name string, text []byte) {
		t.Helper()
		if err := os.WriteFile(file(name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	read := func(name string) []byte {
		t.Helper()
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	chain := read(from)
	write("cert", chain)
	write("key", read(key))
	write("ca", chain)
	log := new(journal)
	certs, err := newCertificates(Config{
		TLSCertFile: file("cert"), TLSKeyFile: file("key"), ClientCAFile: file("ca"), TURNTLSAddr: "127.0.0.1:0", TURNHost: "elsewhere.example",
		Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(certs.close)
	log.await(t, "expires soon") // It is one for a test.
	write("cert", []byte("nonsense"))
	write("ca", []byte("nonsense"))
	log.await(t, "the TLS certificate has changed and cannot be used")
	log.await(t, "authorities have changed and cannot be used")
	write("cert", chain)
	write("ca", chain)
	log.await(t, `"the TLS certificate has changed"`)
	log.await(t, "not for the host that clients of the TURN server are told")
	log.await(t, `"the clients' certificate authorities have changed"`)
}
