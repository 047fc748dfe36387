package beckon_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"

	beckon "github.com/beckonrtc/beckon/clients/go"
	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server"
)

// These tests lose connections to a server.

// visitor opens a session over a line of its own.
func (h *house) visitor(t *testing.T, network *line, opts ...beckon.Option) *beckon.Session {
	t.Helper()
	network.lead(h.listener.DialContext)
	opts = append(opts, beckon.WithPlaintext(), network.option())
	session, err := beckon.Dial(t.Context(), "passthrough:///beckon", opts...)
	if err != nil {
		t.Fatalf("Dial: %v", err)
	}
	t.Cleanup(session.Abort)
	return session
}

// Who is back soon has missed nothing, and nobody has noticed.
func TestShortLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		house, network := openHouse(t, server.Config{}), &line{}
		ana, ben := house.visitor(t, network), house.guest(t)
		join(t, ben, "lobby", "ben", beckon.PresenceDelta)
		join(t, ana, "lobby", "ana", beckon.PresenceDelta)
		next[*beckon.UserJoined](t, ben)

		network.cut()
		synctest.Wait()
		for i := range 3 {
			if err := ben.Data(t.Context(), &beckon.Data{To: ana.ID(), Room: "lobby", Type: fmt.Sprint(i)}); err != nil {
				t.Errorf("to one whose connection is lost: %v", err)
			}
		}
		outcome := make(chan error)
		go func() {
			outcome <- ana.Data(t.Context(), &beckon.Data{To: ben.ID(), Room: "lobby", Type: "said while away"})
		}()
		time.Sleep(200 * time.Millisecond)
		network.mend()

		if e := next[*beckon.Reconnecting](t, ana); e.Cause.Code != codes.Unavailable || e.Attempt != 1 {
			t.Errorf("the loss is told as %+v", e)
		}
		expect(t, ana, "resumed", "lobby: data 0", "lobby: data 1", "lobby: data 2",
			"lobby: "+ben.ID()+" "+ana.ID())
		if err := <-outcome; err != nil {
			t.Errorf("a call made while the connection was lost: %v", err)
		}
		expect(t, ben, "lobby: data said while away")
		if err := ana.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		expect(t, ben, "lobby: left "+ana.ID()+" LEFT")
	})
}

// Who is away for longer is seen to be, and to be back.
func TestLongLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		house, network := openHouse(t, server.Config{}), &line{}
		ana, ben := house.visitor(t, network), house.guest(t)
		join(t, ben, "lobby", "ben", beckon.PresenceFull)
		join(t, ana, "lobby", "ana", beckon.PresenceFull)
		both := "lobby: " + ben.ID() + " " + ana.ID()
		expect(t, ben, both)
		network.cut()
		time.Sleep(20 * time.Second)
		expect(t, ben, both+"?")
		network.mend()
		expect(t, ben, both)
		next[*beckon.Reconnecting](t, ana)
		expect(t, ana, "resumed", both)
	})
}

// Who is away for too long has left, and is told so.
func TestTooLongLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		house, network := openHouse(t, server.Config{}), &line{}
		ana, ben := house.visitor(t, network), house.guest(t)
		join(t, ben, "lobby", "ben", beckon.PresenceDelta)
		join(t, ana, "lobby", "ana", beckon.PresenceDelta)
		next[*beckon.UserJoined](t, ben)
		network.cut()
		synctest.Wait()
		if err := ben.Data(t.Context(), &beckon.Data{To: ana.ID(), Room: "lobby"}); err != nil {
			t.Errorf("to one whose connection is lost: %v", err)
		}
		expect(t, ben, "lobby: updated "+ana.ID()+"?")
		time.Sleep(time.Minute)
		var told []string
		for range 2 {
			event, err := ben.Recv(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			told = append(told, tell(event))
		}
		slices.Sort(told) // They are of two logs.
		want := []string{": UNDELIVERED " + ana.ID(), "lobby: left " + ana.ID() + "? LOST"}
		if !slices.Equal(told, want) {
			t.Errorf("ben is told %q: want %q", told, want)
		}
		network.mend()
		<-ana.Done()
		if err := ana.Err(); !errors.Is(err, beckon.NoSuchSession) {
			t.Errorf("the session ended with %v, want NoSuchSession", err)
		}
	})
}

// Who does not take what comes for long enough loses the stream, and takes the session up where it stopped. What the
// server could not keep comes back to its sender.
func TestSlowConsumerResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const sent = 500
		house := openHouse(t, server.Config{MaxOutboxBytes: 512 << 10})
		ana, ben := house.guest(t, beckon.WithQueue(1)), house.guest(t)
		join(t, ana, "lobby", "ana", beckon.PresenceNone)
		join(t, ben, "lobby", "ben", beckon.PresenceNone)
		for i := range sent {
			err := ben.Data(t.Context(), &beckon.Data{
				To: ana.ID(), Room: "lobby", Type: fmt.Sprint(i), Payload: make([]byte, 10<<10),
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		var arrived []string
		resyncs := 0
		take := func(session *beckon.Session) (events []beckon.Event) {
			for {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				event, err := session.Recv(ctx)
				cancel()
				if errors.Is(err, context.DeadlineExceeded) {
					return events
				}
				if err != nil {
					t.Fatal(err)
				}
				events = append(events, event)
			}
		}
		for _, event := range take(ana) {
			switch e := event.(type) {
			case *beckon.DataReceived:
				arrived = append(arrived, e.Type)
			case *beckon.Reconnecting:
				if e.Cause.Reason != beckon.SlowConsumer {
					t.Errorf("the stream was lost with %v: want SlowConsumer", e.Cause)
				}
			case *beckon.Resynced:
				resyncs++
			}
		}
		bounced := 0
		for _, event := range take(ben) {
			if failure, ok := event.(*beckon.Failure); ok && failure.Code == beckon.Undelivered {
				bounced++
			}
		}
		if resyncs == 0 || bounced == 0 || len(arrived) == 0 {
			t.Errorf("%d resyncs, %d messages arrived, %d came back: want some of each", resyncs, len(arrived), bounced)
		}
		// One that came back may have arrived, too: the server was not told of it.
		if len(arrived)+bounced < sent || hasRepeated(arrived) {
			t.Errorf("of %d messages %d arrived, %d came back: %v", sent, len(arrived), bounced, arrived)
		}
	})
}

func hasRepeated(texts []string) bool {
	seen := make(map[string]bool)
	for _, text := range texts {
		if seen[text] {
			return true
		}
		seen[text] = true
	}
	return false
}

// A server stops, in order or not, and another one takes its place: nobody is seen to leave, nothing is lost or said
// twice.
func TestRestart(t *testing.T) {
	for _, orderly := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			key := filepath.Join(t.TempDir(), "key")
			if err := os.WriteFile(key, []byte(strings.Repeat("secret ", 10)), 0o600); err != nil {
				t.Fatal(err)
			}
			config := server.Config{SessionKeyFile: key}
			house := openHouse(t, config)
			networks := []*line{{}, {}, {}}
			presences := []beckon.Presence{beckon.PresenceFull, beckon.PresenceDelta, beckon.PresenceNone}
			var sessions []*beckon.Session
			for i, network := range networks {
				session := house.visitor(t, network)
				sessions = append(sessions, session)
				if err := session.Join(t.Context(), &beckon.Join{
					Room: "lobby", Name: new(fmt.Sprint("user ", i)), Presence: presences[i],
				}); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(time.Second)

			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var watching sync.WaitGroup
			pictures := make([]picture, len(sessions))
			for i, session := range sessions {
				pictures[i] = picture{t: t, users: make(map[string]*beckon.User)}
				watching.Go(func() { pictures[i].watch(ctx, session) })
			}
			synctest.Wait()

			if orderly {
				if err := house.Shutdown(t.Context()); err != nil {
					t.Fatal(err)
				}
			} else {
				for _, network := range networks {
					network.cut()
				}
				synctest.Wait() // What is said before the loss is noticed may or may not be recorded.
			}
			another := openHouse(t, config)
			for i, network := range networks {
				network.lead(another.listener.DialContext)
				time.AfterFunc(time.Duration(i)*3*time.Second, network.mend)
			}
			const said = 20
			for i := range said {
				for from := range 2 {
					err := sessions[from].Data(t.Context(), &beckon.Data{
						To: sessions[2].ID(), Room: "lobby", Type: fmt.Sprint(from), Payload: fmt.Append(nil, i),
					})
					for errors.Is(err, beckon.NoSuchUser) || errors.Is(err, beckon.NotInRoom) { // Not back yet.
						time.Sleep(time.Second)
						err = sessions[from].Data(t.Context(), &beckon.Data{
							To: sessions[2].ID(), Room: "lobby", Type: fmt.Sprint(from), Payload: fmt.Append(nil, i),
						})
					}
					if err != nil {
						t.Errorf("message %d of user %d: %v", i, from, err)
					}
				}
			}
			time.Sleep(5 * time.Minute)
			stop()
			watching.Wait()
			for i, want := range []int{3, 3, 1} {
				p := &pictures[i]
				if len(p.users) != want || p.resyncs != 1 {
					t.Errorf("user %d sees %d users, after %d resyncs: want %d, after one", i, len(p.users), p.resyncs, want)
				}
				for _, user := range p.users {
					if user.Status == beckon.UserAway {
						t.Errorf("user %d sees %s away", i, user.Name)
					}
				}
			}
			for from := range 2 {
				heard := pictures[2].heard[fmt.Sprint(from)]
				for i := range said {
					if len(heard) != said || heard[i] != fmt.Sprint(i) {
						t.Fatalf("of user %d there arrived %v", from, heard)
					}
				}
			}
		})
	}
}

// picture is what an application makes of the events of one room. Nobody is to leave it.
type picture struct {
	t       *testing.T
	users   map[string]*beckon.User
	resyncs int
	heard   map[string][]string // Payloads by type.
}

func (p *picture) watch(ctx context.Context, session *beckon.Session) {
	for event, err := range session.Events(ctx) {
		switch e := event.(type) {
		case *beckon.Resynced:
			p.resyncs++
		case *beckon.JoinedUsers:
			before := p.users
			p.users = make(map[string]*beckon.User)
			for _, user := range e.Users {
				p.users[user.Id] = user
			}
			for id := range before {
				if p.users[id] == nil {
					p.t.Errorf("%s is no longer listed", id)
				}
			}
		case *beckon.UserJoined:
			if p.users[e.User.Id] != nil {
				p.t.Errorf("%s joined, but was there", e.User.Id)
			}
			p.users[e.User.Id] = e.User
		case *beckon.UserUpdated:
			if p.users[e.User.Id] == nil {
				p.t.Errorf("%s changed, but was not there", e.User.Id)
			}
			p.users[e.User.Id] = e.User
		case *beckon.UserLeft:
			p.t.Errorf("%s left: %v", e.User.Id, e.Reason)
		case *beckon.DataReceived:
			if p.heard == nil {
				p.heard = make(map[string][]string)
			}
			p.heard[e.Type] = append(p.heard[e.Type], string(e.Payload))
		case *beckon.Failure:
			p.t.Errorf("%v", e)
		}
		if err != nil && ctx.Err() == nil {
			p.t.Errorf("the session ended: %v", err)
		}
	}
}

// However often and wherever connections are cut, each message arrives once, and in the order in which it was sent.
func TestCutsAnywhere(t *testing.T) {
	const senders, each = 3, 150
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			house := openHouse(t, server.Config{})
			chance := rand.New(rand.NewPCG(seed, seed))
			budget := func() int { return 1000 + chance.IntN(10_000) }
			// Both sides lose their connections.
			receiver := house.visitor(t, &line{budget: budget})
			join(t, receiver, "lobby", "receiver", beckon.PresenceDelta)
			var group sync.WaitGroup
			for i := range senders {
				sender := house.visitor(t, &line{budget: budget})
				join(t, sender, "lobby", fmt.Sprint(i), beckon.PresenceDelta)
				group.Go(func() {
					for n := range each {
						data := &beckon.Data{
							To: receiver.ID(), Room: "lobby", Type: fmt.Sprint(i), Payload: fmt.Append(nil, n),
						}
						if err := send(t.Context(), sender, data, n%3 == 0); err != nil {
							t.Errorf("seed %d: message %d of sender %d: %v", seed, n, i, err)
						}
						if n%10 == 0 {
							time.Sleep(time.Duration(n) * 10 * time.Millisecond)
						}
					}
				})
				group.Go(func() {
					for event, err := range sender.Events(t.Context()) {
						if failure, ok := event.(*beckon.Failure); ok {
							t.Errorf("seed %d: sender %d: %v", seed, i, failure)
						}
						if err != nil && !errors.Is(err, beckon.Abandoned) {
							t.Errorf("seed %d: sender %d: %v", seed, i, err)
						}
					}
				})
				group.Go(func() {
					time.Sleep(5 * time.Minute)
					sender.Abort() // A goodbye may be cut, too.
				})
			}
			heard := make(map[string]int)
			losses := 0
			for total := 0; total < senders*each; {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
				event, err := receiver.Recv(ctx)
				cancel()
				if err != nil {
					t.Fatalf("seed %d: after %v: %v", seed, heard, err)
				}
				switch e := event.(type) {
				case *beckon.DataReceived:
					if string(e.Payload) != fmt.Sprint(heard[e.Type]) {
						t.Fatalf("seed %d: of sender %s there arrived %s, after %d others", seed, e.Type, e.Payload, heard[e.Type])
					}
					heard[e.Type]++
					total++
				case *beckon.Resumed:
					losses++
				case *beckon.Resynced:
					t.Errorf("seed %d: resynced", seed)
				}
			}
			if losses == 0 {
				t.Errorf("seed %d: the receiver's connection was never lost", seed)
			}
			group.Wait()
		})
	}
}

// send sends a message, with or without waiting for its outcome.
func send(ctx context.Context, session *beckon.Session, data *beckon.Data, wait bool) error {
	if wait {
		return session.Data(ctx, data)
	}
	return session.Send(ctx, &beckon.ConnectRequest{Message: &beckonv1.ConnectRequest_Data{Data: data}})
}
