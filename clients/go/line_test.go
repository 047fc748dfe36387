package beckon_test

import (
	"context"
	"errors"
	"net"
	"sync"

	"google.golang.org/grpc"

	beckon "github.com/beckonrtc/beckon/clients/go"
)

// line is a network between a client and a server that can be cut.
type line struct {
	mu sync.Mutex
	// Guarded by mu.
	far    func(context.Context) (net.Conn, error)
	conns  []net.Conn
	down   bool
	budget func() int // How many bytes a new connection carries before it is cut; nil: any number.
}

func (l *line) dial(ctx context.Context) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down {
		return nil, errors.New("the line is down")
	}
	conn, err := l.far(ctx)
	if err != nil {
		return nil, err
	}
	if l.budget != nil {
		conn = &thread{Conn: conn, left: l.budget()}
	}
	l.conns = append(l.conns, conn)
	return conn, nil
}

// option makes Dial use the line.
func (l *line) option() beckon.Option {
	return beckon.WithDialOptions(grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
		return l.dial(ctx)
	}))
}

// cut closes all connections, and lets no new one be made until mend.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = true
	for _, conn := range l.conns {
		conn.Close()
	}
	l.conns = nil
}

// lead makes new connections lead elsewhere.
func (l *line) lead(far func(context.Context) (net.Conn, error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.far = far
}

func (l *line) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = false
}

// thread is a connection that breaks when it has carried a number of bytes, in the midst of a frame.
type thread struct {
	net.Conn
	mu   sync.Mutex
	left int // Guarded by mu.
}

// spend takes what may be carried of n bytes; false: then it breaks.
func (c *thread) spend(n int) (int, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n = min(n, c.left)
	c.left -= n
	return n, c.left > 0
}

func (c *thread) Write(p []byte) (int, error) {
	n, whole := c.spend(len(p))
	n, err := c.Conn.Write(p[:n])
	if !whole {
		c.Close()
		return n, net.ErrClosed
	}
	return n, err
}

func (c *thread) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	n, whole := c.spend(n)
	if !whole {
		c.Close()
		return n, net.ErrClosed
	}
	return n, err
}
