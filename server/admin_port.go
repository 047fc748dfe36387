package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"
)

// adminPort is the port for operators and their tools. It is open before the server is there, and tells then what is waited
// for: whoever looks after the process has to tell one that starts from one that is dead.
type adminPort struct {
	// Immutable.
	http   *http.Server // Nil: the port is off.
	failed chan error   // Of size 1, never closed: why the port was lost.

	handler atomic.Pointer[http.Handler] // What answers.
}

// openAdmin opens the admin port.
func (s *Server) openAdmin() (*adminPort, error) {
	if err := s.cfg.checkOpen(); err != nil {
		return nil, err
	}
	p := &adminPort{failed: make(chan error, 1)}
	if s.cfg.AdminAddr == off {
		return p, nil
	}
	lis, err := s.listen("admin", s.cfg.AdminAddr)
	if err != nil {
		return nil, err
	}
	if s.certs != nil && !isLoopback(s.cfg.AdminAddr) {
		s.log.Warn("the admin port speaks no TLS: who is on the way to it can read the secret or the token that is shown there", "addr", s.cfg.AdminAddr)
	}
	p.serve(s.adminBefore())
	p.http = &http.Server{
		Handler:     http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*p.handler.Load()).ServeHTTP(w, r) }),
		ReadTimeout: s.cfg.HandshakeTimeout, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	go func() {
		if err := p.http.Serve(lis); !errors.Is(err, http.ErrServerClosed) {
			p.failed <- fmt.Errorf("the admin port: %w", err)
		}
	}()
	return p, nil
}

// serve has handler answer from now on.
func (p *adminPort) serve(handler http.Handler) { p.handler.Store(&handler) }

// close closes the port.
func (p *adminPort) close() error {
	if p.http == nil {
		return nil
	}
	return p.http.Close()
}

// adminBefore returns what the admin port answers before the server is there: that the process lives, but takes no sessions, and
// why. There is nothing yet to be asked for.
func (s *Server) adminBefore() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", alive)
	mux.Handle("GET /metrics", metricsHandler(notReady{s.cfg.Version}))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		text := "starting"
		if what := s.opening.String(); what != "" {
			text += ": " + what
		}
		http.Error(w, text, http.StatusServiceUnavailable)
	})
	return mux
}

// alive answers that the process lives.
func alive(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }
