package auth

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// remote is an Authenticator with the JWK Set of a service, both within one bubble.
type remote struct {
	t      *testing.T
	tokens *Tokens
	keys   *service
}

// newRemote starts them; without a handler the service cannot be reached.
func newRemote(t *testing.T, handler http.HandlerFunc) remote {
	keys, err := newRemoteKeys("http://localhost/keys", 5*time.Minute, quiet)
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, keys.client, handler)
	ctx, cancel := context.WithCancel(context.Background())
	go keys.run(ctx)
	t.Cleanup(cancel)
	return remote{t, &Tokens{keys: keys, known: newKnown()}, s}
}

// expect authenticates with a token of that key; reason is empty if that is to go well.
func (r remote) expect(step, kid string, reason Reason) {
	r.t.Helper()
	_, err := r.tokens.Authenticate(r.t.Context(), Request{Token: edToken(kid)})
	switch refused, _ := err.(*Error); {
	case reason == "" && err != nil, reason != "" && (refused == nil || refused.Reason != reason):
		r.t.Errorf("%s: key %s: %v, want %q", step, kid, err, reason)
	}
}

func edToken(kid string) string {
	return token(`{"alg":"EdDSA","kid":"`+kid+`"}`, claims("exp", "4102444800"), ed(edKey()))
}

func TestRemoteRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRemote(t, says(200, jwks(t, "1", edKey().Public())))
		r.expect("at the start", "1", "")
		r.expect("at the start", "2", BadToken)
		if n := r.keys.count(); n != 2 {
			t.Errorf("%d fetches, want one at the start and one for the unknown key", n)
		}

		time.Sleep(unknownInterval)
		r.keys.become(says(200, jwks(t, "1", edKey().Public(), "2", edKey().Public())))
		r.expect("a new key", "2", "") // At once.
		if n := r.keys.count(); n != 1 {
			t.Errorf("%d fetches for a new key, want 1", n)
		}

		r.keys.become(says(200, jwks(t, "2", edKey().Public())))
		r.expect("not yet fetched", "1", "")
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		r.expect("withdrawn", "1", BadToken)
		r.expect("kept", "2", "")

		r.keys.become(says(200, `{"keys":[]}`))
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		r.expect("all withdrawn", "2", BadToken)
	})
}

func TestRemoteOutage(t *testing.T) {
	for _, outage := range []struct {
		name    string
		handler http.HandlerFunc
	}{
		{"no connection", nil},
		{"no answer", silent},
		{"503", says(503, "try later")},
		{"404", says(404, `{"keys":[]}`)},
		{"302", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }},
		{"no JSON", says(200, "<html>")},
		{"no set", says(200, `{"error":"sorry"}`)},
		{"too large", says(200, `{"keys":[`+strings.Repeat(" ", maxKeySet)+`]}`)},
		{"too many keys", says(200, `{"keys":[1`+strings.Repeat(",1", maxKeys)+`]}`)},
	} {
		t.Run(outage.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRemote(t, says(200, jwks(t, "1", edKey().Public())))
				r.expect("before", "1", "")
				r.keys.become(outage.handler)
				time.Sleep(2 * time.Hour)
				r.expect("two hours later", "1", "")
				r.expect("two hours later", "2", BadToken)
				r.keys.count()
				time.Sleep(5 * time.Minute)
				if n := r.keys.count(); n < 8 || n > 20 {
					t.Errorf("%d tries in five minutes, want about 10", n)
				}
				r.keys.become(says(200, jwks(t, "2", edKey().Public())))
				time.Sleep(time.Minute)
				r.expect("after", "1", BadToken)
				r.expect("after", "2", "")
			})
		})
	}
}

// TestRemoteNeverReached: without keys nobody is let in, nor told that the token is bad.
func TestRemoteNeverReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRemote(t, nil)
		r.expect("at the start", "1", Unavailable)
		time.Sleep(time.Hour)
		r.expect("an hour later", "1", Unavailable)
		r.keys.become(says(200, jwks(t, "1", edKey().Public())))
		time.Sleep(unknownInterval)
		r.expect("there at last", "1", "")
	})
}

// TestRemoteFirstFetch: who comes before the keys waits for them, as long as the caller does.
func TestRemoteFirstFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRemote(t, func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(2 * time.Second)
			says(200, jwks(t, "1", edKey().Public()))(w, nil)
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		grant, err := r.tokens.Authenticate(ctx, Request{Token: edToken("1")})
		expectRefused(t, grant, err, Unavailable, "did not come in time")
		r.expect("two seconds later", "1", "")
	})
}

// TestRemoteFlood: made-up kids lead to one fetch every ten seconds, and wait for no more than that.
func TestRemoteFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRemote(t, says(200, jwks(t, "1", edKey().Public())))
		r.expect("at the start", "1", "")
		time.Sleep(time.Minute)
		r.keys.count()
		var flood sync.WaitGroup
		for range 60 {
			for range 20 {
				flood.Go(func() { r.expect("flood", "x", BadToken) })
			}
			time.Sleep(time.Second)
		}
		flood.Wait()
		if n := r.keys.count(); n < 6 || n > 7 {
			t.Errorf("%d fetches in a minute, want one every 10 s", n)
		}
	})
}

// TestRemoteUnusableKeys: keys of no use here are left out, the others count. A secret that everybody can fetch is none.
func TestRemoteUnusableKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := strings.Replace(jwks(t, "1", edKey().Public(), "hs", []byte(secret), "rs", rsaKey().Public()),
			`{"keys":[`, `{"keys":[{"kty":"XYZ","kid":"xyz"},{"kty":"EC"},"no key",{"kty":"OKP","crv":"X25519","x":"AAAA"},`, 1)
		r := newRemote(t, says(200, set))
		r.expect("beside others", "1", "")
		for _, signed := range []string{
			token(`{"alg":"HS256","kid":"hs"}`, claims("exp", "4102444800"), hs(secret)),
			token(`{"alg":"HS256","kid":"rs"}`, claims("exp", "4102444800"), hs(publicPEM(rsaKey()))),
		} {
			grant, err := r.tokens.Authenticate(t.Context(), Request{Token: signed})
			expectRefused(t, grant, err, BadToken, "")
		}
	})
}

// TestRemoteOverHTTP fetches over a real connection.
func TestRemoteOverHTTP(t *testing.T) {
	server := httptest.NewServer(says(200, jwks(t, "1", edKey().Public())))
	defer server.Close()
	tokens, err := NewTokens(t.Context(), TokenConfig{JWKSURL: server.URL, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	if grant, err := tokens.Authenticate(t.Context(), Request{Token: edToken("1")}); err != nil || grant.Identity != "ana" {
		t.Errorf("granted %v, error %v", grant, err)
	}

	secure := httptest.NewUnstartedServer(says(200, jwks(t, "1", edKey().Public())))
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	secure.StartTLS()
	defer secure.Close()
	if tokens, err = NewTokens(t.Context(), TokenConfig{JWKSURL: secure.URL, Logger: quiet}); err != nil {
		t.Fatal(err)
	}
	grant, err := tokens.Authenticate(t.Context(), Request{Token: edToken("1")}) // Its certificate is nobody's.
	expectRefused(t, grant, err, Unavailable, "cannot be reached")
}
