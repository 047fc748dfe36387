package server_test

import (
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/turn/v5"

	"github.com/beckonrtc/beckon/server"
)

// TestRelayTLS: clients are told of the TURN server's port for TLS, with a name of the certificate, and get in there. It has
// the versions of TLS and the certificate of the other ports: when that changes, new connections have the new one.
func TestRelayTLS(t *testing.T) {
	const name = "beckon.example.org"
	ca := newAuthority(t)
	cert, key := ca.files(name, 2)
	s := serveSecured(t, server.Config{
		TLSCertFile: cert, TLSKeyFile: key,
		TURNAddr: "127.0.0.1:0", TURNTLSAddr: "127.0.0.1:0", TURNHost: name, TURNAllowPrivate: true,
	})
	told := call(t, s.native(ca.trusting(nil, "")), "lobby", none).welcome.GetIceServers()
	if len(told) != 1 || len(told[0].GetUrls()) != 3 {
		t.Fatalf("welcome tells of %v", told)
	}
	port, ok := strings.CutPrefix(told[0].GetUrls()[2], "turns:"+name+":")
	port, tcp := strings.CutSuffix(port, "?transport=tcp")
	if !ok || !tcp || !strings.HasPrefix(told[0].GetUrls()[0], "turn:"+name+":") {
		t.Fatalf("welcome tells of %q", told[0].GetUrls())
	}
	addr := net.JoinHostPort("127.0.0.1", port) // Where the name would lead to.
	client := ca.trusting(nil, "")
	client.NextProtos = nil

	dial := func() *tls.Conn {
		t.Helper()
		conn, err := tls.Dial("tcp", addr, client)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	if err := allocateOver(t, turn.NewSTUNConn(dial()), addr, told[0].GetUsername(), told[0].GetCredential()); err != nil {
		t.Errorf("the TURN server refuses what welcome tells: %v", err)
	}
	if err := allocateOver(t, turn.NewSTUNConn(dial()), addr, told[0].GetUsername(), "another"); err == nil {
		t.Error("the TURN server takes anything")
	}
	old := client.Clone()
	old.MaxVersion = tls.VersionTLS12
	if _, err := shake(t, addr, old); err == nil {
		t.Error("it takes TLS 1.2")
	}
	if _, err := shake(t, addr, newAuthority(t).trusting(nil, "")); err == nil {
		t.Error("its certificate is good for those who trust another authority")
	}

	former := dial() // Goes on.
	newCert, newKey := ca.issue(name, 3)
	replace(t, key, newKey)
	replace(t, cert, newCert)
	for deadline := time.Now().Add(20 * time.Second); ; {
		state, err := shake(t, addr, client)
		if err != nil {
			t.Fatal(err)
		}
		if state.PeerCertificates[0].SerialNumber.Int64() == 3 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("new connections do not have the new certificate")
		}
	}
	if err := allocateOver(t, turn.NewSTUNConn(former), addr, told[0].GetUsername(), told[0].GetCredential()); err != nil {
		t.Errorf("a connection from before the change: %v", err)
	}
}

// TestRelayTLSName: clients would refuse a certificate that is for another name than they are told.
func TestRelayTLSName(t *testing.T) {
	cert, key := newAuthority(t).files("beckon.example.org", 2)
	cfg := server.Config{TLSCertFile: cert, TLSKeyFile: key, TURNAddr: "127.0.0.1:0", TURNTLSAddr: "127.0.0.1:0"}
	for _, host := range []string{"", "turn.example.org"} {
		cfg.TURNHost = host
		_, err := server.New(cfg)
		bad, ok := errors.AsType[*server.NameError](err)
		if !ok || !slices.Equal(bad.Names, []string{"beckon.example.org"}) || host != "" && bad.Host != host || host == "" && bad.Host != "127.0.0.1" {
			t.Errorf("%q: %v", host, err)
		}
	}
	for want, cfg := range map[string]server.Config{
		"no TLSCertFile": {TURNAddr: "127.0.0.1:0", TURNTLSAddr: "127.0.0.1:0"},
		"no TURNAddr":    {TLSCertFile: cert, TLSKeyFile: key, TURNTLSAddr: "127.0.0.1:0"},
	} {
		if _, err := server.New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
