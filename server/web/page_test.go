package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// get asks for a path of the page.
func get(method, path string, header http.Header) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	if header != nil {
		r.Header = header
	}
	w := httptest.NewRecorder()
	page().ServeHTTP(w, r)
	return w.Result()
}

// TestPage: the page comes with what keeps others from misusing it, and is not sent twice.
func TestPage(t *testing.T) {
	r := get(http.MethodGet, "/", nil)
	if r.StatusCode != http.StatusOK || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") {
		t.Fatalf("%s %v", r.Status, r.Header)
	}
	for name, want := range map[string]string{
		"Content-Security-Policy": "script-src 'self'",
		"Permissions-Policy":      "camera=(self)",
		"X-Content-Type-Options":  "nosniff",
		"Referrer-Policy":         "no-referrer",
		"Cache-Control":           "no-cache",
	} {
		if got := r.Header.Get(name); !strings.Contains(got, want) {
			t.Errorf("%s is %q, want in it %q", name, got, want)
		}
	}
	again := get(http.MethodGet, "/", http.Header{"If-None-Match": {r.Header.Get("ETag")}})
	if again.StatusCode != http.StatusNotModified {
		t.Errorf("asked again: %s", again.Status)
	}
}

func TestPagePaths(t *testing.T) {
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{http.MethodHead, "/", http.StatusOK},
		{http.MethodPost, "/", http.StatusMethodNotAllowed},
		{http.MethodGet, "/index.html", http.StatusNotFound}, // It has one address.
		{http.MethodGet, "/nothing", http.StatusNotFound},
		{http.MethodGet, "/..", http.StatusNotFound},
		{http.MethodGet, "/dist/", http.StatusNotFound},
	} {
		if got := get(c.method, c.path, nil).StatusCode; got != c.want {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, got, c.want)
		}
	}
}
