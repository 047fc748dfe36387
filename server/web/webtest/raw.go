package webtest

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
)

// Raw is a websocket whose client says whatever a test wants, frame by frame or byte by byte.
type Raw struct {
	net.Conn
	r *bufio.Reader
}

// The opcodes of frames.
const (
	Continuation byte = iota
	Text
	Binary
	Close byte = iota + 5
	Ping
	Pong
)

// Fin is the flag of a message's last frame.
const Fin byte = 0x80

// Raw opens a websocket for a path.
func (c *Conn) Raw(ctx context.Context, path string) (*Raw, error) {
	conn, err := c.dial(ctx, "tcp", c.addr)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.addr+path, nil)
	if err != nil {
		return nil, err
	}
	for name, values := range c.Header {
		r.Header[name] = values
	}
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	r.Header.Set("Sec-Websocket-Version", "13")
	r.Header.Set("Sec-Websocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")
	r.Header.Set("Sec-Websocket-Protocol", "grpc-websockets")
	if err := r.Write(conn); err != nil {
		return nil, err
	}
	raw := &Raw{conn, bufio.NewReader(conn)}
	response, err := http.ReadResponse(raw.r, r)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusSwitchingProtocols {
		return nil, fmt.Errorf("upgrade: %s", response.Status)
	}
	return raw, nil
}

// Frame returns the bytes of a frame. first is its opcode, and Fin if it is the last of its message.
func Frame(first byte, payload []byte) []byte {
	const masked = 0x80
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, masked|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, masked|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, masked|127), uint64(n))
	}
	b = append(b, 0, 0, 0, 0) // A mask that changes nothing.
	return append(b, payload...)
}

// Next returns the opcode and the payload of the next frame, which is a whole message.
func (r *Raw) Next() (opcode byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(r.r, head[:]); err != nil {
		return 0, nil, err
	}
	size := uint64(head[1])
	long := make([]byte, map[uint64]int{126: 2, 127: 8}[size])
	if _, err := io.ReadFull(r.r, long); err != nil {
		return 0, nil, err
	}
	if len(long) > 0 {
		size = 0
		for _, b := range long {
			size = size<<8 | uint64(b)
		}
	}
	payload = make([]byte, size)
	_, err = io.ReadFull(r.r, payload)
	return head[0] &^ Fin, payload, err
}

// End reads up to the end. It returns the code of the close frame, 1006 if there was none, and the error that the stream
// ended with, io.EOF if its status is OK.
func (r *Raw) End() (code int, status error) {
	var envelopes []byte
	for {
		opcode, payload, err := r.Next()
		switch {
		case err != nil:
			return 1006, EndOf(envelopes)
		case opcode == Close && len(payload) >= 2:
			return int(binary.BigEndian.Uint16(payload)), EndOf(envelopes)
		case opcode == Binary:
			envelopes = append(envelopes, payload...)
		}
	}
}
