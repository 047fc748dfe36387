package web

import (
	"encoding/binary"
	"time"
)

// frames follows the frames in the bytes that come on a websocket. What they say is for the library to judge.
type frames struct {
	began time.Time // When the message did that is coming, or the control frame. Zero between two.

	head    []byte // Of the frame that is coming, until it is whole.
	left    uint64 // How much of the frame is to come after its head.
	last    bool   // The frame is the last of its message, or one of control.
	control bool
	within  bool // A message has begun and has yet to end.
}

// pass takes the next bytes, which have come now.
func (f *frames) pass(p []byte, now time.Time) {
	for len(p) > 0 {
		if f.began.IsZero() {
			f.began = now
		}
		if f.left == 0 {
			f.head = append(f.head, p[0])
			p = p[1:]
			if !f.measure() {
				continue
			}
		}
		n := min(f.left, uint64(len(p)))
		p = p[n:]
		if f.left -= n; f.left > 0 {
			return
		}
		if !f.control {
			f.within = !f.last
		}
		if !f.within {
			f.began = time.Time{}
		}
	}
}

// measure takes what the head says of its frame once it is whole, and reports whether it is.
func (f *frames) measure() bool {
	if len(f.head) < 2 {
		return false
	}
	size, n := uint64(f.head[1]&length), 2
	switch size {
	case twoBytes:
		n += 2
	case eightBytes:
		n += 8
	}
	if len(f.head) < n {
		return false
	}
	switch size {
	case twoBytes:
		size = uint64(binary.BigEndian.Uint16(f.head[2:]))
	case eightBytes:
		size = binary.BigEndian.Uint64(f.head[2:])
	}
	if f.head[1]&masked != 0 {
		size += maskSize
	}
	f.left, f.last, f.control = size, f.head[0]&final != 0, f.head[0]&opControl != 0
	f.head = f.head[:0]
	return true
}
