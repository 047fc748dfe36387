package server

import (
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
)

// codec is gRPC's protobuf codec, but that it leaves the messages of Connect alone: bytes that the hub reads and writes
// itself, so that a bad message gets its own answer and an event for many is encoded once.
type codec struct {
	encoding.CodecV2
}

// received is a message from a client, as it came.
type received struct {
	mem.Buffer
}

// sent is an encoded event.
type sent []byte

// newCodec returns a codec for a whole gRPC server.
func newCodec() codec { return codec{encoding.GetCodecV2(proto.Name)} }

// Marshal implements encoding.CodecV2.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	if event, ok := v.(*sent); ok {
		return mem.BufferSlice{mem.SliceBuffer(*event)}, nil
	}
	return c.CodecV2.Marshal(v)
}

// Unmarshal implements encoding.CodecV2.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	if message, ok := v.(*received); ok {
		message.Buffer = data.MaterializeToBuffer(mem.DefaultBufferPool())
		return nil
	}
	return c.CodecV2.Unmarshal(data, v)
}
