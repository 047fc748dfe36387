package beckon

import (
	"crypto/tls"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

// Option changes how a session is opened.
type Option func(*options)

type options struct {
	queue int
	dial  []grpc.DialOption
}

// WithPlaintext makes [Dial] speak without TLS; for a server on the same machine, and for tests. [Connect] ignores it.
func WithPlaintext() Option {
	return WithDialOptions(grpc.WithTransportCredentials(insecure.NewCredentials()))
}

// WithDialOptions adds options to those with which [Dial] opens its connection, such as other credentials, an access
// token (grpc.WithPerRPCCredentials) or a dialer. Later ones win. [Connect] ignores them.
func WithDialOptions(dial ...grpc.DialOption) Option {
	return func(o *options) { o.dial = append(o.dial, dial...) }
}

// WithQueue sets how many events may wait to be taken before nothing more is read from the server. At least 1; the
// default is 1024.
func WithQueue(events int) Option {
	return func(o *options) { o.queue = max(events, 1) }
}

func collect(opts []Option) *options {
	o := &options{
		queue: 1024,
		dial: []grpc.DialOption{
			grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12})),
			// As Connect tells those who make their own connection. Heartbeats keep a healthy connection from being pinged:
			// a mobile radio is not woken for it.
			grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
		},
	}
	for _, option := range opts {
		option(o)
	}
	return o
}
