package server_test

import (
	"context"
	"net"

	"github.com/beckonrtc/beckon/cmd/beckon/bench/bare"
)

// serveBare serves, until ctx ends, the relay that the benchmarks hold Beckon against.
func serveBare(ctx context.Context, lis net.Listener) error { return bare.Serve(ctx, lis) }
