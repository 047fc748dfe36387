package server

import (
	"fmt"
	"net/http"
)

// admin returns what operators and their tools see: whether the process lives (/healthz) and takes sessions (/readyz). A
// POST to /drain ends it in order.
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
	mux.HandleFunc("POST /drain", func(w http.ResponseWriter, _ *http.Request) {
		s.askToEnd()
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintf(w, "draining %d sessions; the process ends in %s at the latest\n", s.hub.Sessions(), s.cfg.DrainTimeout)
	})
	return http.NewCrossOriginProtection().Handler(mux) // A page in the operator's browser may not end the server.
}
