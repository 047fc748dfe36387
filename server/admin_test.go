package server

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestAdminDrain: a POST to /drain ends the server in order; a page in an operator's browser cannot do that.
func TestAdminDrain(t *testing.T) {
	s, err := New(Config{GRPCAddr: "127.0.0.1:0", WebAddr: "127.0.0.1:0", AdminAddr: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Run(t.Context()) }()
	admin := s.admin()
	expect := func(method, path string, header http.Header, want int) {
		t.Helper()
		r := httptest.NewRequest(method, "http://localhost:9090"+path, nil)
		r.Header = header
		w := httptest.NewRecorder()
		if admin.ServeHTTP(w, r); w.Code != want {
			t.Errorf("%s %s %v: %d %s, want %d", method, path, header, w.Code, w.Body, want)
		}
	}
	foreign := http.Header{"Origin": {"https://evil.example"}}
	expect("GET", "/readyz", nil, http.StatusOK)
	expect("GET", "/drain", nil, http.StatusMethodNotAllowed)
	expect("POST", "/drain", http.Header{"Sec-Fetch-Site": {"cross-site"}}, http.StatusForbidden)
	expect("POST", "/drain", http.Header{"Sec-Fetch-Site": {"same-site"}}, http.StatusForbidden)
	expect("POST", "/drain", foreign, http.StatusForbidden)
	select {
	case <-s.asked:
		t.Fatal("the server was asked to end")
	default:
	}
	expect("GET", "/readyz", foreign, http.StatusOK)

	expect("POST", "/drain", nil, http.StatusAccepted)
	expect("POST", "/drain", nil, http.StatusAccepted) // Once more is no mistake.
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
	expect("GET", "/readyz", nil, http.StatusServiceUnavailable)
	expect("GET", "/healthz", nil, http.StatusOK)
}
