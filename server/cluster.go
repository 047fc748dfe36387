package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/roomlog/memlog"
	"github.com/beckonrtc/beckon/server/roomlog/natslog"
)

// Cluster makes a server one of several nodes, which share their rooms through NATS JetStream. All nodes need the same
// values, and the same Config.SessionKeyFile, HeartbeatInterval and ResumeWindow.
type Cluster struct {
	// A connection that reconnects by itself for as long as it takes, and buffers nothing meanwhile (nats.MaxReconnects(-1),
	// nats.ReconnectBufSize(-1)). It must outlive the server.
	NATS *nats.Conn
	// What this node is called; others may have the same name, but then it is hard to tell them apart. Default: the host's
	// name.
	Node string
	// Begins the names of streams and subjects, so that several clusters can share a NATS. Letters, digits, - and _.
	// Default: "beckon".
	Prefix string
	// How many streams the rooms are spread over. Default: 16.
	Shards int
	// On how many NATS servers each stream is kept. Default: 1.
	Replicas int
	// Whether the streams are kept in memory rather than in files. Default: in files.
	Memory bool
	// How long a node may be silent before the others take it for dead. Default: 10 s.
	Lease time.Duration
}

// openTimeout bounds how long the streams may take to be there: until enough of the other NATS servers are.
const openTimeout = 5 * time.Minute

// openLog returns where rooms are kept.
func (s *Server) openLog() (roomlog.Log, error) {
	opts, c := s.cfg.log(), s.cfg.Cluster
	if c == nil {
		return memlog.New(opts), nil
	}
	if s.cfg.SessionKeyFile == "" {
		return nil, errors.New("a node of a cluster has no SessionKeyFile: expected the one that all nodes have, so that each can take up the others' sessions")
	}
	ctx, cancel := context.WithTimeout(context.Background(), openTimeout)
	defer cancel()
	log, err := natslog.Open(ctx, c.NATS, natslog.Options{
		Prefix: c.Prefix, Shards: c.Shards, Replicas: c.Replicas, Memory: c.Memory, Lease: c.Lease,
		Retention: opts.Retention, MemberBytes: opts.MemberBytes, TotalBytes: opts.TotalBytes,
		Patience: s.cfg.HeartbeatInterval, Logger: s.log, Version: s.cfg.Version,
		Load: func() (load natslog.Load) {
			if h := s.started.Load(); h != nil {
				load = natslog.Load{Sessions: h.Sessions(), Rooms: h.Rooms()}
			}
			return load
		},
	})
	if err != nil {
		return nil, fmt.Errorf("room log in NATS: %w", err)
	}
	s.cluster = log
	return log, nil
}

// Cluster returns what the node knows of the cluster that it is in; false if it is in none.
func (s *Server) Cluster(ctx context.Context) (natslog.Status, bool) {
	if s.cluster == nil {
		return natslog.Status{}, false
	}
	return s.cluster.Status(ctx), true
}
