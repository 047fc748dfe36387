package beckon_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"

	beckon "github.com/beckonrtc/beckon/clients/go"
	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server"
	"github.com/beckonrtc/beckon/server/auth"
)

// guarded is a server that wants access tokens, and what makes them.
type guarded struct {
	*house
	t      *testing.T
	signer *auth.Signer
	opened time.Time
	over   chan struct{} // Closed with the test.
}

func openGuarded(t *testing.T) *guarded {
	t.Helper()
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(strings.Repeat("secret", 8)), 0o600); err != nil {
		t.Fatal(err)
	}
	signer, err := auth.NewSigner(key, "")
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	return &guarded{openHouse(t, server.Config{TokenKeyFile: key, TokenSkew: time.Millisecond}), t, signer, time.Now(), over}
}

// guest opens a session over the listener, of which nobody can tell that it is this machine's.
func (g *guarded) guest(opts ...beckon.Option) *beckon.Session {
	g.t.Helper()
	return g.house.guest(g.t, append(opts, beckon.WithPlaintext())...)
}

// token returns one of that subject that is good for d.
func (g *guarded) token(sub string, d time.Duration) string {
	token, err := g.signer.Sign(auth.Claims{
		Expires: time.Now().Add(d), Grant: auth.Grant{Identity: sub, Issued: time.Now(), TokenID: fmt.Sprint(time.Now().UnixNano())},
	})
	if err != nil {
		g.t.Error(err)
	}
	return token
}

// TestTokenSource: a session outlives its tokens, and nothing is lost, comes twice or in another order meanwhile.
func TestTokenSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := openGuarded(t)
		var asked atomic.Int64
		ana := g.guest(beckon.WithTokenSource(func(context.Context) (string, error) {
			asked.Add(1)
			return g.token("ana", 65*time.Second), nil
		}))
		ben := g.guest(beckon.WithToken(g.token("ben", time.Hour)))
		for _, s := range []*beckon.Session{ana, ben} {
			if err := s.Join(t.Context(), &beckon.Join{Room: "lobby", Presence: beckon.PresenceDelta}); err != nil {
				t.Fatal(err)
			}
		}
		const messages = 5000
		var all sync.WaitGroup
		for _, pair := range [][2]*beckon.Session{{ana, ben}, {ben, ana}} {
			from, to := pair[0], pair[1]
			all.Go(func() {
				for i := range messages {
					data := &beckonv1.ConnectRequest_Data{Data: &beckon.Data{Room: "lobby", To: to.ID(), Type: fmt.Sprint(i)}}
					send := from.Send
					if i%10 == 9 {
						send = from.Do
					}
					if err := send(t.Context(), &beckon.ConnectRequest{Message: data}); err != nil {
						t.Errorf("message %d from %s: %v", i, from.ID(), err)
						return
					}
					if i%10 == 9 {
						time.Sleep(500 * time.Millisecond) // Virtual.
					}
				}
			})
			all.Go(func() {
				next := 0
				for event, err := range to.Events(t.Context()) {
					if err != nil {
						t.Errorf("%s: %v", to.ID(), err)
						return
					}
					switch e := event.(type) {
					case *beckon.DataReceived:
						if e.Type != fmt.Sprint(next) {
							t.Errorf("%s was sent message %s after %d others", to.ID(), e.Type, next)
						}
						if next++; next == messages {
							return
						}
					case *beckon.Failure, *beckon.Reconnecting, *beckon.Resumed, *beckon.Resynced, *beckon.UserLeft, *beckon.UserUpdated:
						t.Errorf("%s was told of %T %+v", to.ID(), e, e)
					}
				}
			})
		}
		all.Wait()
		if n := asked.Load(); n < 30 { // 250 s, a token is good for 65, and the last minute of that begins soon.
			t.Errorf("the source was asked %d times", n)
		}
	})
}

// TestTokenSources: what comes of sources that give nothing of use, or not at once. The first token is good for 80 seconds.
func TestTokenSources(t *testing.T) {
	for name, c := range map[string]struct {
		// What the source gives when it is asked for the nth time, n > 0.
		next func(ctx context.Context, g *guarded, first string, n int) (string, error)
		want beckon.Reason // Empty: the session goes on.
		lost bool          // Not without a loss.
		by   time.Duration // When the session has ended, at the latest; 0: this does not matter.
	}{
		"the same": {func(_ context.Context, _ *guarded, first string, _ int) (string, error) { return first, nil }, beckon.TokenExpired, true, 85 * time.Second},
		"a bad one, then a good one": {func(_ context.Context, g *guarded, _ string, n int) (string, error) {
			if n == 1 {
				return "nonsense", nil
			}
			return g.token("ana", time.Hour), nil
		}, "", false, 0},
		"an error, then a good one": {func(_ context.Context, g *guarded, _ string, n int) (string, error) {
			if n < 4 {
				return "", errors.New("not now")
			}
			return g.token("ana", time.Hour), nil
		}, "", false, 0},
		"nothing in time, then a good one": {func(ctx context.Context, g *guarded, _ string, n int) (string, error) {
			if n == 1 {
				<-ctx.Done()
				return "", ctx.Err()
			}
			return g.token("ana", time.Hour), nil
		}, "", false, 0},
		"nothing ever": {func(_ context.Context, g *guarded, _ string, _ int) (string, error) {
			<-g.over
			return "", errors.New("it is over")
		}, beckon.NoToken, true, 0},
		"errors until too late": {func(_ context.Context, g *guarded, _ string, _ int) (string, error) {
			if time.Since(g.opened) < 85*time.Second {
				return "", errors.New("not now")
			}
			return g.token("ana", time.Hour), nil
		}, "", true, 0},
		"too late, and one that has run out": {func(_ context.Context, g *guarded, first string, _ int) (string, error) {
			switch since := time.Since(g.opened); {
			case since < 82*time.Second:
				return "", errors.New("not now")
			case since < 85*time.Second:
				return g.token("ana", -time.Minute), nil
			}
			return g.token("ana", time.Hour), nil
		}, "", true, 0},
		"others that have all run out": {func(_ context.Context, g *guarded, _ string, _ int) (string, error) {
			return g.token("ana", -time.Minute), nil
		}, beckon.TokenExpired, true, 0},
		"somebody else's": {func(_ context.Context, g *guarded, _ string, _ int) (string, error) {
			return g.token("eve", time.Hour), nil
		}, beckon.NoSuchSession, true, 0},
		"what cannot be shown": {func(context.Context, *guarded, string, int) (string, error) { return "a\nb", nil }, beckon.NoToken, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := openGuarded(t)
				first := g.token("ana", 80*time.Second)
				n := -1
				ana := g.guest(beckon.WithTokenSource(func(ctx context.Context) (string, error) {
					if n++; n == 0 {
						return first, nil
					}
					return c.next(ctx, g, first, n)
				}))
				select {
				case <-ana.Done():
					if since := time.Since(g.opened); c.by > 0 && since > c.by {
						t.Errorf("the session ended after %s", since)
					}
					if !errors.Is(ana.Err(), c.want) {
						t.Errorf("the session ended: %v, want %q", ana.Err(), c.want)
					}
				case <-time.After(5 * time.Minute): // Virtual.
					if c.want != "" {
						t.Errorf("the session goes on: want its end, %s", c.want)
					}
					ana.Close()
				}
				lost := false
				for event := range ana.Events(t.Context()) {
					switch e := event.(type) {
					case *beckon.Reconnecting:
						lost = true
					case *beckon.Resumed, nil: // A nil one comes with the error.
					default:
						t.Errorf("ana was told of %T %+v", e, e)
					}
				}
				if lost != c.lost {
					t.Errorf("the session was lost: %v, want %v", lost, c.lost)
				}
			})
		})
	}
}

// TestToken: one token is shown, and its end is the session's.
func TestToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := openGuarded(t)
		if _, err := beckon.Connect(t.Context(), dialConn(t, g.listener.DialContext)); !errors.Is(err, beckon.NoToken) {
			t.Errorf("without a token: %v", err)
		}
		hang := func(ctx context.Context) (string, error) { <-ctx.Done(); return "", ctx.Err() }
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := beckon.Connect(ctx, dialConn(t, g.listener.DialContext), beckon.WithTokenSource(hang), beckon.WithPlaintext()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a source that hangs: %v", err)
		}
		ana := g.guest(beckon.WithToken(g.token("ana", 80*time.Second)))
		for event, err := range ana.Events(t.Context()) {
			if f, ok := event.(*beckon.Failure); !ok || err != nil || f.Code != beckon.TokenExpiring {
				t.Errorf("ana was told %v, %v: want TOKEN_EXPIRING", event, err)
			}
			break
		}
		<-ana.Done()
		if !errors.Is(ana.Err(), beckon.TokenExpired) {
			t.Errorf("the session ended: %v", ana.Err())
		}
	})
}

// TestTokenInClear: a token is shown to another machine with TLS alone, unless the application says otherwise.
func TestTokenInClear(t *testing.T) {
	withTLS := httptest.NewTLSServer(nil) // For its certificate.
	defer withTLS.Close()
	encrypted := credentials.NewServerTLSFromCert(&withTLS.TLS.Certificates[0])
	roots := x509.NewCertPool()
	roots.AddCert(withTLS.Certificate())
	decrypted := credentials.NewClientTLSFromCert(roots, "example.com")

	for name, c := range map[string]struct {
		loopback       bool // Over TCP on this machine. Else nobody can tell where the server is.
		server, client credentials.TransportCredentials
		opts           []beckon.Option
		shown          bool
	}{
		"this machine":             {true, insecure.NewCredentials(), insecure.NewCredentials(), nil, true},
		"TLS":                      {false, encrypted, decrypted, nil, true},
		"without TLS":              {false, insecure.NewCredentials(), insecure.NewCredentials(), nil, false},
		"without TLS, as was said": {false, insecure.NewCredentials(), insecure.NewCredentials(), []beckon.Option{beckon.WithPlaintext()}, true},
	} {
		t.Run(name, func(t *testing.T) {
			var heard []string
			server := grpc.NewServer(grpc.Creds(c.server))
			beckonv1.RegisterSignalServer(server, &scripted{t: t, play: func(stage *stage) error {
				heard = metadata.ValueFromIncomingContext(stage.Context(), "authorization")
				stage.welcome(ana(0))
				stage.hearEnd()
				return nil
			}})
			inside := bufconn.Listen(64 << 10)
			listener, address := net.Listener(inside), "passthrough:///beckon"
			dial := grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return inside.DialContext(ctx) })
			if c.loopback {
				var err error
				if listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
					t.Fatal(err)
				}
				address, dial = listener.Addr().String(), grpc.EmptyDialOption{}
			}
			go server.Serve(listener)
			defer server.Stop()
			conn, err := grpc.NewClient(address, dial, grpc.WithTransportCredentials(c.client))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()

			// What the context carries is not shown beside it.
			ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "other")
			session, err := beckon.Connect(ctx, conn, append(c.opts, beckon.WithToken("secret"))...)
			if !c.shown {
				if ended, ok := errors.AsType[*beckon.EndError](err); !ok || ended.Code != codes.Unauthenticated || heard != nil {
					t.Errorf("Connect: %v; the server heard %q", err, heard)
				}
				return
			}
			if err != nil {
				t.Fatalf("Connect: %v", err)
			}
			if err := session.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
			if len(heard) != 1 || heard[0] != "Bearer secret" {
				t.Errorf("the server heard %q", heard)
			}
		})
	}
}
