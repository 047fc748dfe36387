package web

import (
	"io"
	"net/http"
	"time"

	"github.com/improbable-eng/grpc-web/go/grpcweb"
)

// requestHeaders are the headers that a page may send.
var requestHeaders = []string{
	"Content-Type", "X-Grpc-Web", "X-User-Agent", "Authorization", "Grpc-Timeout", "Beckon-Session",
	"Connect-Protocol-Version", "Connect-Timeout-Ms",
}

// wrapCalls returns a handler of all calls but Connect, and of what browsers ask before they make one.
func wrapCalls(cfg Config, allowed origins) http.Handler {
	wrapped := grpcweb.WrapServer(cfg.GRPC,
		grpcweb.WithOriginFunc(allowed.allowOrigin),
		grpcweb.WithAllowedRequestHeaders(requestHeaders),
	)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isGRPCWeb(r) && r.Method != http.MethodOptions {
			http.Error(w, "expected a POST of application/grpc-web", http.StatusUnsupportedMediaType)
			return
		}
		wrapped.ServeHTTP(w, r)
	})
}

// patient holds clients of next to the deadlines of cfg: the body of a request must come in time, and an answer that
// takes for ever must be read for ever. It must be around every handler, also around one that reads no body: before
// http.Server sends an answer, it reads what is left.
func patient(cfg Config, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn := http.NewResponseController(w)
		if cfg.Leaving != nil && cfg.Leaving() { // On another connection a proxy may find another server.
			w.Header().Set("Connection", "close")
		}
		if r.Body != http.NoBody {
			_ = conn.SetReadDeadline(time.Now().Add(cfg.HandshakeTimeout)) // Every connection has deadlines.
			// Text is a third longer. What is in the bound is for gRPC to judge.
			r.Body = &upload{http.MaxBytesReader(w, r.Body, 2*int64(cfg.MaxMessageBytes+prefixSize)), conn}
		}
		next.ServeHTTP(&answer{w, conn, cfg.StallTimeout}, r)
	})
}

// upload is the body of a request that must have come in time.
type upload struct {
	io.ReadCloser
	conn *http.ResponseController
}

// Read implements io.Reader.
func (u *upload) Read(p []byte) (int, error) {
	n, err := u.ReadCloser.Read(p)
	if err == io.EOF {
		_ = u.conn.SetReadDeadline(time.Time{}) // From now on the client need not say anything.
	}
	return n, err
}

// Close implements io.Closer. It leaves the body open: gRPC's transport waits for its end then, so that a client that
// is still sending sees its answer. The end comes in time, and http.Server closes the body.
func (u *upload) Close() error { return nil }

// answer is the answer to a request, of which the client must read something at least every timeout.
type answer struct {
	http.ResponseWriter
	conn    *http.ResponseController
	timeout time.Duration
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(code int) {
	_ = a.conn.SetWriteDeadline(time.Now().Add(a.timeout)) // That of the request before may have passed.
	a.ResponseWriter.WriteHeader(code)
}

// Write implements http.ResponseWriter.
func (a *answer) Write(p []byte) (int, error) {
	_ = a.conn.SetWriteDeadline(time.Now().Add(a.timeout))
	return a.ResponseWriter.Write(p)
}

// Flush implements http.Flusher.
func (a *answer) Flush() {
	_ = a.conn.SetWriteDeadline(time.Now().Add(a.timeout))
	_ = a.conn.Flush() // A client that is gone shows in the request's context.
}
