package webtest

import (
	"context"
	"net"
	"time"

	"google.golang.org/grpc/test/bufconn"
)

// Listener is a port in memory, for servers in a synctest bubble.
type Listener struct{ *bufconn.Listener }

// Listen returns a Listener.
func Listen() Listener { return Listener{bufconn.Listen(64 << 10)} }

// Dial opens a connection; for New.
func (l Listener) Dial(ctx context.Context, _, _ string) (net.Conn, error) { return l.DialContext(ctx) }

// Addr implements net.Listener. It is what clients call the server: this machine.
func (l Listener) Addr() net.Addr { return here{} }

// here is the address of a Listener.
type here struct{}

// Network implements net.Addr.
func (here) Network() string { return "memory" }

// String implements net.Addr.
func (here) String() string { return "localhost" }

// Accept implements net.Listener.
func (l Listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return steady{conn}, nil
}

// steady is a connection whose deadlines are those of its last calls. On one of package bufconn a deadline that has
// passed can still come into force once it was taken back, as http.Server does before it gives a connection away.
type steady struct{ net.Conn }

// SetDeadline implements net.Conn.
func (s steady) SetDeadline(t time.Time) error {
	s.settle(t)
	return s.Conn.SetDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (s steady) SetReadDeadline(t time.Time) error {
	s.settle(t)
	return s.Conn.SetReadDeadline(t)
}

// settle lets a deadline that has passed come into force before it is taken back.
func (steady) settle(t time.Time) {
	if t.IsZero() {
		time.Sleep(time.Nanosecond) // Virtual: all that is due is done by then.
	}
}
