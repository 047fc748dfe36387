package server

import (
	"fmt"
	"log/slog"
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

	// Default: slog.Default().
	Logger *slog.Logger
	// Whether debug lines show session descriptions, candidates and payloads, which are private. Default: they do not.
	LogPayloads bool

	// The size of a message from a client, in bytes. Over it a message fails; beyond twice it, the stream ends. Default:
	// 256 KiB. Must be at least 1 KiB.
	MaxMessageBytes int
	// Rooms that a session may be in at one time. Default: 64.
	MaxRooms int
	// Sessions in all. Default: 100,000.
	MaxSessions int
	// Connections in all, on the native gRPC port; more wait to be accepted. Default: 100,000.
	MaxConnections int
	// Streams on one connection; more wait to be opened. Default: 4,096.
	MaxStreams int
	// What a session may have waiting to be written, in bytes; then it ends as a slow consumer. Default: 1 MiB. Must be
	// at least 64 KiB.
	MaxOutboxBytes int

	// How often both sides of a stream show that they are there. Default: 10 s. Must be at least 1 s.
	HeartbeatInterval time.Duration
	// How long Shutdown lets streams take to end. Default: 10 s.
	DrainTimeout time.Duration

	// What clients are told is the server's version. Default: that of this module in the running binary.
	Version string
}

// withDefaults returns c with its defaults filled in, or an error that tells which field is wrong.
func (c Config) withDefaults() (Config, error) {
	text := func(v *string, otherwise string) {
		if *v == "" {
			*v = otherwise
		}
	}
	text(&c.GRPCAddr, "localhost:50051")
	text(&c.WebAddr, "localhost:8080")
	text(&c.AdminAddr, "127.0.0.1:9090")
	text(&c.Version, moduleVersion())
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.GRPCAddr == off {
		return c, fmt.Errorf("GRPCAddr is %q: expected an address such as %q", off, "localhost:50051")
	}

	for _, b := range []struct {
		name      string
		v         *int
		otherwise int
		least     int
	}{
		{"MaxMessageBytes", &c.MaxMessageBytes, 256 << 10, 1 << 10},
		{"MaxRooms", &c.MaxRooms, 64, 1},
		{"MaxSessions", &c.MaxSessions, 100_000, 1},
		{"MaxConnections", &c.MaxConnections, 100_000, 1},
		{"MaxStreams", &c.MaxStreams, 4096, 1},
		{"MaxOutboxBytes", &c.MaxOutboxBytes, 1 << 20, 64 << 10},
	} {
		switch {
		case *b.v == 0:
			*b.v = b.otherwise
		case *b.v < 0:
			*b.v = 0 // None.
		case *b.v < b.least:
			return c, fmt.Errorf("%s is %d: expected at least %d, 0 for the default of %d, or a negative number for no bound", b.name, *b.v, b.least, b.otherwise)
		}
	}
	for _, d := range []struct {
		name      string
		v         *time.Duration
		otherwise time.Duration
		least     time.Duration
	}{
		{"HeartbeatInterval", &c.HeartbeatInterval, 10 * time.Second, time.Second},
		{"DrainTimeout", &c.DrainTimeout, 10 * time.Second, 0},
	} {
		if *d.v == 0 {
			*d.v = d.otherwise
		}
		if *d.v < d.least {
			return c, fmt.Errorf("%s is %s: expected at least %s, or 0 for the default of %s", d.name, *d.v, d.least, d.otherwise)
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
