package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

const (
	// How spans get to the collector.
	tracesGRPC, tracesHTTP = "grpc", "http"
	// flushTime is how long the collector may take for the last spans.
	flushTime = 2 * time.Second
	// lossPause is how often at most it is logged that spans are lost.
	lossPause = time.Minute
)

// checkTraces tells what of the fields about traces is wrong.
func (c Config) checkTraces() error {
	if c.TracesProtocol != tracesGRPC && c.TracesProtocol != tracesHTTP {
		return fmt.Errorf("TracesProtocol is %q: expected %q or %q", c.TracesProtocol, tracesGRPC, tracesHTTP)
	}
	if !(c.TracesRatio >= 0 && c.TracesRatio <= 1) { // NaN is neither.
		return fmt.Errorf("TracesRatio is %v: expected a share above 0 and up to 1, or 0 for the default", c.TracesRatio)
	}
	if c.TracesEndpoint == "" {
		return nil
	}
	u, err := url.Parse(c.TracesEndpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return fmt.Errorf("TracesEndpoint is not the address of a collector: expected such as %q, or https://", "http://localhost:4317")
	}
	return nil
}

// newTraces returns what makes traces, nil if there are to be none. It is closed with ctx at the latest.
func (c Config) newTraces(ctx context.Context, node string) (*traces, error) {
	if c.TracesEndpoint == "" {
		return nil, nil
	}
	exporter, err := c.exporter(ctx)
	if err != nil {
		return nil, fmt.Errorf("set up traces: %w", err)
	}
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(
		attribute.String("service.name", "beckon"), attribute.String("service.version", c.Version), attribute.String("service.instance.id", node),
	), resource.WithFromEnv()) // Which has its way.
	if err != nil {
		return nil, fmt.Errorf("set up traces: %w", err)
	}
	trying, giveUp := context.WithCancel(context.Background())
	options := []sdktrace.TracerProviderOption{sdktrace.WithResource(about), sdktrace.WithBatcher(&lossy{exporter: exporter, log: c.Logger, trying: trying})}
	if c.TracesRatio > 0 {
		options = append(options, sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(c.TracesRatio))))
	}
	t := tracesTo(sdktrace.NewTracerProvider(options...), max(leastPatience, c.log().Retention+connectTime))
	t.giveUp = giveUp
	context.AfterFunc(ctx, func() { t.shutdown(context.Background()) })
	return t, nil
}

// tracesTo returns what makes traces with that provider. A call may have no outcome for as long as patience.
func tracesTo(provider *sdktrace.TracerProvider, patience time.Duration) *traces {
	return &traces{
		provider: provider,
		tracer:   provider.Tracer("github.com/beckonrtc/beckon/server"),
		patience: patience,
		giveUp:   func() {},
		sessions: make(map[string]*tracedSession),
		calls:    make(map[callName][]*tracedCall),
		called:   make(map[placeKey][]*tracedCall),
		streams:  make(map[*tracedStream]struct{}),
	}
}

// exporter returns what brings spans to the collector. It does not connect yet.
func (c Config) exporter(ctx context.Context) (*otlptrace.Exporter, error) {
	ctx = context.WithoutCancel(ctx)
	if c.TracesProtocol == tracesGRPC {
		return otlptracegrpc.New(ctx, otlptracegrpc.WithEndpointURL(c.TracesEndpoint))
	}
	u, err := url.Parse(c.TracesEndpoint)
	if err != nil {
		return nil, err
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/v1/traces"
	}
	return otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(u.String()))
}

// shutdown ends what is watched, and brings the last spans to the collector, if that does not take long. It may be called several
// times.
func (t *traces) shutdown(ctx context.Context) {
	if t == nil {
		return
	}
	t.mu.Lock()
	t.closed = true
	for _, s := range t.sessions {
		for _, c := range append([]*tracedCall(nil), s.calls...) {
			t.finishLocked(c, shutdown)
		}
	}
	for s := range t.streams {
		t.endLocked(s)
	}
	t.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
	defer cancel()
	defer t.giveUp()
	_ = t.provider.Shutdown(ctx) // What is lost is logged where it is.
}

// lossy is an exporter whose failures are logged, now and then, and are otherwise of no account.
type lossy struct {
	// Immutable.
	exporter sdktrace.SpanExporter
	log      *slog.Logger
	trying   context.Context // Exports end with it.

	mu   sync.Mutex
	lost int       // Guarded by mu. Spans, since that was logged.
	told time.Time // Guarded by mu. When that was.
}

// ExportSpans implements sdktrace.SpanExporter.
func (l *lossy) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.trying, cancel)()
	err := l.exporter.ExportSpans(ctx, spans)
	if err == nil {
		return nil
	}
	l.mu.Lock()
	l.lost += len(spans)
	lost, tell := l.lost, time.Since(l.told) >= lossPause
	if tell {
		l.lost, l.told = 0, time.Now()
	}
	l.mu.Unlock()
	if tell {
		l.log.Warn("spans are lost: the collector does not take them", "spans", lost, "err", err)
	}
	return nil
}

// Shutdown implements sdktrace.SpanExporter.
func (l *lossy) Shutdown(ctx context.Context) error { return l.exporter.Shutdown(ctx) }
