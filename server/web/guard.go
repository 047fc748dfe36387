package web

import (
	"net"
	"sync"
	"time"
)

// guard is the connection of a websocket, held to deadlines: one for each read and each write, one for each message that
// has begun to come, in the end one for all that is left.
type guard struct {
	net.Conn
	stall, silence time.Duration // Of Config.
	message        time.Duration // How long one may take to come.

	// Owned by whoever reads.
	opening []byte // What is to be read first.

	// Guarded by mu.
	mu        sync.Mutex
	frames    frames
	began     time.Time // When the gRPC message did that is being read. Zero between two.
	finishing bool      // Reads and writes no longer move their deadlines.
	closed    bool
}

// minRate is how fast a message must come, in bytes a second.
const minRate = 16 << 10

// newGuard returns a guard of a connection from which these bytes have been read.
func newGuard(conn net.Conn, opening []byte, cfg *Config) *guard {
	return &guard{
		Conn: conn, stall: cfg.StallTimeout, silence: cfg.SilenceTimeout,
		message: cfg.StallTimeout + time.Duration(cfg.MaxMessageBytes)*time.Second/minRate,
		opening: opening,
	}
}

// Read implements net.Conn.
func (g *guard) Read(p []byte) (int, error) {
	if len(g.opening) > 0 {
		n := copy(p, g.opening)
		g.pass(p[:n])
		if g.opening = g.opening[n:]; len(g.opening) == 0 {
			g.opening = nil // To be freed.
		}
		return n, nil
	}
	g.moveRead()
	n, err := g.Conn.Read(p)
	g.pass(p[:n])
	return n, err
}

// pass follows the frames in what has been read.
func (g *guard) pass(p []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.frames.pass(p, time.Now())
}

// moveRead moves the deadline of reads: something must come, and what has begun must end.
func (g *guard) moveRead() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.finishing {
		return
	}
	deadline := time.Now().Add(g.silence)
	for _, began := range []time.Time{g.began, g.frames.began} { // Either may be spread over many of the other.
		if end := began.Add(g.message); !began.IsZero() && end.Before(deadline) {
			deadline = end
		}
	}
	_ = g.Conn.SetReadDeadline(deadline) // Every connection has deadlines.
}

// begin tells that a gRPC message has begun to come.
func (g *guard) begin() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.began.IsZero() {
		g.began = time.Now()
	}
}

// next tells that the next gRPC message is to be read. How long that took does not count against the client.
func (g *guard) next() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.frames.began.IsZero() {
		g.frames.began = time.Now()
	}
	g.began = time.Time{}
}

// Write implements net.Conn. A slow reader is not one that reads nothing: the deadline moves with every part.
func (g *guard) Write(p []byte) (n int, err error) {
	for err == nil && n < len(p) {
		g.moveWrite()
		var m int
		m, err = g.Conn.Write(p[n:min(n+writePart, len(p))])
		n += m
	}
	return n, err
}

// writePart is how much is written before the deadline moves.
const writePart = 16 << 10

// moveWrite moves the deadline of writes.
func (g *guard) moveWrite() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.finishing {
		_ = g.Conn.SetWriteDeadline(time.Now().Add(g.stall)) // Every connection has deadlines.
	}
}

// ping sends a websocket ping. Only the goroutine that writes messages may call it, between two of them: the library
// writes every control frame with one call of Write, so that this one comes between whole frames.
func (g *guard) ping() error {
	_, err := g.Write([]byte{final | opPing, 0})
	return err
}

// finish lets the connection have no more than timeout for all that is left.
func (g *guard) finish(timeout time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.finishing = true
	_ = g.Conn.SetDeadline(time.Now().Add(timeout))
}

// Close implements net.Conn.
func (g *guard) Close() error {
	g.mu.Lock()
	closed := g.closed
	g.closed = true
	g.mu.Unlock()
	if closed {
		return nil
	}
	return g.Conn.Close()
}

// isClosed reports whether the connection was closed on this side.
func (g *guard) isClosed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.closed
}
