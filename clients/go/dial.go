package beckon

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// Dial connects to the server at target, "host:port" or any other name that gRPC resolves, and opens a session that owns
// the connection. TLS trusts the system's roots unless an option says otherwise.
//
// It returns once the server has welcomed the client, who is then in no room. ctx bounds the opening, not the session;
// gRPC metadata that it carries goes to the server. The error is that of ctx, or an [*EndError].
func Dial(ctx context.Context, target string, opts ...Option) (*Session, error) {
	o := collect(opts)
	conn, err := grpc.NewClient(target, o.dial...)
	if err != nil {
		return nil, fmt.Errorf("beckon: dial %q: %w", target, err)
	}
	session, err := open(ctx, conn, conn, o)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return session, nil
}

// Connect opens a session on a connection that the caller made and keeps; one connection carries many sessions. Otherwise
// it is as [Dial].
//
// A connection that is lost without a word shows as that only if it is pinged. Dial pings one on which nothing has come
// for 30 seconds and gives it 10 to answer, by grpc.WithKeepaliveParams; a caller's own connection should do the same.
func Connect(ctx context.Context, cc grpc.ClientConnInterface, opts ...Option) (*Session, error) {
	return open(ctx, cc, nil, collect(opts))
}

// open begins a session on cc; owned, if not nil, is closed with it.
func open(ctx context.Context, cc grpc.ClientConnInterface, owned io.Closer, o *options) (*Session, error) {
	life, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	release := context.AfterFunc(ctx, func() { cancel(nil) })
	stream, welcome, err := greet(life, cc)
	if !release() {
		return nil, ctx.Err()
	}
	if err != nil {
		cancel(nil)
		return nil, err
	}
	return newSession(life, cancel, stream, welcome, owned, o), nil
}

// greet opens a stream and sends a ping, the one message that changes nothing, in order to be welcomed.
func greet(life context.Context, cc grpc.ClientConnInterface) (stream, *Welcome, error) {
	stream, err := beckonv1.NewSignalClient(cc).Connect(life)
	if err != nil {
		return nil, nil, endError(life, err)
	}
	// An io.EOF tells that the stream has ended; why, Recv tells.
	if err := stream.Send(ping(nil)); err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, endError(life, err)
	}
	first, err := stream.Recv()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, endError(life, err)
	}
	if first.GetWelcome() == nil {
		return nil, nil, notWelcomed(first)
	}
	return stream, first.GetWelcome(), nil
}
