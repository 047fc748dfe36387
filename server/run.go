package server

import (
	"context"
	"errors"
	"fmt"
	"net"
)

// Run runs a server until ctx ends, or an operator asks for the end on the admin port; then it shuts down in order. The admin
// port is open before the server is there: in a cluster that may take as long as NATS is away. It returns nil if nothing else
// has ended the server; the cause of ctx if that ended before the server was there.
func Run(ctx context.Context, cfg Config) error {
	s, err := prepare(cfg)
	if err != nil {
		return err
	}
	admin, err := s.openAdmin()
	if err != nil {
		return errors.Join(err, s.discard())
	}
	if err := s.join(ctx); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx) // Whatever could not be done because of it.
		}
		return errors.Join(err, admin.close())
	}
	return s.run(ctx, admin)
}

// Run listens on the configured addresses and serves until ctx ends, or an operator asks for the end on the admin port;
// then it shuts down in order. It returns nil if nothing else has ended it.
func (s *Server) Run(ctx context.Context) error {
	admin, err := s.openAdmin()
	if err != nil {
		return errors.Join(err, s.Shutdown(ctx))
	}
	return s.run(ctx, admin)
}

// run is Run with an admin port that is open.
func (s *Server) run(ctx context.Context, admin *adminPort) error {
	if s.cfg.Open && !s.cfg.authenticates() {
		s.log.Warn("open to everybody: nothing tells who may do what")
	}
	failing, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	listeners := map[string]net.Listener{}
	for _, p := range []struct{ name, addr string }{{"grpc", s.cfg.GRPCAddr}, {"web", s.cfg.WebAddr}} {
		if p.addr == off {
			continue
		}
		lis, err := s.listen(p.name, p.addr)
		if err != nil {
			for _, lis := range listeners {
				_ = lis.Close() // Nothing was accepted.
			}
			return errors.Join(err, admin.close(), s.Shutdown(ctx))
		}
		listeners[p.name] = lis
	}
	for name, serve := range map[string]func(net.Listener) error{"grpc": s.Serve, "web": s.ServeWeb} {
		if lis := listeners[name]; lis != nil {
			go func() {
				if err := serve(lis); err != nil {
					fail(fmt.Errorf("the %s port: %w", name, err))
				}
			}()
		}
	}
	admin.serve(s.admin())
	s.log.Info("ready", "version", s.cfg.Version)

	select {
	case <-failing.Done():
	case <-s.asked:
	case err := <-admin.failed:
		fail(err)
	}
	s.log.Info("shutting down", "sessions", s.hub.Sessions(), "timeout", s.cfg.DrainTimeout)
	stopping, stop := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.DrainTimeout)
	defer stop()
	err := errors.Join(s.Shutdown(stopping), admin.close())
	s.log.Info("shut down")
	if ctx.Err() == nil && !isClosed(s.asked) { // Not asked for.
		err = errors.Join(context.Cause(failing), err)
	}
	return err
}

// listen opens a port. The kernel looks after none of its connections: gRPC and the web ping theirs themselves, and gRPC has the
// kernel give up one on which a probe was not answered in time, be it the only one that was lost.
func (s *Server) listen(port, addr string) (net.Listener, error) {
	lis, err := (&net.ListenConfig{KeepAlive: -1}).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, &ListenError{Port: port, Addr: addr, Err: err}
	}
	s.log.Info("listening", "port", port, "addr", lis.Addr().String())
	return lis, nil
}

// ListenError tells that a port could not be opened.
type ListenError struct {
	Port string // "grpc", "web", "admin", "turn" or "turn-tls".
	Addr string
	Err  error
}

// Error tells which port it was.
func (e *ListenError) Error() string { return fmt.Sprintf("open the %s port: %v", e.Port, e.Err) }

// Unwrap returns the cause.
func (e *ListenError) Unwrap() error { return e.Err }
