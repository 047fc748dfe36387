package auth

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"net/url"
	"testing"
	"time"
)

func TestCertificates(t *testing.T) {
	uri := must(url.Parse("spiffe://example.org/ana"))
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name, want string
		cert       x509.Certificate
	}{
		{"all", "spiffe://example.org/ana", x509.Certificate{URIs: []*url.URL{uri}, DNSNames: []string{"ana.example.org"},
			Subject: pkix.Name{CommonName: "Ana"}}},
		{"DNS names", "ana.example.org", x509.Certificate{DNSNames: []string{"ana.example.org", "b.example.org"},
			Subject: pkix.Name{CommonName: "Ana"}}},
		{"a common name", "Ana", x509.Certificate{Subject: pkix.Name{CommonName: "Ana"}}},
	} {
		tt.cert.NotBefore, tt.cert.NotAfter = noon, noon.Add(time.Hour)
		grant, err := Certificates.Authenticate(t.Context(), Request{Certificate: &tt.cert})
		if err != nil || grant.Identity != tt.want || !grant.Issued.Equal(noon) || !grant.Expires.Equal(noon.Add(time.Hour)) {
			t.Errorf("%s: granted %+v, error %v; want %s", tt.name, grant, err, tt.want)
		}
	}
	grant, err := Certificates.Authenticate(t.Context(), Request{Token: "anything"})
	expectRefused(t, grant, err, NoToken, "no client certificate")
	grant, err = Certificates.Authenticate(t.Context(), Request{Certificate: &x509.Certificate{}})
	expectRefused(t, grant, err, BadToken, "is empty")
	grant, err = Certificates.Authenticate(t.Context(), Request{Certificate: &x509.Certificate{Subject: pkix.Name{CommonName: "a\x00b"}}})
	expectRefused(t, grant, err, BadToken, "U+0000")
}

func TestCertificateOr(t *testing.T) {
	either := CertificateOr(newTokens(t, Rules{}, secret))
	cert := &x509.Certificate{Subject: pkix.Name{CommonName: "machine"}}
	good := token(`{"alg":"HS256"}`, claims(), hs(secret))
	for _, tt := range []struct {
		name    string
		request Request
		want    string
	}{
		{"a certificate", Request{Certificate: cert}, "machine"},
		{"a token", Request{Token: good}, "ana"},
		{"both", Request{Token: good, Certificate: cert}, "ana"},
	} {
		if grant, err := either.Authenticate(t.Context(), tt.request); err != nil || grant.Identity != tt.want {
			t.Errorf("%s: granted %+v, error %v; want %s", tt.name, grant, err, tt.want)
		}
	}
	grant, err := either.Authenticate(t.Context(), Request{})
	expectRefused(t, grant, err, NoToken, "")
	grant, err = either.Authenticate(t.Context(), Request{Token: good + "x", Certificate: cert})
	expectRefused(t, grant, err, BadToken, "")
}
