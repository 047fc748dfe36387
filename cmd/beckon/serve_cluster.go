package main

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/beckonrtc/beckon/server"
	"github.com/beckonrtc/beckon/server/broker"
	"github.com/beckonrtc/beckon/server/starting"
)

// clusterFlags is what the command line says of the cluster that a server is a node of.
type clusterFlags struct {
	urls     []string
	storage  string
	replicas int
	prefix   string
	rolling  bool
	broker   broker.Config
}

// servers are the NATS servers inside the nodes, of which this node's is there once it was waited for.
type servers struct {
	*broker.Broker // Set before anybody asks.
}

// embedded is the --nats that is inside this process.
const embedded = "embedded"

// addTo adds the flags.
func (f *clusterFlags) addTo(cmd *cobra.Command) {
	const secret = `a file such as "openssl rand -hex 32" writes`
	f.storage = "file"
	flags := cmd.Flags()
	flags.StringSliceVar(&f.urls, "nats", nil,
		"share rooms through the NATS at this `URL`, or \"embedded\"; may be repeated")
	flags.StringVar(&f.prefix, "nats-prefix", "beckon", "what all names there begin with: a `NAME` for each cluster")
	flags.Var(replicas(&f.replicas), "nats-replicas", "NATS servers that keep each room: 1, 3 or 5 (default 1; embedded: up to 3)")
	choiceVar(cmd, &f.storage, "nats-storage", "where these keep rooms", "file", "memory")
	flags.Var(file(&f.broker.CredsFile, "what \"nsc\" writes"), "nats-creds-file", "credentials for NATS")
	flags.Var(file(&f.broker.CAFile, "certificates in PEM"), "nats-ca-file", "trust NATS servers of these authorities")
	flags.Var(file(&f.broker.CertFile, "a certificate in PEM"), "nats-cert-file", "a certificate to show them")
	flags.Var(file(&f.broker.KeyFile, "a private key in PEM"), "nats-key-file", "its key")
	flags.StringVar(&f.broker.Name, "node", "", "what this node is called, a `NAME` that no other has; by default the host's")
	flags.BoolVar(&f.rolling, "rolling-change", false, "join while others have another session key, resume window or heartbeat")
	flags.StringVar(&f.broker.Dir, "nats-dir", "", "embedded: keep streams in this `DIRECTORY`")
	flags.StringVar(&f.broker.ClusterAddr, "nats-cluster", "", "embedded: the other nodes' NATS reach it at this `ADDRESS`")
	flags.StringSliceVar(&f.broker.Peers, "nats-peer", nil, "embedded: it reaches another node's at this `ADDRESS`; may be repeated")
	flags.Var(file(&f.broker.SecretFile, secret), "nats-secret-file", "embedded: the secret that the nodes' NATS servers share")
	cmd.MarkFlagDirname("nats-dir")
}

// replicas is a number of servers of which most can agree while some are away; 0: as many as there are, up to 3.
func replicas(target *int) pflag.Value {
	return setting[int]{target, "N",
		func(text string) (int, error) {
			if n, err := strconv.Atoi(text); err == nil && slices.Contains([]int{1, 3, 5}, n) {
				return n, nil
			}
			return 0, errors.New("expected 1, 3 or 5")
		},
		strconv.Itoa,
	}
}

// check tells in the words of the flags what of them does not go together.
func (f *clusterFlags) check(cmd *cobra.Command, config server.Config) error {
	in, here := len(f.urls) > 0, slices.Contains(f.urls, embedded)
	b := f.broker
	changed := cmd.Flags().Changed
	for _, rule := range []struct {
		broken bool
		says   string
	}{
		{here && len(f.urls) > 1, `--nats: expected either "embedded" or addresses`},
		{in && config.SessionKeyFile == "", "--nats: expected --session-key-file, too, the same on all nodes: each takes up the others' sessions"},
		{here && b.Dir == "", "--nats embedded: expected --nats-dir, too, a directory of this node's own"},
		{here && b.CredsFile != "", "--nats-creds-file: it is for NATS servers elsewhere, and --nats is embedded"},
		{!here && b.Dir != "", "--nats-dir: expected --nats embedded, too"},
		{!here && b.ClusterAddr != "", "--nats-cluster: expected --nats embedded, too"},
		{!here && b.SecretFile != "", "--nats-secret-file: expected --nats embedded, too"},
		{len(b.Peers) > 0 && b.ClusterAddr == "", "--nats-peer: expected --nats-cluster, too: the others have to reach this node"},
		{b.ClusterAddr != "" && len(b.Peers) == 0, "--nats-cluster: expected --nats-peer, too, for each other node"},
		{(b.CertFile == "") != (b.KeyFile == ""), "--nats-cert-file and --nats-key-file: expected both, or none"},
		{b.ClusterAddr != "" && b.SecretFile == "" && !onThisMachine(b.ClusterAddr), "--nats-cluster: others can reach this address: expected --nats-secret-file, too"},
		{!in && f.rolling, "--rolling-change: expected --nats, too"},
		{!in && (changed("nats-prefix") || changed("nats-replicas") || changed("nats-storage") || b.CredsFile != "" || b.CAFile != "" || b.CertFile != ""),
			"--nats-prefix, --nats-replicas, --nats-storage and the files for NATS: expected --nats, too"},
		{here && f.replicas > f.servers(), "--nats-replicas: there are fewer NATS servers: expected --nats-peer for each other one"},
	} {
		if rule.broken {
			return usagef("%s", rule.says)
		}
	}
	for _, peer := range append(slices.Clone(b.Peers), b.ClusterAddr) {
		if _, port, err := net.SplitHostPort(peer); peer != "" && (err != nil || port == "") {
			return usagef("--nats-cluster, --nats-peer: %q: expected an address such as 10.0.0.1:6222", peer)
		}
	}
	return nil
}

// servers returns how many NATS servers there are, as far as that is known. A node may have itself among its peers.
func (f *clusterFlags) servers() int {
	others := slices.DeleteFunc(slices.Clone(f.broker.Peers), func(peer string) bool { return peer == f.broker.ClusterAddr })
	return len(others) + 1
}

// addNode has the server join its cluster when it starts, if it is in one. end must be called after the server has ended.
func (f *clusterFlags) addNode(config *server.Config) (end func(), err error) {
	if len(f.urls) == 0 {
		return func() {}, nil
	}
	cfg := f.broker
	cfg.Logger = config.Logger
	if cfg.Name == "" {
		host, err := os.Hostname()
		if err != nil {
			return nil, err
		}
		cfg.Name = strings.ReplaceAll(host, ".", "-")
		if cfg.ClusterAddr != "" && onThisMachine(cfg.ClusterAddr) { // There may be several.
			_, port, _ := net.SplitHostPort(cfg.ClusterAddr) // Checked.
			cfg.Name += "-" + port
		}
	}
	replicas := f.replicas
	if f.urls[0] == embedded {
		cfg.Dir = filepath.Clean(cfg.Dir)
		if replicas <= 0 && f.servers() >= 3 {
			replicas = 3
		}
	} else {
		cfg.URLs = f.urls
	}
	inside := &servers{}
	config.Cluster = &server.Cluster{
		Node: cfg.Name, Prefix: f.prefix, Replicas: max(replicas, 1), Memory: f.storage == "memory", MayDiffer: f.rolling,
		Connect: func(ctx context.Context, waiting *starting.Wait, maxPayload int) (*nats.Conn, error) {
			cfg.Waiting, cfg.MaxPayload = waiting, maxPayload
			var err error
			if inside.Broker, err = broker.Open(ctx, cfg); err != nil {
				return nil, err
			}
			if err := inside.WaitForLeader(ctx); err != nil {
				return nil, err
			}
			return inside.Conn(), nil
		},
	}
	if cfg.Dir != "" && cfg.ClusterAddr != "" {
		config.Cluster.Servers = inside
	}
	return func() {
		if inside.Broker != nil {
			inside.Close()
		}
	}, nil
}
