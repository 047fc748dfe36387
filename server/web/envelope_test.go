package web

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

// FuzzReadEnvelope reads any bytes, in pieces of any size, as a peer might send them: what is read is what was sent,
// and an end that is none is told from one that is.
func FuzzReadEnvelope(f *testing.F) {
	f.Add([]byte{}, false)
	f.Add([]byte{0, 0, 0, 0, 0}, true)
	f.Add([]byte{0, 0, 0, 0, 2, 'h', 'i', 0, 0, 0, 0, 0}, true)
	f.Add([]byte{0, 0, 0, 0, 2, 'h'}, false)
	f.Add([]byte{0, 0, 0}, false)
	f.Add([]byte{0, 0xff, 0xff, 0xff, 0xff}, false)
	f.Add([]byte{1, 0, 0, 0, 1, 'x'}, false)
	f.Add([]byte{0x80, 0, 0, 0, 0}, false)
	f.Add(appendEnvelope(nil, make([]byte, 3*firstRead)), false)
	f.Fuzz(func(t *testing.T, sent []byte, singly bool) {
		const most = 1 << 20
		var r io.Reader = bytes.NewReader(sent)
		if singly {
			r = iotest.OneByteReader(r)
		}
		var read []byte
		for {
			message, err := readEnvelope(r, most)
			if err == nil {
				if cap(message) > 2*len(sent)+firstRead {
					t.Fatalf("a message of %d bytes has room for %d", len(message), cap(message))
				}
				read = appendEnvelope(read, message)
				continue
			}
			rest := sent[len(read):]
			if !bytes.HasPrefix(sent, read) {
				t.Fatalf("read % x of % x", read, sent)
			}
			var want error
			switch {
			case len(rest) == 0:
				want = io.EOF
			case len(rest) < prefixSize, rest[0] > 1:
				want = ErrMalformed
			case binary.BigEndian.Uint32(rest[1:]) > most:
				want = ErrTooLarge
			case rest[0] == 1:
				want = ErrCompressed
			default:
				want = ErrMalformed
			}
			if !errors.Is(err, want) {
				t.Fatalf("% x ends with %v, want %v", rest, err, want)
			}
			return
		}
	})
}

// TestReadEnvelopeFails: an error of the reader is not taken for an end.
func TestReadEnvelopeFails(t *testing.T) {
	broken := errors.New("broken")
	for _, sent := range [][]byte{nil, {0}, {0, 0, 0, 0, 2}, {0, 0, 0, 0, 2, 'h'}} {
		_, err := readEnvelope(io.MultiReader(bytes.NewReader(sent), iotest.ErrReader(broken)), 10)
		if !errors.Is(err, broken) || !errors.Is(err, ErrMalformed) {
			t.Errorf("after % x: %v, want %v", sent, err, broken)
		}
	}
}
