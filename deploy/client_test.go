//go:build unix

package deploy_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server"
	"github.com/beckonrtc/beckon/server/web/webtest"
)

// beckon is a running server.
type beckon struct {
	grpc, web string // Addresses.
	log       logLines
}

// logLines is a log in JSON, line by line.
type logLines chan []byte

// Write implements io.Writer.
func (l logLines) Write(line []byte) (int, error) {
	l <- bytes.Clone(line)
	return len(line), nil
}

// remote returns where the session with that id comes from, as the log has it.
func (l logLines) remote(t *testing.T, id string) netip.Addr {
	t.Helper()
	for {
		var line struct {
			Msg, Session string
			Remote       netip.AddrPort
		}
		if err := json.Unmarshal(<-l, &line); err != nil {
			t.Fatal(err)
		}
		if line.Msg == "session opened" && line.Session == id {
			return line.Remote.Addr()
		}
	}
}

// startBeckon runs a server until the test ends.
func startBeckon(t *testing.T, cfg server.Config) beckon {
	lines := make(logLines, 1000) // More than any test causes.
	cfg.Logger = slog.New(slog.NewJSONHandler(lines, nil))
	srv, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	native, web := listen(t), listen(t)
	var serving sync.WaitGroup
	for lis, serve := range map[net.Listener]func(net.Listener) error{native: srv.Serve, web: srv.ServeWeb} {
		serving.Go(func() {
			if err := serve(lis); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		serving.Wait()
	})
	return beckon{grpc: native.Addr().String(), web: web.Addr().String(), log: lines}
}

// listen listens on a free port of the loopback interface.
func listen(t *testing.T) *net.TCPListener {
	lis, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	return lis
}

// proxy is a running proxy, as a client sees it.
type proxy struct {
	addr      string // Where it listens.
	authority string // What a browser would call it: its name, and its port.
	roots     *x509.CertPool
	header    http.Header // What the client adds to each request.
	local     net.Addr    // Where the client is. Nil: wherever the system puts it.
}

// from returns the proxy as a client with that address sees it, which adds that header to each request.
func (p *proxy) from(addr netip.Addr, header http.Header) *proxy {
	there := *p
	there.local, there.header = net.TCPAddrFromAddrPort(netip.AddrPortFrom(addr, 0)), header
	return &there
}

// dial connects to the proxy.
func (p *proxy) dial(ctx context.Context) (net.Conn, error) {
	return (&net.Dialer{LocalAddr: p.local}).DialContext(ctx, "tcp", p.addr)
}

// writeCertificate writes a certificate for host to a directory, and returns who trusts it.
func writeCertificate(t *testing.T, dir string) *x509.CertPool {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: host},
		DNSNames:              []string{host},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"fullchain.pem": {Type: "CERTIFICATE", Bytes: certificate},
		"privkey.pem":   {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(certificate)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return roots
}

// client returns a client of HTTP of that major version, for URLs of authority.
func (p *proxy) client(major int) *http.Client {
	var protocols http.Protocols
	protocols.SetHTTP1(major == 1)
	protocols.SetHTTP2(major == 2)
	return &http.Client{Transport: &http.Transport{
		DialContext:        func(ctx context.Context, _, _ string) (net.Conn, error) { return p.dial(ctx) },
		TLSClientConfig:    &tls.Config{RootCAs: p.roots},
		Protocols:          &protocols,
		DisableCompression: true,
	}}
}

// do sends a request. The answer, and the connection, are closed when the test ends.
func (p *proxy) do(t *testing.T, client *http.Client, method, path string, header http.Header, body []byte) *http.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	r, err := http.NewRequestWithContext(ctx, method, "https://"+p.authority+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range []http.Header{p.header, header} {
		maps.Copy(r.Header, h)
	}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = response.Body.Close()
		client.CloseIdleConnections()
	})
	return response
}

// web returns what calls as a browser does, in HTTP/1.1.
func (p *proxy) web(t *testing.T) *webtest.Conn {
	conn := webtest.New(p.authority, func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, err := p.dial(ctx)
		if err != nil {
			return nil, err
		}
		return tls.Client(conn, &tls.Config{ServerName: host, RootCAs: p.roots}), nil
	})
	maps.Copy(conn.Header, p.header)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// native returns a connection of native gRPC.
func (p *proxy) native(t *testing.T) *grpc.ClientConn {
	conn, err := grpc.NewClient("passthrough:///"+p.authority,
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: p.roots})),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return p.dial(ctx) }),
		grpc.WithStreamInterceptor(func(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
			for name, values := range p.header {
				for _, v := range values {
					ctx = metadata.AppendToOutgoingContext(ctx, name, v)
				}
			}
			return open(ctx, desc, conn, method, options...)
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// session is a session of a client, however it is connected.
type session struct {
	t      *testing.T
	send   func(*beckonv1.ConnectRequest)
	events func() (*beckonv1.ConnectResponse, error)
}

// ways are the ways to open a session.
var ways = map[string]func(*testing.T, *proxy) *session{
	"Connect over gRPC":        func(t *testing.T, p *proxy) *session { return connect(t, p.native(t)) },
	"Connect over a websocket": func(t *testing.T, p *proxy) *session { return connect(t, p.web(t)) },
	"Listen over gRPC":         func(t *testing.T, p *proxy) *session { return listening(t, p.native(t)) },
	"Listen over HTTP/1.1":     func(t *testing.T, p *proxy) *session { return listening(t, p.web(t)) },
	"Listen over HTTP/2":       fetching,
}

// connect opens a session with Connect.
func connect(t *testing.T, conn grpc.ClientConnInterface) *session {
	st, err := beckonv1.NewSignalClient(conn).Connect(bounded(t))
	if err != nil {
		t.Fatal(err)
	}
	return &session{t, func(m *beckonv1.ConnectRequest) {
		t.Helper()
		if err := st.Send(m); err != nil && err != io.EOF { // Why it has ended, Recv tells.
			t.Fatal(err)
		}
	}, st.Recv}
}

// listening opens a session with Listen, with the first message that it is given to send.
func listening(t *testing.T, conn grpc.ClientConnInterface) *session {
	client := beckonv1.NewSignalClient(conn)
	ctx := bounded(t)
	var st grpc.ServerStreamingClient[beckonv1.ListenResponse]
	token := ""
	s := &session{t: t}
	s.send = func(m *beckonv1.ConnectRequest) {
		t.Helper()
		var err error
		if st == nil {
			st, err = client.Listen(ctx, &beckonv1.ListenRequest{First: m})
		} else {
			ctx := metadata.AppendToOutgoingContext(ctx, "beckon-session", token)
			_, err = client.Send(ctx, &beckonv1.SendRequest{Messages: []*beckonv1.ConnectRequest{m}})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	s.events = func() (*beckonv1.ConnectResponse, error) {
		m, err := st.Recv()
		if w := m.GetEvent().GetWelcome(); w != nil {
			token = w.GetResumeToken()
		}
		return m.GetEvent(), err
	}
	return s
}

// fetching is listening as a page does it with fetch, in HTTP/2.
func fetching(t *testing.T, p *proxy) *session {
	client := p.client(2)
	header := http.Header{"Content-Type": {"application/grpc-web+proto"}, "X-Grpc-Web": {"1"}}
	call := func(method string, m proto.Message) io.Reader {
		t.Helper()
		b, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		response := p.do(t, client, http.MethodPost, method, header.Clone(), webtest.Envelope(0, b))
		if response.StatusCode != http.StatusOK || response.ProtoMajor != 2 {
			t.Fatalf("%s: %s %s", method, response.Proto, response.Status)
		}
		return response.Body
	}
	var events io.Reader
	s := &session{t: t}
	s.send = func(m *beckonv1.ConnectRequest) {
		t.Helper()
		if events == nil {
			events = call(beckonv1.Signal_Listen_FullMethodName, &beckonv1.ListenRequest{First: m})
			return
		}
		answer, err := io.ReadAll(call(beckonv1.Signal_Send_FullMethodName, &beckonv1.SendRequest{Messages: []*beckonv1.ConnectRequest{m}}))
		if err != nil {
			t.Fatal(err)
		}
		if err := webtest.EndOf(answer); err != io.EOF {
			t.Fatal(err)
		}
	}
	s.events = func() (*beckonv1.ConnectResponse, error) {
		_, content, err := webtest.ReadEnvelope(events)
		if err != nil {
			return nil, status.Error(codes.Unavailable, err.Error())
		}
		m := new(beckonv1.ListenResponse)
		if err := proto.Unmarshal(content, m); err != nil { // It is trailers.
			return nil, err
		}
		if w := m.GetEvent().GetWelcome(); w != nil {
			header.Set("Beckon-Session", w.GetResumeToken())
		}
		return m.GetEvent(), nil
	}
	return s
}

// bounded returns a context that ends with the test, or when its time is over.
func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// next returns the next event.
func (s *session) next() *beckonv1.ConnectResponse {
	s.t.Helper()
	e, err := s.events()
	if err != nil {
		s.t.Fatal(err)
	}
	return e
}

// until returns the first event that is the one.
func (s *session) until(is func(*beckonv1.ConnectResponse) bool) *beckonv1.ConnectResponse {
	s.t.Helper()
	for {
		if e := s.next(); is(e) {
			return e
		}
	}
}

// join enters a room and returns the user's id. Nothing is under way afterwards, if nobody else does anything.
func (s *session) join(room string) (id string) {
	s.t.Helper()
	s.send(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Join{Join: &beckonv1.Join{Room: room, Presence: beckonv1.Presence_PRESENCE_NONE}}})
	welcome := s.next().GetWelcome()
	if s.next().GetJoinedUsers() == nil {
		s.t.Fatal("no list after the welcome")
	}
	return welcome.GetUserId()
}
