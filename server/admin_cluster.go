package server

import (
	"encoding/json"
	"net/http"
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
