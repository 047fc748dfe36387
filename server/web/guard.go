package web

import (
	"net"
	"sync"
	"time"
)

// guard is the connection of a websocket, held to deadlines: one for each read and each write, in the end one for all
// that is left.
type guard struct {
	net.Conn
	stall, silence time.Duration // Of Config.

	opening []byte // What is to be read first. Owned by whoever reads.

	mu        sync.Mutex
	finishing bool // Guarded by mu. Reads and writes no longer move their deadlines.
	closed    bool // Guarded by mu.
}

// newGuard returns a guard of a connection from which these bytes have been read.
func newGuard(conn net.Conn, opening []byte, cfg *Config) *guard {
	return &guard{Conn: conn, stall: cfg.StallTimeout, silence: cfg.SilenceTimeout, opening: opening}
}

// Read implements net.Conn.
func (g *guard) Read(p []byte) (int, error) {
	if len(g.opening) > 0 {
		n := copy(p, g.opening)
		if g.opening = g.opening[n:]; len(g.opening) == 0 {
			g.opening = nil // To be freed.
		}
		return n, nil
	}
	g.move(g.Conn.SetReadDeadline, g.silence)
	return g.Conn.Read(p)
}

// Write implements net.Conn. A slow reader is not one that reads nothing: the deadline moves with every part.
func (g *guard) Write(p []byte) (n int, err error) {
	for err == nil && n < len(p) {
		g.move(g.Conn.SetWriteDeadline, g.stall)
		var m int
		m, err = g.Conn.Write(p[n:min(n+writePart, len(p))])
		n += m
	}
	return n, err
}

// writePart is how much is written before the deadline moves.
const writePart = 16 << 10

// move moves a deadline.
func (g *guard) move(set func(time.Time) error, timeout time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.finishing {
		_ = set(time.Now().Add(timeout)) // Every connection has deadlines.
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
