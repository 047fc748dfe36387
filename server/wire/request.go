// Package wire reads ConnectRequests and writes ConnectResponses as bytes.
//
// What a client sends to others is not taken apart and put together again: the bytes of the fields that are the
// sender's own go out as they came in, checked to be exactly that. A request whose encoding is not the plain one that
// protobuf libraries write (unknown fields, fields out of order or twice) is first decoded and encoded anew.
package wire

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// Kind is a member of ConnectRequest's oneof, by its field number.
type Kind protowire.Number

// The kinds. None is a request without a message.
const (
	None      Kind = 0
	Join      Kind = 2
	Leave     Kind = 3
	Offer     Kind = 4
	Answer    Kind = 5
	Candidate Kind = 6
	Reject    Kind = 7
	Hangup    Kind = 8
	Data      Kind = 9
	Update    Kind = 10
	Resume    Kind = 11
	Received  Kind = 12
	Ping      Kind = 13
)

// String returns the name of the member, such as "offer".
func (k Kind) String() string {
	if f := requestFields.ByNumber(protowire.Number(k)); f != nil && k != None {
		return string(f.Name())
	}
	return "message"
}

// Relayed reports whether messages of this kind go to other users.
func (k Kind) Relayed() bool { return k >= Offer && k <= Data }

// Request is a decoded ConnectRequest.
type Request struct {
	ID   uint64
	Kind Kind

	// If Kind.Relayed.
	Relay Relay
	// Otherwise.
	Message *beckonv1.ConnectRequest
}

// Relay is a message for other users. Its fields are parts of the bytes that were parsed.
type Relay struct {
	Kind             Kind
	To, Room, CallID []byte

	// As far as the kind has them.
	SDP, Type, Detail []byte
	Candidates        int // How many.

	// The fields from 3 on: what the sender says.
	body []byte
}

// Room returns the room that the message names; empty if it names none.
func (r *Request) Room() string {
	m := r.Message
	switch r.Kind {
	case Join:
		return m.GetJoin().GetRoom()
	case Leave:
		return m.GetLeave().GetRoom()
	case Update:
		return m.GetUpdate().GetRoom()
	}
	return string(r.Relay.Room)
}

// Size returns how many bytes of the sender's own the message has.
func (r *Relay) Size() int { return len(r.body) }

// Payload returns what the sender says, for a log.
func (r *Relay) Payload() string { return strings.ToValidUTF8(string(r.body), "\uFFFD") }

// ParseRequest decodes a ConnectRequest. The result refers to b.
func ParseRequest(b []byte) (Request, error) {
	if r, ok := parsePlain(b); ok {
		return r, nil
	}
	m := new(beckonv1.ConnectRequest)
	if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(b, m); err != nil {
		return Request{}, err
	}
	r := Request{ID: m.GetRequestId(), Kind: kindOf(m), Message: m}
	if !r.Kind.Relayed() {
		return r, nil
	}
	plain, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return Request{}, err
	}
	r, ok := parsePlain(plain)
	if !ok {
		return Request{}, fmt.Errorf("%s cannot be encoded plainly", kindOf(m))
	}
	return r, nil
}

// kindOf returns the kind of m.
func kindOf(m *beckonv1.ConnectRequest) Kind {
	if f := m.ProtoReflect().WhichOneof(requestOneof); f != nil {
		return Kind(f.Number())
	}
	return None
}

// parsePlain decodes a request with a relayed message if it is encoded as protobuf libraries do it: known fields only,
// in the order of their numbers, once.
func parsePlain(b []byte) (r Request, ok bool) {
	num, typ, n := protowire.ConsumeTag(b)
	if n > 0 && num == 1 && typ == protowire.VarintType {
		b = b[n:]
		if r.ID, n = protowire.ConsumeVarint(b); n < 0 {
			return r, false
		}
		b = b[n:]
		num, typ, n = protowire.ConsumeTag(b)
	}
	r.Kind = Kind(num)
	if n < 0 || typ != protowire.BytesType || !r.Kind.Relayed() {
		return r, false
	}
	message, m := protowire.ConsumeBytes(b[n:])
	if m < 0 || n+m != len(b) {
		return r, false
	}
	r.Relay, ok = parseRelay(r.Kind, message)
	return r, ok
}

// parseRelay decodes a relayed message that is encoded plainly.
func parseRelay(kind Kind, b []byte) (r Relay, ok bool) {
	r.Kind = kind
	s := relayShapes[kind]
	last := protowire.Number(0)
	r.body = b
	for len(b) > 0 {
		num, v, n := s.consume(b)
		if n < 0 || num < last || num == last && !s[num].repeated {
			return r, false
		}
		last = num
		b = b[n:]
		switch num {
		case 1:
			r.To, r.body = v, b
			continue
		case 2:
			r.Room, r.body = v, b
			continue
		}
		switch s[num].is {
		case "call_id":
			r.CallID = v
		case "sdp":
			r.SDP = v
		case "candidates":
			r.Candidates++
		case "type":
			r.Type = v
		case "detail":
			r.Detail = v
		}
	}
	return r, true
}

// shape says how the fields of a message are encoded, by number.
type shape [6]field

// field says how a field is encoded.
type field struct {
	known    bool
	repeated bool
	text     bool // It must be UTF-8.
	wire     protowire.Type
	kind     protoreflect.Kind
	message  *shape // Of a message.
	is       protoreflect.Name
}

// holds reports whether a number is in the range of the field's type.
func (f *field) holds(v uint64) bool {
	switch f.kind {
	case protoreflect.BoolKind:
		return v <= 1
	case protoreflect.EnumKind:
		return int64(v) == int64(int32(v))
	}
	return v <= math.MaxUint32
}

// consume takes the first field off b. It returns a negative length unless the field is known and as protobuf libraries
// write it: there are decoders that take nothing else.
func (s *shape) consume(b []byte) (num protowire.Number, v []byte, n int) {
	num, typ, n := protowire.ConsumeTag(b)
	if n != 1 || int(num) >= len(s) || !s[num].known || s[num].wire != typ { // The tags of these numbers have one byte.
		return 0, nil, -1
	}
	if typ == protowire.VarintType {
		v, m := protowire.ConsumeVarint(b[n:])
		if m != protowire.SizeVarint(v) || !s[num].holds(v) {
			return 0, nil, -1
		}
		return num, nil, n + m
	}
	v, m := protowire.ConsumeBytes(b[n:])
	if m != protowire.SizeBytes(len(v)) || s[num].text && !utf8.Valid(v) || s[num].message != nil && !s[num].message.fits(v) {
		return 0, nil, -1
	}
	return num, v, n + m
}

// fits reports whether b has known and well-formed fields only.
func (s *shape) fits(b []byte) bool {
	for len(b) > 0 {
		_, _, n := s.consume(b)
		if n < 0 {
			return false
		}
		b = b[n:]
	}
	return true
}

var (
	requestFields = (*beckonv1.ConnectRequest)(nil).ProtoReflect().Descriptor().Fields()
	requestOneof  = (*beckonv1.ConnectRequest)(nil).ProtoReflect().Descriptor().Oneofs().ByName("message")

	// By kind.
	relayShapes = func() (shapes [Data + 1]*shape) {
		for k := Offer; k <= Data; k++ {
			shapes[k] = shapeOf(requestFields.ByNumber(protowire.Number(k)).Message())
		}
		return shapes
	}()
)

// shapeOf returns the shape of a message that has strings, bytes, varints and messages of that kind, numbered up to 5.
func shapeOf(d protoreflect.MessageDescriptor) *shape {
	s := new(shape)
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		shown := field{known: true, repeated: f.IsList(), wire: protowire.VarintType, kind: f.Kind(), is: f.Name()}
		switch f.Kind() {
		case protoreflect.StringKind:
			shown.wire, shown.text = protowire.BytesType, true
		case protoreflect.BytesKind:
			shown.wire = protowire.BytesType
		case protoreflect.MessageKind:
			shown.wire, shown.message = protowire.BytesType, shapeOf(f.Message())
		case protoreflect.BoolKind, protoreflect.EnumKind, protoreflect.Uint32Kind:
		default:
			panic(fmt.Sprintf("%s is of kind %s, which relayed messages do not have", f.FullName(), f.Kind()))
		}
		s[f.Number()] = shown
	}
	return s
}
