package faults

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	beckonserver "github.com/beckonrtc/beckon/server"
	"github.com/beckonrtc/beckon/server/broker"
	"github.com/beckonrtc/beckon/server/starting"
)

// childVariable tells the test's own binary to be one of the processes of a cluster instead.
const childVariable = "BECKON_FAULTS_CHILD"

// logsVariable names a folder that gets the logs of all nodes, with their debug lines. Empty: none does.
const logsVariable = "BECKON_FAULTS_LOGS"

// child is what such a process is: a node, or else a NATS server.
type child struct {
	Addr   string        // Where it listens.
	Node   *childNode    // Nil: it is a NATS server.
	Broker *brokerConfig // Nil: it is a node.
}

// childNode is how a node runs.
type childNode struct {
	NATS              []string      // The addresses of the NATS servers.
	Inside            *brokerConfig // The one inside; nil: there is none.
	SessionKeyFile    string
	Window, Heartbeat time.Duration
	Lease             time.Duration
	Shards, Replicas  int
	Log               string // A file that gets a copy of the log; empty: none does.
}

// brokerConfig is how a NATS server runs.
type brokerConfig struct {
	Name, Dir string
	Route     string   // Where it takes routes; empty: it is alone.
	Routes    []string // Of all.
	OnDisk    bool     // What it writes goes to a disk that can be slow.
}

// command returns the process.
func (c child) command(t *testing.T) *exec.Cmd {
	t.Helper()
	config, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), childVariable+"="+string(config))
	// Closed with this process, and then the other one ends.
	if _, err := command.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	return command
}

// runChild does not return in a process that is a child.
func runChild() {
	config := os.Getenv(childVariable)
	if config == "" {
		return
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	c := new(child)
	err := json.Unmarshal([]byte(config), c)
	if err == nil && c.Broker != nil && c.Broker.OnDisk {
		err = useDisk()
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	switch {
	case err != nil:
	case c.Node != nil:
		err = c.Node.run(c.Addr, log)
	default:
		err = c.Broker.run(c.Addr, log)
	}
	if err != nil {
		log.Error(err.Error())
		os.Exit(1)
	}
	os.Exit(0)
}

// run serves until the process is to end.
func (n *childNode) run(addr string, log *slog.Logger) error {
	if n.Log != "" {
		file, err := os.OpenFile(n.Log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		log = slog.New(slog.NewJSONHandler(io.MultiWriter(os.Stderr, file), &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	cluster := &beckonserver.Cluster{Shards: n.Shards, Replicas: n.Replicas, Lease: n.Lease}
	if n.Inside != nil {
		var b *broker.Broker
		defer func() {
			if b != nil {
				b.Close()
			}
		}()
		cluster.Node = n.Inside.Name
		cluster.Connect = func(ctx context.Context, waiting *starting.Wait, maxPayload int) (_ *nats.Conn, err error) {
			if b, err = broker.Open(ctx, broker.Config{
				Name: n.Inside.Name, Dir: n.Inside.Dir, ClusterAddr: n.Inside.Route, Peers: n.Inside.Routes,
				MaxPayload: maxPayload, Logger: log, Waiting: waiting,
			}); err != nil {
				return nil, err
			}
			return b.Conn(), b.WaitForLeader(ctx)
		}
		return n.serve(ctx, addr, log, cluster)
	}
	nc, err := nats.Connect(strings.Join(n.NATS, ","),
		nats.MaxReconnects(-1), nats.ReconnectBufSize(-1), nats.ReconnectWait(100*time.Millisecond),
		nats.RetryOnFailedConnect(true), nats.Timeout(time.Second),
		nats.IgnoreDiscoveredServers(), // They would be a way around the proxy.
		// A connection that is lost without a word is to be noticed within a lease.
		nats.PingInterval(n.Lease/5), nats.MaxPingsOutstanding(2),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { log.Warn("NATS", "err", err) }),
	)
	if err != nil {
		return err
	}
	defer nc.Close()
	cluster.NATS = nc
	return n.serve(ctx, addr, log, cluster)
}

// serve is run, in a cluster.
func (n *childNode) serve(ctx context.Context, addr string, log *slog.Logger, cluster *beckonserver.Cluster) error {
	s, err := beckonserver.New(beckonserver.Config{
		GRPCAddr: addr, WebAddr: "off", AdminAddr: "off", Logger: log,
		SessionKeyFile: n.SessionKeyFile, ResumeWindow: n.Window, HeartbeatInterval: n.Heartbeat, Cluster: cluster,
	})
	if err != nil {
		return err
	}
	return s.Run(ctx)
}

// run serves until the process is killed.
func (b *brokerConfig) run(addr string, log *slog.Logger) error {
	at, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return err
	}
	opts := &natsserver.Options{
		ServerName: b.Name, Host: at.IP.String(), Port: at.Port, JetStream: true, StoreDir: b.Dir, NoSigs: true, NoLog: true,
	}
	if b.Route != "" {
		route, err := net.ResolveTCPAddr("tcp", b.Route)
		if err != nil {
			return err
		}
		opts.Cluster = natsserver.ClusterOpts{Name: "faults", Host: route.IP.String(), Port: route.Port}
		opts.Routes = natsserver.RoutesFromStr("nats://" + strings.Join(b.Routes, ",nats://"))
	}
	s, err := natsserver.NewServer(opts)
	if err != nil {
		return err
	}
	s.Start()
	if !s.ReadyForConnections(patience) {
		log.Error("NATS is not ready in time")
	}
	log.Info("listening", "port", "nats", "addr", addr)
	log.Info("ready")
	s.WaitForShutdown()
	return nil
}
