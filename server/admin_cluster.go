package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// clusterStatus answers with what the node knows of its cluster, a natslog.Status as JSON.
func (s *Server) clusterStatus(w http.ResponseWriter, r *http.Request) {
	status, ok := s.Cluster(r.Context())
	if !ok {
		http.Error(w, "this server is in no cluster: it was started without --nats", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(status) // Else the operator has gone.
}

// maxServerName is how long the name of a NATS server in a request may be, in bytes.
const maxServerName = 1 << 10

// forget takes the NATS server that the request names out of those of the cluster. It has to be gone.
func (s *Server) forget(w http.ResponseWriter, r *http.Request) {
	if s.cluster == nil || s.cfg.Cluster.Servers == nil {
		http.Error(w, "this server has no NATS inside that others share: expected one with --nats embedded", http.StatusNotFound)
		return
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxServerName))
	name := strings.TrimSpace(string(text))
	if err != nil || name == "" {
		http.Error(w, "expected the name of a NATS server", http.StatusBadRequest)
		return
	}
	if err := s.cfg.Cluster.Servers.Forget(r.Context(), name); err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	s.log.Info("a NATS server is forgotten", "server", name)
	fmt.Fprintf(w, "%s is forgotten: what it kept is kept by one of the others now, or by the next new one\n", name)
}

// outOfTouch tells why the node can do nothing for its sessions, and has not for the better part of a lease, or what NATS
// needs an operator for; nil: it can, or it is in no cluster.
func (s *Server) outOfTouch() error {
	if s.cluster == nil {
		return nil
	}
	if err := s.cluster.Trouble(); err != nil {
		return err
	}
	return s.cluster.Healthy()
}
