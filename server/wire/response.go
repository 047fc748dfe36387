package wire

import (
	"iter"
	"math"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// Field numbers of ConnectResponse.
const (
	responseRoom      protowire.Number = 1
	responseSeq       protowire.Number = 2
	responseRequestID protowire.Number = 3

	responseJoinedUsers  protowire.Number = 5
	responseCallMade     protowire.Number = 9
	responseDataReceived protowire.Number = 14
	responseAck          protowire.Number = 15
)

// Field numbers of relayed events.
const (
	callMadeAge   protowire.Number = 2
	relayedCallID protowire.Number = 3

	answerProvisional protowire.Number = 5
	candidateList     protowire.Number = 4
	endReason         protowire.Number = 4 // Of a reject and of a hangup.
)

// seqSpace is the most that AppendSeq adds.
const seqSpace = 1 + 10

// AppendSeq completes an event with its number in its room's log. An event of this package has the room for it: the
// bytes stay where they are.
func AppendSeq(event []byte, seq uint64) []byte {
	event = protowire.AppendTag(event, responseSeq, protowire.VarintType)
	return protowire.AppendVarint(event, seq)
}

// Event encodes any event. Its seq is left to AppendSeq.
func Event(m *beckonv1.ConnectResponse) []byte {
	b := make([]byte, 0, proto.Size(m)+seqSpace)
	b, err := proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(b, m)
	if err != nil { // A string is not UTF-8: whoever made m has not checked its source.
		panic(err)
	}
	return b
}

// Sender encodes who an event is from, for Relay.Event.
func Sender(id, name string) []byte {
	b, err := proto.Marshal(&beckonv1.Sender{Id: id, Name: name})
	if err != nil {
		panic(err)
	}
	return protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), b)
}

// Event encodes the event that r's recipients get, such as `call_made` for an `offer`. sender comes last, so that
// nothing in the sender's bytes can stand in its place.
func (r *Relay) Event(room string, sender []byte) []byte {
	size := len(r.body) + len(sender)
	b := make([]byte, 0, sizeString(room)+1+protowire.SizeBytes(size)+seqSpace)
	b = appendRoom(b, room)
	b = protowire.AppendTag(b, responseCallMade+protowire.Number(r.Kind-Offer), protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(size))
	b = append(b, r.body...)
	return append(b, sender...)
}

// Aged returns a relayed event as it is sent on a replay, without its seq: a `call_made` tells how old it is. event is not
// changed; what is returned has space for AppendSeq.
func Aged(event []byte, age time.Duration) []byte {
	ms := uint64(min(age.Milliseconds(), math.MaxUint32))
	start, length, body := bodyOf(event, responseCallMade)
	if body == nil || ms == 0 {
		return append(make([]byte, 0, len(event)+seqSpace), event...)
	}
	size := len(body) + 1 + protowire.SizeVarint(ms)
	b := make([]byte, 0, start+length+8+size+seqSpace)
	b = append(b, event[:start]...)
	b = protowire.AppendVarint(b, uint64(size))
	b = append(b, body...)
	b = protowire.AppendTag(b, callMadeAge, protowire.VarintType)
	return protowire.AppendVarint(b, ms)
}

// Gist is what a relayed event tells of its call, without what users say in it.
type Gist struct {
	Kind        Kind // Of the message that it was made of; None: it is no relayed event.
	CallID      []byte
	Candidates  int   // Of a candidate: how many it has.
	Provisional bool  // Of an answer.
	Reason      int32 // Of a reject or a hangup.
}

// GistOf reads an event of this package, without decoding what it carries.
func GistOf(event []byte) (g Gist) {
	body := event[:0]
	for len(event) > 0 && g.Kind == None {
		num, typ, n := protowire.ConsumeTag(event)
		m := protowire.ConsumeFieldValue(num, typ, event[max(n, 0):])
		if n < 0 || m < 0 {
			return Gist{}
		}
		if num >= responseCallMade && num <= responseDataReceived {
			g.Kind = Offer + Kind(num-responseCallMade) // They have the same order.
			body, _ = protowire.ConsumeBytes(event[n:])
		}
		event = event[n+m:]
	}
	for len(body) > 0 && g.Kind != Data {
		num, typ, n := protowire.ConsumeTag(body)
		m := protowire.ConsumeFieldValue(num, typ, body[max(n, 0):])
		if n < 0 || m < 0 {
			break
		}
		switch value := body[n:]; {
		case num == relayedCallID:
			g.CallID, _ = protowire.ConsumeBytes(value)
		case num == candidateList && g.Kind == Candidate:
			g.Candidates++
		case num == answerProvisional && g.Kind == Answer:
			v, _ := protowire.ConsumeVarint(value)
			g.Provisional = v != 0
		case num == endReason && (g.Kind == Reject || g.Kind == Hangup):
			v, _ := protowire.ConsumeVarint(value)
			g.Reason = int32(v)
		}
		body = body[n+m:]
	}
	return g
}

// bodyOf returns the value of the field num of message, which is of bytes; nil if there is none. start is where its length
// is, and length how many bytes that has.
func bodyOf(message []byte, num protowire.Number) (start, length int, body []byte) {
	for at := 0; at < len(message); {
		n, typ, tag := protowire.ConsumeTag(message[at:])
		if tag < 0 {
			break
		}
		m := protowire.ConsumeFieldValue(n, typ, message[at+tag:])
		if m < 0 {
			break
		}
		if n == num && typ == protowire.BytesType {
			v, _ := protowire.ConsumeBytes(message[at+tag:])
			return at + tag, m - len(v), v
		}
		at += tag + m
	}
	return 0, 0, nil
}

// Ack encodes an `ack`: that message id was recorded in room under number seq.
func Ack(room string, id, seq uint64) []byte {
	b := make([]byte, 0, sizeString(room)+24)
	b = appendRoom(b, room)
	b = protowire.AppendTag(b, responseRequestID, protowire.VarintType)
	b = protowire.AppendVarint(b, id)
	b = protowire.AppendTag(b, responseAck, protowire.BytesType)
	if seq == 0 {
		return append(b, 0)
	}
	b = append(b, byte(1+protowire.SizeVarint(seq)))
	b = protowire.AppendTag(b, 1, protowire.VarintType)
	return protowire.AppendVarint(b, seq)
}

// maxList is the size of users in one `joined_users`, in bytes; a longer list comes in parts.
const maxList = 128 << 10

// Entry returns the user of a `user_joined` or `user_updated`, as it stands in the list of `joined_users`. It is a part
// of event.
func Entry(event []byte) []byte {
	for len(event) > 0 {
		num, typ, n := protowire.ConsumeTag(event)
		if n < 0 {
			break
		}
		m := protowire.ConsumeFieldValue(num, typ, event[n:])
		if m < 0 {
			break
		}
		if num > responseRequestID { // The event. Its only field is the user, numbered as in JoinedUsers.
			v, _ := protowire.ConsumeBytes(event[n:])
			return v
		}
		event = event[n+m:]
	}
	return nil
}

// List is who is in a room at one moment, to be sent as `joined_users`. It may be sent to many.
type List struct {
	room, epoch string
	seq         uint64
	entries     [][]byte
	whole       []byte // The event, if one is enough.
}

// NewList returns a list of entries, as they are after record seq. entries must not be changed afterwards.
func NewList(room, epoch string, seq uint64, entries [][]byte) *List {
	l := &List{room: room, epoch: epoch, seq: seq, entries: entries}
	if event, rest := l.encode(entries); len(rest) == 0 {
		l.whole, l.entries = event, nil
	}
	return l
}

// Size returns how many bytes of events are encoded already: those of the whole list, if it is not a long one.
func (l *List) Size() int { return len(l.whole) }

// Events returns the events that make up the list. Those of a long one are encoded one at a time, as they are asked for.
func (l *List) Events() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if l.whole != nil {
			yield(l.whole)
			return
		}
		for rest := l.entries; len(rest) > 0; {
			var event []byte
			if event, rest = l.encode(rest); !yield(event) {
				return
			}
		}
	}
}

// encode encodes as many of entries as one event takes, and returns the others.
func (l *List) encode(entries [][]byte) (event []byte, rest [][]byte) {
	size, n := 0, 0
	for n < len(entries) && (n == 0 || size+len(entries[n]) <= maxList) {
		size += len(entries[n])
		n++
	}
	entries, rest = entries[:n], entries[n:]
	size += sizeString(l.epoch)
	if len(rest) > 0 {
		size += 2
	}
	b := make([]byte, 0, sizeString(l.room)+1+protowire.SizeBytes(size)+seqSpace)
	b = appendRoom(b, l.room)
	b = protowire.AppendTag(b, responseJoinedUsers, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(size))
	for _, e := range entries {
		b = append(b, e...)
	}
	b = protowire.AppendTag(b, 2, protowire.BytesType)
	b = protowire.AppendString(b, l.epoch)
	if len(rest) > 0 {
		b = protowire.AppendTag(b, 3, protowire.VarintType)
		b = protowire.AppendVarint(b, 1)
	}
	return AppendSeq(b, l.seq), rest
}

// appendRoom adds an event's room.
func appendRoom(b []byte, room string) []byte {
	b = protowire.AppendTag(b, responseRoom, protowire.BytesType)
	return protowire.AppendString(b, room)
}

// sizeString returns the size of a string field with a number up to 15.
func sizeString(s string) int { return 1 + protowire.SizeBytes(len(s)) }
