//go:build !race

package server_test

import (
	"errors"
	"net"
	"sync"
	"time"
)

// errCut is what a client sees of a connection that was cut.
var errCut = errors.New("the connection was cut")

// cable is the client's end of a connection in memory, which can break in all the ways in which a network does.
type cable struct {
	net.Conn

	closed chan struct{} // Closed when the client has closed its end, or has seen it cut.

	mu      sync.Mutex
	reads   int  // Guarded by mu. The bytes that still arrive; then the connection is cut. Negative: no bound.
	writes  int  // Guarded by mu. The bytes that can still be sent; then likewise.
	deaf    bool // Guarded by mu. Nothing arrives any more, and nobody is told.
	mute    bool // Guarded by mu. What is sent is lost, and nobody is told.
	isEnded bool // Guarded by mu. closed is closed.
}

// newCable returns a cable that carries so many bytes in each direction; negative: any number.
func newCable(conn net.Conn, reads, writes int) *cable {
	return &cable{Conn: conn, closed: make(chan struct{}), reads: reads, writes: writes}
}

// Read implements net.Conn.
func (c *cable) Read(p []byte) (int, error) {
	for {
		c.mu.Lock()
		reads, deaf, ended := c.reads, c.deaf, c.isEnded
		c.mu.Unlock()
		switch {
		case ended:
			return 0, errCut
		case deaf:
			<-c.closed
			return 0, errCut
		case reads == 0:
			c.cut()
			return 0, errCut
		case reads > 0 && len(p) > reads:
			p = p[:reads]
		}
		n, err := c.Conn.Read(p)
		c.mu.Lock()
		if c.deaf || c.isEnded {
			c.mu.Unlock()
			continue
		}
		if c.reads >= 0 {
			n = min(n, c.reads)
			c.reads -= n
		}
		c.mu.Unlock()
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// Write implements net.Conn.
func (c *cable) Write(p []byte) (int, error) {
	c.mu.Lock()
	n := len(p)
	if c.writes >= 0 {
		n = min(n, c.writes)
		c.writes -= n
	}
	mute, ended, out := c.mute, c.isEnded, c.writes == 0
	c.mu.Unlock()
	switch {
	case ended:
		return 0, errCut
	case mute:
		return len(p), nil
	}
	n, err := c.Conn.Write(p[:n])
	if out && err == nil {
		c.cut()
		err = errCut
	}
	return n, err
}

// Close ends the client's end. If nothing reaches the server any more, it does not hear of it.
func (c *cable) Close() error {
	c.mu.Lock()
	mute := c.mute
	c.mu.Unlock()
	if !mute {
		c.cut()
		return nil
	}
	c.end()
	return nil
}

// end makes what the client does with the connection fail.
func (c *cable) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.isEnded {
		c.isEnded = true
		close(c.closed)
	}
	c.wakeLocked()
}

// wakeLocked makes a Read that waits look around. c.mu must be held.
func (c *cable) wakeLocked() { _ = c.SetReadDeadline(time.Now()) }

// cut ends the connection, for both sides.
func (c *cable) cut() {
	c.end()
	_ = c.Conn.Close()
}

// cutLater cuts the connection after so many more bytes in each direction; negative: any number.
func (c *cable) cutLater(reads, writes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads, c.writes = reads, writes
}

// block has what is on its way lost, in the directions given.
func (c *cable) block(deaf, mute bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deaf, c.mute = deaf, mute
	if deaf {
		c.wakeLocked()
	}
}

// crash ends the server's end. A client to whom nothing arrives does not hear of it.
func (c *cable) crash() {
	c.mu.Lock()
	deaf := c.deaf
	c.mu.Unlock()
	if deaf {
		_ = c.Conn.Close()
		return
	}
	c.cut()
}

// halfOpen reports whether an end of the connection can be closed without the other hearing of it.
func (c *cable) halfOpen() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.deaf || c.mute
}
