package beckon

import (
	"context"
	"fmt"
	"io"

	"google.golang.org/grpc"
)

// Dial connects to the server at target, "host:port" or any other name that gRPC resolves, and opens a session that owns
// the connection. TLS trusts the system's roots unless an option says otherwise.
//
// It returns once the server has welcomed the client, who is then in no room, and does not try again if that fails. ctx
// bounds the opening, not the session; gRPC metadata that it carries goes to the server, with every stream. The error is
// that of ctx, or an [*EndError].
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
// for 30 seconds and gives it 10 to answer, by grpc.WithKeepaliveParams, and lets at most 5 seconds pass between two
// attempts to connect, by grpc.WithConnectParams; a caller's own connection should do the same. A cc that has the method
// ResetConnectBackoff, as a *grpc.ClientConn has, is told by it when a session wants to be resumed.
func Connect(ctx context.Context, cc grpc.ClientConnInterface, opts ...Option) (*Session, error) {
	return open(ctx, cc, nil, collect(opts))
}

// open begins a session on cc with a ping, the one message that changes nothing. owned, if not nil, is closed with the
// session.
func open(ctx context.Context, cc grpc.ClientConnInterface, owned io.Closer, o *options) (*Session, error) {
	life, end := context.WithCancelCause(context.WithoutCancel(ctx))
	release := context.AfterFunc(ctx, func() { end(nil) })
	streamCtx, cancel := context.WithCancelCause(life)
	tokens := newTokens(o)
	l, err := tokens.greetFirst(streamCtx, cancel, cc)
	if !release() {
		cancel(nil)
		return nil, ctx.Err()
	}
	if err != nil {
		end(nil)
		return nil, endError(streamCtx, err)
	}
	return newSession(life, end, cc, owned, l, o, tokens), nil
}
