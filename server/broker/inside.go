package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// inside is a server inside this process.
type inside struct {
	// Immutable.
	*server.Server
	door     *doorkeeper
	operator *nats.Conn // Asks it and the others about themselves. Nil: there are no others.
	refusals *refusals  // Between it and the others.
}

// start starts a server inside this process, with JetStream or without.
func start(cfg Config, jetStream bool) (*inside, error) {
	in := &inside{door: newDoorkeeper(), refusals: &refusals{}}
	options := &server.Options{
		ServerName: cfg.Name, NoSigs: true,
		// It finds no other servers unless it listens for clients, too.
		Host: "127.0.0.1", Port: server.RANDOM_PORT, CustomClientAuthentication: in.door,
		JetStream: jetStream, StoreDir: cfg.Dir,
		PingInterval: pingInterval, MaxPingsOut: maxPings,
		MaxPayload: int32(min(max(cfg.MaxPayload, server.MAX_PAYLOAD_SIZE), server.MAX_PENDING_SIZE)),
	}
	if cfg.ClusterAddr != "" {
		if err := cfg.join(options); err != nil {
			return nil, err
		}
	}
	s, err := server.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf("NATS inside this process: %w", err)
	}
	in.Server, in.door.server = s, s
	s.SetLogger(logger{cfg.Logger, in.refusals}, false, false)
	s.Start()
	if !s.ReadyForConnections(serverTimeout) {
		in.stop()
		return nil, fmt.Errorf("NATS inside this process is not ready after %s: can it write to its directory %s, and is its address %s free?", serverTimeout, cfg.Dir, cfg.ClusterAddr)
	}
	if cfg.ClusterAddr != "" {
		in.operator, err = nats.Connect("", nats.InProcessServer(s), nats.UserInfo(in.door.operator, in.door.password), nats.MaxReconnects(-1))
		if err != nil {
			in.stop()
			return nil, fmt.Errorf("ask NATS inside this process about itself: %w", err)
		}
	}
	return in, nil
}

// stop ends the server.
func (in *inside) stop() {
	if in.operator != nil {
		in.operator.Close()
	}
	in.Shutdown()
	in.WaitForShutdown()
}

// others returns the addresses of the other nodes' servers, as far as they are known to be others'.
func (c Config) others() []string {
	others := slices.DeleteFunc(slices.Clone(c.Peers), func(peer string) bool { return peer == c.ClusterAddr })
	slices.Sort(others)
	return slices.Compact(others)
}

// join has the server find those of the other nodes.
func (c Config) join(options *server.Options) error {
	host, port, err := net.SplitHostPort(c.ClusterAddr)
	if err != nil {
		return fmt.Errorf("address for other NATS servers: %w", err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return fmt.Errorf("address for other NATS servers: %q: expected a port", port)
	}
	cluster := server.ClusterOpts{Name: "beckon", Host: host, Port: number}
	if host == "" {
		cluster.Host = "0.0.0.0"
	}
	var user *url.Userinfo
	if c.SecretFile != "" {
		secret, err := os.ReadFile(c.SecretFile)
		if err != nil {
			return fmt.Errorf("secret of the NATS servers: %w", err)
		}
		text := strings.TrimSpace(string(secret))
		if len(text) < minSecret {
			return fmt.Errorf("secret of the NATS servers: %s has %d bytes: expected %d or more, such as the output of \"openssl rand -hex 32\"", c.SecretFile, len(text), minSecret)
		}
		cluster.Username, cluster.Password = "beckon", text
		user = url.UserPassword(cluster.Username, cluster.Password)
	} else if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return errors.New("others can reach the address for other NATS servers: expected a secret that the servers share")
	}
	secured, err := c.tls()
	if err != nil {
		return err
	}
	if secured != nil {
		if len(secured.Certificates) == 0 || secured.RootCAs == nil {
			return errors.New("TLS between NATS servers: expected authorities, a certificate and its key")
		}
		secured.ClientCAs, secured.ClientAuth = secured.RootCAs, tls.RequireAndVerifyClientCert
		cluster.TLSConfig, cluster.TLSTimeout = secured, serverTimeout.Seconds()
	}
	options.Cluster = cluster
	for _, peer := range c.Peers {
		options.Routes = append(options.Routes, &url.URL{Scheme: "nats-route", User: user, Host: peer})
	}
	return nil
}

// minSecret is how many bytes the secret of the servers has at least.
const minSecret = 32

// logger brings what the server has to say to the log of the node.
type logger struct {
	*slog.Logger
	refusals *refusals // Are told of it, too.
}

func (l logger) Noticef(format string, v ...any) { l.log(slog.LevelDebug, format, v) }
func (l logger) Warnf(format string, v ...any)   { l.log(slog.LevelInfo, format, v) }
func (l logger) Fatalf(format string, v ...any)  { l.log(slog.LevelError, format, v) }
func (l logger) Debugf(string, ...any)           {}
func (l logger) Tracef(string, ...any)           {}

func (l logger) Errorf(format string, v ...any) {
	l.refusals.note(fmt.Sprintf(format, v...))
	l.log(slog.LevelWarn, format, v)
}

func (l logger) log(level slog.Level, format string, v []any) {
	if l.Enabled(context.Background(), level) {
		l.Log(context.Background(), level, "NATS: "+fmt.Sprintf(format, v...))
	}
}
