package server

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/auth"
	"github.com/beckonrtc/beckon/server/ice"
)

// access is who may do what, and with which ICE servers.
type access struct {
	authenticator auth.Authenticator
	admins        auth.Authenticator // Takes tokens alone; nil: there are none.
	revocations   *auth.Revocations
	failures      *buckets // Tries of clients that were not let in. Nil: without a bound.
	asking        *turns   // Questions to a webhook. Nil: there is none.
	servers       *ice.Servers
	relay         *ice.Relay // Nil: there is none.
	holders       *holders   // Users with credentials of relay.
}

// newAccess returns what cfg says of access, where certs are the server's certificates, nil if there are none. It is kept fresh until ctx ends.
func newAccess(ctx context.Context, cfg Config, certs *certificates) (*access, error) {
	a := &access{failures: newBuckets(cfg.MaxFailuresPerIP, triesBurst*cfg.MaxFailuresPerIP)}
	if cfg.AuthWebhook != "" {
		a.asking = newTurns(maxAsking)
	}
	var err error
	if a.revocations, err = auth.NewRevocations(ctx, cfg.RevocationsFile, cfg.Logger); err != nil {
		return nil, err
	}
	shown, tokens, err := cfg.authenticator(ctx)
	if err != nil {
		return nil, err
	}
	a.authenticator = a.revocations.Guard(shown)
	if tokens != nil {
		a.admins = a.revocations.Guard(tokens)
	}
	a.holders = newHolders(cfg.TURNTTL, a.revocations.Revoked)
	a.servers, a.relay, err = cfg.newICE(a.holders.revoked, certs)
	return a, err
}

// authenticates reports whether clients have to show something.
func (c Config) authenticates() bool {
	return c.TokenKeyFile != "" || c.TokenJWKS != "" || c.AuthWebhook != "" || c.ClientCAFile != ""
}

// takesTokens reports whether access tokens are taken, and checked here.
func (c Config) takesTokens() bool { return c.TokenKeyFile != "" || c.TokenJWKS != "" }

// authenticator returns what decides on clients, and what does so on tokens alone, nil if none are taken.
func (c Config) authenticator(ctx context.Context) (all, tokens auth.Authenticator, err error) {
	var shown auth.Authenticator // What decides on a token.
	switch {
	case c.takesTokens() && c.AuthWebhook != "":
		return nil, nil, errors.New("both tokens and a webhook are to decide on clients: expected one of TokenKeyFile, TokenJWKS and AuthWebhook")
	case c.takesTokens():
		t, err := auth.NewTokens(ctx, auth.TokenConfig{
			Rules:   auth.Rules{Issuer: c.TokenIssuer, Audience: c.TokenAudience, ClockSkew: c.TokenSkew},
			KeyFile: c.TokenKeyFile, JWKSURL: c.TokenJWKS, Logger: c.Logger,
		})
		if err != nil {
			return nil, nil, fmt.Errorf("access tokens: %w", err)
		}
		shown, tokens = t, t
	case c.AuthWebhook != "":
		w, err := auth.NewWebhook(c.AuthWebhook, c.AuthWebhookKeyFile)
		if err != nil {
			return nil, nil, err
		}
		shown = w
	case c.ClientCAFile != "":
		return auth.Certificates, nil, nil
	default:
		return auth.Open, nil, nil
	}
	if c.ClientCAFile != "" {
		return auth.CertificateOr(shown), tokens, nil
	}
	return shown, tokens, nil
}

// admit returns what the client of a stream may do, which asks for that room first.
func (a *access) admit(ctx context.Context, room string) (*auth.Grant, error) {
	r := auth.Request{Remote: remote(ctx), Room: room, Certificate: certificate(ctx)}
	md, _ := metadata.FromIncomingContext(ctx)
	r.Metadata = md
	switch shown := md.Get("authorization"); {
	case len(shown) > 1:
		return nil, &auth.Error{Reason: auth.BadToken, Detail: fmt.Sprintf("there are %d values of the metadata authorization: expected one", len(shown))}
	case len(shown) == 1:
		scheme, token, ok := strings.Cut(shown[0], " ")
		if !ok || !strings.EqualFold(scheme, "Bearer") {
			return nil, &auth.Error{Reason: auth.BadToken, Detail: `the metadata authorization is not of the kind that is understood: expected "Bearer" and an access token`}
		}
		r.Token = strings.TrimSpace(token)
	}
	return a.try(ctx, a.authenticator, r)
}

// certificate returns the client's certificate if the handshake has verified one.
func certificate(ctx context.Context) *x509.Certificate {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return nil
	}
	if secured, ok := p.AuthInfo.(credentials.TLSInfo); ok && len(secured.State.VerifiedChains) > 0 {
		return secured.State.VerifiedChains[0][0]
	}
	return nil
}

// iceServers returns the ICE servers for a user, and when to issue them anew.
func (a *access) iceServers(g *auth.Grant, user string) ([]*beckonv1.IceServer, time.Time) {
	if len(g.ICEServers) > 0 {
		return granted(g.ICEServers), time.Time{}
	}
	now := time.Now()
	user = ice.UserOf(user, g.Identity)
	if a.relay != nil {
		a.holders.add(user, g, now, a.relay.Serves)
	}
	servers := a.servers.Issue(user, now)
	if after := a.servers.RenewAfter(); after > 0 {
		return servers, now.Add(after)
	}
	return servers, time.Time{}
}

// watch ends the sessions whose grants are revoked, and what their users have at the relay, until ctx ends.
func (s *Server) watch(ctx context.Context) {
	for {
		changed := s.access.revocations.Changed()
		s.hub.Revoke(s.access.revocations.Revoked)
		if relay := s.access.relay; relay != nil {
			relay.EndRevoked()
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// checkOpen returns an error if anybody on the network could use a server that lets everybody do everything.
func (c Config) checkOpen() error {
	if c.AdminAddr != off && c.AdminSecretFile == "" && !c.takesTokens() && !isLoopback(c.AdminAddr) {
		return &OpenError{Field: "AdminAddr", Addr: c.AdminAddr}
	}
	if c.Open || c.authenticates() {
		return nil
	}
	for _, p := range []struct{ name, addr string }{{"GRPCAddr", c.GRPCAddr}, {"WebAddr", c.WebAddr}} {
		if p.addr != off && !isLoopback(p.addr) {
			return &OpenError{Field: p.name, Addr: p.addr}
		}
	}
	return nil
}

// OpenError tells that a server would let everybody do everything.
type OpenError struct {
	Field string // Of Config.
	Addr  string
}

// Error tells what is missing.
func (e *OpenError) Error() string {
	if e.Field == "AdminAddr" {
		return fmt.Sprintf("AdminAddr is %q, which others can reach, and anybody could end the server: expected AdminSecretFile, access tokens (TokenKeyFile, TokenJWKS), or an address of this machine alone such as %q", e.Addr, "127.0.0.1:9090")
	}
	return fmt.Sprintf("%s is %q, which others can reach, and nothing tells who may do what: expected access tokens (TokenKeyFile, TokenJWKS), a webhook (AuthWebhook), client certificates (ClientCAFile), an address of this machine alone such as %q, or Open",
		e.Field, e.Addr, "localhost:50051")
}

// isLoopback reports whether only this machine can reach addr.
func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
