package auth

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestEveryAlgorithm(t *testing.T) {
	for _, tt := range []struct {
		name, header, keys string
		sign               signature
	}{
		{"HS256", `{"alg":"HS256"}`, secret, hs(secret)},
		{"HS256, a file with a line break", `{"alg":"HS256","typ":"JWT"}`, secret + "\n", hs(secret)},
		{"HS256, a file from elsewhere", `{"alg":"HS256"}`, secret + "\r\n", hs(secret)},
		{"HS256, a kid that the file does not have", `{"alg":"HS256","kid":"1"}`, secret, hs(secret)},
		{"RS256", `{"alg":"RS256","typ":"at+jwt"}`, publicPEM(rsaKey()), rs(rsaKey())},
		{"ES256", `{"alg":"ES256"}`, publicPEM(ecKey()), es(ecKey())},
		{"EdDSA", `{"typ":"jwt","alg":"EdDSA"}`, publicPEM(edKey()), ed(edKey())},
		{"EdDSA, private key", `{"alg":"EdDSA"}`, privatePEM(edKey()), ed(edKey())},
		{"HS256 of a set", `{"alg":"HS256","kid":"hs"}`, allKeys(t), hs(secret)},
		{"RS256 of a set", `{"alg":"RS256","kid":"rs","x5t":"abc"}`, allKeys(t), rs(rsaKey())},
		{"ES256 of a set", `{"alg":"ES256","kid":"es","typ":"application/at+JWT"}`, allKeys(t), es(ecKey())},
		{"EdDSA of a set", `{"alg":"EdDSA","kid":"ed"}`, allKeys(t), ed(edKey())},
		{"the only key of a set needs no kid", `{"alg":"EdDSA"}`, jwks(t, "ed", edKey().Public()), ed(edKey())},
	} {
		t.Run(tt.name, func(t *testing.T) {
			grant, err := newTokens(t, strict, tt.keys).Authenticate(t.Context(), Request{Token: token(tt.header, claims(), tt.sign)})
			if err != nil || grant.Identity != "ana" {
				t.Errorf("granted %+v, error %v", grant, err)
			}
		})
	}
}

func TestGrantOfToken(t *testing.T) {
	tokens := newTokens(t, Rules{}, secret)
	for _, tt := range []struct {
		claims string
		want   Grant
	}{
		{
			`{"sub":"ana","exp":4102444800}`,
			Grant{Identity: "ana", Expires: time.Unix(4102444830, 0).UTC()},
		},
		{
			`{"sub":"ana","exp":4102444800,"iat":1700000000,"nbf":1700000000,"iss":"x","aud":["a","b"],"jti":"7","name":"Ana",
			  "scope":"openid","nested":{"a":[{}]},
			  "beckon":{"rooms":["lobby","team-*"],"may":["join","call"],"max_sessions":2,"attributes":{"role":"guest","title":""},
			  "admin":true,"duplicates":"reject"}}`,
			Grant{
				Identity: "ana", Name: "Ana", Attributes: map[string]string{"role": "guest", "title": ""},
				Rooms: []string{"lobby", "team-*"}, Withheld: Broadcast | Data | UpdateName, Admin: true,
				MaxSessions: 2, Duplicates: RejectDuplicates,
				TokenID: "7", Issued: time.Unix(1700000000, 0).UTC(), Expires: time.Unix(4102444830, 0).UTC(),
			},
		},
		{
			`{"sub":"ana","exp":4102444800,"name":"","beckon":{"may":[]}}`,
			Grant{Identity: "ana", Withheld: everything, Expires: time.Unix(4102444830, 0).UTC()},
		},
		{
			`{"sub":"` + strings.Repeat("é", 64) + `","exp":4102444800,"beckon":{"rooms":["*"],"may":["join","call","broadcast","data","update_name"]}}`,
			Grant{Identity: strings.Repeat("é", 64), Rooms: []string{"*"}, Expires: time.Unix(4102444830, 0).UTC()},
		},
	} {
		grant, err := tokens.Authenticate(t.Context(), Request{Token: token(`{"alg":"HS256"}`, tt.claims, hs(secret))})
		if err != nil {
			t.Errorf("%s: %v", tt.claims, err)
			continue
		}
		if diff := cmp.Diff(tt.want, *grant); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.claims, diff)
		}
	}
}

func TestClockSkew(t *testing.T) {
	for _, tt := range []struct {
		name, claim string
		at, skew    time.Duration
		reason      Reason // Empty: it is good.
	}{
		{"exp within the skew", "exp", -29 * time.Second, 0, ""},
		{"exp beyond it", "exp", -30 * time.Second, 0, TokenExpired},
		{"exp without skew", "exp", time.Second, -1, ""},
		{"exp now, without skew", "exp", 0, -1, TokenExpired},
		{"nbf within the skew", "nbf", 30 * time.Second, 0, ""},
		{"nbf beyond it", "nbf", 31 * time.Second, 0, BadToken},
		{"nbf within a wide one", "nbf", time.Minute, 2 * time.Minute, ""},
		{"iat within the skew", "iat", 30 * time.Second, 0, ""},
		{"iat beyond it", "iat", 31 * time.Second, 0, BadToken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tokens := newTokens(t, Rules{ClockSkew: tt.skew}, secret)
				payload := claims(tt.claim, fmt.Sprint(time.Now().Add(tt.at).Unix()))
				grant, err := tokens.Authenticate(t.Context(), Request{Token: token(`{"alg":"HS256"}`, payload, hs(secret))})
				if tt.reason != "" {
					expectRefused(t, grant, err, tt.reason, "")
				} else if err != nil || !grant.Expires.After(time.Now()) {
					t.Errorf("granted %+v, error %v", grant, err)
				}
			})
		})
	}
}

// TestKeyRotation: a new key counts within a second of its coming, an old one no longer than that, and a broken file
// changes nothing.
func TestKeyRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		path := tempFile(t, jwks(t, "1", []byte(secret)))
		tokens, err := NewTokens(t.Context(), TokenConfig{KeyFile: path, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		first := token(`{"alg":"HS256","kid":"1"}`, claims(), hs(secret))
		second := token(`{"alg":"EdDSA","kid":"2"}`, claims(), ed(edKey()))
		expect := func(step string, firstGood, secondGood bool) {
			t.Helper()
			time.Sleep(time.Second)
			synctest.Wait()
			if _, err := tokens.Authenticate(t.Context(), Request{Token: first}); (err == nil) != firstGood {
				t.Errorf("%s: the first key: %v", step, err)
			}
			if _, err := tokens.Authenticate(t.Context(), Request{Token: second}); (err == nil) != secondGood {
				t.Errorf("%s: the second key: %v", step, err)
			}
		}
		expect("before", true, false)
		replaceFile(t, path, jwks(t, "1", []byte(secret), "2", edKey().Public()))
		expect("with both", true, true)
		replaceFile(t, path, `{"keys":[{"kty":"oct","k":"c2hvcnQ"}]}`)
		expect("with a broken file", true, true)
		os.Remove(path)
		expect("without a file", true, true)
		replaceFile(t, path, jwks(t, "2", edKey().Public()))
		expect("with the second", false, true)
		// Written in place, at once and with as many bytes as before.
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(jwks(t, "2", edKey().Public()), `"2"`, `"3"`)), 0o600); err != nil {
			t.Fatal(err)
		}
		expect("with another kid", false, false)
		if n := strings.Count(log.String(), "the former keys stay in force"); n != 2 || strings.Contains(log.String(), "c2hvcnQ") {
			t.Errorf("two mistakes were told %d times:\n%s", n, &log)
		}
	})
}

func TestBadKeys(t *testing.T) {
	small := must(rsa.GenerateKey(rand.Reader, 1024))
	other := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", "a secret of 0 bytes: expected at least 32"},
		{"short secret", "letmein", "a secret of 7 bytes: expected at least 32"},
		{"short secret in a set", `{"keys":[{"kty":"oct","k":"c2hvcnQ"}]}`, "a secret of 5 bytes"},
		{"RSA of 1024 bits", publicPEM(small), "an RSA key of 1024 bits: expected 2048"},
		{"P-384", publicPEM(other), "a key on the curve P-384: expected P-256"},
		{"P-384 in a set", jwks(t, "x", other.Public()), "P-384"},
		{"two keys in PEM", publicPEM(ecKey()) + publicPEM(edKey()), "it has 2 keys"},
		{"a certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "it has a CERTIFICATE"},
		{"broken PEM", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "the PUBLIC KEY cannot be read"},
		{"PEM cut off", publicPEM(ecKey())[:60], "it has 0 keys"},
		{"an empty set", `{"keys":[]}`, "without keys"},
		{"no set", `{"key":1}`, `expected {"keys"`},
		{"not JSON", `{"keys":[` + secret, "its JSON cannot be read"},
		{"two keys, one kid", jwks(t, "1", []byte(secret), "1", edKey().Public()), `the kid "1" comes twice`},
		{"two keys without kid", jwks(t, "", []byte(secret), "", edKey().Public()), "each of several keys needs one"},
		{"an unknown type", `{"keys":[{"kty":"XYZ"}]}`, "no key that can be used"},
		{"for another algorithm", `{"keys":[{"kty":"oct","alg":"HS512","k":"` + b64.EncodeToString([]byte(secret)) + `"}]}`, `alg is "HS512"`},
		{"for encryption", `{"keys":[{"kty":"oct","use":"enc","k":"` + b64.EncodeToString([]byte(secret)) + `"}]}`, `use is "enc"`},
		{"a key of SSH", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqfKrnS1sJ8a1tmQwJm4s7vUuV0VYQxVtW2c5Mh8a3k ana", "a key as SSH has it"},
		{"a key in DER", string(must(x509.MarshalPKIXPublicKey(edKey().Public()))), "a key or a certificate in DER"},
		{"PEM without its first line", strings.Join(strings.Split(publicPEM(ecKey()), "\n")[1:3], "\n"), "without the BEGIN line"},
		{"a JSON array", "[" + jwks(t, "1", edKey().Public()) + "]", "a JSON array"},
		{"a byte order mark", "\xef\xbb\xbf" + jwks(t, "1", edKey().Public()), "a byte order mark"},
		{"too many", `{"keys":[1` + strings.Repeat(",1", maxKeys) + `]}`, "a JWK Set of 65 keys"},
		{"too large", strings.Repeat("a", maxFile+1), "more than 4194304 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := NewTokens(t.Context(), TokenConfig{KeyFile: tempFile(t, tt.text), Logger: quiet})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant …%s…", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("the error has the secret: %v", err)
			}
		})
	}
}

func TestBadTokenConfig(t *testing.T) {
	for _, tt := range []struct {
		cfg  TokenConfig
		want string
	}{
		{TokenConfig{}, "expected either a key file or the address"},
		{TokenConfig{KeyFile: "a", JWKSURL: "https://id.example.org"}, "expected either a key file or the address"},
		{TokenConfig{KeyFile: "missing.pem"}, "open missing.pem: no such file"},
		{TokenConfig{JWKSURL: "http://id.example.org/keys"}, "expected https"},
		{TokenConfig{JWKSURL: "http://localhost.example.org/keys"}, "expected https"},
		{TokenConfig{JWKSURL: "id.example.org"}, "expected an address such as"},
		{TokenConfig{JWKSURL: "ftp://id.example.org"}, "expected an address such as"},
		{TokenConfig{JWKSURL: "https://ana:pass@id.example.org"}, "without a password"},
		{TokenConfig{JWKSURL: "https://id.example.org", JWKSRefresh: time.Millisecond}, "expected at least 1s"},
	} {
		if _, err := NewTokens(t.Context(), tt.cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got  %v\nwant …%s…", err, tt.want)
		}
	}
}

// FuzzAuthenticate: nothing gets in that the keys have not signed, and nothing that they have signed breaks it. Whatever
// gets in keeps to the bounds.
func FuzzAuthenticate(f *testing.F) {
	tokens := newTokens(f, Rules{}, allKeys(f))
	signed := token(`{"alg":"HS256","kid":"hs"}`, claims("beckon", `{"rooms":["a*"],"attributes":{"a":"b"}}`), hs(secret))
	f.Add(signed, `{"alg":"HS256","kid":"hs"}`, claims())
	f.Add(signed+".", `{"alg":"HS256","kid":"hs","typ":"JWT"}`, claims("beckon", `{"rooms":["lobby","a*"],"may":["join"]}`))
	f.Add("..", `{"alg":"none"}`, claims("name", `"Ana"`, "nbf", "1", "beckon", `{"attributes":{"a":"b"},"max_sessions":3,"duplicates":"replace"}`))
	f.Fuzz(func(t *testing.T, raw, header, payload string) {
		if grant, err := tokens.Authenticate(t.Context(), Request{Token: raw}); err == nil && !isSigned(raw) {
			t.Errorf("%q was granted %+v", raw, grant)
		}
		grant, err := tokens.Authenticate(t.Context(), Request{Token: token(header, payload, hs(secret))})
		if err != nil {
			if _, ok := err.(*Error); !ok || grant != nil {
				t.Errorf("error %v of type %T with grant %v", err, err, grant)
			}
			return
		}
		if err := grant.check(); err != nil || grant.Rooms != nil && checkRooms(grant.Rooms) != nil || !grant.Expires.After(time.Now()) {
			t.Errorf("granted %+v: %v", grant, err)
		}
	})
}

// isSigned reports whether the secret has signed a token: one of another process of the fuzzer is good, too.
func isSigned(raw string) bool {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return false
	}
	header, _ := base64.RawURLEncoding.DecodeString(parts[0])
	payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
	return raw == token(string(header), string(payload), hs(secret))
}

func BenchmarkAuthenticate(b *testing.B) {
	own := claims("name", `"Ana"`, "jti", `"1"`, "beckon", `{"rooms":["lobby","team-*"],"may":["join","call"]}`)
	for _, bm := range []struct {
		name string
		sign signature
	}{
		{"HS256", hs(secret)}, {"EdDSA", ed(edKey())}, {"ES256", es(ecKey())}, {"RS256", rs(rsaKey())},
	} {
		b.Run(bm.name, func(b *testing.B) {
			tokens := newTokens(b, strict, allKeys(b))
			signed := token(fmt.Sprintf(`{"alg":%q,"kid":%q}`, bm.name, strings.ToLower(bm.name[:2])), own, bm.sign)
			for name, forget := range map[string]bool{"new": true, "known": false} {
				b.Run(name, func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						if forget {
							tokens.known.Purge()
						}
						if _, err := tokens.Authenticate(b.Context(), Request{Token: signed}); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		})
	}
}
