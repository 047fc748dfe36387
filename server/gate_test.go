package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// serveGated serves native clients at an address until the test ends.
func serveGated(t *testing.T, cfg Config) (s *Server, addr string) {
	t.Helper()
	cfg.Logger = slog.New(slog.DiscardHandler)
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(lis) }()
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s, lis.Addr().String()
}

// asked is a connection on which it is asked for the server's health.
type asked struct {
	conn  net.Conn // The only one.
	calls healthv1.HealthClient
}

// ask opens a connection. It is not opened again when it ends.
func ask(t *testing.T, addr string, with credentials.TransportCredentials) *asked {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	given := false
	client, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(with), grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
		if given {
			return nil, net.ErrClosed
		}
		given = true
		return conn, nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return &asked{conn, healthv1.NewHealthClient(client)}
}

// until opens streams one after the other until one fails, which must be because the connection was closed. It returns how
// many did not fail; most at the most.
func (a *asked) until(t *testing.T, most int) (n int) {
	t.Helper()
	for ; n < most; n++ {
		if _, err := a.calls.Check(t.Context(), &healthv1.HealthCheckRequest{}); err != nil {
			if code := status.Code(err); code != codes.Unavailable {
				t.Errorf("after %d streams: %v, want UNAVAILABLE", n, err)
			}
			break
		}
	}
	return n
}

// TestMaxStreamsPerSecond: who opens streams too fast on a connection loses it, and nobody else theirs.
func TestMaxStreamsPerSecond(t *testing.T) {
	cert, key, trusting := certificateFor(t)
	for name, c := range map[string]struct {
		cfg  Config
		with credentials.TransportCredentials
	}{
		"plaintext":              {Config{}, insecure.NewCredentials()},
		"TLS":                    {Config{TLSCertFile: cert, TLSKeyFile: key}, credentials.NewTLS(trusting)},
		"a bound of connections": {Config{MaxConnections: 10}, insecure.NewCredentials()},
	} {
		t.Run(name, func(t *testing.T) {
			c.cfg.MaxStreamsPerSecond = 1
			s, addr := serveGated(t, c.cfg)
			good := ask(t, addr, c.with)
			if n := good.until(t, 2); n != 2 {
				t.Fatalf("%d streams could be opened, want 2", n)
			}
			hostile := ask(t, addr, c.with)
			began := time.Now()
			n := hostile.until(t, 1000)
			if most := streamsBurst + int(time.Since(began)/time.Second) + 1; n < streamsBurst || n > most {
				t.Errorf("%d streams could be opened, want %d to %d", n, streamsBurst, most)
			}
			if n := good.until(t, 1); n != 1 {
				t.Error("another connection was closed, too")
			}
			counted(t, s, `beckon_connections_closed_total{reason="connection"} 1`)
		})
	}
}

// TestStreamsOfSource: an address from which too many streams come, over however many connections, has its connections
// closed; what is a trusted proxy's is not bounded.
func TestStreamsOfSource(t *testing.T) {
	const one = streamsBurst
	_, addr := serveGated(t, Config{MaxStreamsPerSecond: 1})
	began := time.Now()
	n, conns := 0, 0
	for got := 1; got > 0 && conns < 1000; conns++ {
		got = ask(t, addr, insecure.NewCredentials()).until(t, one)
		n += got
	}
	all := one * connectionsOfSource
	if most := all + connectionsOfSource*(int(time.Since(began)/time.Second)+1); n < all || n > most {
		t.Errorf("%d streams could be opened, want %d to %d", n, all, most)
	}

	_, addr = serveGated(t, Config{MaxStreamsPerSecond: 1, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	if n := ask(t, addr, insecure.NewCredentials()).until(t, 2*all); n != 2*all {
		t.Errorf("through a proxy %d streams could be opened, want %d", n, 2*all)
	}
	_, addr = serveGated(t, Config{MaxStreamsPerSecond: -1})
	if n := ask(t, addr, insecure.NewCredentials()).until(t, 2*all); n != 2*all {
		t.Errorf("without a bound %d streams could be opened, want %d", n, 2*all)
	}
}

// TestNoEntrance: to an address from which too many streams come nothing is said at all.
func TestNoEntrance(t *testing.T) {
	s, addr := serveGated(t, Config{MaxStreamsPerSecond: 1})
	source := sourceOf(netip.MustParseAddr("127.0.0.1"))
	for range 1000 { // On a machine that is slow enough there may be a new stream's worth in the meantime.
		for s.gate.sources.take(source) {
		}
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		n, _ := conn.Read(make([]byte, 1))
		_ = conn.Close()
		if n == 0 {
			if s.gate.refused.Load() == 0 || !strings.Contains(scrape(s), `beckon_connections_closed_total{reason="address"} `) {
				t.Error("a refused connection is not counted")
			}
			return
		}
	}
	t.Error("connections are served")
}

// TestEntrancesLeave: the gate forgets connections that have ended.
func TestEntrancesLeave(t *testing.T) {
	s, addr := serveGated(t, Config{})
	for range 10 {
		a := ask(t, addr, insecure.NewCredentials())
		if n := a.until(t, 1); n != 1 {
			t.Fatal("a stream could not be opened")
		}
		_ = a.conn.Close()
	}
	const patience = 10 * time.Second
	for deadline := time.Now().Add(patience); ; runtime.Gosched() {
		runtime.GC()
		left := 0
		s.gate.entrances.Range(func(any, any) bool { left++; return true })
		if left == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %s %d connections are known", patience, left)
		}
	}
}

// certificateFor returns the files of a certificate for this machine, and the configuration of a client that trusts it.
func certificateFor(t *testing.T) (cert, key string, trusting *tls.Config) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(cert, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600); err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return cert, key, &tls.Config{RootCAs: pool, ServerName: "localhost"}
}

// TestWebWithoutHTTP2: browsers have one request at a time on a connection, with TLS and without.
func TestWebWithoutHTTP2(t *testing.T) {
	cert, key, trusting := certificateFor(t)
	trusting.NextProtos = []string{"h2", "http/1.1"}
	for _, cfg := range []Config{{}, {TLSCertFile: cert, TLSKeyFile: key}} {
		cfg.Logger = slog.New(slog.DiscardHandler)
		s, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		lis, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() { _ = s.ServeWeb(lis) }() // Until the server shuts down.
		conn, err := net.Dial("tcp", lis.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if cfg.TLSCertFile != "" {
			secured := tls.Client(conn, trusting)
			if err := secured.Handshake(); err != nil || secured.ConnectionState().NegotiatedProtocol != "http/1.1" {
				t.Errorf("agreed on %q: %v", secured.ConnectionState().NegotiatedProtocol, err)
			}
			conn = secured
		}
		if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
			t.Fatal(err)
		}
		answer := make([]byte, len("HTTP/1.1 4"))
		if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != "HTTP/1.1 4" {
			t.Errorf("answered %q: %v", answer, err)
		}
		_ = conn.Close()
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
