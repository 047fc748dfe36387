// Package broker brings a node to the NATS that its cluster shares: servers that are run elsewhere, or one inside this
// process, which finds those of the other nodes.
package broker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/nats-io/nats.go"

	"github.com/beckonrtc/beckon/server/starting"
)

// Config says where NATS is. Either URLs are given, or Dir.
type Config struct {
	// What the node is called, in logs and among the servers. No two nodes have the same name, and none changes its own.
	Name   string
	Logger *slog.Logger
	// Is told what Open and WaitForLeader wait for. Nil: that is logged alone.
	Waiting *starting.Wait

	// Servers elsewhere, such as "nats://nats.example.org:4222" or "tls://…". One that can be reached is enough.
	URLs []string
	// A file of credentials (JWT and key) for them. Empty: none are shown.
	CredsFile string

	// Where a server inside this process keeps its streams.
	Dir string
	// How many bytes a message may have there; NATS itself takes up to 64 MiB. 0: 1 MiB.
	MaxPayload int
	// Where that is reached by those of the other nodes, "host:port". Empty: it is alone.
	ClusterAddr string
	// Where it reaches the others. Its own address may be among them.
	Peers []string
	// A file with the secret that the servers of one cluster share. Needed if others than this machine can reach
	// ClusterAddr.
	SecretFile string

	// The authorities that NATS servers must have their certificates from, and a certificate and key to show them, PEM files.
	// Inside this process they are for what servers say to each other. Empty: the system's, and none.
	CAFile, CertFile, KeyFile string
}

const (
	// Between two tries to reach a server again. Nothing is tried less often, however long it takes.
	reconnectWait, reconnectJitter = 250 * time.Millisecond, 250 * time.Millisecond
	// How often a connection is pinged, and after how many pings without an answer it counts as lost.
	pingInterval, maxPings = 5 * time.Second, 2
	// How long the server inside this process may take to start, or to stop.
	serverTimeout = 10 * time.Second
)

// Broker is a connection to NATS, and the server behind it if that is inside this process.
type Broker struct {
	// Immutable.
	conn    *nats.Conn
	server  *inside      // Nil: it is elsewhere.
	lock    *flock.Flock // Of its directory. Nil: it has none.
	waiting *starting.Wait
}

// Open connects to NATS, which it starts if it is to be inside this process. A server elsewhere is waited for until ctx ends,
// and so are those of the other nodes if this node's has yet to join them; one that is there and refuses the node is an error,
// and peers that are not theirs are a *PeersError.
func Open(ctx context.Context, cfg Config) (*Broker, error) {
	if cfg.Waiting == nil {
		cfg.Waiting = starting.New(cfg.Logger)
	}
	options := []nats.Option{
		nats.Name("beckon " + cfg.Name), nats.MaxReconnects(-1), nats.ReconnectBufSize(-1),
		nats.ReconnectWait(reconnectWait), nats.ReconnectJitter(reconnectJitter, reconnectJitter),
		nats.PingInterval(pingInterval), nats.MaxPingsOutstanding(maxPings),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { cfg.Logger.Warn("NATS is lost", "err", err) }),
		nats.ReconnectHandler(func(nc *nats.Conn) { cfg.Logger.Info("NATS is back", "server", nc.ConnectedUrlRedacted()) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { cfg.Logger.Warn("NATS", "err", err) }),
	}
	b := &Broker{waiting: cfg.Waiting}
	target := strings.Join(cfg.URLs, ",")
	if len(cfg.URLs) == 0 {
		var err error
		if b.lock, err = lock(cfg.Dir); err != nil {
			return nil, err
		}
		if cfg.isNewcomer() {
			err = cfg.findPlace(ctx)
		}
		if err == nil {
			b.server, err = start(cfg, true)
		}
		if err != nil {
			b.Close()
			return nil, err
		}
		target = ""
		options = append(options, nats.InProcessServer(b.server), nats.UserInfo(b.server.door.user, b.server.door.password))
	} else {
		more, err := cfg.access()
		if err != nil {
			return nil, err
		}
		options = append(options, more...)
	}
	var err error
	if b.conn, err = cfg.connect(ctx, target, options); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// Conn returns the connection. It is Close's to end.
func (b *Broker) Conn() *nats.Conn { return b.conn }

// Close ends the connection, and the server if that is inside this process.
func (b *Broker) Close() {
	if b.conn != nil {
		b.conn.SetDisconnectErrHandler(nil) // It is no news.
		b.conn.Close()
	}
	if b.server != nil {
		b.server.stop()
	}
	if b.lock != nil {
		_ = b.lock.Close() // Whoever comes next may have to wait for the end of the process.
	}
}

// redacted returns addresses without passwords. What is no address is an error, in which there is none, either.
func redacted(urls []string) (string, error) {
	var all []string
	for i, text := range urls {
		if !strings.Contains(text, "://") { // That is usual, too.
			text = "nats://" + text
		}
		u, err := url.Parse(text)
		if wrong, ok := errors.AsType[*url.Error](err); ok {
			err = wrong.Err // Of which the whole shows the address.
		}
		if err != nil {
			return "", fmt.Errorf("address %d of NATS: %w: expected one such as nats://nats.example.org:4222", i+1, err)
		}
		all = append(all, u.Redacted())
	}
	return strings.Join(all, ", "), nil
}

// access returns how the node shows who it is to servers elsewhere.
func (c Config) access() (options []nats.Option, err error) {
	if c.CredsFile != "" {
		if _, err := os.Stat(c.CredsFile); err != nil {
			return nil, fmt.Errorf("credentials for NATS: %w", err)
		}
		options = append(options, nats.UserCredentials(c.CredsFile))
	}
	cfg, err := c.tls()
	if cfg != nil {
		options = append(options, nats.Secure(cfg))
	}
	return options, err
}

// tls returns the configuration that the files make, nil if there are none.
func (c Config) tls() (*tls.Config, error) {
	if c.CAFile == "" && c.CertFile == "" && c.KeyFile == "" {
		return nil, nil
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("authorities for NATS: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("authorities for NATS: %s: expected certificates in PEM", c.CAFile)
		}
	}
	if c.CertFile != "" || c.KeyFile != "" {
		certificate, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("certificate for NATS: %w", err)
		}
		cfg.Certificates = []tls.Certificate{certificate}
	}
	return cfg, nil
}

// WaitForLeader returns when the servers of the cluster have agreed on a leader, for which most of them must be there, or
// ctx has ended.
func (b *Broker) WaitForLeader(ctx context.Context) error {
	if b.server == nil || !b.server.JetStreamIsClustered() {
		return nil
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if b.server.JetStreamIsCurrent() {
			b.waiting.Over()
			return nil
		}
		why := fmt.Errorf("there is no leader, and %d of them are connected", b.server.NumRemotes())
		b.waiting.For("the NATS servers of the other nodes", b.server.refusals.explain(why))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the NATS servers of the other nodes were not found: %w", context.Cause(ctx))
		}
	}
}
