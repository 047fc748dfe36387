package auth

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// TokenConfig is how Tokens checks. One of KeyFile and JWKSURL is needed.
type TokenConfig struct {
	Rules

	// A file with the keys: a secret of at least 32 bytes (HS256), a key in PEM (RS256, ES256, EdDSA), or a JWK Set (RFC
	// 7517) of either, in which each of several keys has a kid. It is read again when it changes.
	KeyFile string
	// Where to get a JWK Set of public keys; https, or http on this machine.
	JWKSURL string
	// How often the JWK Set is fetched, so that keys that were withdrawn are not taken for longer. Default: 5 minutes. Must
	// be at least 1 s.
	JWKSRefresh time.Duration

	// Default: slog.Default().
	Logger *slog.Logger
}

// Tokens is the Authenticator of JSON Web Tokens. Only what its keys have signed is good, each key with the one algorithm
// of its type.
type Tokens struct {
	// Immutable.
	rules Rules
	keys  keySource
	// Tokens that were found good: a client shows the same one with each stream, and a signature is most of what a check
	// costs. By the SHA-256 of the token. What depends on the time is checked anew.
	known *lru.Cache[[sha256.Size]byte, knownToken]
}

// knownToken is what a token says that keys of that set have signed. Immutable.
type knownToken struct {
	keys   *keySet
	claims *Claims
}

func newKnown() *lru.Cache[[sha256.Size]byte, knownToken] {
	known, _ := lru.New[[sha256.Size]byte, knownToken](maxKnown) // Fails without room only.
	return known
}

// maxKnown is how many tokens are known at most. One takes up about 1 KB.
const maxKnown = 8192

// A keySource has the keys that count at present. Its method may be called concurrently.
type keySource interface {
	// find returns the key for a token with that header. It may wait for a fetch.
	find(context.Context, *compact) (verificationKey, *Error)
	// now returns the keys, the same for as long as they do not change; nil if there are none.
	now() *keySet
}

// NewTokens returns the Authenticator of what cfg says. It keeps its keys fresh until ctx ends. A JWK Set that cannot be
// fetched is no error: until it can, clients are told to come back.
func NewTokens(ctx context.Context, cfg TokenConfig) (*Tokens, error) {
	logger := cmp.Or(cfg.Logger, slog.Default())
	t := &Tokens{rules: cfg.Rules, known: newKnown()}
	switch {
	case (cfg.KeyFile == "") == (cfg.JWKSURL == ""):
		return nil, errors.New("expected either a key file or the address of a JWK Set")
	case cfg.KeyFile != "":
		keys, err := newFileKeys(ctx, cfg.KeyFile, logger)
		if err != nil {
			return nil, err
		}
		t.keys = keys
	default:
		keys, err := newRemoteKeys(cfg.JWKSURL, cmp.Or(cfg.JWKSRefresh, 5*time.Minute), logger)
		if err != nil {
			return nil, err
		}
		go keys.run(ctx)
		t.keys = keys
	}
	return t, nil
}

// Authenticate grants what the token in r says.
func (t *Tokens) Authenticate(ctx context.Context, r Request) (*Grant, error) {
	claims, refused := t.claims(ctx, r.Token)
	if refused == nil {
		refused = t.rules.check(claims, time.Now())
	}
	if refused != nil {
		return nil, refused
	}
	return &claims.Grant, nil
}

// claims returns what a token says whose signature is good.
func (t *Tokens) claims(ctx context.Context, token string) (*Claims, *Error) {
	keys, sum := t.keys.now(), sha256.Sum256([]byte(token))
	if known, ok := t.known.Get(sum); ok && known.keys == keys {
		return known.claims, nil
	}
	claims, refused := t.read(ctx, token)
	if refused != nil {
		return nil, refused
	}
	claims.Grant.Expires = claims.Expires.Add(t.rules.skew())
	if keys != nil && t.keys.now() == keys { // These are the keys, then, that have signed it.
		t.known.Add(sum, knownToken{keys, claims})
	}
	return claims, nil
}

// read checks the signature of a token and returns what it says.
func (t *Tokens) read(ctx context.Context, token string) (*Claims, *Error) {
	c, refused := parseCompact(token)
	if refused != nil {
		return nil, refused
	}
	key, refused := t.keys.find(ctx, c)
	if refused != nil {
		return nil, refused
	}
	if refused := c.verify(key); refused != nil {
		return nil, refused
	}
	return c.claims()
}
