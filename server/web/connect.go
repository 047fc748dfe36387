package web

import (
	"context"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/improbable-eng/grpc-web/go/grpcweb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// upgraderKey is the key of the *upgrader in the context of a request for Connect. What the server knows of the client
// by itself is passed on in it: the headers in the client's first message take the place of the request's own.
type upgraderKey struct{}

// forwardedForKey is the key of the request's own lines of X-Forwarded-For, likewise.
type forwardedForKey struct{}

// ForwardedFor returns what proxies told of the client of a Stream, from the context that Serve was given: the lines of
// X-Forwarded-For. Anybody can write them; those of the client's first message are not among them.
func ForwardedFor(ctx context.Context) []string {
	lines, _ := ctx.Value(forwardedForKey{}).([]string)
	return lines
}

// websockets returns the handler of Connect. A websocket is served on a goroutine of its own: http.Server keeps what it has of
// a connection until the handler returns.
func (s *Server) websockets(cfg Config, allowed origins) http.Handler {
	wrapped := grpcweb.WrapHandler(http.HandlerFunc(cfg.connect),
		grpcweb.WithWebsockets(true),
		grpcweb.WithWebsocketOriginFunc(func(*http.Request) bool { return true }), // origins.only has seen to it.
		grpcweb.WithWebsocketsMessageReadLimit(1+prefixSize+int64(cfg.MaxMessageBytes)),
		grpcweb.WithEndpointsFunc(func() []string { return []string{beckonv1.Signal_Connect_FullMethodName} }),
		grpcweb.WithOriginFunc(allowed.allowOrigin),
		grpcweb.WithAllowedRequestHeaders(requestHeaders),
	)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.enter() {
			http.Error(w, "shutting down", http.StatusServiceUnavailable)
			return
		}
		u := &upgrader{ResponseWriter: w, cfg: &cfg, cut: s.cut, taken: make(chan struct{})}
		ctx := context.WithValue(context.WithoutCancel(r.Context()), upgraderKey{}, u)
		ctx = context.WithValue(ctx, forwardedForKey{}, r.Header.Values("X-Forwarded-For"))
		r = r.WithContext(ctx)
		failed := make(chan any, 1) // Gets one value, unless the connection is taken over: nil, or of a panic.
		go func() {
			defer s.upgraded.Done()
			defer u.close()
			defer func() {
				why := recover()
				select {
				case <-u.taken:
					if why != nil {
						cfg.Logger.Error("panic on a websocket", "why", why, "stack", string(debug.Stack()))
					}
				default:
					failed <- why
				}
			}()
			wrapped.ServeHTTP(u, r)
		}()
		select {
		case <-u.taken:
		case why := <-failed:
			if why != nil {
				panic(why) // As http.Server expects it.
			}
		}
	})
}

// connect serves a call of Connect whose headers have come.
func (cfg *Config) connect(w http.ResponseWriter, r *http.Request) {
	u := r.Context().Value(upgraderKey{}).(*upgrader)
	switch {
	case u.guard != nil:
	case r.Method == http.MethodPost:
		w.Header().Set("Content-Type", "application/grpc+proto") // As a gRPC server would; the wrapper translates it.
		setStatus(w.Header(), status.New(codes.Unimplemented, "Connect comes over a websocket of the subprotocol grpc-websockets; without one there are Listen and Send"))
		return
	default:
		http.Error(w, "expected a websocket of the subprotocol grpc-websockets", http.StatusBadRequest)
		return
	}
	ctx := peer.NewContext(r.Context(), &peer.Peer{Addr: u.guard.RemoteAddr()})
	ctx = metadata.NewIncomingContext(ctx, metadataOf(r.Header))

	w.Header().Set("Content-Type", "application/grpc-web+proto")
	w.WriteHeader(http.StatusOK)
	st := &Stream{
		ctx: r.Context(), body: r.Body, most: cfg.MaxMessageBytes, w: w, guard: u.guard, pingInterval: cfg.PingInterval, closeTimeout: cfg.CloseTimeout,
		writing: make(chan struct{}, 1), pinged: time.Now(),
	}
	_ = st.WriteStatus(status.Convert(cfg.Serve(ctx, st)))
}

// metadataOf returns what of the headers in a websocket's first message means something to a session. The rest could
// only be mistaken for what the server or a proxy has said.
func metadataOf(h http.Header) metadata.MD {
	md := metadata.MD{}
	for _, key := range []string{"authorization", "traceparent", "tracestate"} {
		if values := h.Values(key); len(values) > 0 {
			md[key] = values
		}
	}
	return md
}
