package server

import (
	"context"
	"strings"

	middleware "github.com/grpc-ecosystem/go-grpc-middleware/v2"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/realip"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// forwardedFor is the header to which each proxy adds the address that it was connected from. It is the only one that is
// read: of two headers a proxy writes one, and the client the other.
var forwardedFor = strings.ToLower(realip.XForwardedFor)

// locate returns the context of a call with the client's address in it, for remote: of those in the lines of the header
// the last that is not a trusted proxy's, as long as the call comes from a trusted proxy.
func (c Config) locate(ctx context.Context, header []string) context.Context {
	if len(c.TrustedProxies) == 0 {
		return ctx
	}
	md := metadata.MD{}
	if known, ok := metadata.FromIncomingContext(ctx); ok {
		md = known // A copy.
	}
	md.Set(forwardedFor, strings.Join(header, ",")) // The library reads the first line, which may be the client's own.
	ctx = metadata.NewIncomingContext(ctx, md)
	find := realip.UnaryServerInterceptorOpts(
		realip.WithTrustedPeers(c.TrustedProxies),
		realip.WithTrustedProxies(c.TrustedProxies),
		realip.WithHeaders([]string{realip.XForwardedFor}),
	)
	_, _ = find(ctx, nil, nil, func(found context.Context, _ any) (any, error) { // It is this function that fails, if any.
		ctx = found
		return nil, nil
	})
	return ctx
}

// locateStream is locate, for streams of a gRPC server.
func (c Config) locateStream(srv any, st grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	ctx := st.Context()
	ctx = c.locate(ctx, metadata.ValueFromIncomingContext(ctx, forwardedFor))
	return handle(srv, &middleware.WrappedServerStream{ServerStream: st, WrappedContext: ctx})
}
