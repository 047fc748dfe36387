package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

const secret = "a secret of the tests, long enough to sign"

// The keys of the tests.
var (
	rsaKey = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	ecKey  = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	edKey  = sync.OnceValue(func() ed25519.PrivateKey { _, k, err := ed25519.GenerateKey(rand.Reader); return must(k, err) })
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A signature makes the third part of a token from the first two.
type signature func(signed string) []byte

func hs(secret string) signature {
	return func(signed string) []byte {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(signed))
		return mac.Sum(nil)
	}
}

func rs(key *rsa.PrivateKey) signature {
	return func(signed string) []byte {
		sum := sha256.Sum256([]byte(signed))
		return must(rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:]))
	}
}

func es(key *ecdsa.PrivateKey) signature {
	return func(signed string) []byte {
		sum := sha256.Sum256([]byte(signed))
		r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
		return jointly(must(r, err), s, (key.Params().BitSize+7)/8)
	}
}

// jointly is an ECDSA signature as JWS has it (RFC 7518, section 3.4).
func jointly(r, s *big.Int, size int) []byte {
	return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
}

func ed(key ed25519.PrivateKey) signature {
	return func(signed string) []byte { return ed25519.Sign(key, []byte(signed)) }
}

// fixed signs anything with the same bytes.
func fixed(bytes []byte) signature { return func(string) []byte { return bytes } }

var b64 = base64.RawURLEncoding

// token puts one together, whatever its parts are.
func token(header, payload string, sign signature) string {
	signed := b64.EncodeToString([]byte(header)) + "." + b64.EncodeToString([]byte(payload))
	return signed + "." + b64.EncodeToString(sign(signed))
}

// claims are good ones, with some replaced by the JSON that follows their name, left out if that is empty, or added.
func claims(changes ...string) string {
	members := [][2]string{
		{"sub", `"ana"`}, {"exp", fmt.Sprint(time.Now().Add(time.Hour).Unix())}, {"iat", fmt.Sprint(time.Now().Unix())},
		{"iss", `"https://id.example.org"`}, {"aud", `"beckon"`},
	}
next:
	for i := 0; i < len(changes); i += 2 {
		for k := range members {
			if members[k][0] == changes[i] {
				members[k][1] = changes[i+1]
				continue next
			}
		}
		members = append(members, [2]string{changes[i], changes[i+1]})
	}
	var list []string
	for _, m := range members {
		if m[1] != "" {
			list = append(list, fmt.Sprintf("%q:%s", m[0], m[1]))
		}
	}
	return "{" + strings.Join(list, ",") + "}"
}

// jwks is the JWK Set of these keys; each is an id and what go-jose takes for a key.
func jwks(t testing.TB, pairs ...any) string {
	t.Helper()
	set := jose.JSONWebKeySet{}
	for i := 0; i < len(pairs); i += 2 {
		set.Keys = append(set.Keys, jose.JSONWebKey{KeyID: pairs[i].(string), Key: pairs[i+1]})
	}
	data, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// allKeys is a JWK Set with one key of each type, their ids hs, rs, es and ed.
func allKeys(t testing.TB) string {
	return jwks(t, "hs", []byte(secret), "rs", rsaKey().Public(), "es", ecKey().Public(), "ed", edKey().Public())
}

// publicPEM is a public key as a file has it.
func publicPEM(key crypto.Signer) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(key.Public()))}))
}

func privatePEM(key crypto.Signer) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(key))}))
}

// tempFile writes a file as an operator should: whole, and then renamed.
func tempFile(t testing.TB, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "file")
	replaceFile(t, path, text)
	return path
}

func replaceFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

var strict = Rules{Issuer: "https://id.example.org", Audience: "beckon"}

var quiet = slog.New(slog.DiscardHandler)

// newTokens makes an Authenticator with a key file.
func newTokens(t testing.TB, rules Rules, keys string) *Tokens {
	t.Helper()
	tokens, err := NewTokens(t.Context(), TokenConfig{Rules: rules, KeyFile: tempFile(t, keys), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// expectRefused wants an *Error with that reason, and detail somewhere in its text for the client.
func expectRefused(t testing.TB, grant *Grant, err error, reason Reason, detail string) {
	t.Helper()
	refused, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("granted %+v, error %v; want %s", grant, err, reason)
	}
	if grant != nil || refused.Reason != reason || !strings.Contains(refused.Detail, detail) {
		t.Errorf("got  %s: %s\nwant %s: …%s…; grant %v", refused.Reason, refused.Detail, reason, detail, grant)
	}
	if strings.Contains(err.Error(), secret) {
		t.Errorf("the error has the secret: %s", err)
	}
}
