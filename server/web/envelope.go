package web

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The errors of a stream that cannot be read on. Their texts are for the client.
var (
	// ErrMalformed: the bytes are no envelopes.
	ErrMalformed = errors.New("the stream is no sequence of gRPC messages")
	// ErrTooLarge: a message is beyond Config.MaxMessageBytes.
	ErrTooLarge = errors.New("the message is too large")
	// ErrCompressed: a message is compressed.
	ErrCompressed = errors.New("the message is compressed: expected it as it is")
)

// prefixSize is how many bytes of an envelope stand before the message: its flags, and the message's length.
const prefixSize = 1 + 4

// The flags of an envelope.
const flagCompressed = 0x01

// firstRead is how much of a message is made room for before any of it has come.
const firstRead = 16 << 10

// readEnvelope returns the next message of r, which may have most bytes; io.EOF if there is none.
func readEnvelope(r io.Reader, most int) ([]byte, error) {
	var prefix [prefixSize]byte
	if _, err := io.ReadFull(r, prefix[:]); err != nil {
		return nil, malformed(err)
	}
	size := binary.BigEndian.Uint32(prefix[1:])
	switch flags := prefix[0]; {
	case flags&^flagCompressed != 0:
		return nil, fmt.Errorf("%w: an envelope has the flags %#02x", ErrMalformed, flags)
	case uint64(size) > uint64(most):
		return nil, fmt.Errorf("%w: it has %d bytes", ErrTooLarge, size)
	case flags == flagCompressed:
		return nil, ErrCompressed
	}
	message := make([]byte, min(int(size), firstRead))
	for read := 0; ; {
		n, err := io.ReadFull(r, message[read:])
		if read += n; err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, malformed(err)
		}
		if read == int(size) {
			return message, nil
		}
		grown := make([]byte, min(int(size), 2*read))
		copy(grown, message)
		message = grown
	}
}

// malformed returns the error for one of io.ReadFull.
func malformed(err error) error {
	switch err {
	case io.EOF:
		return err
	case io.ErrUnexpectedEOF:
		return fmt.Errorf("%w: it ends within one", ErrMalformed)
	}
	return fmt.Errorf("%w: %w", ErrMalformed, err) // It is text, where binary was expected.
}

// appendEnvelope appends a message in its envelope.
func appendEnvelope(b, message []byte) []byte {
	b = append(b, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(len(message)))
	return append(b, message...)
}
