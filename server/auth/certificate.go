package auth

import (
	"cmp"
	"context"
	"crypto/x509"
)

// Certificates takes a client's certificate, which the TLS handshake has verified, for who it is: see CertificateName. It
// grants everything, for as long as the certificate is good.
var Certificates Authenticator = certificates{}

type certificates struct{}

func (certificates) Authenticate(_ context.Context, r Request) (*Grant, error) {
	if r.Certificate == nil {
		return nil, &Error{Reason: NoToken, Detail: "there is no client certificate: expected one, as this server takes only such clients"}
	}
	name := CertificateName(r.Certificate)
	if err := checkName("the certificate's name (URI, DNS name or common name)", name); err != nil {
		return nil, bad("%s", err)
	}
	return &Grant{Identity: name, Issued: r.Certificate.NotBefore, Expires: r.Certificate.NotAfter}, nil
}

// CertificateName returns who a certificate is for: its first URI (as of SPIFFE), else its first DNS name, both from the
// subject alternative name (RFC 5280, section 4.2.1.6), else the common name of its subject; "" if it has none of them.
func CertificateName(c *x509.Certificate) string {
	var uri, dns string
	if len(c.URIs) > 0 {
		uri = c.URIs[0].String()
	}
	if len(c.DNSNames) > 0 {
		dns = c.DNSNames[0]
	}
	return cmp.Or(uri, dns, c.Subject.CommonName)
}
