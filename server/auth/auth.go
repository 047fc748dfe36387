// Package auth tells who may do what: an Authenticator makes a Grant of what a client shows when it opens a stream.
//
// A client shows an access token (Tokens, Webhook), a certificate (Certificates), or nothing (Open). Tokens are JSON Web
// Tokens (RFC 7519), checked as RFC 8725 advises. Revocations take grants back before they run out.
//
// Whatever cannot be decided is refused: a key that was never reached, a webhook that is down, a word that is not
// understood. The package knows neither the transport nor the rooms.
package auth

import (
	"context"
	"crypto/x509"
	"net/netip"
)

// An Authenticator decides on sessions. Its method may be called concurrently.
type Authenticator interface {
	// Authenticate returns what the client may do. Its errors are of type *Error.
	Authenticate(context.Context, Request) (*Grant, error)
}

// A Request is what a client shows when it opens a stream.
type Request struct {
	// From the metadata "authorization: Bearer TOKEN"; empty if there is none. A secret.
	Token string
	// The client's certificate, as the TLS handshake has verified it; nil if there is none.
	Certificate *x509.Certificate
	// Where the client comes from.
	Remote netip.AddrPort
	// The first room that it asks for; may be empty.
	Room string
	// The other metadata of the stream, for a webhook.
	Metadata map[string][]string
}

// Open grants everything, to nobody in particular.
var Open Authenticator = open{}

type open struct{}

func (open) Authenticate(context.Context, Request) (*Grant, error) { return unbounded, nil }

// unbounded is the grant of nobody in particular.
var unbounded = new(Grant)

// CertificateOr takes a client by its token if it shows one, for that says more, and else by its certificate. A bad token
// is not made good by a certificate.
func CertificateOr(tokens Authenticator) Authenticator { return certificateOr{tokens} }

type certificateOr struct{ tokens Authenticator }

func (c certificateOr) Authenticate(ctx context.Context, r Request) (*Grant, error) {
	if r.Token == "" && r.Certificate != nil {
		return Certificates.Authenticate(ctx, r)
	}
	return c.tokens.Authenticate(ctx, r)
}
