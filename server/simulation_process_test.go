//go:build !race

package server_test

import (
	"context"
	"log/slog"
	"net"
	"time"

	"google.golang.org/grpc/test/bufconn"

	"github.com/beckonrtc/beckon/server"
	"github.com/beckonrtc/beckon/server/web/webtest"
)

// process is one life of the server.
type process struct {
	// Immutable.
	gen     int // Counts from 1.
	started time.Time
	native  *bufconn.Listener
	web     webtest.Listener
	over    chan struct{} // Closed once the server has shut down.

	// Guarded by world.mu.
	draining bool
	dead     bool           // Nothing reaches it any more.
	srv      *server.Server // Nil once it is over.
	cables   map[*cable]struct{}
}

// startProcess starts the server, which clients find from now on. w.mu must be held.
func (w *world) startProcess() {
	cfg := w.plan.config
	cfg.SessionKeyFile = w.key
	cfg.Logger = slog.New(slog.DiscardHandler)
	srv, err := server.New(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	p := &process{
		gen: len(w.processes) + 1, started: time.Now(), srv: srv,
		native: bufconn.Listen(64 << 10), web: webtest.Listen(), over: make(chan struct{}), cables: map[*cable]struct{}{},
	}
	w.processes = append(w.processes, p)
	w.process = p
	for _, serve := range []func() error{
		func() error { return srv.Serve(p.native) },
		func() error { return srv.ServeWeb(p.web) },
	} {
		go func() {
			if err := serve(); err != nil {
				w.t.Error(err)
			}
		}()
	}
}

// dial opens a connection of a client, to the process that the client has chosen.
func (w *world) dial(ctx context.Context, l *link) (net.Conn, error) {
	w.mu.Lock()
	p, dead, again := l.process, l.process.dead, l.cable != nil
	w.mu.Unlock()
	if dead || again {
		return nil, errCut
	}
	open := p.native.DialContext
	if l.peer.web {
		open = p.web.DialContext
	}
	conn, err := open(ctx)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	l.cable = newCable(conn, l.reads, l.writes)
	p.cables[l.cable] = struct{}{}
	if p.dead {
		l.cable.crash()
	}
	return l.cable, nil
}

// drain ends the process in order, as an upgrade does. w.mu must be held.
func (w *world) drain(p *process) {
	p.draining = true
	srv := p.srv
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil && ctx.Err() == nil {
			w.t.Error(err)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.bury(p)
	}()
}

// crash ends the process as a loss of power does: all connections break, and what it knew is gone. w.mu must be held.
func (w *world) crash(p *process) {
	p.dead = true
	for c := range p.cables {
		c.crash()
	}
	srv := p.srv
	go func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = srv.Shutdown(ctx) // Nobody is there to see it; its error is that of ctx.
		w.mu.Lock()
		defer w.mu.Unlock()
		w.bury(p)
	}()
}

// bury notes that the server has shut down, and lets go of it. w.mu must be held.
func (w *world) bury(p *process) {
	p.dead, p.srv = true, nil
	close(p.over)
}
