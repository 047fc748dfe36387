package web

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/beckonrtc/beckon/server/web/webtest"
)

// FuzzReadOpening gives any bytes for a websocket's first frames: all that was read comes back, within the bound, and
// ends with headers or a close.
func FuzzReadOpening(f *testing.F) {
	headers := webtest.Frame(webtest.Fin|webtest.Binary, []byte(webtest.Headers))
	f.Add(headers)
	f.Add(append(webtest.Frame(webtest.Fin|webtest.Ping, []byte("hello")), headers...))
	f.Add(append(bytes.Clone(headers), headers...))
	f.Add(headers[:20])
	f.Add(webtest.Frame(webtest.Fin|webtest.Binary, make([]byte, 70_000)))
	f.Add(webtest.Frame(webtest.Fin|webtest.Close, nil))
	f.Add(webtest.Frame(webtest.Binary, []byte(webtest.Headers)))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		const most = 1 << 10
		r := bytes.NewReader(sent)
		opening, err := readOpening(r, most)
		if refusal, ok := errors.AsType[*openingError](err); ok {
			if refusal.code != protocolError && refusal.code != messageTooBig || refusal.detail == "" {
				t.Errorf("% x is refused with %d %q", sent, refusal.code, refusal.detail)
			}
			return
		}
		if err != nil {
			if err != io.EOF && err != io.ErrUnexpectedEOF || r.Len() > 0 {
				t.Errorf("% x: %v, with %d bytes left", sent, err, r.Len())
			}
			return
		}
		if read := sent[:len(sent)-r.Len()]; !bytes.Equal(opening, read) {
			t.Errorf("read % x, got % x", read, opening)
		}
		if last := lastFrame(opening); last != webtest.Fin|webtest.Binary && last != webtest.Fin|webtest.Close {
			t.Errorf("% x ends with a frame %#02x", opening, last)
		}
		if len(opening) > most+4+maskSize {
			t.Errorf("%d bytes of headers, want at most %d", len(opening), most)
		}
	})
}

// lastFrame returns the first byte of the last of whole frames, each of them short; 0 if they are none, or a control
// frame is missing before it.
func lastFrame(frames []byte) (first byte) {
	for len(frames) >= 2 {
		if first != 0 && first&0x08 == 0 || first == webtest.Fin|webtest.Close {
			return 0 // There was an end before.
		}
		first = frames[0]
		size, n := int(frames[1]&0x7f), 2
		if size == 126 && len(frames) >= 4 {
			size, n = int(frames[2])<<8|int(frames[3]), 4
		}
		if n += 4 + size; n > len(frames) {
			return 0
		}
		frames = frames[n:]
	}
	if len(frames) > 0 {
		return 0
	}
	return first
}
