package auth

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
)

// pipes is a network within one synctest bubble: a listener, and the way to it.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	conn, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

// A service is an HTTP server within one synctest bubble.
type service struct {
	network pipes

	mu sync.Mutex
	// Guarded by mu.
	handler http.HandlerFunc // Nil: it cannot be reached.
	asked   int              // How many requests there were, those that did not reach it included.
}

// serve starts one and makes client speak with it.
func serve(t *testing.T, client *http.Client, handler http.HandlerFunc) *service {
	s := &service{network: make(pipes), handler: handler}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		handler := s.handler
		s.mu.Unlock()
		handler(w, r)
	})}
	go server.Serve(s.network)
	transport := client.Transport.(*http.Transport)
	transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		s.mu.Lock()
		down := s.handler == nil
		s.asked++
		s.mu.Unlock()
		if down {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: net.ErrClosed}
		}
		ours, theirs := net.Pipe()
		select {
		case s.network <- theirs:
			return ours, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	transport.DisableKeepAlives = true // So that each request is a connection that is counted.
	t.Cleanup(func() {
		synctest.Wait() // Nobody is dialing any more.
		server.Close()
		transport.CloseIdleConnections()
	})
	return s
}

// become makes it answer otherwise.
func (s *service) become(handler http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handler = handler
}

// count returns how many requests there were since it was last called.
func (s *service) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.asked
	s.asked = 0
	return n
}

// says answers with that status and text.
func says(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		w.Write([]byte(text))
	}
}

// silent never answers.
func silent(_ http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body) // Before that the server does not see that the client has gone.
	<-r.Context().Done()
}
