package load

import (
	"errors"
	"fmt"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// Kind is what an event is: its field number in ConnectResponse.
type Kind protowire.Number

// The events that are told apart.
const (
	Welcome       Kind = 4
	JoinedUsers   Kind = 5
	UserJoined    Kind = 6
	CallMade      Kind = 9
	AnswerMade    Kind = 10
	CandidateCame Kind = 11
	DataReceived  Kind = 14
	Ack           Kind = 15
	Failure       Kind = 16
	Pong          Kind = 17
)

// relayed reports whether the event is a message of another session.
func (k Kind) relayed() bool { return k >= CallMade && k <= DataReceived }

// Field numbers of ConnectResponse and of JoinedUsers.
const (
	responseSeq       = 2
	responseRequestID = 3

	listUsers = 1
	listEpoch = 2
	listMore  = 3
)

// An Event is an event as far as it is looked at.
type Event struct {
	Kind      Kind
	Seq       uint64
	RequestID uint64
	// Of JoinedUsers: how many there are in this part of the list.
	Users int
	// Of JoinedUsers: whether the list goes on.
	More bool

	epoch []byte // Of JoinedUsers. Good until the message is freed.
	body  []byte // Of the event. Likewise.
}

var errUnreadable = errors.New("the server sent what is no ConnectResponse")

// parse reads what of an encoded ConnectResponse is of interest here, and no more: it is called for each event.
func parse(b []byte) (e Event, err error) {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return e, errUnreadable
		}
		b = b[n:]
		switch {
		case typ == protowire.VarintType && (num == responseSeq || num == responseRequestID):
			v, n := protowire.ConsumeVarint(b)
			if n < 0 {
				return e, errUnreadable
			}
			if b = b[n:]; num == responseSeq {
				e.Seq = v
			} else {
				e.RequestID = v
			}
		case typ == protowire.BytesType && Kind(num) >= Welcome:
			v, n := protowire.ConsumeBytes(b)
			if n < 0 {
				return e, errUnreadable
			}
			b = b[n:]
			e.Kind, e.body = Kind(num), v
		default:
			n := protowire.ConsumeFieldValue(num, typ, b)
			if n < 0 {
				return e, errUnreadable
			}
			b = b[n:]
		}
	}
	if e.Kind == JoinedUsers {
		err = e.parseList()
	}
	return e, err
}

// parseList counts the users of a list.
func (e *Event) parseList() error {
	for b := e.body; len(b) > 0; {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errUnreadable
		}
		b = b[n:]
		n = protowire.ConsumeFieldValue(num, typ, b)
		if n < 0 {
			return errUnreadable
		}
		switch num {
		case listUsers:
			e.Users++
		case listEpoch:
			e.epoch, _ = protowire.ConsumeBytes(b)
		case listMore:
			v, _ := protowire.ConsumeVarint(b)
			e.More = v != 0
		}
		b = b[n:]
	}
	return nil
}

// rawCodec carries encoded messages as they are: a ConnectRequest as a frame, a ConnectResponse into a *message.
type rawCodec struct{}

type (
	// A frame is an encoded ConnectRequest. It is never changed.
	frame []byte
	// A message is an encoded ConnectResponse.
	message struct{ mem.Buffer }
)

// Name implements encoding.CodecV2.
func (rawCodec) Name() string { return "proto" }

// Marshal implements encoding.CodecV2.
func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	f, ok := v.(frame)
	if !ok {
		return nil, fmt.Errorf("marshal a %T: expected a frame", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(f)}, nil
}

// Unmarshal implements encoding.CodecV2.
func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	m, ok := v.(*message)
	if !ok {
		return fmt.Errorf("unmarshal a %T: expected a message", v)
	}
	m.Buffer = data.MaterializeToBuffer(mem.DefaultBufferPool())
	return nil
}
