package ice

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

const (
	// maxFrame is the size of a message or of channel data from a client, in bytes, from which on the TURN server drops it.
	maxFrame = 1600
	// writeTimeout is how long a client may take to read.
	writeTimeout = 5 * time.Second
)

// datagrams is the UDP port that clients come to. Only the TURN server's reader of it calls ReadFrom.
type datagrams struct {
	*net.UDPConn
	relay *Relay

	// Owned by the reader.
	message []byte // The latest. Valid until the next ReadFrom.
}

// ReadFrom reads a datagram. An error ends the server's reader, so it returns none but that of a closed port.
func (d *datagrams) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		n, addr, err := d.UDPConn.ReadFrom(p)
		switch {
		case err == nil:
			d.message = p[:n]
			return n, addr, nil
		case errors.Is(err, net.ErrClosed) || !d.relay.pause():
			d.relay.readers.Done()
			return 0, nil, net.ErrClosed
		}
	}
}

// streams is a TCP port that clients come to.
type streams struct {
	net.Listener
	relay *Relay
	tls   *tls.Config // Nil: they come without.
}

// Accept returns the next connection. An error ends the server's reader, so it returns none but that of a closed port.
func (l *streams) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err == nil {
			if c := l.accept(conn); c != nil {
				return c, nil
			}
			continue
		}
		if errors.Is(err, net.ErrClosed) || !l.relay.pause() {
			l.relay.readers.Done()
			return nil, net.ErrClosed
		}
	}
}

// accept makes a connection known, or closes it and returns nil.
func (l *streams) accept(conn net.Conn) *stream {
	r := l.relay
	c := &stream{Conn: conn, raw: conn, relay: r, secure: l.tls != nil, at: clientAt(conn.RemoteAddr())}
	if c.secure {
		// The handshake is part of the first Read, and so within HandshakeTimeout.
		c.Conn = tls.Server(conn, l.tls)
	}
	why := granted
	r.mu.Lock()
	switch {
	case r.closed:
		why = closed
	case r.connections[c.at.addr] != nil && r.connections[c.at.addr].secure != c.secure:
		why = tooManyConnections // Nothing would tell the two apart: the TURN server asks by where a client is.
	case r.config.MaxConnections > 0 && len(r.connections) >= r.config.MaxConnections:
		why = tooManyConnections
	default:
		r.connections[c.at.addr] = c
		r.readers.Add(1)
		c.idle = time.AfterFunc(r.config.HandshakeTimeout, c.abort)
	}
	r.mu.Unlock()
	if !r.count(why) {
		conn.Close()
		return nil
	}
	return c
}

// connectionLocked returns the connection of a client, nil if it comes over UDP or has gone. r.mu must be held.
func (r *Relay) connectionLocked(at client) *stream {
	if at.network != "tcp" {
		return nil
	}
	return r.connections[at.addr]
}

// A stream is a connection of a client, over TCP or TLS.
type stream struct {
	net.Conn
	// Immutable.
	raw    net.Conn
	relay  *Relay
	secure bool // Conn is of TLS.
	at     client
	idle   *time.Timer // Ends it when it has had no allocation for too long.

	closing sync.Once

	// Owned by the TURN server's reader, as is Read.
	frame []byte // The latest message or channel data.
	given int    // How much of it Read has returned.
}

var errFrame = errors.New("the client sent neither a STUN message nor channel data, or too large a one")

// Read reads on in one message or in the data of one channel (RFC 8656, section 12.5), never beyond its end. So frame is
// what the server handles.
func (c *stream) Read(p []byte) (int, error) {
	if c.given == len(c.frame) {
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.frame[c.given:])
	c.given += n
	return n, nil
}

// next reads a frame.
func (c *stream) next() error {
	const head, stunHead = 4, 20
	if c.frame == nil {
		c.frame = make([]byte, 0, maxFrame)
	}
	c.given = 0
	c.frame = c.frame[:head]
	if _, err := io.ReadFull(c.Conn, c.frame); err != nil {
		c.frame = c.frame[:0]
		return err
	}
	size := int(binary.BigEndian.Uint16(c.frame[2:]))
	switch first := c.frame[0]; { // RFC 7983
	case first <= 3:
		size += stunHead
	case first >= 64 && first <= 79:
		size = head + (size+3)/4*4
	default:
		size = maxFrame + 1
	}
	if size > maxFrame {
		c.frame = c.frame[:0]
		return errFrame
	}
	c.frame = c.frame[:size]
	if _, err := io.ReadFull(c.Conn, c.frame[head:]); err != nil {
		c.frame = c.frame[:0]
		return err
	}
	return nil
}

// Write writes, or ends the connection if its client does not read.
func (c *stream) Write(p []byte) (int, error) {
	c.raw.SetWriteDeadline(time.Now().Add(writeTimeout))
	n, err := c.Conn.Write(p)
	if err != nil {
		c.abort()
	}
	return n, err
}

// abort ends the connection without a word to its client. The server's reader then calls Close.
func (c *stream) abort() { c.raw.Close() }

// Close is the last that the server's reader of the connection does.
func (c *stream) Close() (err error) {
	c.closing.Do(func() {
		c.idle.Stop()
		c.relay.mu.Lock()
		if c.relay.connections[c.at.addr] == c {
			delete(c.relay.connections, c.at.addr)
		}
		c.relay.mu.Unlock()
		err = c.raw.Close()
		c.relay.readers.Done()
	})
	return err
}
