// Package load is a crowd of sessions that costs its machine little: raw streams, natively or over websockets, with
// messages that were encoded beforehand and events of which no more is read than is needed. It is not a client library:
// a session that is lost without its doing ends the whole run.
package load

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// A Target is a port of a server, and how to speak with it.
type Target struct {
	Addr string // "host:port".
	// Whether it is the web port.
	Web bool
	// Nil: plaintext.
	TLS *tls.Config
	// Returns the access token to show; called for each stream. Nil: there is none.
	Token func() (string, error)
}

// bearer returns the token to show as HTTP has it, "" if there is none.
func (t Target) bearer() (string, error) {
	if t.Token == nil {
		return "", nil
	}
	token, err := t.Token()
	return "Bearer " + token, err
}

// A stream is a Connect. Send and Recv may be called concurrently with each other, neither with itself.
type stream interface {
	// Send sends an encoded ConnectRequest. It may fail with io.EOF; Recv then tells why.
	Send(frame) error
	// Recv returns an encoded ConnectResponse, which is to be freed, or the status that the stream ended with; io.EOF if
	// that is OK.
	Recv() (message, error)
	// CloseSend half-closes.
	CloseSend() error
}

// A conn is what one or more streams are on.
type conn interface {
	open(ctx context.Context) (stream, error)
	// cut ends it and its streams without a word.
	cut()
}

// connect returns the connection of a number. No packet is sent before the first stream is opened.
func (t Target) connect(number int) (conn, error) {
	if t.Web {
		return &webConn{target: t, number: number}, nil
	}
	creds := insecure.NewCredentials()
	if t.TLS != nil {
		creds = credentials.NewTLS(t.TLS)
	}
	c := &nativeConn{target: t}
	var err error
	c.ClientConn, err = grpc.NewClient("passthrough:///"+t.Addr,
		grpc.WithTransportCredentials(creds),
		grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) {
			raw, err := dial(ctx, addr, number)
			if err == nil {
				c.raw.Store(&raw)
			}
			return raw, err
		}),
		grpc.WithNoProxy(),
		grpc.WithDisableRetry(),
		grpc.WithDisableServiceConfig(),
		grpc.WithIdleTimeout(0),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(rawCodec{})),
		// Fixed ones: measuring them would cost the server pings.
		grpc.WithStaticStreamWindowSize(64<<10),
		grpc.WithStaticConnWindowSize(1<<20),
	)
	return c, err
}

// dial opens the connection of a number. Within this machine each comes from an address of its own, as those of clients
// do: of 127.0.0.0/8 there are 2^24, each with all ports.
func dial(ctx context.Context, addr string, number int) (net.Conn, error) {
	dialer := net.Dialer{Timeout: 30 * time.Second}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(host).To4(); ip != nil && ip.IsLoopback() && runtime.GOOS == "linux" {
		nth := number + 1
		dialer.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 1+byte(nth>>16), byte(nth>>8), byte(nth)).To4()}
	}
	c, err := dialer.DialContext(ctx, "tcp", addr)
	switch {
	case errors.Is(err, syscall.EMFILE):
		err = fmt.Errorf("%w: --conns lets sessions share connections", err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		err = fmt.Errorf("%w: there are no more ports to call from: --conns lets sessions share connections", err)
	}
	return c, err
}

// cut closes a connection so that the other side is not told in order, as when a cable is pulled and the peer reset.
func cut(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // Of no matter if it is closed.
	}
	_ = c.Close()
}

// nativeConn is a connection of gRPC's own.
type nativeConn struct {
	*grpc.ClientConn
	target Target
	raw    atomic.Pointer[net.Conn] // Nil before it is open.
}

func (c *nativeConn) cut() {
	if raw := c.raw.Load(); raw != nil {
		cut(*raw)
	}
	_ = c.ClientConn.Close()
}

var connectDesc = grpc.StreamDesc{StreamName: "Connect", ClientStreams: true, ServerStreams: true}

func (c *nativeConn) open(ctx context.Context) (stream, error) {
	bearer, err := c.target.bearer()
	if err != nil {
		return nil, err
	}
	if bearer != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", bearer)
	}
	st, err := c.NewStream(ctx, &connectDesc, beckonv1.Signal_Connect_FullMethodName)
	if err != nil {
		return nil, err
	}
	return nativeStream{st}, nil
}

type nativeStream struct{ grpc.ClientStream }

func (s nativeStream) Send(f frame) error { return s.SendMsg(f) }

func (s nativeStream) Recv() (message, error) {
	var m message
	err := s.RecvMsg(&m)
	return m, err
}
