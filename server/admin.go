package server

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/beckonrtc/beckon/server/auth"
)

// admin returns what operators and their tools see: whether the process lives (/healthz) and takes sessions (/readyz). A
// POST to /drain ends it in order; one to /revoke takes back what tokens and subjects were granted, one a line, on all nodes of
// a cluster; one to /cluster/forget tells the cluster that a NATS server is gone for good. /metrics is
// for Prometheus, /debug/pprof/ for "go tool pprof". /drain, /revoke, /cluster/forget and /debug/pprof/ are guarded.
func (s *Server) admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", alive)
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if s.isDraining() {
			http.Error(w, "shutting down", http.StatusServiceUnavailable)
			return
		}
		if err := s.outOfTouch(); err != nil {
			http.Error(w, "out of touch with the cluster: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(w, "ready: %d sessions in %d rooms\n", s.hub.Sessions(), s.hub.Rooms())
	})
	mux.HandleFunc("POST /drain", s.guarded(func(w http.ResponseWriter, _ *http.Request) {
		s.askToEnd()
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintf(w, "draining %d sessions; the process ends in %s at the latest\n", s.hub.Sessions(), s.cfg.DrainTimeout)
	}))
	mux.HandleFunc("POST /revoke", s.guarded(s.revoke))
	mux.HandleFunc("GET /cluster", s.clusterStatus)
	mux.HandleFunc("POST /cluster/forget", s.guarded(s.forget))
	mux.Handle("GET /metrics", metricsHandler(metrics{s}))
	s.profiles(mux)
	return http.NewCrossOriginProtection().Handler(mux) // A page in the operator's browser may not end the server.
}

// maxRevocations is the size of a request to revoke, in bytes.
const maxRevocations = 1 << 20

// revoke takes back what the lines of the request say, all or nothing, for as long as the process lives.
func (s *Server) revoke(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRevocations))
	if err != nil {
		http.Error(w, fmt.Sprintf("the request cannot be read: %v", err), http.StatusBadRequest)
		return
	}
	n, err := s.revokeHere(text)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	nodes, err := s.revokeElsewhere(r.Context(), text)
	if err != nil {
		http.Error(w, fmt.Sprintf("revoked %d here and on %d other nodes, but not everywhere: %v; ask again", n, nodes, err), http.StatusBadGateway)
		return
	}
	where := ""
	if s.cluster != nil {
		where = fmt.Sprintf(" here and on %d other nodes", nodes)
	}
	fmt.Fprintf(w, "revoked %d%s; keep them in the file of revocations, too: a process forgets them when it ends\n", n, where)
}

// revokeHere takes back what the lines of text say, all or nothing. It returns how many those are.
func (s *Server) revokeHere(text []byte) (n int, err error) {
	all, err := auth.ParseRevocations(text)
	if err != nil {
		return 0, err
	}
	for _, v := range all {
		s.access.revocations.Revoke(v)
	}
	s.log.Info("revoked", "revocations", len(all))
	return len(all), nil
}

// adminSecret reads AdminSecretFile; nil if there is none.
func (c Config) adminSecret() ([]byte, error) {
	if c.AdminSecretFile == "" {
		return nil, nil
	}
	secret, err := os.ReadFile(c.AdminSecretFile)
	if err != nil {
		return nil, fmt.Errorf("read the admin secret: %w", err)
	}
	if secret = bytes.TrimSpace(secret); len(secret) < minSessionKey {
		return nil, fmt.Errorf("the admin secret in %s has %d bytes: expected %d or more, such as the output of \"openssl rand -hex 32\"", c.AdminSecretFile, len(secret), minSessionKey)
	}
	return secret, nil
}
