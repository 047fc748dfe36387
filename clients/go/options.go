package beckon

import (
	"crypto/tls"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

// Option changes how a session is opened.
type Option func(*options)

type options struct {
	queue         int
	withoutResume bool
	tokens        TokenSource // nil: no token is shown.
	renews        bool        // It may give another token than before.
	plaintext     bool        // Tokens may be shown to other machines without TLS.
	dial          []grpc.DialOption
}

// WithPlaintext makes [Dial] speak without TLS; for a server on the same machine, and for tests. With it an access token is
// shown to any server without TLS, of [Connect], too: everybody on the way can take it.
func WithPlaintext() Option {
	return func(o *options) {
		o.plaintext = true
		WithDialOptions(grpc.WithTransportCredentials(insecure.NewCredentials()))(o)
	}
}

// WithDialOptions adds options to those with which [Dial] opens its connection, such as other credentials or a dialer.
// Later ones win. [Connect] ignores them.
func WithDialOptions(dial ...grpc.DialOption) Option {
	return func(o *options) { o.dial = append(o.dial, dial...) }
}

// WithQueue sets how many events may wait to be taken before nothing more is read from the server. At least 1; the
// default is 1024.
func WithQueue(events int) Option {
	return func(o *options) { o.queue = max(events, 1) }
}

// WithoutResume makes a session end with its stream: a lost connection is an end like any other. The server keeps the
// session for the resume_window of the [Welcome] all the same.
func WithoutResume() Option {
	return func(o *options) { o.withoutResume = true }
}

func collect(opts []Option) *options {
	o := &options{
		queue: 1024,
		dial: []grpc.DialOption{
			grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12})),
			// As Connect tells those who make their own connection. Heartbeats keep a healthy connection from being pinged:
			// a mobile radio is not woken for it.
			grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
			// Sessions want to be resumed while the server still keeps them.
			grpc.WithConnectParams(grpc.ConnectParams{
				Backoff:           backoff.Config{BaseDelay: baseDelay, Multiplier: 2, Jitter: 0.5, MaxDelay: maxDelay},
				MinConnectTimeout: attemptTimeout,
			}),
		},
	}
	for _, option := range opts {
		option(o)
	}
	return o
}
