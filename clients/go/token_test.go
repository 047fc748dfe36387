package beckon_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	beckon "github.com/beckonrtc/beckon/clients/go"
	"github.com/beckonrtc/beckon/server"
	"github.com/beckonrtc/beckon/server/auth"
)

// guarded is a server that wants access tokens, and what makes them.
type guarded struct {
	*house
	t      *testing.T
	signer *auth.Signer
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
	return &guarded{openHouse(t, server.Config{TokenKeyFile: key, TokenSkew: time.Millisecond}), t, signer}
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
		ana := g.guest(t, beckon.WithTokenSource(func(context.Context) (string, error) {
			asked.Add(1)
			return g.token("ana", 90*time.Second), nil
		}))
		ben := g.guest(t, beckon.WithToken(g.token("ben", time.Hour)))
		for _, s := range []*beckon.Session{ana, ben} {
			if err := s.Join(t.Context(), &beckon.Join{Room: "lobby", Presence: beckon.PresenceDelta}); err != nil {
				t.Fatal(err)
			}
		}
		const messages = 600
		var all sync.WaitGroup
		for _, pair := range [][2]*beckon.Session{{ana, ben}, {ben, ana}} {
			from, to := pair[0], pair[1]
			all.Go(func() {
				for i := range messages {
					if err := from.Data(t.Context(), &beckon.Data{Room: "lobby", To: to.ID(), Type: fmt.Sprint(i)}); err != nil {
						t.Errorf("message %d from %s: %v", i, from.ID(), err)
						return
					}
					time.Sleep(500 * time.Millisecond) // Virtual.
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
		if n := asked.Load(); n < 4 { // 300 s, and a token is good for 90.
			t.Errorf("the source was asked %d times", n)
		}
	})
}

// TestTokenSources: what comes of sources that give nothing of use.
func TestTokenSources(t *testing.T) {
	for name, c := range map[string]struct {
		// What the source gives when it is asked for the nth time, n > 0.
		next func(ctx context.Context, g *guarded, first string, n int) (string, error)
		want beckon.Reason // Empty: the session goes on.
	}{
		"the same": {func(_ context.Context, _ *guarded, first string, _ int) (string, error) { return first, nil }, beckon.TokenExpired},
		"a bad one, then a good one": {func(_ context.Context, g *guarded, _ string, n int) (string, error) {
			if n == 1 {
				return "nonsense", nil
			}
			return g.token("ana", time.Hour), nil
		}, ""},
		"an error, then a good one": {func(_ context.Context, g *guarded, _ string, n int) (string, error) {
			if n < 4 {
				return "", errors.New("not now")
			}
			return g.token("ana", time.Hour), nil
		}, ""},
		"nothing until too late": {func(ctx context.Context, g *guarded, _ string, n int) (string, error) {
			if n == 1 {
				<-ctx.Done()
				return "", ctx.Err()
			}
			return g.token("ana", time.Hour), nil
		}, ""},
		"somebody else's": {func(_ context.Context, g *guarded, _ string, _ int) (string, error) {
			return g.token("eve", time.Hour), nil
		}, beckon.NoSuchSession},
		"what cannot be shown": {func(context.Context, *guarded, string, int) (string, error) { return "a\nb", nil }, beckon.NoToken},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := openGuarded(t)
				first := g.token("ana", 80*time.Second)
				n := -1
				ana := g.guest(t, beckon.WithTokenSource(func(ctx context.Context) (string, error) {
					if n++; n == 0 {
						return first, nil
					}
					return c.next(ctx, g, first, n)
				}))
				select {
				case <-ana.Done():
					if !errors.Is(ana.Err(), c.want) {
						t.Errorf("the session ended: %v, want %q", ana.Err(), c.want)
					}
				case <-time.After(5 * time.Minute): // Virtual.
					if c.want != "" {
						t.Errorf("the session goes on: want its end, %s", c.want)
					}
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
		if _, err := beckon.Connect(ctx, dialConn(t, g.listener.DialContext), beckon.WithTokenSource(hang)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a source that hangs: %v", err)
		}
		ana := g.guest(t, beckon.WithToken(g.token("ana", 80*time.Second)))
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
