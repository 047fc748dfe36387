package server_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server"
	"github.com/beckonrtc/beckon/server/auth"
	"github.com/beckonrtc/beckon/server/transcript"
	"github.com/beckonrtc/beckon/server/web/webtest"
)

// authority issues certificates.
type authority struct {
	tb   testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // Has the authority's certificate.
}

// newAuthority returns an authority.
func newAuthority(tb testing.TB) *authority {
	a := &authority{tb: tb}
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	encoded, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		tb.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(encoded); err != nil {
		tb.Fatal(err)
	}
	a.file = fileOf(tb, pemOf("CERTIFICATE", encoded))
	return a
}

// pemOf encodes a block.
func pemOf(kind string, content []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}))
}

// issue returns a certificate for a name and its key, in PEM.
func (a *authority) issue(name string, serial int64) (cert, key string) {
	a.tb.Helper()
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "of " + name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	encoded, err := x509.CreateCertificate(rand.Reader, template, a.cert, &own.PublicKey, a.key)
	if err != nil {
		a.tb.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		a.tb.Fatal(err)
	}
	return pemOf("CERTIFICATE", encoded), pemOf("PRIVATE KEY", secret)
}

// files returns the files of a new certificate.
func (a *authority) files(name string, serial int64) (cert, key string) {
	cert, key = a.issue(name, serial)
	dir := a.tb.TempDir()
	for file, text := range map[string]string{"cert.pem": cert, "key.pem": key} {
		replace(a.tb, filepath.Join(dir, file), text)
	}
	return filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
}

// trusting returns how a client connects that trusts a. With a name it has a certificate that issuer has issued for it.
func (a *authority) trusting(issuer *authority, name string) *tls.Config {
	a.tb.Helper()
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	cfg := &tls.Config{RootCAs: pool, ServerName: "beckon.example.org", NextProtos: []string{"h2"}}
	if name != "" {
		pair, err := tls.X509KeyPair(pairOf(issuer.issue(name, 7)))
		if err != nil {
			a.tb.Fatal(err)
		}
		// Shown whatever the server asks for.
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	return cfg
}

// pairOf returns a certificate and its key as bytes.
func pairOf(cert, key string) (_, _ []byte) { return []byte(cert), []byte(key) }

// secured is a server on TCP.
type secured struct {
	tb        testing.TB
	grpc, web string // Addresses.
}

// serveSecured runs a server on TCP until the test ends.
func serveSecured(tb testing.TB, cfg server.Config) *secured {
	tb.Helper()
	cfg.Logger = slog.New(slog.DiscardHandler)
	srv, err := server.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	native, web := listen(tb), listen(tb)
	served := make(chan error, 2)
	go func() { served <- srv.Serve(native) }()
	go func() { served <- srv.ServeWeb(web) }()
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			tb.Error(err)
		}
		for range cap(served) {
			if err := <-served; err != nil {
				tb.Error(err)
			}
		}
	})
	return &secured{tb, native.Addr().String(), web.Addr().String()}
}

// native returns how to open streams with gRPC over TLS.
func (s *secured) native(cfg *tls.Config) transcript.Dial {
	s.tb.Helper()
	conn, err := grpc.NewClient(s.grpc, grpc.WithTransportCredentials(credentials.NewTLS(cfg)))
	if err != nil {
		s.tb.Fatal(err)
	}
	s.tb.Cleanup(func() { _ = conn.Close() })
	return transcript.Stubs(conn)
}

// browser returns how to open streams as browsers do, over TLS.
func (s *secured) browser(cfg *tls.Config) transcript.Dial {
	cfg = cfg.Clone()
	cfg.NextProtos = []string{"http/1.1"}
	conn := webtest.New(s.web, (&tls.Dialer{Config: cfg}).DialContext)
	s.tb.Cleanup(func() { _ = conn.Close() })
	return transcript.Stubs(conn)
}

// shake makes a handshake, and returns how it went. The server may refuse a client's certificate only afterwards.
func shake(t *testing.T, addr string, cfg *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	secure := tls.Client(conn, cfg)
	err = secure.HandshakeContext(t.Context())
	return secure.ConnectionState(), err
}

// TestTLS: both ports are served over TLS 1.3, and with leave over TLS 1.2; nothing is served in clear text.
func TestTLS(t *testing.T) {
	ca := newAuthority(t)
	cert, key := ca.files("beckon.example.org", 2)
	for _, least := range []string{"", "1.2", "1.3"} {
		t.Run("from "+least, func(t *testing.T) {
			s := serveSecured(t, server.Config{TLSCertFile: cert, TLSKeyFile: key, TLSMinVersion: least})
			ana, bob := call(t, s.native(ca.trusting(nil, "")), "lobby", none), call(t, s.browser(ca.trusting(nil, "")), "lobby", none)
			bob.send(data(ana.id(), "lobby", []byte("hello")))
			ana.sees("hello")
			for name, addr := range map[string]string{"gRPC": s.grpc, "web": s.web} {
				old := ca.trusting(nil, "")
				old.MaxVersion, old.NextProtos = tls.VersionTLS12, nil
				if name == "gRPC" {
					old.NextProtos = []string{"h2"}
				}
				if state, err := shake(t, addr, old); (err == nil) != (least == "1.2") || err == nil && state.Version != tls.VersionTLS12 {
					t.Errorf("%s takes TLS 1.2 from %q: %v", name, least, err)
				}
				old.MaxVersion = tls.VersionTLS11
				old.MinVersion = tls.VersionTLS10
				if _, err := shake(t, addr, old); err == nil {
					t.Errorf("%s takes TLS 1.1", name)
				}
				fresh := ca.trusting(nil, "")
				fresh.NextProtos = nil
				if name == "gRPC" {
					fresh.NextProtos = []string{"h2"}
				}
				if state, err := shake(t, addr, fresh); err != nil || state.Version != tls.VersionTLS13 {
					t.Errorf("%s does not take TLS 1.3: %v", name, err)
				}
			}
			if _, err := shake(t, s.grpc, newAuthority(t).trusting(nil, "")); err == nil {
				t.Error("a client that does not trust the server goes on")
			}
			clear := webtest.New(s.web, nil)
			t.Cleanup(func() { _ = clear.Close() })
			if response, err := clear.Do(t.Context(), "GET", "/", nil, nil); err == nil && response.StatusCode < 400 {
				t.Errorf("the web port answers in clear text: %s", response.Status)
			}
		})
	}
}

// TestTLSReload: new connections see a certificate that has changed; streams go on. Half a change, or one that cannot be
// read, changes nothing.
func TestTLSReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newAuthority(t)
		cert, key := ca.files("beckon.example.org", 2)
		s := start(t, server.Config{TLSCertFile: cert, TLSKeyFile: key}, nil)
		conn := s.dial(grpc.WithTransportCredentials(credentials.NewTLS(ca.trusting(nil, ""))))
		ana, bob := call(t, transcript.Stubs(conn), "lobby", none), call(t, transcript.Stubs(conn), "lobby", none)
		serial := func() int64 {
			t.Helper()
			conn, err := s.pipe(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			secure := tls.Client(conn, ca.trusting(nil, ""))
			if err := secure.HandshakeContext(t.Context()); err != nil {
				t.Fatal(err)
			}
			return secure.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
		}
		step := func(about string, want int64) {
			t.Helper()
			time.Sleep(2100 * time.Millisecond) // Virtual.
			if got := serial(); got != want {
				t.Errorf("%s: new connections see certificate %d, want %d", about, got, want)
			}
			bob.send(data(ana.id(), "lobby", []byte(about)))
			ana.sees(about)
		}
		step("at first", 2)
		newCert, newKey := ca.issue("beckon.example.org", 3)
		replace(t, cert, newCert)
		step("half a change", 2)
		replace(t, key, newKey)
		step("the whole change", 3)
		replace(t, cert, "garbage")
		step("garbage", 3)
		lastCert, lastKey := ca.issue("beckon.example.org", 4)
		replace(t, key, lastKey)
		replace(t, cert, lastCert)
		step("another change", 4)
		again := s.dial(grpc.WithTransportCredentials(credentials.NewTLS(ca.trusting(nil, ""))))
		ana.comeBack(transcript.Stubs(again), resumed)
	})
}

// TestClientCertificates: without tokens native clients need a certificate, with tokens they may show one; it tells who
// they are. One of another authority is never good.
func TestClientCertificates(t *testing.T) {
	ca, clients, strangers := newAuthority(t), newAuthority(t), newAuthority(t)
	cert, key := ca.files("beckon.example.org", 2)
	mint := newMint(t, "k")
	token := mint.token(time.Hour, auth.Grant{Identity: "by token"})
	for _, tokens := range []bool{false, true} {
		cfg := server.Config{TLSCertFile: cert, TLSKeyFile: key, ClientCAFile: clients.file}
		if tokens {
			cfg.TokenKeyFile = mint.file
		}
		s := serveSecured(t, cfg)
		for _, c := range []struct {
			about    string
			dial     transcript.Dial
			identity string // Empty: refused.
			reason   string
		}{
			{"a certificate", s.native(ca.trusting(clients, "ana")), "ana", ""},
			{"another's certificate", s.native(ca.trusting(strangers, "ana")), "", ""},
			{"another's certificate and a token", bearing(s.native(ca.trusting(strangers, "ana")), token), "", ""},
			{"nothing", s.native(ca.trusting(nil, "")), "", map[bool]string{true: "NO_TOKEN"}[tokens]},
			{"a token", bearing(s.native(ca.trusting(nil, "")), token), map[bool]string{true: "by token"}[tokens], ""},
			{"a token in a browser", bearing(s.browser(ca.trusting(nil, "")), token), map[bool]string{true: "by token"}[tokens], map[bool]string{false: "NO_TOKEN"}[tokens]},
			{"nothing in a browser", s.browser(ca.trusting(nil, "")), "", "NO_TOKEN"},
		} {
			if c.identity == "" {
				peer, err := c.dial(t.Context())
				if err == nil {
					_ = peer.Send(joining("lobby", full)) // Recv tells why it fails.
					_, err = peer.Recv()
				}
				if code, reason := statusOf(err); err == nil || reason != c.reason || reason == "" && code != codes.Unavailable {
					t.Errorf("%s, with tokens %v: %v, reason %q, want %q", c.about, tokens, err, reason, c.reason)
				}
				continue
			}
			ana := call(t, c.dial, "den", none)
			ana.send(joining("hall", full))
			e := ana.next()
			for e.GetJoinedUsers() == nil || e.GetRoom() != "hall" {
				e = ana.next()
			}
			if got := identityOf(e, ana.id()); got != c.identity {
				t.Errorf("%s, with tokens %v: the identity is %q, want %q", c.about, tokens, got, c.identity)
			}
		}
	}
}

// identityOf returns the identity of a user in a list.
func identityOf(e *beckonv1.ConnectResponse, id string) string {
	for _, u := range e.GetJoinedUsers().GetUsers() {
		if u.GetId() == id {
			return u.GetIdentity()
		}
	}
	return ""
}

// TestBadTLSFiles: what cannot be used is refused at the start, with a word about what it is.
func TestBadTLSFiles(t *testing.T) {
	ca := newAuthority(t)
	cert, key := ca.files("beckon.example.org", 2)
	_, other := ca.files("beckon.example.org", 3)
	text, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := fileOf(t, string(text))
	missing := filepath.Join(t.TempDir(), "missing.pem")
	garbage := fileOf(t, "garbage")
	for name, c := range map[string]struct {
		cfg  server.Config
		want []string
	}{
		"no key":                {server.Config{TLSCertFile: cert}, []string{"TLSCertFile and TLSKeyFile", "both"}},
		"no certificate":        {server.Config{TLSKeyFile: key}, []string{"TLSCertFile and TLSKeyFile", "both"}},
		"a missing key":         {server.Config{TLSCertFile: cert, TLSKeyFile: missing}, []string{"TLS certificate", missing}},
		"a missing certificate": {server.Config{TLSCertFile: missing, TLSKeyFile: key}, []string{"TLS certificate", missing}},
		"a folder":              {server.Config{TLSCertFile: t.TempDir(), TLSKeyFile: key}, []string{"TLS certificate", "directory"}},
		"garbage":               {server.Config{TLSCertFile: garbage, TLSKeyFile: key}, []string{"TLS certificate", "PEM"}},
		"another's key":         {server.Config{TLSCertFile: cert, TLSKeyFile: other}, []string{"TLS certificate", "private key does not match"}},
		"another folder":        {server.Config{TLSCertFile: cert, TLSKeyFile: elsewhere}, []string{"TLS certificate", "same directory"}},
		"authorities alone":     {server.Config{ClientCAFile: ca.file}, []string{"ClientCAFile", "TLSCertFile and TLSKeyFile"}},
		"missing authorities":   {server.Config{TLSCertFile: cert, TLSKeyFile: key, ClientCAFile: missing}, []string{"authorities", missing}},
		"garbage authorities":   {server.Config{TLSCertFile: cert, TLSKeyFile: key, ClientCAFile: garbage}, []string{"authorities", garbage}},
		"an unknown version":    {server.Config{TLSCertFile: cert, TLSKeyFile: key, TLSMinVersion: "1.1"}, []string{"TLSMinVersion", `"1.1"`, `"1.2"`}},
	} {
		synctest.Test(t, func(t *testing.T) { // Nothing may be left running, either.
			c.cfg.Logger = slog.New(slog.DiscardHandler)
			began := time.Now()
			s, err := server.New(c.cfg)
			if err == nil {
				t.Errorf("%s: it is taken", name)
				_ = s.Shutdown(t.Context())
				return
			}
			for _, word := range c.want {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%s: %q does not tell of %q", name, err, word)
				}
			}
			if took := time.Since(began); took > 0 {
				t.Errorf("%s: it took %s", name, took)
			}
		})
	}
}
