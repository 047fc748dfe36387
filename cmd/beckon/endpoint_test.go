package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestJoinCertificate: where the server wants certificates, a client that shows one is who that says, and one that shows
// none, or another's, gets nowhere.
func TestJoinCertificate(t *testing.T) {
	ours, others := newAuthority(t), newAuthority(t)
	cert, key := ours.issue("server")
	server, ports := startServer(t, "--tls-cert-file", cert, "--tls-key-file", key, "--client-ca-file", ours.file)
	join := func(cert, key string) *program {
		args := []string{"join", "lobby", "--server", ports["grpc"], "--ca", ours.file}
		if cert != "" {
			args = append(args, "--cert", cert, "--key", key)
		}
		return start(t, args...)
	}
	join(ours.issue("ana")).out.expect("that is you, identity ana")
	server.errs.expect(`"identity":"ana"`)
	for about, refused := range map[string]*program{"none": join("", ""), "another's": join(others.issue("ana"))} {
		line := refused.errs.expect("beckon: cannot reach ")
		// A client that still writes when the server has closed the connection is not told why.
		if !strings.Contains(line, "certificate") && !strings.Contains(line, "broken pipe") && !strings.Contains(line, "connection reset") {
			t.Errorf("%s: got %s", about, line)
		}
		refused.expectExit(exitFailed)
	}

	cert, key = ours.issue("load")
	r := runBench(t, fmt.Sprintf("calls --pairs 1 --rate 2 --duration 500ms --warm-up 0s --server %s --ca %s --cert %s --key %s", ports["grpc"], ours.file, cert, key)).Results[0]
	if r.Done != 1 {
		t.Errorf("bench: %+v", r)
	}
}

// TestCertificateIsReadAgain: a new connection shows the certificate that is there by then.
func TestCertificateIsReadAgain(t *testing.T) {
	ca := newAuthority(t)
	var e endpoint
	e.cert, e.key = ca.issue("ana")
	config, err := e.tlsConfig()
	if err != nil {
		t.Fatal(err)
	}
	shown := func() string {
		t.Helper()
		pair, err := config.GetClientCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf.DNSNames[0]
	}
	if name := shown(); name != "ana" {
		t.Errorf("the certificate is for %s", name)
	}
	cert, key := ca.issue("ana-2")
	for to, from := range map[string]string{e.cert: cert, e.key: key} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	if name := shown(); name != "ana-2" {
		t.Errorf("the certificate is for %s, want the new one", name)
	}
}

// authority issues certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // Has the authority's certificate.
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	var encoded []byte
	encoded, a.key = a.sign(template)
	var err error
	if a.cert, err = x509.ParseCertificate(encoded); err != nil {
		t.Fatal(err)
	}
	a.file = writeFile(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: encoded})))
	return a
}

// issue returns the files of a new certificate for a name, and for this machine.
func (a *authority) issue(name string) (cert, key string) {
	a.t.Helper()
	encoded, own := a.sign(&x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
	secret, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		a.t.Fatal(err)
	}
	dir := a.t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: encoded}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	return cert, key
}

// sign returns a certificate with a new key; the authority's own if there is none yet.
func (a *authority) sign(template *x509.Certificate) (encoded []byte, key *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().AddDate(0, 1, 0) // Not soon, of which is warned.
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	if encoded, err = x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer); err != nil {
		a.t.Fatal(err)
	}
	return encoded, key
}
