package server

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/beckonrtc/beckon/server/auth"
)

// newAdmin returns a server with that configuration, how to ask its admin port, and who signs its access tokens.
func newAdmin(t *testing.T, cfg Config) (s *Server, ask func(path, host, authorization, body string) int, sign func(d time.Duration, g auth.Grant) string) {
	t.Helper()
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(strings.Repeat("k", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	signer, err := auth.NewSigner(key, "")
	if err != nil {
		t.Fatal(err)
	}
	if cfg.TokenKeyFile == "" {
		cfg.TokenKeyFile = key
	}
	cfg.Logger = slog.New(slog.DiscardHandler)
	s, err = New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	admin := s.admin()
	ask = func(path, host, authorization, body string) int {
		r := httptest.NewRequest(http.MethodPost, "http://"+host+path, strings.NewReader(body))
		r.RemoteAddr = "192.0.2.1:40000"
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		w := httptest.NewRecorder()
		admin.ServeHTTP(w, r)
		return w.Code
	}
	return s, ask, func(d time.Duration, g auth.Grant) string {
		g.Issued = time.Now()
		token, err := signer.Sign(auth.Claims{Expires: time.Now().Add(d), Grant: g})
		if err != nil {
			t.Fatal(err)
		}
		return "Bearer " + token
	}
}

// TestAdminTokens: where the admin port asks, an access token that says admin will do, as long as it is good; others will not.
func TestAdminTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, ask, sign := newAdmin(t, Config{AdminAddr: ":9090"})
		olga := auth.Grant{Identity: "olga", TokenID: "1", Admin: true}
		for _, c := range []struct {
			about, path, authorization, body string
			want                             int
		}{
			{"nothing", "/revoke", "", "sub:eve", http.StatusUnauthorized},
			{"no token", "/revoke", "Bearer letmein", "sub:eve", http.StatusUnauthorized},
			{"another scheme", "/revoke", "Basic letmein", "sub:eve", http.StatusUnauthorized},
			{"one that does not say admin", "/revoke", sign(time.Hour, auth.Grant{Identity: "ana"}), "sub:eve", http.StatusForbidden},
			{"nothing, to forget", "/cluster/forget", "", "a", http.StatusUnauthorized},
			{"one that has expired", "/revoke", sign(-time.Hour, olga), "sub:eve", http.StatusUnauthorized},
			{"a good one, to forget", "/cluster/forget", sign(time.Hour, olga), "a", http.StatusNotFound}, // There is no cluster.
			{"a good one", "/revoke", sign(time.Hour, olga), "sub:ana", http.StatusOK},
			{"a good one, once more", "/drain", sign(time.Hour, olga), "", http.StatusAccepted},
		} {
			asked := s.access.revocations.Revoked(&auth.Grant{Identity: "ana"}) || isClosed(s.asked)
			if got := ask(c.path, "beckon.example.org:9090", c.authorization, c.body); got != c.want {
				t.Errorf("%s: %d, want %d", c.about, got, c.want)
			}
			if c.want > 299 && (asked != isClosed(s.asked) || s.access.revocations.Revoked(&auth.Grant{Identity: "eve"})) {
				t.Errorf("%s: it was done", c.about)
			}
		}
		if !isClosed(s.asked) || !s.access.revocations.Revoked(&auth.Grant{Identity: "ana"}) {
			t.Error("nothing was done")
		}

		token := sign(time.Minute, olga)
		time.Sleep(2 * time.Minute)
		if got := ask("/drain", "localhost:9090", token, ""); got != http.StatusUnauthorized {
			t.Errorf("a token that has run out: %d", got)
		}
		if got := ask("/revoke", "localhost:9090", sign(time.Hour, olga), "jti:1"); got != http.StatusOK {
			t.Errorf("a token that revokes itself: %d", got)
		}
		if got := ask("/revoke", "localhost:9090", sign(time.Hour, olga), "sub:eve"); got != http.StatusForbidden {
			t.Errorf("a revoked token: %d", got)
		}

		// Tries count as those of clients do.
		got := 0
		for range 100 {
			got = ask("/drain", "localhost:9090", "Bearer letmein", "")
		}
		if got != http.StatusTooManyRequests {
			t.Errorf("after many tries: %d", got)
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestAdminSecretOrToken: with a secret, too, either will do; on this machine one of them is then needed.
func TestAdminSecretOrToken(t *testing.T) {
	const secret = "0123456789abcdef0123456789abcdef"
	file := filepath.Join(t.TempDir(), "admin")
	if err := os.WriteFile(file, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	s, ask, sign := newAdmin(t, Config{AdminSecretFile: file})
	defer s.Shutdown(t.Context())
	for authorization, want := range map[string]int{
		"":                     http.StatusUnauthorized,
		secret:                 http.StatusUnauthorized,
		"Bearer " + secret:     http.StatusOK,
		"Bearer " + file:       http.StatusUnauthorized,
		"Bearer " + secret[1:]: http.StatusUnauthorized,
		sign(time.Hour, auth.Grant{Identity: "olga", Admin: true}): http.StatusOK,
		sign(time.Hour, auth.Grant{Identity: "olga"}):              http.StatusForbidden,
	} {
		if got := ask("/revoke", "localhost:9090", authorization, "sub:ana"); got != want {
			t.Errorf("as %q: %d, want %d", authorization, got, want)
		}
	}
}

// TestAdminTries: who tries secrets is refused in the end before it is looked at them, even if the server takes no tokens.
func TestAdminTries(t *testing.T) {
	file := filepath.Join(t.TempDir(), "admin")
	if err := os.WriteFile(file, []byte("0123456789abcdef0123456789abcdef"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{AdminSecretFile: file, MaxFailuresPerIP: 1, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Shutdown(t.Context())
	for n := range 1000 {
		r := httptest.NewRequest("POST", "/drain", nil)
		r.Header.Set("Authorization", "Bearer wrong")
		w := httptest.NewRecorder()
		s.admin().ServeHTTP(w, r)
		switch {
		case w.Code == http.StatusTooManyRequests && n >= triesBurst:
			return
		case w.Code != http.StatusUnauthorized:
			t.Fatalf("try %d: %d", n, w.Code)
		}
	}
	t.Error("1000 wrong secrets were looked at")
}

// TestAdminRebinding: a port of this machine alone that asks for nothing is not for a page whose host's name leads here.
func TestAdminRebinding(t *testing.T) {
	s, ask, _ := newAdmin(t, Config{})
	defer s.Shutdown(t.Context())
	for host, want := range map[string]int{
		"localhost:9090": http.StatusOK, "127.0.0.1:9090": http.StatusOK, "[::1]:9090": http.StatusOK,
		"evil.example:9090": http.StatusMisdirectedRequest, "10.0.0.1": http.StatusMisdirectedRequest,
	} {
		if got := ask("/revoke", host, "", "sub:ana"); got != want {
			t.Errorf("as %s: %d, want %d", host, got, want)
		}
	}
}
