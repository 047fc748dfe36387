package server

import (
	"bytes"
	"cmp"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"net/url"
	"os"
	"runtime/debug"
	"time"

	"github.com/beckonrtc/beckon/server/roomlog/memlog"
)

// Config is how a Server runs. The zero value is ready for use.
//
// Of the bounds, 0 stands for the default and a negative number for no bound.
type Config struct {
	// Where Run listens, as "host:port". GRPCAddr is for native gRPC, default "localhost:50051". WebAddr is for browsers,
	// default "localhost:8080". AdminAddr is for operators, default "127.0.0.1:9090". "off" switches the latter two off.
	GRPCAddr, WebAddr, AdminAddr string
	// Makes the server one of several nodes. Default: it is alone, and keeps its rooms in memory.
	Cluster *Cluster
	// The origins of pages that may use the web port, such as "https://app.example.org"; "*" is any. Pages that come from
	// the host that they call always may. Default: no others.
	WebOrigins []string
	// The addresses of proxies. Of a connection that comes from one, X-Forwarded-For tells the client's address; if it
	// tells none, it is the proxy's. Who connects from elsewhere is not believed. Default: there are none.
	TrustedProxies []netip.Prefix

	// PEM files with the server's certificate chain and its key, for TLS on the gRPC and web ports. They are read again when
	// they change; streams go on. Default: no TLS.
	TLSCertFile, TLSKeyFile string
	// The least version of TLS: "1.2" or "1.3". Default: "1.3".
	TLSMinVersion string
	// A PEM file with the authorities of native clients' certificates, which then tell who a client is. With tokens or a
	// webhook, too, a client may show either. Default: certificates are not asked for.
	ClientCAFile string

	// A file with the keys of access tokens (JWT): a secret of at least 32 bytes, a public key in PEM, or a JWK Set. Default:
	// no tokens.
	TokenKeyFile string
	// Instead: the address of a JWK Set of public keys.
	TokenJWKS string
	// Who must have issued a token, and whom it must be meant for. Default: anybody.
	TokenIssuer, TokenAudience string
	// How far the clocks of the server and of who issues tokens may be apart. Default: 30 s. Negative: not at all.
	TokenSkew time.Duration
	// The address of a service that decides on each session, and the file with the secret that questions to it are signed
	// with. Default: none.
	AuthWebhook, AuthWebhookKeyFile string
	// A file of tokens and subjects that are revoked, one a line: "jti:ID" or "sub:IDENTITY". It is read again when it
	// changes. Default: none.
	RevocationsFile string
	// A file with a secret of 32 bytes or more that the admin port asks for before it does anything. If others than this
	// machine can reach that port, it is needed, or access tokens are: one that says admin will do, too. Default: none.
	AdminSecretFile string
	// Lets everybody do everything though others than this machine can reach the server. Default: such a server does not
	// run.
	Open bool

	// STUN and TURN servers for clients, such as "stun:stun.example.org" and "turn:turn.example.org". Default: none.
	ICEServers []string
	// A file with more of them, which have credentials that do not change: see ice.ParseServers. Default: none.
	ICEServersFile string
	// A file with the secret that the TURN servers share with this one, for credentials that last for a time. One a line;
	// the first is used. Default: none.
	TURNSecretFile string
	// How long those credentials last. They are renewed before. Default: 1 h. Must be at least 1 min.
	TURNTTL time.Duration
	// Where a STUN and TURN server of this process's own listens, over UDP and TCP, as "host:port". Its secret is that of
	// TURNSecretFile, or one of this process. Default: there is none.
	TURNAddr string
	// Where it listens over TLS, too, with the certificate of TLSCertFile, as "host:port". Default: nowhere.
	TURNTLSAddr string
	// The name by which clients reach it. With TURNTLSAddr it must be one of the certificate's. Default: TURNPublicIP.
	TURNHost string
	// The address that clients and their peers reach it at, if that is not the host of TURNAddr. Default: that host.
	TURNPublicIP string
	// Whether it relays to private addresses and to those of this machine, which whoever has an access token can then reach.
	// Default: it does not.
	TURNAllowPrivate bool
	// Rooms, by name or by the beginning of names and "*", in which only relay candidates pass, and in which host candidates
	// do not. Default: in all rooms everything passes, unread.
	RelayOnly, HideHost []string

	// Where an OpenTelemetry collector takes traces, such as "http://localhost:4317"; over "https" with TLS. What else there is
	// to say the variables OTEL_… of the environment do. Default: there are no traces.
	TracesEndpoint string
	// How they are sent: "grpc", or "http" with protobuf. Default: "grpc".
	TracesProtocol string
	// The share of traces that is kept, up to 1. Of one that a client continues, the client tells. Default: what
	// OTEL_TRACES_SAMPLER says; else all of them.
	TracesRatio float64

	// Default: slog.Default().
	Logger *slog.Logger
	// Whether debug lines show session descriptions, candidates and payloads, which are private. Default: they do not.
	LogPayloads bool

	// The size of a message from a client, in bytes. Over it a message fails; beyond twice it, the stream ends. Default:
	// 256 KiB. Must be at least 1 KiB; there is no doing without a bound.
	MaxMessageBytes int
	// Rooms that a session may be in at one time. Default: 64.
	MaxRooms int
	// Users that may be in a room at one time. Default: 10,000.
	MaxUsers int
	// Sessions in all. Default: 100,000.
	MaxSessions int
	// Sessions from one IPv4 address, or from one IPv6 network of 64 bits. A proxy counts as one address, unless it is one
	// of TrustedProxies. Default: 10,000.
	MaxSessionsPerIP int
	// Tries to be let in from one such address that may fail per second, for long; four times as many may do so at once.
	// Over it whoever comes from there is refused before it is looked at what is shown. Default: 5.
	MaxFailuresPerIP int
	// Streams on which the client has yet to say something; of more the oldest end. As many calls of native gRPC that belong to no
	// session, or have yet to bring their request, are counted apart. Default: 10,000.
	MaxPending int
	// Connections on each of the native gRPC port and the web port; more wait to be accepted. Default: no bound, for one
	// costs 4 KiB for each connection on the former.
	MaxConnections int
	// Streams on one connection; more wait to be opened. Default: 4,096.
	MaxStreams int
	// Streams that may be opened on one connection of native gRPC per second, for long; ten times as many may be at once.
	// From one IPv4 address or IPv6 network of 64 bits ten times all that may come. Over it the connection is closed.
	// Connections of TrustedProxies have no such bound. Default: 100.
	MaxStreamsPerSecond int
	// What a session may have waiting to be written, in bytes; then it ends as a slow consumer. Lists of users do not
	// count: there is one at a time. Default: 1 MiB. Must be at least twice MaxMessageBytes.
	MaxOutboxBytes int
	// Messages that a session may send per second, for long; ten times as many may come at once. Over it a message fails;
	// far over it for long, the stream ends. Default: 200.
	MaxMessagesPerSecond int
	// The same in bytes. Default: 1 MiB.
	MaxBytesPerSecond int
	// What is kept of messages that were sent and are not known to have been received, in bytes; then the oldest come back
	// to their senders. There is no doing without a bound. Default: 256 MiB. Must be at least 1 MiB.
	MaxRetainedBytes int

	// How long a client may take to set a connection up. Default: 10 s.
	HandshakeTimeout time.Duration
	// How often both sides of a stream show that they are there. Default: 10 s. Must be at least 1 s.
	HeartbeatInterval time.Duration
	// How long a session whose stream was lost is kept for its client to come back. Default: 30 s. Must be at least 1 s.
	ResumeWindow time.Duration
	// A file with a secret of 32 bytes or more, which resume tokens are made with. A server that was started anew with the
	// same one takes the sessions of the former up. Default: a secret of this process.
	SessionKeyFile string
	// How long Shutdown lets streams take to end; they do so over half of it at most. Default: 20 s.
	DrainTimeout time.Duration

	// What clients are told is the server's version. Default: that of this module in the running binary.
	Version string
}

// Defaults returns the Config that the zero value stands for, but for Logger and Version.
func Defaults() Config {
	return Config{
		GRPCAddr:  "localhost:50051",
		WebAddr:   "localhost:8080",
		AdminAddr: "127.0.0.1:9090",

		MaxMessageBytes:      256 << 10,
		MaxRooms:             64,
		MaxUsers:             10_000,
		MaxSessions:          100_000,
		MaxSessionsPerIP:     10_000,
		MaxFailuresPerIP:     5,
		MaxPending:           10_000,
		MaxConnections:       -1,
		MaxStreams:           4096,
		MaxStreamsPerSecond:  100,
		MaxOutboxBytes:       1 << 20,
		MaxMessagesPerSecond: 200,
		MaxBytesPerSecond:    1 << 20,
		MaxRetainedBytes:     256 << 20,

		HandshakeTimeout:  10 * time.Second,
		HeartbeatInterval: 10 * time.Second,
		TLSMinVersion:     "1.3",
		TokenSkew:         30 * time.Second,
		TURNTTL:           time.Hour,
		TracesProtocol:    tracesGRPC,

		ResumeWindow: 30 * time.Second,
		DrainTimeout: 20 * time.Second,
	}
}

// maxBound is the highest bound that may be set: four times it still fits gRPC's numbers.
const maxBound = math.MaxInt32 / 4

// withDefaults returns c with its defaults filled in, or an error that tells which field is wrong.
func (c Config) withDefaults() (Config, error) {
	d := Defaults()
	c.GRPCAddr = cmp.Or(c.GRPCAddr, d.GRPCAddr)
	c.WebAddr = cmp.Or(c.WebAddr, d.WebAddr)
	c.AdminAddr = cmp.Or(c.AdminAddr, d.AdminAddr)
	c.Version = cmp.Or(c.Version, moduleVersion())
	c.Logger = cmp.Or(c.Logger, slog.Default())
	if c.GRPCAddr == off {
		return c, fmt.Errorf("GRPCAddr is %q: expected an address such as %q", off, d.GRPCAddr)
	}

	if c.TLSMinVersion = cmp.Or(c.TLSMinVersion, d.TLSMinVersion); c.TLSMinVersion != "1.2" && c.TLSMinVersion != "1.3" {
		return c, fmt.Errorf("TLSMinVersion is %q: expected %q or %q", c.TLSMinVersion, "1.2", "1.3")
	}
	for _, origin := range c.WebOrigins {
		if err := CheckOrigin(origin); err != nil {
			return c, fmt.Errorf("WebOrigins has %q: %w", origin, err)
		}
	}
	for _, proxy := range c.TrustedProxies {
		if !proxy.IsValid() || proxy.Addr().Is4In6() {
			return c, fmt.Errorf("TrustedProxies has %s: expected networks such as 10.0.0.0/8 or fd00::/8", proxy)
		}
	}

	c.MaxMessageBytes = cmp.Or(c.MaxMessageBytes, d.MaxMessageBytes)
	if c.MaxMessageBytes < 1<<10 || c.MaxMessageBytes > maxBound {
		return c, fmt.Errorf("MaxMessageBytes is %d: expected %d to %d, or 0 for the default of %d", c.MaxMessageBytes, 1<<10, maxBound, d.MaxMessageBytes)
	}
	c.MaxRetainedBytes = cmp.Or(c.MaxRetainedBytes, d.MaxRetainedBytes)
	if c.MaxRetainedBytes < 1<<20 || c.MaxRetainedBytes > maxBound {
		return c, fmt.Errorf("MaxRetainedBytes is %d: expected %d to %d, or 0 for the default of %d", c.MaxRetainedBytes, 1<<20, maxBound, d.MaxRetainedBytes)
	}
	for _, b := range []struct {
		name         string
		v            *int
		usual, least int
	}{
		{"MaxRooms", &c.MaxRooms, d.MaxRooms, 1},
		{"MaxUsers", &c.MaxUsers, d.MaxUsers, 1},
		{"MaxSessions", &c.MaxSessions, d.MaxSessions, 1},
		{"MaxSessionsPerIP", &c.MaxSessionsPerIP, d.MaxSessionsPerIP, 1},
		{"MaxFailuresPerIP", &c.MaxFailuresPerIP, d.MaxFailuresPerIP, 1},
		{"MaxPending", &c.MaxPending, d.MaxPending, 1},
		{"MaxConnections", &c.MaxConnections, d.MaxConnections, 1},
		{"MaxStreams", &c.MaxStreams, d.MaxStreams, 1},
		{"MaxStreamsPerSecond", &c.MaxStreamsPerSecond, d.MaxStreamsPerSecond, 1},
		{"MaxOutboxBytes", &c.MaxOutboxBytes, d.MaxOutboxBytes, 2 * c.MaxMessageBytes},
		{"MaxMessagesPerSecond", &c.MaxMessagesPerSecond, d.MaxMessagesPerSecond, 1},
		{"MaxBytesPerSecond", &c.MaxBytesPerSecond, d.MaxBytesPerSecond, 1 << 10},
	} {
		switch v := cmp.Or(*b.v, b.usual); {
		case v < 0:
			*b.v = 0 // None, as the hub has it.
		case v < b.least || v > maxBound:
			return c, fmt.Errorf("%s is %d: expected %d to %d, 0 for the default of %d, or a negative number for no bound", b.name, v, b.least, maxBound, b.usual)
		default:
			*b.v = v
		}
	}
	c.TokenSkew = cmp.Or(c.TokenSkew, d.TokenSkew)
	c.TracesProtocol = cmp.Or(c.TracesProtocol, d.TracesProtocol)
	if err := c.checkTraces(); err != nil {
		return c, err
	}
	for _, t := range []struct {
		name         string
		v            *time.Duration
		usual, least time.Duration
	}{
		{"HandshakeTimeout", &c.HandshakeTimeout, d.HandshakeTimeout, time.Millisecond},
		{"HeartbeatInterval", &c.HeartbeatInterval, d.HeartbeatInterval, time.Second},
		{"ResumeWindow", &c.ResumeWindow, d.ResumeWindow, time.Second},
		{"TURNTTL", &c.TURNTTL, d.TURNTTL, time.Minute},
		{"DrainTimeout", &c.DrainTimeout, d.DrainTimeout, 0},
	} {
		if *t.v = cmp.Or(*t.v, t.usual); *t.v < t.least {
			return c, fmt.Errorf("%s is %s: expected at least %s, or 0 for the default of %s", t.name, *t.v, t.least, t.usual)
		}
	}
	return c, nil
}

// CheckOrigin returns an error that tells what is expected of an entry of Config.WebOrigins, if it is not that.
func CheckOrigin(origin string) error {
	if u, err := url.Parse(origin); origin != "*" && (err != nil || u.Host == "" || u.Scheme+"://"+u.Host != origin) {
		return fmt.Errorf("expected an origin such as %q, or %q for any", "https://app.example.org", "*")
	}
	return nil
}

// log returns how the room log is to keep messages: for as long as a session may be on its way back, and its loss
// unnoticed.
func (c Config) log() memlog.Options {
	const (
		unnoticed = 3                // Heartbeats that may be missing before a stream counts as lost.
		lease     = 10 * time.Second // For another process to take over.
		margin    = 20 * time.Second
	)
	return memlog.Options{
		Retention:   unnoticed*c.HeartbeatInterval + c.ResumeWindow + lease + margin,
		MemberBytes: max(256<<10, 2*c.MaxMessageBytes),
		TotalBytes:  c.MaxRetainedBytes,
	}
}

// sessionKey reads SessionKeyFile; nil if there is none.
func (c Config) sessionKey() ([]byte, error) {
	if c.SessionKeyFile == "" {
		return nil, nil
	}
	key, err := os.ReadFile(c.SessionKeyFile)
	if err != nil {
		return nil, fmt.Errorf("read the session key: %w", err)
	}
	key = bytes.TrimSpace(key)
	if len(key) < minSessionKey {
		return nil, fmt.Errorf("the session key in %s has %d bytes: expected a secret of %d or more, such as the output of \"openssl rand -hex 32\"", c.SessionKeyFile, len(key), minSessionKey)
	}
	return key, nil
}

// minSessionKey is how many bytes a session key has at least.
const minSessionKey = 32

// off is the address of a port that is not wanted.
const off = "off"

// moduleVersion returns the version of this module in the running binary.
func moduleVersion() string {
	const module = "github.com/beckonrtc/beckon"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if info.Main.Path == module {
		return info.Main.Version
	}
	for _, m := range info.Deps {
		if m.Path == module {
			return m.Version
		}
	}
	return "unknown"
}
