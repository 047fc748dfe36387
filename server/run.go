package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/beckonrtc/beckon/server/web"
)

// Run listens on the configured addresses and serves until ctx ends; then it shuts down in order. It returns nil if
// nothing else has ended it.
func (s *Server) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	listeners := map[string]net.Listener{}
	var failed error
	for name, addr := range map[string]string{"grpc": s.cfg.GRPCAddr, "web": s.cfg.WebAddr, "admin": s.cfg.AdminAddr} {
		if addr == off {
			continue
		}
		lis, err := net.Listen("tcp", addr)
		if err != nil {
			failed = &ListenError{Port: name, Addr: addr, Err: err}
			break
		}
		listeners[name] = lis
	}
	if failed != nil {
		for _, lis := range listeners {
			_ = lis.Close() // Nothing was accepted.
		}
		return errors.Join(failed, s.Shutdown(ctx))
	}

	var https []*http.Server
	serveHTTP := func(name string, h http.Handler) {
		lis := listeners[name]
		if lis == nil {
			return
		}
		hs := &http.Server{Handler: h, ReadHeaderTimeout: handshakeTimeout, IdleTimeout: 2 * time.Minute}
		https = append(https, hs)
		go func() {
			if err := hs.Serve(lis); !errors.Is(err, http.ErrServerClosed) {
				cancel(fmt.Errorf("serve %s on %s: %w", name, lis.Addr(), err))
			}
		}()
	}
	serveHTTP("web", web.Handler(listeners["grpc"].Addr().String()))
	serveHTTP("admin", s.admin())
	go func() {
		if err := s.Serve(listeners["grpc"]); err != nil {
			cancel(err)
		}
	}()
	for name, lis := range listeners {
		s.log.Info("listening", "port", name, "addr", lis.Addr().String())
	}
	s.log.Info("ready", "version", s.cfg.Version)

	<-ctx.Done()
	s.log.Info("shutting down", "sessions", s.hub.Sessions(), "timeout", s.cfg.DrainTimeout)
	stopping, stop := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.DrainTimeout)
	defer stop()
	err := s.Shutdown(stopping)
	for _, hs := range https {
		err = errors.Join(err, hs.Close())
	}
	s.log.Info("shut down")
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		err = errors.Join(cause, err)
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
