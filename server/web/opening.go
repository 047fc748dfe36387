package web

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"time"
)

// A websocket opens with the client's headers. grpc-web and its library wait for them for ever, take any number of
// bytes for them, and let go of a connection on which something else comes without closing it. So they get the
// connection only once the headers are there.

// upgrader takes over the connection of a request for grpc-web.
type upgrader struct {
	http.ResponseWriter
	cfg   *Config
	cut   context.Context // Ends when the connection is to be closed at once.
	taken chan struct{}   // Closed when the connection is http.Server's no more.

	// Once the headers have come.
	guard *guard
	uncut func() bool
}

// What is read and written at once, in bytes: most messages of signaling. Larger ones go by the buffers.
const readBuffer, writeBuffer = 512, 1 << 10

// Hijack implements http.Hijacker. It waits for the headers.
func (u *upgrader) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffers, err := http.NewResponseController(u.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	// Nothing of http.Server's is held on to: its buffers are 12 KB.
	early, _ := buffers.Peek(buffers.Reader.Buffered())
	r := bufio.NewReaderSize(io.MultiReader(bytes.NewReader(bytes.Clone(early)), conn), readBuffer)
	u.ResponseWriter = hijacked{u.Header()}
	close(u.taken)

	_ = conn.SetDeadline(time.Now().Add(u.cfg.HandshakeTimeout)) // Every connection has deadlines.
	wait := context.AfterFunc(u.cut, func() { _ = conn.SetReadDeadline(time.Now()) })
	opening, err := readOpening(r, u.cfg.MaxHeaderBytes)
	wait()
	if err != nil {
		if u.cut.Err() != nil {
			err = &openingError{goingAway, "the server shuts down"}
		}
		refuse(conn, err)
		return nil, nil, err
	}
	// The library is to read all this again.
	ahead, _ := io.ReadAll(io.LimitReader(r, int64(r.Buffered())))
	u.guard = newGuard(conn, append(opening, ahead...), u.cfg)
	u.uncut = context.AfterFunc(u.cut, func() { _ = conn.Close() })
	r.Reset(u.guard)
	return u.guard, bufio.NewReadWriter(r, bufio.NewWriterSize(u.guard, writeBuffer)), nil
}

// hijacked is the answer to a request whose connection was taken over.
type hijacked struct{ header http.Header }

// Header implements http.ResponseWriter.
func (h hijacked) Header() http.Header { return h.header }

// WriteHeader implements http.ResponseWriter.
func (hijacked) WriteHeader(int) {}

// Write implements http.ResponseWriter.
func (hijacked) Write([]byte) (int, error) { return 0, http.ErrHijacked }

// close closes the connection, if it was taken over: nobody else does so for certain.
func (u *upgrader) close() {
	if u.guard != nil {
		u.uncut()
		_ = u.guard.Close() // It is of no more use.
	}
}

// The reasons of a websocket's end, by RFC 6455, section 7.4.1.
const (
	goingAway       = 1001
	protocolError   = 1002
	policyViolation = 1008
	messageTooBig   = 1009
)

// openingError tells why a websocket is refused.
type openingError struct {
	code   uint16
	detail string
}

// Error returns the detail.
func (e *openingError) Error() string { return e.detail }

// refuse closes a connection on which no headers have come.
func refuse(conn net.Conn, err error) {
	code := uint16(0)
	if bad, ok := errors.AsType[*openingError](err); ok {
		code = bad.code
	} else if late, ok := errors.AsType[net.Error](err); ok && late.Timeout() {
		code = policyViolation
	}
	if code != 0 {
		_ = conn.SetDeadline(time.Now().Add(refusalTimeout))
		_, _ = conn.Write(binary.BigEndian.AppendUint16([]byte{final | opClose, 2}, code)) // It need not arrive.
	}
	_ = conn.Close()
}

// refusalTimeout is how long it may take to tell a client why it is refused.
const refusalTimeout = time.Second

// The parts of a frame's first two bytes, by RFC 6455, section 5.2.
const (
	final     = 0x80
	opcode    = 0x0f
	opBinary  = 0x02
	opControl = 0x08
	opClose   = 0x08
	opPing    = 0x09

	masked     = 0x80
	length     = 0x7f
	twoBytes   = 126 // The length follows.
	eightBytes = 127 // Likewise.
)

// readOpening reads the frame of the client's headers, and the control frames before it. It returns the bytes of all of
// them, most bytes at the most.
func readOpening(r io.Reader, most int) (opening []byte, err error) {
	for {
		var head [4]byte
		n := 2
		if _, err := io.ReadFull(r, head[:2]); err != nil {
			return nil, err
		}
		size := int(head[1] & length)
		if size == twoBytes {
			n = 4
			if _, err := io.ReadFull(r, head[2:]); err != nil {
				return nil, err
			}
			size = int(binary.BigEndian.Uint16(head[2:]))
		}
		control := head[0]&opControl != 0
		switch {
		case head[1]&masked == 0, head[0]&^opcode != final, control && n > 2, !control && head[0]&opcode != opBinary:
			return nil, &openingError{protocolError, fmt.Sprintf("the frame % x: expected the headers, in one binary frame", head[:n])}
		case head[1]&length > twoBytes, len(opening)+size > most:
			return nil, &openingError{messageTooBig, fmt.Sprintf("the headers have more than %d bytes", most)}
		}
		opening = append(opening, head[:n]...)
		opening = append(opening, make([]byte, maskSize+size)...)
		frame := opening[len(opening)-maskSize-size:]
		if _, err := io.ReadFull(r, frame); err != nil {
			return nil, err
		}
		if head[0]&opcode == opClose {
			return opening, nil // For the library to answer.
		}
		if !control {
			return opening, checkHeaders(frame[:maskSize], frame[maskSize:])
		}
	}
}

// maskSize is how many bytes a payload is masked with.
const maskSize = 4

// checkHeaders reports what is wrong with masked headers.
func checkHeaders(mask, payload []byte) error {
	block := make([]byte, len(payload), len(payload)+2)
	for i, b := range payload {
		block[i] = b ^ mask[i%maskSize]
	}
	if _, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(append(block, "\r\n"...)))).ReadMIMEHeader(); err != nil {
		return &openingError{protocolError, "the headers cannot be read: " + err.Error()}
	}
	return nil
}
