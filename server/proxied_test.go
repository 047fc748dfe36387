package server_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/netip"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server"
)

// logLines is a log in JSON, line by line.
type logLines chan []byte

// Write implements io.Writer.
func (l logLines) Write(line []byte) (int, error) {
	l <- append([]byte(nil), line...)
	return len(line), nil
}

// opened returns where the next session that is opened comes from.
func (l logLines) opened(t *testing.T) netip.Addr {
	t.Helper()
	for {
		var line struct {
			Msg    string
			Remote netip.AddrPort
		}
		if err := json.Unmarshal(<-l, &line); err != nil {
			t.Fatal(err)
		}
		if line.Msg == "session opened" {
			return line.Remote.Addr()
		}
	}
}

// TestTrustedProxy: on every way in, a session counts for the address that a trusted proxy tells of, and not for what
// a client says itself.
func TestTrustedProxy(t *testing.T) {
	const header, client, other, fake = "X-Forwarded-For", "203.0.113.7", "203.0.113.8", "198.51.100.9"
	first := &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Join{Join: &beckonv1.Join{Room: "lobby"}}}
	// Each opens a session through a proxy that adds an address to the header, and returns how its first event comes.
	for name, open := range map[string]func(t *testing.T, s *service, addr string) error{
		"Connect over gRPC": func(t *testing.T, s *service, addr string) error {
			st, err := beckonv1.NewSignalClient(s.dial()).Connect(metadata.AppendToOutgoingContext(t.Context(), header, fake+", "+addr))
			if err != nil {
				t.Fatal(err)
			}
			if err := st.Send(first); err != nil {
				t.Fatal(err)
			}
			_, err = st.Recv()
			return err
		},
		"Connect over a websocket": func(t *testing.T, s *service, addr string) error {
			conn := s.dialWeb()
			conn.Header = http.Header{header: {fake + ", " + addr}}
			// The client's metadata are its first message, which the proxy does not see.
			st, err := beckonv1.NewSignalClient(conn).Connect(metadata.AppendToOutgoingContext(t.Context(), header, fake))
			if err != nil {
				t.Fatal(err)
			}
			if err := st.Send(first); err != nil {
				t.Fatal(err)
			}
			_, err = st.Recv()
			return err
		},
		"Listen over gRPC": func(t *testing.T, s *service, addr string) error {
			ctx := metadata.AppendToOutgoingContext(t.Context(), header, fake+", "+addr)
			st, err := beckonv1.NewSignalClient(s.dial()).Listen(ctx, &beckonv1.ListenRequest{First: first})
			if err != nil {
				t.Fatal(err)
			}
			_, err = st.Recv()
			return err
		},
		"Listen over grpc-web": func(t *testing.T, s *service, addr string) error {
			conn := s.dialWeb()
			conn.Header = http.Header{header: {fake, addr}}
			st, err := beckonv1.NewSignalClient(conn).Listen(t.Context(), &beckonv1.ListenRequest{First: first})
			if err != nil {
				return err
			}
			_, err = st.Recv()
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			loopback := netip.MustParsePrefix("127.0.0.0/8")
			for _, trusted := range [][]netip.Prefix{{loopback}, nil} {
				lines := make(logLines, 100)
				s := start(t, server.Config{
					TrustedProxies: trusted, MaxSessionsPerIP: 1, Logger: slog.New(slog.NewJSONHandler(lines, nil)),
				}, listen(t))
				if err := open(t, s, client); err != nil {
					t.Fatal(err)
				}
				if got := lines.opened(t); trusted != nil && got.String() != client || trusted == nil && !got.IsLoopback() {
					t.Errorf("trusting %v, the session comes from %s", trusted, got)
				}
				if err := open(t, s, client); status.Code(err) != codes.ResourceExhausted {
					t.Errorf("trusting %v, a second session from one address: %v, want RESOURCE_EXHAUSTED", trusted, err)
				}
				err := open(t, s, other)
				if trusted != nil && err != nil || trusted == nil && status.Code(err) != codes.ResourceExhausted {
					t.Errorf("trusting %v, a session from another address: %v", trusted, err)
				}
			}
		})
	}
}
