package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/nats-io/nats.go"
)

// connect returns a connection to servers. While none can be reached it tries again, until ctx ends.
func (c Config) connect(ctx context.Context, target string, options []nats.Option) (*nats.Conn, error) {
	addresses, err := redacted(c.URLs)
	if err != nil {
		return nil, err
	}
	at := "NATS at " + addresses
	tick := time.NewTicker(reconnectWait)
	defer tick.Stop()
	for {
		conn, err := dial(ctx, target, options)
		switch {
		case err == nil:
			c.Waiting.Over()
			return conn, nil
		case ctx.Err() != nil:
			return nil, fmt.Errorf("%s was waited for: %w", at, context.Cause(ctx))
		case !mayPass(err):
			return nil, fmt.Errorf("connect to %s: %w%s", at, err, expected(err))
		}
		c.Waiting.For(at, err)
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// dial is nats.Connect, which has no context. What it still brings about after the end of ctx is closed.
func dial(ctx context.Context, target string, options []nats.Option) (*nats.Conn, error) {
	type dialled struct {
		conn *nats.Conn
		err  error
	}
	done := make(chan dialled, 1)
	go func() {
		conn, err := nats.Connect(target, options...)
		done <- dialled{conn, err}
	}()
	select {
	case d := <-done:
		return d.conn, d.err
	case <-ctx.Done():
		go func() {
			if d := <-done; d.err == nil {
				d.conn.Close()
			}
		}()
		return nil, ctx.Err()
	}
}

// mayPass reports whether servers could not be reached, which may be otherwise soon: else they are there, and do not take
// the node.
func mayPass(err error) bool {
	for _, passing := range []error{
		nats.ErrNoServers, nats.ErrTimeout, nats.ErrStaleConnection, nats.ErrMaxConnectionsExceeded, nats.ErrMaxAccountConnectionsExceeded,
		io.EOF, io.ErrUnexpectedEOF,
	} {
		if errors.Is(err, passing) {
			return true
		}
	}
	if _, ok := errors.AsType[*net.AddrError](err); ok {
		return false
	}
	if refusedTLS(err) {
		return false
	}
	_, ok := errors.AsType[net.Error](err) // A name that is not known counts: in a cluster of containers it may come with who has it.
	return ok
}

// refusedTLS reports whether one side did not trust the other.
func refusedTLS(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" { // An alert, which has no type of its own.
		return true
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	_, ok := errors.AsType[tls.RecordHeaderError](err)
	return ok
}

// expected tells what the node would have needed, for an error that does not pass.
func expected(err error) string {
	switch {
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked),
		errors.Is(err, nats.ErrAccountAuthExpired):
		return ": expected credentials that these servers take: a file of them, or a name and a password in the address"
	case errors.Is(err, nats.ErrSecureConnRequired):
		return ": expected an address that begins with tls://"
	case errors.Is(err, nats.ErrSecureConnWanted):
		return ": expected servers with TLS, or an address that begins with nats:// and no files for TLS"
	case errors.Is(err, nats.ErrNoInfoReceived):
		return ": expected the address at which NATS takes clients"
	case refusedTLS(err):
		return ": expected servers with a certificate of authorities that this node trusts, and one of the node's that they trust"
	}
	return ""
}
