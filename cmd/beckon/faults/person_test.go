package faults

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	beckon "github.com/beckonrtc/beckon/clients/go"
)

// person is a client, on a connection of its own.
type person struct {
	// Immutable.
	name    string
	session *beckon.Session
	over    chan struct{} // Closed when all events have been taken.

	mu      sync.Mutex
	history *history // Guarded by mu.
}

// enter opens a session, which the end of the test aborts if nothing else has ended it. changed is woken whenever
// something was seen.
func enter(
	t *testing.T, name string, changed chan<- struct{}, dial func(context.Context, string) (net.Conn, error),
) (*person, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	session, err := beckon.Dial(ctx, "passthrough:///beckon", dialOptions(dial)...)
	if err != nil {
		return nil, err
	}
	p := &person{name: name, session: session, over: make(chan struct{}), history: newHistory(name, session.ID())}
	go p.listen(changed)
	t.Cleanup(func() {
		session.Abort()
		<-p.over
	})
	return p, nil
}

// dialOptions are those of a session whose connections dial makes.
func dialOptions(dial func(context.Context, string) (net.Conn, error)) []beckon.Option {
	return []beckon.Option{beckon.WithPlaintext(), beckon.WithDialOptions(
		grpc.WithContextDialer(dial),
		// A connection on which nothing comes is given up as soon as gRPC can.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: time.Second}),
	)}
}

// join enters a room under the person's name.
func (p *person) join(room string, presence beckon.Presence) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return p.session.Join(ctx, &beckon.Join{Room: room, Name: &p.name, Presence: presence})
}

// listen takes events until the session ends.
func (p *person) listen(changed chan<- struct{}) {
	defer close(p.over)
	for event, err := range p.session.Events(context.Background()) {
		p.record(func(h *history) {
			if err != nil {
				h.end = err
			} else {
				h.note(event)
			}
		})
		select {
		case changed <- struct{}{}:
		default:
		}
	}
}

// record changes the history, or takes a look at it.
func (p *person) record(change func(*history)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p.history)
}

// look copies the history as it is now.
func (p *person) look() *history {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.history.clone()
}

// heard is how many messages of a lane have arrived.
func (p *person) heard(l lane) (n int) {
	p.record(func(h *history) { n = len(h.arrived[l]) })
	return n
}
