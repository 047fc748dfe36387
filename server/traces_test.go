package server_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	collectorv1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonv1 "go.opentelemetry.io/proto/otlp/common/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server"
	"github.com/beckonrtc/beckon/server/transcript"
)

// collector is an OpenTelemetry collector that keeps what it is sent.
type collector struct {
	collectorv1.UnimplementedTraceServiceServer
	endpoint string

	mu    sync.Mutex
	spans []*tracev1.Span // Guarded by mu.
	about map[string]string
	more  chan struct{} // Guarded by mu. Closed when there are more.
}

// startCollector runs a collector until the test ends, and has spans sent soon.
func startCollector(t *testing.T) *collector {
	t.Helper()
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
	lis := listen(t)
	c := &collector{endpoint: "http://" + lis.Addr().String(), more: make(chan struct{}), about: map[string]string{}}
	g := grpc.NewServer()
	collectorv1.RegisterTraceServiceServer(g, c)
	served := make(chan error, 1)
	go func() { served <- g.Serve(lis) }()
	t.Cleanup(func() {
		g.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return c
}

// Export implements collectorv1.TraceServiceServer.
func (c *collector) Export(_ context.Context, r *collectorv1.ExportTraceServiceRequest) (*collectorv1.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, of := range r.GetResourceSpans() {
		for _, a := range of.GetResource().GetAttributes() {
			c.about[a.GetKey()] = a.GetValue().GetStringValue()
		}
		for _, scope := range of.GetScopeSpans() {
			c.spans = append(c.spans, scope.GetSpans()...)
		}
	}
	close(c.more)
	c.more = make(chan struct{})
	return new(collectorv1.ExportTraceServiceResponse), nil
}

// span waits for the first span of that name whose attributes are as wanted.
func (c *collector) span(t *testing.T, name string, want map[string]any) *tracev1.Span {
	t.Helper()
	patience := time.After(20 * time.Second)
	for {
		c.mu.Lock()
		spans, more := slices.Clone(c.spans), c.more
		c.mu.Unlock()
		for _, s := range spans {
			if s.GetName() == name && has(s, want) {
				return s
			}
		}
		select {
		case <-more:
		case <-patience:
			t.Fatalf("there is no span %q with %v in %v", name, want, spans)
		}
	}
}

// attributeOf returns an attribute of a span: a string or an int64; nil if there is none.
func attributeOf(s *tracev1.Span, key string) any {
	for _, a := range s.GetAttributes() {
		if a.GetKey() == key {
			if text, ok := a.GetValue().GetValue().(*commonv1.AnyValue_StringValue); ok {
				return text.StringValue
			}
			return a.GetValue().GetIntValue()
		}
	}
	return nil
}

// has reports whether a span has those attributes.
func has(s *tracev1.Span, want map[string]any) bool {
	for key, v := range want {
		if attributeOf(s, key) != v {
			return false
		}
	}
	return true
}

// events returns the names of a span's events.
func events(s *tracev1.Span) (names []string) {
	for _, e := range s.GetEvents() {
		names = append(names, e.GetName())
	}
	return names
}

// isError reports whether a span is one of something that went wrong.
func isError(s *tracev1.Span) bool {
	return s.GetStatus().GetCode() == tracev1.Status_STATUS_CODE_ERROR
}

// TestTraceCalls: a call that is answered, one that is rejected, and ones whose callee is gone can be seen, with whom they were
// between and what came of them, and without a word of what was said.
func TestTraceCalls(t *testing.T) {
	c := startCollector(t)
	s := start(t, server.Config{TracesEndpoint: c.endpoint, Version: "v1.2.3"}, listen(t))
	ana := call(t, transcript.Stubs(s.dial()), "lobby", none)
	bob := call(t, transcript.Stubs(s.dial()), "lobby", none)
	about := func(id, outcome string) map[string]any {
		return map[string]any{"beckon.room": "lobby", "beckon.from": ana.id(), "beckon.to": bob.id(), "beckon.call_id": id, "beckon.outcome": outcome}
	}
	offer := func(request uint64, id, to string) {
		ana.send(numbered(request, &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Offer{Offer: &beckonv1.Offer{To: to, Room: "lobby", CallId: id, Sdp: "secret sdp"}}}))
	}
	candidates := func(from *phone, to, id string, n int) {
		m := &beckonv1.Candidate{To: to, Room: "lobby", CallId: id}
		for range n {
			m.Candidates = append(m.Candidates, &beckonv1.IceCandidate{Candidate: "secret candidate"})
		}
		from.send(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Candidate{Candidate: m}})
	}

	// Answered; then somebody gives up.
	offer(1, "one", bob.id())
	candidates(ana, bob.id(), "one", 2)
	for bob.next().GetCandidateReceived() == nil {
	}
	candidates(bob, ana.id(), "one", 3)
	answer := &beckonv1.Answer{To: ana.id(), Room: "lobby", CallId: "one", Sdp: "secret sdp", Provisional: true}
	bob.send(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Answer{Answer: answer}})
	answer.Provisional = false
	bob.send(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Answer{Answer: answer}})
	for ana.next().GetAnswerMade().GetProvisional() {
	}
	one := c.span(t, "call", about("one", "answered"))
	if !has(one, map[string]any{"beckon.candidates.from_caller": int64(2), "beckon.candidates.from_callee": int64(3)}) || isError(one) {
		t.Errorf("the answered call is %v", one)
	}
	if got, want := events(one), []string{"recorded", "first_candidate", "first_candidate", "answered_provisionally"}; !slices.Equal(got, want) {
		t.Errorf("the answered call has the events %q, want %q", got, want)
	}
	candidates(bob, ana.id(), "one", 1)
	bob.send(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Hangup{Hangup: &beckonv1.Hangup{
		To: ana.id(), Room: "lobby", CallId: "one", Reason: beckonv1.HangupReason_HANGUP_REASON_FAILED, Detail: "secret detail",
	}}})
	connect := c.span(t, "call connect", about("one", "hung_up"))
	if !has(connect, map[string]any{"beckon.by": "callee", "beckon.reason": "FAILED", "beckon.candidates.from_callee": int64(4)}) || !isError(connect) {
		t.Errorf("what followed it is %v", connect)
	}
	if !bytes.Equal(connect.GetParentSpanId(), one.GetSpanId()) || !bytes.Equal(connect.GetTraceId(), one.GetTraceId()) {
		t.Error("what followed the answer does not belong to the call")
	}

	// Rejected.
	offer(2, "two", bob.id())
	for bob.next().GetCallMade() == nil {
	}
	bob.send(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Reject{Reject: &beckonv1.Reject{To: ana.id(), Room: "lobby", CallId: "two", Reason: beckonv1.RejectReason_REJECT_REASON_BUSY}}})
	if two := c.span(t, "call", about("two", "rejected")); !has(two, map[string]any{"beckon.reason": "BUSY", "beckon.by": "callee"}) {
		t.Errorf("the rejected call is %v", two)
	}

	// Refused by the server: nobody has that id; and a message of no call that is known.
	offer(3, "three", "nobody")
	three := c.span(t, "call", map[string]any{"beckon.call_id": "three", "beckon.to": "nobody", "beckon.outcome": "failed", "beckon.failure_code": "NO_SUCH_USER", "beckon.failure_field": "to"})
	if !isError(three) {
		t.Error("the refused call does not count as an error")
	}
	candidates(ana, bob.id(), "nothing", 0)
	c.span(t, "message refused", map[string]any{"beckon.call_id": "nothing", "beckon.kind": "candidate", "beckon.failure_code": "INVALID", "beckon.failure_field": "candidates"})

	// The callee has lost its stream, and ends without having come back: the offer does. It tells what it has received, so that what
	// was written to its stream does not count.
	bob.send(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Received{Received: &beckonv1.Received{Cursors: []*beckonv1.Cursor{bob.cursors["lobby"]}}}})
	bob.drop()
	for {
		if _, err := bob.recv(); err != nil {
			break
		}
	}
	c.span(t, "stream", map[string]any{"beckon.session": bob.id()}) // It is known to be lost.
	offer(4, "four", bob.id())
	ana.outcome(4)
	if err := sendAs(t.Context(), beckonv1.NewSignalClient(s.dial()), []*beckonv1.ConnectRequest{
		{Message: &beckonv1.ConnectRequest_Leave{Leave: new(beckonv1.Leave)}},
	}, bob.welcome.GetResumeToken()); err != nil {
		t.Fatal(err)
	}
	four := c.span(t, "call", about("four", "undelivered"))
	if got, want := events(four), []string{"callee_away", "recorded", "callee_left"}; !slices.Equal(got, want) || !isError(four) {
		t.Errorf("the call that came back is %v, with the events %q, want %q", four, got, want)
	}
	c.span(t, "session end", map[string]any{"beckon.session": bob.id(), "beckon.end_reason": "LEFT", "beckon.rooms": int64(1)})

	c.mu.Lock()
	defer c.mu.Unlock()
	if c.about["service.name"] != "beckon" || c.about["service.version"] != "v1.2.3" || c.about["service.instance.id"] == "" {
		t.Errorf("the spans are of %v", c.about)
	}
	for _, span := range c.spans {
		if text := span.String(); strings.Contains(text, "secret") || strings.Contains(text, ana.welcome.GetResumeToken()) {
			t.Errorf("a span tells too much: %s", text)
		}
	}
}

// TestTraceSession: each stream of a session has spans, which say whose they are and belong together.
func TestTraceSession(t *testing.T) {
	t.Setenv("OTEL_SERVICE_NAME", "signals")
	c := startCollector(t)
	s := start(t, server.Config{TracesEndpoint: c.endpoint}, listen(t))
	ana := call(t, transcript.Stubs(s.dial()), "lobby", none)
	first := c.span(t, "handshake", map[string]any{"beckon.session": ana.id(), "beckon.resumption": "NEW", "beckon.transport": "grpc"})
	ana.drop()
	lost := c.span(t, "stream", map[string]any{"beckon.session": ana.id(), "beckon.rooms": int64(1)})
	if !bytes.Equal(lost.GetParentSpanId(), first.GetSpanId()) {
		t.Error("the stream does not belong to its handshake")
	}
	ana.comeBack(listening(s.dial()), resumed)
	second := c.span(t, "handshake", map[string]any{"beckon.session": ana.id(), "beckon.resumption": "RESUMED", "beckon.transport": "listen", "beckon.rooms": int64(1)})
	if links := second.GetLinks(); len(links) != 1 || !bytes.Equal(links[0].GetSpanId(), first.GetSpanId()) || !bytes.Equal(links[0].GetTraceId(), first.GetTraceId()) {
		t.Errorf("the second handshake is linked to %v, want the first", links)
	}
	if err := ana.peer.CloseSend(); err != nil {
		t.Fatal(err)
	}
	end := c.span(t, "session end", map[string]any{"beckon.session": ana.id(), "beckon.end_reason": "LEFT", "beckon.rooms": int64(1)})
	if !bytes.Equal(end.GetTraceId(), second.GetTraceId()) {
		t.Error("the end of the session does not belong to its last handshake")
	}
	c.span(t, "stream", map[string]any{"beckon.session": ana.id(), "beckon.end_reason": "LEFT", "beckon.resumption": "RESUMED"})

	refused, err := transcript.Stubs(s.dial())(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := refused.Send(ana.resume()); err != nil {
		t.Fatal(err)
	}
	endOf(refused.Recv)
	if span := c.span(t, "handshake", map[string]any{"beckon.error_reason": "NO_SUCH_SESSION"}); !isError(span) || attributeOf(span, "rpc.grpc.status_code") != int64(5) {
		t.Errorf("the handshake that failed is %v", span)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.about["service.name"] != "signals" {
		t.Errorf("the spans are of %v, want the name that the environment says", c.about)
	}
}

// TestTraceParent: a trace that the client tells of is continued, if it is well-formed, and only then.
func TestTraceParent(t *testing.T) {
	const id, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	c := startCollector(t)
	s := start(t, server.Config{TracesEndpoint: c.endpoint}, listen(t))
	for _, tt := range []struct {
		name   string
		values []string
		want   bool
	}{
		{"well-formed", []string{"00-" + id + "-" + parent + "-01"}, true},
		{"none", nil, false},
		{"zero", []string{"00-" + strings.Repeat("0", 32) + "-" + parent + "-01"}, false},
		{"short", []string{"00-" + id[1:] + "-" + parent + "-01"}, false},
		{"capital letters", []string{"00-" + strings.ToUpper(id) + "-" + parent + "-01"}, false},
		{"garbage", []string{"garbage"}, false},
		{"twice", []string{"00-" + id + "-" + parent + "-01", "00-" + id + "-" + parent + "-01"}, false},
		{"long", []string{"00-" + id + "-" + parent + "-01-" + strings.Repeat("x", 4096)}, false},
		{"a later version, long", []string{"cc-" + id + "-" + parent + "-01-" + strings.Repeat("x", 4096)}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dial := transcript.Stubs(s.dial())
			ana := call(t, func(ctx context.Context) (transcript.Peer, error) {
				for _, v := range tt.values {
					ctx = metadata.AppendToOutgoingContext(ctx, "traceparent", v)
				}
				return dial(ctx)
			}, "lobby", none)
			span := c.span(t, "handshake", map[string]any{"beckon.session": ana.id()})
			if got := hex.EncodeToString(span.GetTraceId()) == id && hex.EncodeToString(span.GetParentSpanId()) == parent; got != tt.want || !tt.want && len(span.GetParentSpanId()) > 0 {
				t.Errorf("the handshake is %v; continues the client's trace: %v, want %v", span, got, tt.want)
			}
			ana.send(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Offer{Offer: &beckonv1.Offer{To: "nobody", Room: "lobby", CallId: "c", Sdp: "x"}}})
			called := c.span(t, "call", map[string]any{"beckon.from": ana.id()})
			if got := hex.EncodeToString(called.GetTraceId()) == id; got != tt.want {
				t.Errorf("the call is %v; continues the client's trace: %v, want %v", called, got, tt.want)
			}
			if linked := len(called.GetLinks()) == 1 && bytes.Equal(called.GetLinks()[0].GetSpanId(), span.GetSpanId()); linked == tt.want {
				t.Errorf("a call of its own trace is not linked to the handshake, or one of the client's is: %v", called)
			}
			ana.drop()
		})
	}
}

// TestTraceUnsampled: of a trace that the client does not keep nothing is sent, and nothing is watched.
func TestTraceUnsampled(t *testing.T) {
	c := startCollector(t)
	s := start(t, server.Config{TracesEndpoint: c.endpoint, TracesRatio: 1}, listen(t))
	dial := transcript.Stubs(s.dial())
	unkept := call(t, func(ctx context.Context) (transcript.Peer, error) {
		return dial(metadata.AppendToOutgoingContext(ctx, "traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"))
	}, "lobby", none)
	unkept.send(numbered(1, offer("nobody", "x")))
	unkept.outcome(1)
	ana := call(t, dial, "lobby", none)
	c.span(t, "handshake", map[string]any{"beckon.session": ana.id()})
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, span := range c.spans {
		if attributeOf(span, "beckon.session") == unkept.id() || attributeOf(span, "beckon.from") == unkept.id() {
			t.Errorf("there is %v", span)
		}
	}
}

// TestTraceNoCollector: that nothing takes the spans harms nobody, and is told once.
func TestTraceNoCollector(t *testing.T) {
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
	t.Setenv("OTEL_BSP_MAX_QUEUE_SIZE", "16")
	t.Setenv("OTEL_BSP_EXPORT_TIMEOUT", "50")
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = lis.Close() // Nobody is there.
	told := make(lines, 1000)
	s := start(t, server.Config{TracesEndpoint: "http://" + lis.Addr().String(), Logger: slog.New(slog.NewTextHandler(told, nil))}, listen(t))
	ana := call(t, transcript.Stubs(s.dial()), "lobby", none)
	bob := call(t, transcript.Stubs(s.dial()), "lobby", none)
	const n = 100 // More than the queue holds.
	for i := range n {
		ana.send(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Offer{Offer: &beckonv1.Offer{To: bob.id(), Room: "lobby", CallId: fmt.Sprint(i), Sdp: "x"}}})
	}
	for range n {
		if e := bob.next(); e.GetCallMade() == nil {
			t.Fatalf("bob was sent %v", e)
		}
	}
	patience := time.After(20 * time.Second)
	for found := false; !found; {
		select {
		case line := <-told:
			found = strings.Contains(line, "spans are lost")
		case <-patience:
			t.Fatal("nothing tells that spans are lost")
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	for len(told) > 0 {
		if line := <-told; strings.Contains(line, "spans are lost") {
			t.Errorf("told again: %s", line)
		}
	}
}

// lines gets what is logged, a line each, as far as there is space.
type lines chan string

// Write implements io.Writer.
func (l lines) Write(line []byte) (int, error) {
	select {
	case l <- string(line):
	default:
	}
	return len(line), nil
}

// TestNoTraces: by default there are no spans, whatever the environment says of where they would go.
func TestNoTraces(t *testing.T) {
	c := startCollector(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.endpoint)
	for _, cfg := range []server.Config{{}, {TracesEndpoint: c.endpoint}} {
		s := start(t, cfg, listen(t))
		ana := call(t, transcript.Stubs(s.dial()), "lobby", none)
		ana.send(numbered(1, offer("nobody", "x")))
		ana.outcome(1)
		if err := s.Shutdown(t.Context()); err != nil { // What there is has been sent by then.
			t.Fatal(err)
		}
		c.mu.Lock()
		if there, want := len(c.spans) > 0, cfg.TracesEndpoint != ""; there != want {
			t.Errorf("with the endpoint %q there are spans: %v, want %v", cfg.TracesEndpoint, there, want)
		}
		c.mu.Unlock()
	}
}

// TestTraceAcrossNodes: a call between users on different nodes can be seen as one between users of one: the node of the caller
// tells of it.
func TestTraceAcrossNodes(t *testing.T) {
	c := startCollector(t)
	nodes := startNodes(t, 2, startNATS(t), server.Config{TracesEndpoint: c.endpoint}, server.Cluster{Shards: 1})
	ana := call(t, transcript.Stubs(nodes[0].dial()), "lobby", none)
	bob := call(t, transcript.Stubs(nodes[1].dial()), "lobby", none)
	ana.send(numbered(1, offer(bob.id(), "x")))
	for bob.next().GetCallMade() == nil {
	}
	ana.outcome(1) // Which comes from another node than the offer, and may be later.
	bob.send(numbered(1, answer(ana.id(), "x")))
	for ana.next().GetAnswerMade() == nil {
	}
	about := map[string]any{"beckon.from": ana.id(), "beckon.to": bob.id(), "beckon.outcome": "answered"}
	span := c.span(t, "call", about)
	if got := events(span); !slices.Equal(got, []string{"recorded"}) {
		t.Errorf("the call has the events %q", got)
	}
	ana.send(numbered(2, offer(bob.id(), "x"))) // It negotiates anew.
	ana.outcome(2)
	if err := ana.peer.CloseSend(); err != nil {
		t.Fatal(err)
	}
	connect := c.span(t, "call connect", map[string]any{"beckon.from": ana.id(), "beckon.outcome": "caller_left"})
	if got := events(connect); !slices.Contains(got, "offered_again") {
		t.Errorf("what followed has the events %q", got)
	}
	calls := 0
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if s.GetName() == "call" {
			calls++
		}
	}
	if calls != 1 {
		t.Errorf("there are %d spans of one call", calls)
	}
}

// TestTraceHTTP: spans go over HTTP, too, to where collectors take them.
func TestTraceHTTP(t *testing.T) {
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
	c := &collector{more: make(chan struct{}), about: map[string]string{}}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		sent := new(collectorv1.ExportTraceServiceRequest)
		if err == nil {
			err = proto.Unmarshal(body, sent)
		}
		if err != nil || r.URL.Path != "/v1/traces" || r.Method != http.MethodPost {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
		}
		if _, err := c.Export(r.Context(), sent); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	defer web.Close()
	s := start(t, server.Config{TracesEndpoint: web.URL, TracesProtocol: "http"}, listen(t))
	ana := call(t, transcript.Stubs(s.dial()), "lobby", none)
	c.span(t, "handshake", map[string]any{"beckon.session": ana.id()})
}

// TestTraceConfig: what cannot be is refused, without a word of what is secret in it.
func TestTraceConfig(t *testing.T) {
	for _, cfg := range []server.Config{
		{TracesEndpoint: "localhost:4317"}, {TracesEndpoint: "ftp://localhost"}, {TracesEndpoint: "http://ana:secret@localhost"}, {TracesEndpoint: "http://secret\x00"},
		{TracesEndpoint: "http://localhost:4317", TracesProtocol: "json"}, {TracesRatio: -0.1}, {TracesRatio: 1.1}, {TracesRatio: math.NaN()},
	} {
		s, err := server.New(cfg)
		if err == nil {
			_ = s.Shutdown(t.Context())
		}
		if err == nil || !strings.Contains(err.Error(), "Traces") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}
