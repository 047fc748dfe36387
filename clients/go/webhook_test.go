package beckon_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	beckon "github.com/beckonrtc/beckon/clients/go"
	"github.com/beckonrtc/beckon/server"
)

// These tests are about access that a webhook grants for a time, to a client that shows it the same each time.

// hook is a webhook, outside of the test's bubble. It lets ben in for a day, and somebody else for as long as granted.
type hook struct {
	*httptest.Server
	granted time.Duration
	denies  atomic.Bool  // All but ben.
	asked   atomic.Int32 // About others than ben.
}

func openHook(t *testing.T, granted time.Duration) *hook {
	h := &hook{granted: granted}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q struct {
			Token    string
			Metadata map[string][]string
		}
		now, errTime := strconv.ParseInt(r.Header.Get("webhook-timestamp"), 10, 64) // In the bubble.
		if err := errors.Join(json.NewDecoder(r.Body).Decode(&q), errTime); err != nil {
			t.Errorf("the question: %v", err)
		}
		who, granted := strings.Join(append(q.Metadata["x-cookie"], q.Token), ""), 24*time.Hour
		if who != "ben" {
			h.asked.Add(1)
			if granted = h.granted; h.denies.Load() {
				who = ""
			}
		}
		w.Header().Set("Connection", "close") // In a bubble in which somebody waits for a network no time passes.
		if who == "" {
			fmt.Fprint(w, `{"allow": false, "reason": "your subscription has ended"}`)
			return
		}
		fmt.Fprintf(w, `{"allow": true, "identity": %q, "expires": %q}`, who, time.Unix(now, 0).Add(granted).UTC().Format(time.RFC3339))
	}))
	t.Cleanup(h.Close)
	return h
}

// house opens a server that asks h.
func (h *hook) house(t *testing.T) *house {
	t.Helper()
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(strings.Repeat("secret", 8)), 0o600); err != nil {
		t.Fatal(err)
	}
	return openHouse(t, server.Config{AuthWebhook: h.URL, AuthWebhookKeyFile: key})
}

// counted is a connection that takes down when each of its streams was asked for.
type counted struct {
	*grpc.ClientConn
	opened time.Time
	at     []time.Duration
}

// NewStream is that of ClientConn.
func (c *counted) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	c.at = append(c.at, time.Since(c.opened))
	return c.ClientConn.NewStream(ctx, desc, method, opts...)
}

// always is a source that gives that token and no other.
func always(token string) beckon.Option {
	return beckon.WithTokenSource(func(context.Context) (string, error) { return token, nil })
}

// TestWebhookExtends: a session outlives what a webhook grants, whatever the client shows, and nothing is lost, comes twice
// or in another order meanwhile. What is granted for less than the minute in which the client is told is renewed with
// pauses; what is granted for less than those ends streams.
func TestWebhookExtends(t *testing.T) {
	const life = 10 * time.Minute
	for name, c := range map[string]struct {
		granted         time.Duration
		cookie          string
		option          beckon.Option
		told            bool // That access runs out.
		lost            bool // Not without a loss.
		fewest, largest int32
	}{
		"a source":                {90 * time.Second, "", always("ana"), false, false, 15, 21},
		"one token":               {90 * time.Second, "", beckon.WithToken("ana"), true, false, 15, 21},
		"metadata":                {90 * time.Second, "ana", beckon.WithPlaintext(), true, false, 15, 21},
		"for half a minute alone": {30 * time.Second, "", always("ana"), false, false, 20, 40},
		"for a moment alone":      {2 * time.Second, "", always("ana"), false, true, 100, 600},
	} {
		t.Run(name, func(t *testing.T) {
			h := openHook(t, c.granted)
			synctest.Test(t, func(t *testing.T) {
				house := h.house(t)
				ben := house.guest(t, beckon.WithToken("ben"), beckon.WithPlaintext())
				ctx := t.Context()
				if c.cookie != "" {
					ctx = metadata.AppendToOutgoingContext(ctx, "x-cookie", c.cookie)
				}
				ana, err := beckon.Connect(ctx, dialConn(t, house.listener.DialContext), c.option, beckon.WithPlaintext())
				if err != nil {
					t.Fatalf("Connect: %v", err)
				}
				t.Cleanup(ana.Abort)
				for _, s := range []*beckon.Session{ana, ben} {
					if err := s.Join(t.Context(), &beckon.Join{Room: "lobby", Presence: beckon.PresenceNone}); err != nil {
						t.Fatal(err)
					}
				}
				began := time.Now()
				sent := 0
				for ; time.Since(began) < life; sent++ {
					time.Sleep(250 * time.Millisecond) // Virtual.
					for _, pair := range [][2]*beckon.Session{{ana, ben}, {ben, ana}} {
						if err := pair[0].Data(t.Context(), &beckon.Data{Room: "lobby", To: pair[1].ID(), Type: fmt.Sprint(sent)}); err != nil {
							t.Fatalf("message %d from %s, after %s: %v", sent, pair[0].ID(), time.Since(began), err)
						}
					}
				}
				var told, lost bool
				for _, s := range []*beckon.Session{ana, ben} {
					for next := 0; next < sent; {
						event, err := s.Recv(t.Context())
						if err != nil {
							t.Fatal(err)
						}
						switch e := event.(type) {
						case *beckon.DataReceived:
							if e.Type != fmt.Sprint(next) {
								t.Fatalf("%s was sent message %s after %d others", s.ID(), e.Type, next)
							}
							next++
						case *beckon.Failure:
							if e.Code != beckon.TokenExpiring || s == ben {
								t.Errorf("%s was told of %v", s.ID(), e)
							}
							told = true
						case *beckon.Reconnecting:
							if !errors.Is(e.Cause, beckon.TokenExpired) || s == ben {
								t.Errorf("%s was told of %v", s.ID(), e.Cause)
							}
							lost = true
						case *beckon.JoinedUsers, *beckon.Resumed:
						default:
							t.Errorf("%s was told of %T %+v", s.ID(), e, e)
						}
					}
				}
				if told != c.told || lost != c.lost {
					t.Errorf("ana was told %v, and lost %v: want %v and %v", told, lost, c.told, c.lost)
				}
				if n := h.asked.Load(); n < c.fewest || n > c.largest {
					t.Errorf("the webhook was asked %d times: want %d to %d", n, c.fewest, c.largest)
				}
			})
		})
	}
}

// TestWebhookDenies: a webhook that extends access no longer ends the session when that has run out, with its reason.
func TestWebhookDenies(t *testing.T) {
	for name, option := range map[string]beckon.Option{"a source": always("ana"), "one token": beckon.WithToken("ana")} {
		t.Run(name, func(t *testing.T) {
			h := openHook(t, 90*time.Second)
			synctest.Test(t, func(t *testing.T) {
				house := h.house(t)
				ana := house.guest(t, option, beckon.WithPlaintext())
				began := time.Now()
				time.Sleep(40 * time.Second) // Virtual. Access was renewed ten seconds before.
				h.denies.Store(true)
				<-ana.Done()
				var end *beckon.EndError
				if errors.As(ana.Err(), &end); end == nil || end.Code != codes.PermissionDenied || end.Reason != beckon.NotAllowed || end.Detail != "your subscription has ended" {
					t.Errorf("the session ended: %v", ana.Err())
				}
				if lasted := time.Since(began); lasted < 119*time.Second || lasted > 125*time.Second {
					t.Errorf("the session ended after %s", lasted)
				}
				if n := h.asked.Load(); n != 4 { // At first, and once before each time that it runs out, and after that.
					t.Errorf("the webhook was asked %d times", n)
				}
			})
		})
	}
}

// TestTokenNotExtended: a token that is all that there is is shown again with longer and longer pauses, which changes
// nothing; when it has run out, once more; and the session ends.
func TestTokenNotExtended(t *testing.T) {
	for name, option := range map[string]func(token string) beckon.Option{"a source": always, "one token": beckon.WithToken} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := openGuarded(t)
				conn := &counted{ClientConn: dialConn(t, g.listener.DialContext), opened: time.Now()}
				ana, err := beckon.Connect(t.Context(), conn, option(g.token("ana", 80*time.Second)), beckon.WithPlaintext())
				if err != nil {
					t.Fatal(err)
				}
				told, lost := 0, time.Duration(0)
				for event := range ana.Events(t.Context()) {
					switch e := event.(type) {
					case *beckon.Failure:
						told++
					case *beckon.Reconnecting:
						if e.Attempt == 1 {
							lost = time.Since(conn.opened)
						}
					}
				}
				if want := map[string]int{"a source": 0, "one token": 1}[name]; told != want {
					t.Errorf("the application was told %d times that the token runs out: want %d", told, want)
				}
				var end *beckon.EndError
				if errors.As(ana.Err(), &end); end == nil || end.Code != codes.Unauthenticated || end.Reason != beckon.TokenExpired ||
					!strings.HasPrefix(end.Detail, "access has run out and could not be renewed: ") {
					t.Errorf("the session ended: %v", ana.Err())
				}
				if lasted := time.Since(conn.opened); lasted < 80*time.Second || lasted > 83*time.Second {
					t.Errorf("the session ended after %s", lasted)
				}
				n := slices.IndexFunc(conn.at, func(at time.Duration) bool { return at >= lost })
				if n != len(conn.at)-1 {
					t.Fatalf("the token ran out at %s and was shown at %v: want once after that", lost, conn.at)
				}
				before := conn.at[:n]
				if n < 4 || n > 7 {
					t.Errorf("the token was shown at %v", before)
				}
				for i, pause := range []time.Duration{20 * time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second, 20 * time.Second} {
					if i+1 < len(before) && before[i+1]-before[i] < pause {
						t.Errorf("the token was shown at %v: want a pause of at least %s after that at %s", before, pause, before[i])
					}
				}
			})
		})
	}
}

// TestShortTokens: other tokens that are good for less than the minute in which the client is told are not used up without
// a pause.
func TestShortTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := openGuarded(t)
		conn := &counted{ClientConn: dialConn(t, g.listener.DialContext), opened: time.Now()}
		source := beckon.WithTokenSource(func(context.Context) (string, error) { return g.token("ana", 30*time.Second), nil })
		ana, err := beckon.Connect(t.Context(), conn, source, beckon.WithPlaintext())
		if err != nil {
			t.Fatal(err)
		}
		const life = 10 * time.Minute
		time.Sleep(life) // Virtual.
		if err := ana.Close(); err != nil {
			t.Errorf("the session ended: %v", err)
		}
		for event := range ana.Events(t.Context()) {
			if event != nil {
				t.Errorf("ana was told of %T %+v", event, event)
			}
		}
		if n := len(conn.at); n < int(life/(30*time.Second)) || n > int(life/(2*time.Second)) {
			t.Errorf("there were %d streams", n)
		}
	})
}
