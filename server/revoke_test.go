package server

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/beckonrtc/beckon/server/auth"
)

// TestAdminSecret: with a secret the admin port does nothing for who does not know it, and tells everybody how it is.
func TestAdminSecret(t *testing.T) {
	const secret = "0123456789abcdef0123456789abcdef"
	file := filepath.Join(t.TempDir(), "admin")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{AdminSecretFile: file, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Shutdown(t.Context())
	ask := func(method, path, authorization, body string) (int, string) {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		w := httptest.NewRecorder()
		s.admin().ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	ana := &auth.Grant{Identity: "ana", TokenID: "7"}
	for _, c := range []struct {
		method, path, authorization, body string
		want                              int
		revoked                           bool // Afterwards, ana.
	}{
		{"GET", "/healthz", "", "", http.StatusOK, false},
		{"GET", "/readyz", "", "", http.StatusOK, false},
		{"POST", "/drain", "", "", http.StatusUnauthorized, false},
		{"POST", "/revoke", "", "sub:ana", http.StatusUnauthorized, false},
		{"POST", "/revoke", "Bearer " + secret[1:], "sub:ana", http.StatusUnauthorized, false},
		{"POST", "/revoke", "Basic " + secret, "sub:ana", http.StatusUnauthorized, false},
		{"POST", "/revoke", "Bearer " + secret, "ana", http.StatusBadRequest, false},
		{"POST", "/revoke", "Bearer " + secret, "sub:ana\nana", http.StatusBadRequest, false}, // All or nothing.
		{"POST", "/revoke", "Bearer " + secret, strings.Repeat("sub:eve\n", maxRevocations/8+1), http.StatusBadRequest, false},
		{"POST", "/revoke", "Bearer " + secret, "jti:8\n\nsub:ana\n", http.StatusOK, true},
		{"POST", "/drain", "Bearer " + secret, "", http.StatusAccepted, true},
	} {
		code, body := ask(c.method, c.path, c.authorization, c.body)
		if code != c.want || strings.Contains(body, secret) {
			t.Errorf("%s %s as %q: %d %s, want %d", c.method, c.path, c.authorization, code, body, c.want)
		}
		if got := s.access.revocations.Revoked(ana); got != c.revoked {
			t.Errorf("after %s %s as %q: ana is revoked: %v", c.method, c.path, c.authorization, got)
		}
	}
	if !isClosed(s.asked) {
		t.Error("the server was not asked to end")
	}
	for _, bad := range []Config{{AdminSecretFile: file + "x"}, {AdminSecretFile: "/dev/null"}} {
		if _, err := New(bad); err == nil || !strings.Contains(err.Error(), "admin secret") {
			t.Errorf("a bad file: %v", err)
		}
	}
}
