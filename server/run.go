package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Run listens on the configured addresses and serves until ctx ends, or an operator asks for the end on the admin port;
// then it shuts down in order. It returns nil if nothing else has ended it.
func (s *Server) Run(ctx context.Context) error {
	if err := s.cfg.checkOpen(); err != nil {
		return errors.Join(err, s.Shutdown(ctx))
	}
	if s.cfg.Open && !s.cfg.authenticates() {
		s.log.Warn("open to everybody: nothing tells who may do what")
	}
	failing, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	listeners := map[string]net.Listener{}
	for _, p := range []struct{ name, addr string }{{"grpc", s.cfg.GRPCAddr}, {"web", s.cfg.WebAddr}, {"admin", s.cfg.AdminAddr}} {
		if p.addr == off {
			continue
		}
		lis, err := net.Listen("tcp", p.addr)
		if err != nil {
			for _, lis := range listeners {
				_ = lis.Close() // Nothing was accepted.
			}
			return errors.Join(&ListenError{Port: p.name, Addr: p.addr, Err: err}, s.Shutdown(ctx))
		}
		listeners[p.name] = lis
		s.log.Info("listening", "port", p.name, "addr", lis.Addr().String())
	}
	if listeners["admin"] != nil && s.certs != nil && !isLoopback(s.cfg.AdminAddr) {
		s.log.Warn("the admin port speaks no TLS: who is on the way to it can read the secret or the token that is shown there", "addr", s.cfg.AdminAddr)
	}

	admin := &http.Server{
		Handler: s.admin(), ReadTimeout: s.cfg.HandshakeTimeout, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	for name, serve := range map[string]func(net.Listener) error{"grpc": s.Serve, "web": s.ServeWeb, "admin": admin.Serve} {
		if lis := listeners[name]; lis != nil {
			go func() {
				if err := serve(lis); err != nil && !errors.Is(err, http.ErrServerClosed) {
					fail(fmt.Errorf("the %s port: %w", name, err))
				}
			}()
		}
	}
	s.log.Info("ready", "version", s.cfg.Version)

	select {
	case <-failing.Done():
	case <-s.asked:
	}
	s.log.Info("shutting down", "sessions", s.hub.Sessions(), "timeout", s.cfg.DrainTimeout)
	stopping, stop := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.DrainTimeout)
	defer stop()
	err := errors.Join(s.Shutdown(stopping), admin.Close())
	s.log.Info("shut down")
	if ctx.Err() == nil && !isClosed(s.asked) { // Not asked for.
		err = errors.Join(context.Cause(failing), err)
	}
	return err
}

// ListenError tells that a port could not be opened.
type ListenError struct {
	Port string // "grpc", "web" or "admin".
	Addr string
	Err  error
}

// Error tells which port it was.
func (e *ListenError) Error() string { return fmt.Sprintf("open the %s port: %v", e.Port, e.Err) }

// Unwrap returns the cause.
func (e *ListenError) Unwrap() error { return e.Err }
