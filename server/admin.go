package server

import (
	"fmt"
	"net/http"
)

// admin returns what operators and their tools see: whether the process lives (/healthz) and takes sessions (/readyz).
func (s *Server) admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if s.isDraining() {
			http.Error(w, "shutting down", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(w, "ready: %d sessions in %d rooms\n", s.hub.Sessions(), s.hub.Rooms())
	})
	return mux
}
