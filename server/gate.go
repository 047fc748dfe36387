package server

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"golang.org/x/time/rate"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

const (
	// streamsBurst is how many seconds' worth of streams may be opened at once.
	streamsBurst = 10
	// connectionsOfSource is how many connections' worth may be opened from one address.
	connectionsOfSource = 10
)

// A gate bounds how fast clients open streams on gRPC's own transport: one that opens streams and resets them at once ("rapid
// reset") holds none open, and costs what one costs that does. Whoever is over the bound loses the connection.
//
// It also closes connections whose clients are to go elsewhere: as long as gRPC has one, a client comes back on it. All methods
// may be called concurrently.
//
// It does not wrap connections, for of such gRPC cannot pool the read buffers.
type gate struct {
	// Immutable.
	perSecond int            // On one connection. 0: there is no bound.
	free      []netip.Prefix // Where there is no bound.
	log       *slog.Logger

	sources *buckets // Of connections.
	// Connections that were closed since streams were opened too fast: on them, or from their address before.
	closed, refused atomic.Uint64
	// The *entrance of each connection, by the value of its RemoteAddr, a pointer that no other connection has. One that is
	// no longer used leaves with the next collection.
	entrances sync.Map
}

// An entrance is a connection, as the gate sees it.
type entrance struct {
	conn    weak.Pointer[net.TCPConn]
	source  netip.Prefix
	bounded bool          // There is a bound on how fast streams may be opened.
	opened  bool          // A stream was.
	streams *rate.Limiter // Of streams after the first. Nil: there was none, as on most connections.
	serving atomic.Int64  // How many streams with sessions there are on it.
}

// newGate returns the gate that c wants.
func (c Config) newGate() *gate {
	all := c.MaxStreamsPerSecond * connectionsOfSource
	return &gate{perSecond: c.MaxStreamsPerSecond, free: c.TrustedProxies, log: c.Logger, sources: newBuckets(all, streamsBurst*all)}
}

// guard returns a listener whose connections come through the gate, those of TCP: there are no others but in tests.
func (g *gate) guard(lis net.Listener) net.Listener {
	return &gated{lis, g}
}

// gated is a listener whose connections come through a gate.
type gated struct {
	net.Listener
	gate *gate
}

// Accept implements net.Listener. It closes connections from where too many streams come.
func (l *gated) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.gate.enter(conn) {
			return conn, nil
		}
		l.gate.refused.Add(1)
		_ = conn.Close() // Nothing was said on it.
	}
}

// enter makes a connection known. It reports whether it may stay.
func (g *gate) enter(conn net.Conn) bool {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return true
	}
	key := tcp.RemoteAddr()
	from := key.(*net.TCPAddr).AddrPort().Addr().Unmap()
	e := &entrance{conn: weak.Make(tcp), source: sourceOf(from)}
	if g.perSecond > 0 && !slices.ContainsFunc(g.free, func(free netip.Prefix) bool { return free.Contains(from) }) {
		e.bounded = true
		if !g.sources.has(e.source) {
			return false
		}
	}
	g.entrances.Store(key, e)
	runtime.AddCleanup(tcp, func(key net.Addr) { g.entrances.Delete(key) }, key)
	return true
}

// tap sees each stream that is opened, before anything is done for it.
func (g *gate) tap(ctx context.Context) error {
	e := g.entrance(ctx)
	if e == nil || !e.bounded || e.allow(g.perSecond) && g.sources.take(e.source) {
		return nil
	}
	if e.close() {
		g.closed.Add(1)
		g.log.Warn("closed a connection on which streams are opened too fast", "remote", e.source)
	}
	return errTooFast
}

// entrance returns the connection that a stream of gRPC's own transport is on, nil if it is not known.
func (g *gate) entrance(ctx context.Context) *entrance {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return nil
	}
	found, _ := g.entrances.Load(p.Addr)
	e, _ := found.(*entrance)
	return e
}

// allow counts a stream. It reports whether it is within the bound. Only the goroutine that reads from the connection calls it.
func (e *entrance) allow(perSecond int) bool {
	switch {
	case !e.opened:
		e.opened = true
		return true
	case e.streams == nil:
		e.streams = rate.NewLimiter(rate.Limit(perSecond), streamsBurst*perSecond)
		e.streams.Allow() // The first one.
	}
	return e.streams.Allow()
}

// close closes the connection. It reports whether it was open.
func (e *entrance) close() bool {
	conn := e.conn.Value()
	return conn != nil && conn.Close() == nil
}

// begin notes that there is a stream with a session more.
func (e *entrance) begin() {
	if e != nil {
		e.serving.Add(1)
	}
}

// end ends what begin began. If leave, the client is to go elsewhere: the connection is closed after the last.
func (e *entrance) end(leave bool) {
	if e != nil && e.serving.Add(-1) == 0 && leave {
		time.AfterFunc(leaveAfter, func() {
			if e.serving.Load() == 0 {
				e.close()
			}
		})
	}
}

// leaveAfter is how long the status of a connection's last stream has to be sent.
const leaveAfter = 250 * time.Millisecond

// errTooFast is the end of a stream whose connection has been closed; nobody hears it.
var errTooFast = status.Error(codes.ResourceExhausted, "streams are opened too fast")
