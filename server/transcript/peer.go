package transcript

import (
	"context"

	"google.golang.org/grpc"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// Dial opens a stream to the server. When ctx ends the stream is to be lost: not half-closed, not resumed.
type Dial func(ctx context.Context) (Peer, error)

// Peer is the client's end of a stream. One goroutine calls Send and CloseSend, another calls Recv.
type Peer interface {
	// Send sends a message. A message that is to arrive undecodable has the bytes as its unknown fields.
	Send(*beckonv1.ConnectRequest) error
	// CloseSend half-closes the stream.
	CloseSend() error
	// Recv returns the next event. At the end it returns io.EOF for the status OK, or an error that carries the status.
	Recv() (*beckonv1.ConnectResponse, error)
}

// Stubs opens streams with the generated client.
func Stubs(conn grpc.ClientConnInterface) Dial {
	client := beckonv1.NewSignalClient(conn)
	return func(ctx context.Context) (Peer, error) { return client.Connect(ctx) }
}
