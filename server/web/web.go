// Package web serves browsers: the Signal service over grpc-web, and a page.
//
// A browser cannot stream both ways over fetch, so Connect comes over a websocket of the subprotocol "grpc-websockets".
// The client's first message, in one frame, is a block of headers, "name: value" lines; each later one is a byte 0 with a
// part of the grpc-web stream behind it, or a byte 1 alone, which half-closes. The server's messages are the grpc-web
// stream: the headers at once, an envelope for each event, the trailers, then a close frame with 1000. Headers and
// trailers have the flag 0x80 in their envelope, whose five bytes come as a message of their own. A client that closes
// the websocket before it has seen the trailers is lost, half-closed or not.
//
// All other calls come as POST requests with one message, and are answered by a gRPC server.
//
// grpc-web does the translation. What this package adds is what a server needs that anybody can reach: deadlines for
// those who are silent or do not read, back-pressure, bounds, origins, and an end in order.
package web

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// Config is what a Server needs.
type Config struct {
	// Serve runs a session on a stream, which ends with the status of the error, unless WriteStatus has ended it. It must return
	// when Recv fails.
	Serve func(context.Context, *Stream) error
	// GRPC answers all calls but Connect. Shutdown stops it.
	GRPC *grpc.Server
	// Leaving reports whether clients are to go elsewhere: then their connections end with the answers. Nil: never.
	Leaving func() bool
	// Errors of single connections, which are their clients' doing, are debug lines.
	Logger *slog.Logger

	// The origins of pages that may use the service, such as "https://app.example.org"; "*" is any. The page that comes
	// from the host that it calls always may, over http as well as https: behind a proxy the server cannot tell which of
	// them is its own. So may what is no browser: it names no origin.
	Origins []string
	// Whether only requests for this machine, and for the hosts of Origins, are answered.
	LocalOnly bool

	// The size of a message that Serve is given, in bytes; one beyond it ends its stream.
	MaxMessageBytes int
	// The size of a request's headers, in bytes; also of those in a websocket's first message.
	MaxHeaderBytes int

	// How long a client may take for its request, on a websocket for its headers.
	HandshakeTimeout time.Duration
	// How long a client may read nothing of what it is sent. A message of its own may take as long, and the time that
	// MaxMessageBytes take at 16 KiB/s.
	StallTimeout time.Duration
	// A websocket that is written to is pinged once in PingInterval. It is closed when nothing has come on it for
	// SilenceTimeout, which must be longer than PingInterval and the time between writes.
	PingInterval, SilenceTimeout time.Duration
	// How long the end of a stream may take: to write what has begun, the trailers, and for the client to close, too.
	CloseTimeout time.Duration
}

// Server serves browsers. All methods may be called concurrently.
type Server struct {
	http *http.Server
	grpc *grpc.Server

	cut      context.Context // Ends when all websockets are to be closed.
	cutNow   context.CancelFunc
	mu       sync.Mutex     // Held to set closing, and to enter handlers before that.
	closing  bool           // Guarded by mu.
	upgraded sync.WaitGroup // Handlers whose connection http.Server has given away.
}

// New returns a server that is ready to serve. Shutdown must end it.
func New(cfg Config) *Server {
	s := &Server{grpc: cfg.GRPC}
	s.cut, s.cutNow = context.WithCancel(context.Background())
	allowed := origins(cfg.Origins)

	mux := http.NewServeMux()
	mux.Handle("/", page())
	calls := wrapCalls(cfg, allowed)
	for service := range cfg.GRPC.GetServiceInfo() {
		mux.Handle("/"+service+"/", calls)
	}
	mux.Handle(beckonv1.Signal_Connect_FullMethodName, s.websockets(cfg, allowed))

	answered := allowed.only(mux)
	if cfg.LocalOnly {
		answered = allowed.localOnly(answered)
	}

	s.http = &http.Server{
		Handler: patient(cfg, answered),
		// Its handler would wait for the body of an "OPTIONS *" for ever.
		DisableGeneralOptionsHandler: true,

		ReadHeaderTimeout: cfg.HandshakeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    cfg.MaxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelDebug),
	}
	return s
}

// idleTimeout is how long a connection is kept on which no request comes.
const idleTimeout = 2 * time.Minute

// Serve accepts connections on lis until Shutdown is called; it returns nil then. It closes lis.
func (s *Server) Serve(lis net.Listener) error {
	if err := s.http.Serve(lis); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// Shutdown accepts no more connections and waits until every call has ended. When ctx ends, those that are left are
// cut.
func (s *Server) Shutdown(ctx context.Context) {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		_ = s.http.Shutdown(s.cut) // Fails only when all is cut.
		s.upgraded.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
	s.cutNow()
	_ = s.http.Close() // Whatever was open is of no use any more.
	<-ended
	s.grpc.Stop()
}

// enter counts a handler in, unless the server is closing. s.upgraded.Done counts it out.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.upgraded.Add(1)
	return true
}

// isGRPCWeb reports whether r is a call in grpc-web's framing.
func isGRPCWeb(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc-web")
}
