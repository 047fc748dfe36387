package server_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server"
)

// address is where one server after another may be.
type address struct {
	mu  sync.Mutex
	lis *bufconn.Listener // Guarded by mu. Nil: nobody is there.
}

// dial opens a connection to the server that is there now.
func (a *address) dial(ctx context.Context, _ string) (net.Conn, error) {
	a.mu.Lock()
	lis := a.lis
	a.mu.Unlock()
	if lis == nil {
		return nil, errors.New("connection refused")
	}
	return lis.DialContext(ctx)
}

// serve puts a server there. The function that it returns shuts it down and takes it away.
func (a *address) serve(t *testing.T, cfg server.Config) (stop func()) {
	t.Helper()
	srv, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	lis := bufconn.Listen(64 << 10)
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := srv.Serve(lis); err != nil {
			t.Error(err)
		}
	})
	move := func(to *bufconn.Listener) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.lis = to
	}
	move(lis)
	return func() {
		if err := srv.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		move(nil)
		serving.Wait()
	}
}

// returner is a client that comes back to its room for as long as it is let.
type returner struct {
	// Immutable.
	t      *testing.T
	client beckonv1.SignalClient
	join   *beckonv1.Join

	// Owned by the goroutine that reads.
	events   grpc.BidiStreamingClient[beckonv1.ConnectRequest, beckonv1.ConnectResponse]
	phone                      // For its cursors.
	users    map[string]string // Whom it sees in the room: their names, by their ids.
	returned time.Time         // When it was welcomed back.
	complete time.Time         // When it last saw somebody come.
}

// open begins a stream, and reads up to the welcome.
func (r *returner) open(ctx context.Context, first *beckonv1.ConnectRequest) error {
	events, err := r.client.Connect(ctx)
	if err != nil {
		return err
	}
	r.events, r.peer = events, events
	_ = events.Send(first) // Recv tells why.
	_, err = r.recv()
	return err
}

// stay reads until the stream ends.
func (r *returner) stay() error {
	for {
		e, err := r.recv()
		if err != nil {
			return err
		}
		switch {
		case e.GetJoinedUsers() != nil:
			r.users = map[string]string{}
			for _, u := range e.GetJoinedUsers().GetUsers() {
				r.users[u.GetId()] = u.GetName()
			}
		case e.GetUserJoined() != nil:
			r.users[e.GetUserJoined().GetUser().GetId()] = e.GetUserJoined().GetUser().GetName()
		case e.GetDraining() != nil:
			continue // The server ends the stream when it is time.
		default:
			r.t.Errorf("%s was sent %v", r.id(), e)
		}
		r.complete = time.Now()
	}
}

// run keeps the session up until ctx ends.
func (r *returner) run(ctx context.Context) {
	for {
		err := r.stay()
		if ctx.Err() != nil {
			return
		}
		if code, reason := statusOf(err); code != codes.Unavailable || reason != "SHUTTING_DOWN" {
			r.t.Errorf("the stream of %s ended with %v", r.id(), err)
		}
		id := r.id()
		for attempt := range 100 { // With full jitter, as every client does.
			most := 100 * time.Millisecond
			if attempt > 0 {
				most = min(250*time.Millisecond<<(attempt-1), 5*time.Second)
			}
			time.Sleep(rand.N(most)) // Virtual.
			if err = r.open(ctx, r.resume(r.join)); status.Code(err) != codes.Unavailable {
				break
			}
		}
		if err != nil {
			if ctx.Err() == nil {
				r.t.Errorf("%s cannot come back: %v", id, err)
			}
			return
		}
		if r.id() != id || r.welcome.GetResumption() != resynced {
			r.t.Errorf("%s is welcomed back with %v", id, r.welcome)
		}
		r.returned = time.Now()
	}
}

// TestRestart: a server with 5,000 sessions is replaced by another with the same key. All come back as who they were, not
// all at once, and nobody sees anybody go.
func TestRestart(t *testing.T) {
	sessions := 5000
	if raceDetector {
		sessions = 500
	}
	const (
		down   = 3 * time.Second
		window = 30 * time.Second
	)
	synctest.Test(t, func(t *testing.T) {
		cfg := server.Config{SessionKeyFile: keyFile(t, strings.Repeat("k", 32)+"\n"), Logger: slog.New(slog.DiscardHandler), ResumeWindow: window}
		var a address
		stop := a.serve(t, cfg)
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		var conns []*grpc.ClientConn
		for range sessions / 500 {
			conn, err := grpc.NewClient("passthrough:///bufconn", grpc.WithContextDialer(a.dial),
				grpc.WithTransportCredentials(insecure.NewCredentials()),
				grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1, MaxDelay: 100 * time.Millisecond}}))
			if err != nil {
				t.Fatal(err)
			}
			conns = append(conns, conn)
		}
		var all []*returner
		rooms := map[string]map[string]string{} // Who is in each.
		for _, size := range []int{2, 10, 100} {
			for range sessions / 3 / size * size {
				all = append(all, newReturner(t, conns[len(all)%len(conns)], fmt.Sprintf("%d-%d", size, len(all)/size), len(all)))
			}
		}
		for len(all) < sessions {
			all = append(all, newReturner(t, conns[0], "rest", len(all)))
		}
		for _, r := range all {
			if err := r.open(ctx, &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Join{Join: r.join}}); err != nil {
				t.Fatal(err)
			}
			room := r.join.GetRoom()
			if rooms[room] == nil {
				rooms[room] = map[string]string{}
			}
			rooms[room][r.id()] = r.join.GetName()
			running.Go(func() { r.run(ctx) })
		}
		synctest.Wait()

		began := time.Now()
		stop()
		gone := time.Now()
		time.Sleep(down) // Virtual.
		restarted := time.Now()
		stop = a.serve(t, cfg)
		time.Sleep(2 * window)

		synctest.Wait()
		var back []time.Time
		complete := restarted
		for _, r := range all {
			if after := r.returned.Sub(restarted); after < 0 || after > window {
				t.Errorf("%s came back %s after the restart", r.id(), after)
			}
			back = append(back, r.returned)
			if r.complete.After(complete) {
				complete = r.complete
			}
			if want := rooms[r.join.GetRoom()]; !sameUsers(r.users, want) {
				t.Errorf("%s sees %d users in room %s, want %d", r.id(), len(r.users), r.join.GetRoom(), len(want))
			}
		}
		slices.SortFunc(back, time.Time.Compare)
		t.Logf("%d sessions in %d rooms: drained in %s, all back %s after the restart, all lists whole after %s, at most %d within 100 ms",
			len(all), len(rooms), gone.Sub(began), back[len(back)-1].Sub(restarted), complete.Sub(restarted), mostWithin(back, 100*time.Millisecond))

		cancel()
		running.Wait()
		for _, conn := range conns {
			_ = conn.Close() // No more is done on it.
		}
		stop()
	})
}

// newReturner returns a client that is in no room yet.
func newReturner(t *testing.T, conn *grpc.ClientConn, room string, number int) *returner {
	name := fmt.Sprint("user ", number)
	return &returner{
		t:      t,
		client: beckonv1.NewSignalClient(conn),
		join:   &beckonv1.Join{Room: room, Name: &name, Presence: delta},
		phone:  phone{tb: t, cursors: map[string]*beckonv1.Cursor{}},
	}
}

// sameUsers reports whether both have the same ids with the same names.
func sameUsers(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for id, name := range b {
		if a[id] != name {
			return false
		}
	}
	return true
}

// mostWithin returns how many of the times, in order, lie within d of each other at most.
func mostWithin(times []time.Time, d time.Duration) (most int) {
	first := 0
	for i := range times {
		for times[i].Sub(times[first]) >= d {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// keyFile returns the name of a file with that session key.
func keyFile(t *testing.T, key string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "session.key")
	if err := os.WriteFile(name, []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestSessionKeyFile: a session key that is of no use is refused, with a word about what is expected.
func TestSessionKeyFile(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		want []string
	}{
		"missing":   {filepath.Join(t.TempDir(), "nothing.key"), []string{"read the session key", "nothing.key", "no such file"}},
		"a folder":  {t.TempDir(), []string{"read the session key", "directory"}},
		"empty":     {keyFile(t, ""), []string{"session.key", "0 bytes", "32", "openssl rand -hex 32"}},
		"too short": {keyFile(t, strings.Repeat("k", 31)+"\n\n"), []string{"session.key", "31 bytes", "32", "openssl rand -hex 32"}},
	} {
		_, err := server.New(server.Config{SessionKeyFile: c.file})
		if err == nil {
			t.Errorf("%s: it was taken", name)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q says nothing of %q", name, err, want)
			}
		}
	}
}

// TestRestartWithoutKey: a server without the former one's key does not take its sessions up, nor does one with it that
// was started long ago.
func TestRestartWithoutKey(t *testing.T) {
	for name, c := range map[string]struct {
		key   string // Of the second server.
		later time.Duration
		want  codes.Code
	}{
		"the same key":       {strings.Repeat("k", 32), time.Second, codes.OK},
		"the same key, late": {strings.Repeat("k", 32), time.Minute, codes.NotFound},
		"another key":        {strings.Repeat("l", 32), time.Second, codes.NotFound},
		"no key":             {"", time.Second, codes.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				former := start(t, server.Config{SessionKeyFile: keyFile(t, strings.Repeat("k", 32))}, nil)
				ana := call(t, transports["Connect over gRPC"](former), "lobby", none)
				if err := former.Shutdown(t.Context()); err != nil {
					t.Fatal(err)
				}
				var cfg server.Config
				if c.key != "" {
					cfg.SessionKeyFile = keyFile(t, c.key)
				}
				s := start(t, cfg, nil)
				time.Sleep(c.later) // Virtual.
				st, err := transports["Connect over gRPC"](s)(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if err := st.Send(ana.resume(&beckonv1.Join{Room: "lobby", Presence: full})); err != nil {
					t.Fatal(err)
				}
				e, err := st.Recv()
				if status.Code(err) != c.want || err == nil && (e.GetWelcome().GetUserId() != ana.id() || e.GetWelcome().GetResumption() != resynced) {
					t.Errorf("%v %v, want %s", e, err, c.want)
				}
			})
		})
	}
}
