package server

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/roomlog/memlog"
	"github.com/beckonrtc/beckon/server/roomlog/natslog"
	"github.com/beckonrtc/beckon/server/starting"
)

// Cluster makes a server one of several nodes, which share their rooms through NATS JetStream. All nodes need the same
// values, and the same Config.SessionKeyFile, HeartbeatInterval and ResumeWindow.
type Cluster struct {
	// A connection that reconnects by itself for as long as it takes, and buffers nothing meanwhile (nats.MaxReconnects(-1),
	// nats.ReconnectBufSize(-1)). It must outlive the server.
	NATS *nats.Conn
	// Instead: returns such a connection once there is one, or ctx has ended, and tells what it waits for. If the servers are
	// its own, they take messages of maxPayload bytes.
	Connect func(ctx context.Context, waiting *starting.Wait, maxPayload int) (*nats.Conn, error)
	// Tells of the NATS servers that the nodes have inside, and may take one that is gone for good out of them. Nil: they are
	// elsewhere.
	Servers Servers
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
	// Whether the node may join though others have another SessionKeyFile, HeartbeatInterval or ResumeWindow: while these are
	// changed, one node after the other. Default: it may not.
	MayDiffer bool
	// How long a node may be silent before the others take it for dead. Default: 10 s.
	Lease time.Duration
}

// Servers are NATS servers that form a group. Both methods may be called concurrently, once Cluster.Connect has returned.
type Servers interface {
	// Group returns them as they are now; nil if there is but one.
	Group(ctx context.Context) *natslog.Group
	// Forget takes one that is away out of the group; one that is there is an error.
	Forget(ctx context.Context, name string) error
}

// joinTimeout bounds how long New waits for the cluster: until enough of the other NATS servers are there.
const joinTimeout = 5 * time.Minute

// checkCluster returns what a node of a cluster lacks.
func (c Config) checkCluster() error {
	if c.Cluster != nil && c.SessionKeyFile == "" {
		return errors.New("a node of a cluster has no SessionKeyFile: expected the one that all nodes have, so that each can take up the others' sessions")
	}
	return nil
}

// maxData returns how many bytes the data of a record may have: a message, and besides it who it is from and the room; or who
// has joined, with what an access token says of that.
func (c Config) maxData() int { return c.MaxMessageBytes + 16<<10 }

// maxPayload returns how many bytes a message between nodes may have: a record, or a Send that is forwarded whole.
func (c Config) maxPayload() int { return natslog.Payload(c.maxData() + 3*c.MaxMessageBytes) }

// settings returns what all nodes need the same of, for each to take up the others' sessions.
func (s *Server) settings() []natslog.Setting {
	mac := hmac.New(sha256.New, s.sessionKey)
	mac.Write([]byte("beckon session key")) // Never fails.
	return []natslog.Setting{
		{Name: "a session key with the fingerprint", Value: hex.EncodeToString(mac.Sum(nil)[:8])},
		{Name: "a resume window of", Value: s.cfg.ResumeWindow.String()},
		{Name: "a heartbeat interval of", Value: s.cfg.HeartbeatInterval.String()},
	}
}

// openLog returns where rooms are kept. ctx bounds how long that may take.
func (s *Server) openLog(ctx context.Context) (roomlog.Log, error) {
	opts, c := s.cfg.log(), s.cfg.Cluster
	if c == nil {
		return memlog.New(opts), nil
	}
	nc := c.NATS
	if nc == nil {
		var err error
		if nc, err = c.Connect(ctx, s.opening, s.cfg.maxPayload()); err != nil {
			return nil, err
		}
	}
	log, err := natslog.Open(ctx, nc, natslog.Options{
		Prefix: c.Prefix, Shards: c.Shards, Replicas: c.Replicas, Memory: c.Memory, Lease: c.Lease,
		Retention: opts.Retention, MemberBytes: opts.MemberBytes, TotalBytes: opts.TotalBytes,
		Settings: s.settings(), MayDiffer: c.MayDiffer,
		MaxData: s.cfg.maxData(), Patience: s.cfg.HeartbeatInterval, Logger: s.log, Version: s.cfg.Version, Waiting: s.opening,
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
	var group *natslog.Group
	var asked sync.WaitGroup
	if servers := s.cfg.Cluster.Servers; servers != nil {
		asked.Go(func() { group = servers.Group(ctx) })
	}
	status := s.cluster.Status(ctx)
	asked.Wait()
	status.Servers = group
	return status, true
}
