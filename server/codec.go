package server

import (
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// codec is gRPC's protobuf codec, but that it leaves the messages of Signal alone: bytes that the hub reads and writes
// itself, so that a bad message gets its own answer and an event for many is encoded once.
type codec struct {
	encoding.CodecV2
}

// received is a message from a client, as it came.
type received struct {
	mem.Buffer
	// What is called by Free, and by Return. May be nil.
	handled, returned func()
}

// Free tells that the message has been handled. It must not be used afterwards.
func (r received) Free() {
	r.Buffer.Free()
	if r.handled != nil {
		r.handled()
	}
}

// Return tells that the message has not been handled. It must not be used afterwards.
func (r received) Return() {
	r.Buffer.Free()
	if r.returned != nil {
		r.returned()
	}
}

// sent is an encoded event, or one in a message.
type sent struct {
	prefix []byte // What comes before the event.
	event  []byte
}

// newCodec returns a codec for a whole gRPC server.
func newCodec() codec { return codec{encoding.GetCodecV2(proto.Name)} }

// Marshal implements encoding.CodecV2.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	m, ok := v.(*sent)
	switch {
	case !ok:
		return c.CodecV2.Marshal(v)
	case m.prefix == nil:
		return mem.BufferSlice{mem.SliceBuffer(m.event)}, nil
	}
	return mem.BufferSlice{mem.SliceBuffer(m.prefix), mem.SliceBuffer(m.event)}, nil
}

// Unmarshal implements encoding.CodecV2.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	switch m := v.(type) {
	case *received:
		m.Buffer = data.MaterializeToBuffer(mem.DefaultBufferPool())
		return nil
	case *beckonv1.ListenRequest:
		m.ProtoReflect().SetUnknown(data.Materialize()) // For messagesOf.
		return nil
	case *beckonv1.SendRequest:
		m.ProtoReflect().SetUnknown(data.Materialize())
		return nil
	}
	return c.CodecV2.Unmarshal(data, v)
}
