package server

import (
	"cmp"
	"fmt"
	"log/slog"
	"math"
	"net/url"
	"runtime/debug"
	"time"
)

// Config is how a Server runs. The zero value is ready for use.
//
// Of the bounds, 0 stands for the default and a negative number for no bound.
type Config struct {
	// Where Run listens, as "host:port". GRPCAddr is for native gRPC, default "localhost:50051". WebAddr is for browsers,
	// default "localhost:8080". AdminAddr is for operators, default "127.0.0.1:9090". "off" switches the latter two off.
	GRPCAddr, WebAddr, AdminAddr string
	// The origins of pages that may use the web port, such as "https://app.example.org"; "*" is any. Pages that come from
	// the host that they call always may. Default: no others.
	WebOrigins []string

	// Default: slog.Default().
	Logger *slog.Logger
	// Whether debug lines show session descriptions, candidates and payloads, which are private. Default: they do not.
	LogPayloads bool

	// The size of a message from a client, in bytes. Over it a message fails; beyond twice it, the stream ends. Default:
	// 256 KiB. Must be at least 1 KiB; there is no doing without a bound.
	MaxMessageBytes int
	// Rooms that a session may be in at one time. Default: 64.
	MaxRooms int
	// Sessions in all. Default: 100,000.
	MaxSessions int
	// Connections on each of the native gRPC port and the web port; more wait to be accepted. Default: no bound, for one
	// costs 4 KiB for each connection on the former.
	MaxConnections int
	// Streams on one connection; more wait to be opened. Default: 4,096.
	MaxStreams int
	// What a session may have waiting to be written, in bytes; then it ends as a slow consumer. Lists of users do not
	// count: there is one at a time. Default: 1 MiB. Must be at least twice MaxMessageBytes.
	MaxOutboxBytes int

	// How long a client may take to set a connection up. Default: 10 s.
	HandshakeTimeout time.Duration
	// How often both sides of a stream show that they are there. Default: 10 s. Must be at least 1 s.
	HeartbeatInterval time.Duration
	// How long Shutdown lets streams take to end. Default: 10 s.
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

		MaxMessageBytes: 256 << 10,
		MaxRooms:        64,
		MaxSessions:     100_000,
		MaxConnections:  -1,
		MaxStreams:      4096,
		MaxOutboxBytes:  1 << 20,

		HandshakeTimeout:  10 * time.Second,
		HeartbeatInterval: 10 * time.Second,
		DrainTimeout:      10 * time.Second,
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

	for _, origin := range c.WebOrigins {
		if u, err := url.Parse(origin); origin != "*" && (err != nil || u.Host == "" || u.Scheme+"://"+u.Host != origin) {
			return c, fmt.Errorf("WebOrigins has %q: expected an origin such as %q, or %q for any", origin, "https://app.example.org", "*")
		}
	}

	c.MaxMessageBytes = cmp.Or(c.MaxMessageBytes, d.MaxMessageBytes)
	if c.MaxMessageBytes < 1<<10 || c.MaxMessageBytes > maxBound {
		return c, fmt.Errorf("MaxMessageBytes is %d: expected %d to %d, or 0 for the default of %d", c.MaxMessageBytes, 1<<10, maxBound, d.MaxMessageBytes)
	}
	for _, b := range []struct {
		name         string
		v            *int
		usual, least int
	}{
		{"MaxRooms", &c.MaxRooms, d.MaxRooms, 1},
		{"MaxSessions", &c.MaxSessions, d.MaxSessions, 1},
		{"MaxConnections", &c.MaxConnections, d.MaxConnections, 1},
		{"MaxStreams", &c.MaxStreams, d.MaxStreams, 1},
		{"MaxOutboxBytes", &c.MaxOutboxBytes, d.MaxOutboxBytes, 2 * c.MaxMessageBytes},
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
	for _, t := range []struct {
		name         string
		v            *time.Duration
		usual, least time.Duration
	}{
		{"HandshakeTimeout", &c.HandshakeTimeout, d.HandshakeTimeout, time.Millisecond},
		{"HeartbeatInterval", &c.HeartbeatInterval, d.HeartbeatInterval, time.Second},
		{"DrainTimeout", &c.DrainTimeout, d.DrainTimeout, 0},
	} {
		if *t.v = cmp.Or(*t.v, t.usual); *t.v < t.least {
			return c, fmt.Errorf("%s is %s: expected at least %s, or 0 for the default of %s", t.name, *t.v, t.least, t.usual)
		}
	}
	return c, nil
}

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
