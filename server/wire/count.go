package wire

import "google.golang.org/protobuf/encoding/protowire"

// CountEntries returns how many fields the message in an encoded ConnectRequest has if it is one that has cursors or rooms:
// a few bytes of it decode to much more. Bytes that cannot be read end the count.
func CountEntries(b []byte) (n int) {
	for len(b) > 0 {
		num, typ, tag := protowire.ConsumeTag(b)
		if tag < 0 {
			return n
		}
		size := protowire.ConsumeFieldValue(num, typ, b[tag:])
		if size < 0 {
			return n
		}
		if k := Kind(num); typ == protowire.BytesType && (k == Resume || k == Received || k == Ping) {
			message, _ := protowire.ConsumeBytes(b[tag:])
			n += countFields(message)
		}
		b = b[tag+size:]
	}
	return n
}

// countFields returns how many fields a message has.
func countFields(b []byte) (n int) {
	for len(b) > 0 {
		_, _, size := protowire.ConsumeField(b)
		if size < 0 {
			return n
		}
		b = b[size:]
		n++
	}
	return n
}
