// Package server runs Beckon: the Signal service on its transports, in front of one hub.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/netutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/tap"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/hub"
	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/roomlog/natslog"
	"github.com/beckonrtc/beckon/server/starting"
	"github.com/beckonrtc/beckon/server/web"
)

// Server is a Signal service. All methods may be called concurrently.
type Server struct {
	// Immutable.
	cfg Config
	log *slog.Logger
	// Nil: there is none.
	adminSecret []byte
	sessionKey  []byte
	certs       *certificates // Nil: there is no TLS.
	access      *access
	node        string             // What the operator calls this node.
	traces      *traces            // Nil: there are none.
	fresh       context.Context    // For what keeps access fresh.
	relax       context.CancelFunc // Ends it.
	opening     *starting.Wait     // What join waits for.
	health      *health.Server
	gate        *gate
	ends        streamEnds
	waiting     waiting

	// Immutable once join has returned.
	rooms   roomlog.Log
	cluster *natslog.Log // Rooms; nil: the server is alone.
	hub     *hub.Hub
	started atomic.Pointer[hub.Hub] // The hub, for the log, which is there before. Nil: not yet.
	grpc    *grpc.Server
	web     *web.Server // Has a gRPC server of its own: the two end in different ways.

	asked    chan struct{}         // Closed when an operator has asked for the end.
	draining chan struct{}         // Closed when the server begins to shut down.
	spread   time.Duration         // Written before draining is closed. The time over which streams end.
	alone    map[*closing]struct{} // Guarded by mu. Streams of Connect.
	mu       sync.Mutex            // Held to close asked and draining, and to enter streams before that.
	streams  sync.WaitGroup        // Handlers of streams.
	readers  sync.WaitGroup        // The goroutines that read them, which may end a little later.
}

// New returns a server that is ready to serve. Shutdown must end it. In a cluster it waits for NATS, up to five minutes.
func New(cfg Config) (*Server, error) {
	s, err := prepare(cfg)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), joinTimeout)
	defer cancel()
	if err := s.join(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// prepare returns a server that has all but its rooms. join or discard must be called.
func prepare(cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("server configuration: %w", err)
	}
	s := &Server{
		cfg:      cfg,
		log:      cfg.Logger,
		opening:  starting.New(cfg.Logger),
		gate:     cfg.newGate(),
		ends:     newStreamEnds(),
		waiting:  waiting{most: cfg.MaxPending, timeout: cfg.HandshakeTimeout},
		health:   health.NewServer(),
		asked:    make(chan struct{}),
		draining: make(chan struct{}),
		alone:    make(map[*closing]struct{}),
	}
	if s.node, err = cfg.node(); err != nil {
		return nil, err
	}
	if s.sessionKey, err = cfg.sessionKey(); err != nil {
		return nil, err
	}
	if err := errors.Join(cfg.checkCluster(), cfg.checkFilters()); err != nil {
		return nil, err
	}
	if s.adminSecret, err = cfg.adminSecret(); err != nil {
		return nil, err
	}
	if s.certs, err = newCertificates(cfg); err != nil {
		return nil, err
	}
	s.fresh, s.relax = context.WithCancel(context.Background())
	if s.traces, err = cfg.newTraces(s.fresh, s.node); err != nil {
		s.certs.close()
		s.relax()
		return nil, err
	}
	if s.access, err = newAccess(s.fresh, cfg, s.certs); err != nil {
		s.certs.close()
		s.relax()
		return nil, err
	}
	return s, nil
}

// node returns what the operator calls this node: what the configuration has, or the name of the machine.
func (c Config) node() (string, error) {
	if c.Cluster != nil && c.Cluster.Node != "" {
		return c.Cluster.Node, nil
	}
	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("name this node: %w", err)
	}
	return host, nil
}

// discard gives up what prepare has made.
func (s *Server) discard() error {
	s.traces.shutdown(s.fresh)
	s.certs.close()
	s.relax()
	if relay := s.access.relay; relay != nil {
		return relay.Close()
	}
	return nil
}

// join opens the room log, in a cluster that which the others have, and makes the server ready to serve. ctx bounds that
// alone. If it fails, the server is no more.
func (s *Server) join(ctx context.Context) error {
	cfg := s.cfg
	var err error
	if s.rooms, err = s.openLog(ctx); err != nil {
		return errors.Join(err, s.discard())
	}
	s.hub, err = hub.Start(ctx, hub.Config{
		Log:                  s.rooms,
		Node:                 s.node,
		Logger:               cfg.Logger,
		LogPayloads:          cfg.LogPayloads,
		Admit:                s.access.admit,
		Filter:               cfg.filters(),
		ICEServers:           s.access.iceServers,
		Tracer:               s.traces.hub(),
		Forwarded:            s.forwarded,
		SessionKey:           s.sessionKey,
		Version:              cfg.Version,
		HeartbeatInterval:    cfg.HeartbeatInterval,
		ResumeWindow:         cfg.ResumeWindow,
		MaxMessageBytes:      cfg.MaxMessageBytes,
		MaxRooms:             cfg.MaxRooms,
		MaxUsers:             cfg.MaxUsers,
		MaxSessions:          cfg.MaxSessions,
		MaxSessionsPerIP:     cfg.MaxSessionsPerIP,
		MaxPending:           cfg.MaxPending,
		MaxOutboxBytes:       cfg.MaxOutboxBytes,
		MaxMessagesPerSecond: cfg.MaxMessagesPerSecond,
		MaxBytesPerSecond:    cfg.MaxBytesPerSecond,
	})
	if err != nil {
		return errors.Join(err, s.rooms.Close(), s.discard())
	}
	s.started.Store(s.hub)
	go s.watch(s.fresh)
	s.grpc = s.newGRPC(s.nativeOptions()...)
	s.web = web.New(cfg.web(s.newGRPC(), func(ctx context.Context, st *web.Stream) error {
		return s.serve(cfg.locate(ctx, web.ForwardedFor(ctx)), webStream{st})
	}, s.isLeaving))
	s.health.SetServingStatus(beckonv1.Signal_ServiceDesc.ServiceName, healthv1.HealthCheckResponse_SERVING)
	return nil
}

// newGRPC returns a gRPC server with all services.
func (s *Server) newGRPC(more ...grpc.ServerOption) *grpc.Server {
	g := grpc.NewServer(append(s.cfg.grpcOptions(), more...)...)
	beckonv1.RegisterSignalServer(g, signal{server: s})
	healthv1.RegisterHealthServer(g, s.health)
	reflection.Register(g)
	return g
}

const (
	// A connection on which nothing comes for pingTime is pinged, and closed if nothing comes for pingTimeout after that.
	pingTime, pingTimeout = time.Minute, 20 * time.Second
	// A connection without streams is closed after idleTime.
	idleTime = 5 * time.Minute
	// How often a client may ping the connection. Mobile clients do it every 10 s, to keep a NAT's mapping.
	minPingTime = 5 * time.Second
	// Flow control windows. Fixed ones need no measuring pings; a stream's is what one silent reader can make the
	// transport hold.
	streamWindow, connectionWindow = 64 << 10, 1 << 20
	// The size of a request's metadata.
	maxHeaderBytes = 16 << 10
	// How long a browser's connection may be stuck, while it is written to and when it is to end.
	stallTimeout, closeTimeout = 20 * time.Second, 2 * time.Second
)

// grpcOptions returns how gRPC is to run.
func (c Config) grpcOptions() []grpc.ServerOption {
	options := []grpc.ServerOption{
		grpc.ForceServerCodecV2(newCodec()),
		grpc.ConnectionTimeout(c.HandshakeTimeout),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: pingTime, Timeout: pingTimeout, MaxConnectionIdle: idleTime}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minPingTime, PermitWithoutStream: true}),
		grpc.StaticStreamWindowSize(streamWindow),
		grpc.StaticConnWindowSize(connectionWindow),
		grpc.MaxHeaderListSize(maxHeaderBytes),
		// Most connections carry one stream, so its headers come once: a table of them would be kept for nothing.
		grpc.HeaderTableSize(0),
		// What is beyond this the transport refuses by itself, in words of its own; what is below, serve does.
		grpc.MaxRecvMsgSize(4 * c.MaxMessageBytes),
		grpc.WaitForHandlers(true),
	}
	if c.MaxConnections > 0 {
		// The connections that a LimitListener accepts are wrapped. For such gRPC cannot pool its read buffers.
		options = append(options, grpc.ReadBufferSize(4<<10))
	}
	if len(c.TrustedProxies) > 0 {
		options = append(options, grpc.ChainStreamInterceptor(c.locateStream))
	}
	if c.MaxStreams > 0 {
		options = append(options, grpc.MaxConcurrentStreams(uint32(c.MaxStreams)))
	}
	return options
}

// nativeOptions returns what is different for native clients.
func (s *Server) nativeOptions() (options []grpc.ServerOption) {
	options = append(options, grpc.InTapHandle(func(ctx context.Context, info *tap.Info) (context.Context, error) {
		if err := s.gate.tap(ctx); err != nil {
			return ctx, err
		}
		return s.waiting.admit(ctx, info.FullMethodName), nil
	}))
	if s.certs != nil {
		// Under TLS gRPC cannot pool its read buffers, either.
		options = append(options, grpc.Creds(credentials.NewTLS(s.certs.forNative())), grpc.ReadBufferSize(4<<10))
	}
	return options
}

// web returns how the web port is to run.
func (c Config) web(g *grpc.Server, serve func(context.Context, *web.Stream) error, leaving func() bool) web.Config {
	return web.Config{
		Serve:            serve,
		GRPC:             g,
		Leaving:          leaving,
		Logger:           c.Logger,
		Origins:          c.WebOrigins,
		LocalOnly:        !c.Open && !c.authenticates() && isLoopback(c.WebAddr),
		MaxMessageBytes:  4 * c.MaxMessageBytes, // As on gRPC's own transport.
		MaxHeaderBytes:   maxHeaderBytes,
		HandshakeTimeout: c.HandshakeTimeout,
		StallTimeout:     stallTimeout,
		PingInterval:     pingTime,
		SilenceTimeout:   pingTime + pingTimeout + c.HeartbeatInterval, // Something is written with every heartbeat.
		CloseTimeout:     closeTimeout,
	}
}

// Serve accepts native gRPC connections on lis until Shutdown is called; it returns nil then. It closes lis.
func (s *Server) Serve(lis net.Listener) error {
	if err := s.grpc.Serve(s.cfg.limit(s.gate.guard(lis))); err != nil {
		return fmt.Errorf("serve gRPC on %s: %w", lis.Addr(), err)
	}
	return nil
}

// ServeWeb accepts browsers' connections on lis until Shutdown is called; it returns nil then. It closes lis.
func (s *Server) ServeWeb(lis net.Listener) error {
	lis = s.cfg.limit(lis)
	if s.certs != nil {
		lis = tls.NewListener(lis, s.certs.forWeb())
	}
	if err := s.web.Serve(lis); err != nil {
		return fmt.Errorf("serve the web on %s: %w", lis.Addr(), err)
	}
	return nil
}

// limit returns a listener that accepts no more connections than there may be.
func (c Config) limit(lis net.Listener) net.Listener {
	if c.MaxConnections > 0 {
		return netutil.LimitListener(lis, c.MaxConnections)
	}
	return lis
}

// Shutdown ends the server in order: it is no longer ready, takes no new streams, tells every client when to come back,
// and ends its stream then with UNAVAILABLE. If ctx ends before the last stream has, those left are cut, and the error is
// ctx's.
func (s *Server) Shutdown(ctx context.Context) error {
	s.health.Shutdown()
	s.hub.Closing()
	s.beginDraining()

	ended := make(chan struct{}) // All sessions' streams have.
	go func() {
		s.streams.Wait()
		close(ended)
	}()
	var err error
	answered := time.AfterFunc(s.spread+lastAnswers, s.hub.Abandon)
	defer answered.Stop()
	select {
	case <-ended:
	case <-ctx.Done():
		err = fmt.Errorf("shut down in order: %w", ctx.Err())
		s.hub.Abandon()
	}
	// Only now: until then messages come by Send, too.
	stopped := make(chan struct{}) // The transports have: every client has read its status.
	waiting, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	go func() {
		var transports sync.WaitGroup
		transports.Go(s.grpc.GracefulStop)
		transports.Go(func() { s.web.Shutdown(waiting) })
		transports.Wait()
		close(stopped)
	}()
	if err == nil {
		// What may be left are streams of tools, watching health or reflection, and clients that do not read.
		last := time.NewTimer(lastWords)
		defer last.Stop()
		select {
		case <-stopped:
		case <-last.C:
		case <-ctx.Done():
		}
	}
	s.grpc.Stop()
	cut()
	<-stopped
	s.readers.Wait()
	s.traces.shutdown(ctx)
	s.relax()
	s.certs.close()
	if relay := s.access.relay; relay != nil {
		err = errors.Join(err, relay.Close())
	}
	s.hub.Close()
	if closeErr := s.rooms.Close(); closeErr != nil && err == nil {
		err = fmt.Errorf("close the room log: %w", closeErr)
	}
	return err
}

// lastAnswers is how long the log may take to answer what came before a stream was to end.
const lastAnswers = 3 * time.Second

// lastWords is how long clients may take to read the status of their streams.
const lastWords = time.Second

// perStream is what each stream adds to the time over which streams end: the clients come back at that rate.
const perStream = time.Millisecond

// beginDraining closes draining, once.
func (s *Server) beginDraining() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isDraining() {
		s.spread = min(perStream*time.Duration(1+s.hub.Sessions()), max(s.cfg.DrainTimeout/2, perStream))
		close(s.draining)
		for e := range s.alone {
			s.drainLater(e)
		}
	}
}

// isLeaving reports whether clients are to go elsewhere.
func (s *Server) isLeaving() bool { return s.isDraining() || s.hub.OutOfTouch() }

// isDraining reports whether the server has begun to shut down.
func (s *Server) isDraining() bool { return isClosed(s.draining) }

// askToEnd has Run end as it does when its context ends.
func (s *Server) askToEnd() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !isClosed(s.asked) {
		close(s.asked)
	}
}

// enter counts a stream in, unless the server is draining. s.streams.Done counts it out.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isDraining() {
		return false
	}
	s.streams.Add(1)
	return true
}
