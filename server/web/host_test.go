package web

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestLocalOnly: a name that leads to this machine does not let a page from anywhere in.
func TestLocalOnly(t *testing.T) {
	reached := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	for _, c := range []struct {
		origins origins
		host    string
		want    int
	}{
		{nil, "localhost:8080", http.StatusTeapot},
		{nil, "LOCALHOST", http.StatusTeapot},
		{nil, "app.localhost:8080", http.StatusTeapot},
		{nil, "127.0.0.1:8080", http.StatusTeapot},
		{nil, "127.1.2.3", http.StatusTeapot},
		{nil, "[::1]:8080", http.StatusTeapot},
		{nil, "[::ffff:127.0.0.1]", http.StatusTeapot},
		{nil, "evil.example:8080", http.StatusMisdirectedRequest},
		{nil, "127.0.0.1.evil.example", http.StatusMisdirectedRequest},
		{nil, "localhost.evil.example", http.StatusMisdirectedRequest},
		{nil, "10.0.0.1:8080", http.StatusMisdirectedRequest},
		{nil, "", http.StatusMisdirectedRequest},
		{origins{"https://signal.example.org"}, "signal.example.org", http.StatusTeapot},
		{origins{"https://signal.example.org"}, "signal.example.org:443", http.StatusTeapot},
		{origins{"https://signal.example.org"}, "evil.example", http.StatusMisdirectedRequest},
		{origins{"*"}, "evil.example", http.StatusTeapot},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = c.host
		r.Header.Set("Origin", "http://"+c.host) // As a page has that was fetched there.
		w := httptest.NewRecorder()
		if c.origins.localOnly(c.origins.only(reached)).ServeHTTP(w, r); w.Code != c.want {
			t.Errorf("host %q with origins %q: %d, want %d", c.host, c.origins, w.Code, c.want)
		}
	}
}
