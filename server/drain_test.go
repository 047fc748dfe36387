package server_test

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server"
	"github.com/beckonrtc/beckon/server/auth"
	"github.com/beckonrtc/beckon/server/transcript"
)

// TestDrain: each client is told when to come back, and its stream ends then and not before. They differ, so that the
// clients do not come all at once. That somebody leaves in the meantime is seen; that streams end is not.
func TestDrain(t *testing.T) {
	onEach(t, func(t *testing.T, way func(*service) grpc.ClientConnInterface) {
		const n, watching = 400, 20
		const late = n * time.Second / 20_000 // In a room of n, changes are told that much later at most.
		s := start(t, server.Config{}, nil)
		conn := way(s)
		var clients []*client
		for i := range n {
			mode := none
			if i < watching {
				mode = delta
			}
			clients = append(clients, connect(t, conn, "lobby", mode))
		}
		leaver, closer, loser := clients[n-1], clients[n-2], clients[n-3]
		var working sync.WaitGroup
		working.Go(func() {
			if err := s.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		})
		afters := make([]time.Duration, n)
		seen := make([]map[string]beckonv1.LeaveReason, n)
		for i, c := range clients {
			working.Go(func() {
				var told time.Time
				seen[i] = map[string]beckonv1.LeaveReason{}
				for {
					e, err := c.Recv()
					switch {
					case err != nil && (c == leaver || c == closer):
						return
					case err != nil:
						if code, reason := statusOf(err); code != codes.Unavailable || reason != "SHUTTING_DOWN" {
							t.Errorf("client %d: %s %s, want UNAVAILABLE SHUTTING_DOWN", i, code, reason)
						}
						if took := time.Since(told); took < afters[i] || took > afters[i]+time.Millisecond {
							t.Errorf("client %d was told to come back after %s, and its stream ended after %s", i, afters[i], took)
						}
						return
					case e.GetDraining() != nil:
						told, afters[i] = time.Now(), e.GetDraining().GetReconnectAfter().AsDuration()
						switch c {
						case leaver:
							c.send(leaving(""))
						case closer:
							if err := c.CloseSend(); err != nil {
								t.Error(err)
							}
						case loser:
							c.send(data("", "lobby", []byte("still at work")))
						}
					case e.GetUserLeft() != nil:
						seen[i][e.GetUserLeft().GetUser().GetId()] = e.GetUserLeft().GetReason()
					case e.GetUserJoined() != nil: // From before: in a large room they may be told a little later.
					case i < watching && string(e.GetDataReceived().GetPayload()) == "still at work":
					case i >= watching && e.GetDataReceived() != nil:
					default:
						t.Errorf("client %d was sent %v", i, e)
					}
				}
			})
		}
		working.Wait()
		for i := range watching {
			if afters[i] <= late {
				continue // Its stream may have ended before it was told of them.
			}
			if want := map[string]beckonv1.LeaveReason{leaver.id: left, closer.id: left}; !maps.Equal(seen[i], want) {
				t.Errorf("client %d saw leaving %v, want %v", i, seen[i], want)
			}
		}
		tenths := map[time.Duration]int{}
		for _, after := range afters {
			tenths[after/(n*time.Millisecond/10)]++
		}
		for tenth, count := range tenths {
			if tenth > 10 || count > n/5 {
				t.Errorf("%d of %d streams end in the tenth %d of %d ms, want some tenth of them in each", count, n, tenth, n)
			}
		}
	})
}

// journal remembers which messages a server has handled.
type journal struct {
	mu      sync.Mutex
	handled map[string][]uint64 // Guarded by mu. Request ids, by user id.
}

// Enabled implements slog.Handler.
func (*journal) Enabled(context.Context, slog.Level) bool { return true }

// WithAttrs implements slog.Handler.
func (j *journal) WithAttrs([]slog.Attr) slog.Handler { return j }

// WithGroup implements slog.Handler.
func (j *journal) WithGroup(string) slog.Handler { return j }

// Handle implements slog.Handler.
func (j *journal) Handle(_ context.Context, r slog.Record) error {
	if r.Message != "data" {
		return nil
	}
	var session string
	var id uint64
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "session":
			session = a.Value.String()
		case "request_id":
			id = a.Value.Uint64()
		}
		return true
	})
	j.mu.Lock()
	defer j.mu.Unlock()
	j.handled[session] = append(j.handled[session], id)
	return nil
}

// TestDrainAnswers: what has no answer when a stream ends with SHUTTING_DOWN was not handled, however busy the stream is.
func TestDrainAnswers(t *testing.T) {
	for name, dial := range transports {
		t.Run(name, func(t *testing.T) {
			const clients, warm = 2, 20
			j := &journal{handled: map[string][]uint64{}}
			s := start(t, server.Config{Logger: slog.New(j), MaxMessagesPerSecond: -1, MaxBytesPerSecond: -1, MaxOutboxBytes: -1}, listen(t))
			var going, running sync.WaitGroup
			answered := map[string][]uint64{}
			var mu sync.Mutex // Of answered.
			for i := range clients {
				p := call(t, dial(s), "room "+strconv.Itoa(i), none)
				running.Go(func() { // Sends, until that is no longer possible.
					for id := uint64(1); p.peer.Send(numbered(id, data("", "room "+strconv.Itoa(i), nil))) == nil; id++ {
					}
				})
				going.Add(1)
				running.Go(func() {
					var ids []uint64
					for {
						e, err := p.recv()
						if err != nil {
							if code, reason := statusOf(err); code != codes.Unavailable || reason != "SHUTTING_DOWN" {
								t.Errorf("a stream ended with %s %s (%v), want UNAVAILABLE SHUTTING_DOWN", code, reason, err)
							}
							break
						}
						if e.GetAck() != nil {
							if ids = append(ids, e.GetRequestId()); len(ids) == warm {
								going.Done()
							}
						}
					}
					mu.Lock()
					defer mu.Unlock()
					answered[p.id()] = ids
				})
			}
			going.Wait()
			if err := s.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			running.Wait()
			for id, handled := range j.handled {
				if !slices.Equal(handled, answered[id]) {
					t.Errorf("%s: %d messages were handled, %d answered", id, len(handled), len(answered[id]))
				}
			}
			if len(answered) != clients {
				t.Errorf("%d of %d clients are accounted for", len(answered), clients)
			}
		})
	}
}

// TestShutdown: on shutdown all streams end with UNAVAILABLE, and nobody is told that the others have left.
func TestShutdown(t *testing.T) {
	onEach(t, func(t *testing.T, call func(*service) grpc.ClientConnInterface) {
		s := start(t, server.Config{}, nil)
		conn := call(s)
		var clients []*client
		for range 20 {
			clients = append(clients, connect(t, conn, "lobby", delta))
		}
		watch, err := healthv1.NewHealthClient(conn).Watch(t.Context(), &healthv1.HealthCheckRequest{Service: "beckon.v1.Signal"})
		if err != nil {
			t.Fatal(err)
		}
		if st, err := watch.Recv(); err != nil || st.GetStatus() != healthv1.HealthCheckResponse_SERVING {
			t.Errorf("health: %v %v", st, err)
		}
		began := time.Now()
		shut := make(chan error, 1)
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			shut <- s.Shutdown(ctx)
		}()
		if st, err := watch.Recv(); err != nil || st.GetStatus() != healthv1.HealthCheckResponse_NOT_SERVING {
			t.Errorf("health: %v %v", st, err)
		}
		for i, c := range clients {
			told := false
			for {
				e, err := c.Recv()
				if err != nil {
					if !told {
						t.Errorf("client %d was not told that the server drains", i)
					}
					if code, reason := statusOf(err); code != codes.Unavailable || reason != "SHUTTING_DOWN" {
						t.Errorf("client %d: %s %s, want UNAVAILABLE SHUTTING_DOWN", i, code, reason)
					}
					break
				}
				told = told || e.GetDraining() != nil
				if e.GetUserLeft() != nil {
					t.Errorf("client %d hears %v", i, e)
				}
			}
		}
		if err := <-shut; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if _, err := watch.Recv(); err == nil {
			t.Error("the health service goes on")
		}
		if took := time.Since(began); took > 2*time.Second { // The watcher of health would stay for ever.
			t.Errorf("it took %s, though every client reads", took)
		}
	})
}

// TestShutdownWhileEnding: a stream that is about to end, and waits for its client to read, ends as it was to when the server
// shuts down meanwhile.
func TestShutdownWhileEnding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mint, revoked := newMint(t, "k"), fileOf(t, "")
		s := start(t, server.Config{TokenKeyFile: mint.file, RevocationsFile: revoked}, nil)
		dial := func(name string) transcript.Dial {
			return bearing(transcript.Stubs(s.dial()), mint.token(time.Hour, auth.Grant{Identity: name}))
		}
		ana, bob := call(t, dial("ana"), "lobby", none), call(t, dial("bob"), "lobby", none)
		for range 4 { // More than the transport holds: bob reads nothing.
			ana.send(data(bob.id(), "lobby", make([]byte, 100<<10)))
		}
		synctest.Wait()
		replace(t, revoked, "sub:bob")
		time.Sleep(2 * time.Second) // It is ending, for some seconds.
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		shut := make(chan error, 1)
		go func() { shut <- s.Shutdown(ctx) }()
		time.Sleep(time.Second) // Its time to end has come.
		var err error
		for err == nil { // Now he reads.
			_, err = bob.recv()
		}
		if code, reason := statusOf(err); code != codes.PermissionDenied || reason != "KICKED" {
			t.Errorf("bob's stream ended with %s %s, want PERMISSION_DENIED KICKED", code, reason)
		}
		if err := <-shut; err != nil {
			t.Error(err)
		}
	})
}
