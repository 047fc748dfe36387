package load

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server"
)

// serve runs a server, and returns its native port and its web port.
func serve(t *testing.T, cfg server.Config) map[string]Target {
	t.Helper()
	cfg.Logger = slog.New(slog.DiscardHandler)
	srv, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	targets := map[string]Target{}
	for name, serve := range map[string]func(net.Listener) error{"grpc": srv.Serve, "web": srv.ServeWeb} {
		lis, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		targets[name] = Target{Addr: lis.Addr().String(), Web: name == "web"}
		go func() {
			if err := serve(lis); err != nil {
				t.Error(err)
			}
		}()
	}
	t.Cleanup(func() { _ = srv.Shutdown(context.Background()) })
	return targets
}

// TestKeep: sessions ping, all of them, in each heartbeat interval. It takes one.
func TestKeep(t *testing.T) {
	for name, target := range serve(t, server.Config{HeartbeatInterval: time.Second}) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ponged := make(chan int, 100)
			c := NewCrowd(t.Context(), Options{
				Targets: []Target{target}, Sessions: 3, Room: func(int) string { return "lobby" },
				Handle: func(s *Session, e Event) {
					if e.Kind == Pong && e.RequestID == pingID {
						ponged <- s.Number
					}
				},
			})
			defer c.Close(t.Context())
			err := c.Each("", c.Sessions, func(ctx context.Context, s *Session) error {
				return s.OpenIn(ctx, beckonv1.Presence_PRESENCE_NONE)
			})
			if err != nil {
				t.Fatal(err)
			}
			for alive := map[int]bool{}; len(alive) < len(c.Sessions); {
				select {
				case number := <-ponged:
					alive[number] = true
				case <-c.Context().Done():
					t.Fatal(context.Cause(c.Context()))
				case <-time.After(20 * time.Second):
					t.Fatalf("only sessions %v ping", alive)
				}
			}
		})
	}
}

// TestResume: a session that was cut goes on as it was, and is not taken for one that has failed.
func TestResume(t *testing.T) {
	for name, target := range serve(t, server.Config{}) {
		t.Run(name, func(t *testing.T) {
			c := NewCrowd(t.Context(), Options{Targets: []Target{target}, Sessions: 2, Room: func(int) string { return "lobby" }})
			defer c.Close(t.Context())
			for _, s := range c.Sessions {
				if err := s.OpenIn(c.Context(), beckonv1.Presence_PRESENCE_DELTA); err != nil {
					t.Fatal(err)
				}
			}
			ana, bob := c.Sessions[0], c.Sessions[1]
			id := bob.ID
			bob.Cut()
			for n := range uint64(3) {
				hello := &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Data{Data: &beckonv1.Data{To: id, Room: "lobby"}}}
				if err := ana.Say(c.Context(), hello, n+1); err != nil {
					t.Fatal(err)
				}
			}
			how, err := bob.Resume(c.Context())
			if err != nil || how != beckonv1.Resumption_RESUMPTION_RESUMED || bob.Received() != 3 || ana.Sent() != 3 {
				t.Errorf("%v, %v; %d sent, %d received", how, err, ana.Sent(), bob.Received())
			}
			if err := c.Context().Err(); err != nil {
				t.Error(context.Cause(c.Context()))
			}
		})
	}
}

// TestFailure: what one session is refused ends the work of all, and says so; so does the end of a stream.
func TestFailure(t *testing.T) {
	for name, target := range serve(t, server.Config{}) {
		for _, bad := range []struct {
			about string
			frame []byte
			want  string
		}{
			{"a refused message", Frame(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Leave{Leave: &beckonv1.Leave{Room: "den"}}}), "NOT_IN_ROOM"},
			{"the end of the session", Frame(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Leave{Leave: &beckonv1.Leave{}}}), "the server ended it"},
			{"an undecodable message", []byte{0xff}, "InvalidArgument"},
		} {
			t.Run(name+" "+bad.about, func(t *testing.T) {
				c := NewCrowd(t.Context(), Options{Targets: []Target{target}, Sessions: 1, Room: func(int) string { return "lobby" }})
				defer c.Close(t.Context())
				if err := c.Sessions[0].OpenIn(c.Context(), beckonv1.Presence_PRESENCE_DELTA); err != nil {
					t.Fatal(err)
				}
				if err := c.Sessions[0].Send(bad.frame); err != nil {
					t.Fatal(err)
				}
				<-c.Context().Done()
				why := context.Cause(c.Context())
				if text := fmt.Sprint(why); !strings.Contains(text, "session 0") || !strings.Contains(text, bad.want) {
					t.Errorf("it ended with %v, want %s", why, bad.want)
				}
				if refused, ok := errors.AsType[*RefusedError](why); ok != (bad.want == "NOT_IN_ROOM") {
					t.Errorf("it is a refusal: %t, %v", ok, refused)
				}
			})
		}
	}
}
