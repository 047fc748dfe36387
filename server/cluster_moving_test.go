package server_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server"
)

// spoil returns a way to the NATS at url on which, while spoils is set, what begins with those words and contains the others comes
// to nobody.
func spoil(t *testing.T, url, begin string, words ...string) (address string, spoils *atomic.Bool) {
	t.Helper()
	spoils = new(atomic.Bool)
	return through(t, url, func(b []byte, toNATS bool) {
		for rest := b; toNATS && spoils.Load() && len(rest) > 0; {
			first := bytes.Index(rest, []byte(begin))
			if first < 0 {
				return
			}
			message := rest[first:]
			if next := bytes.Index(message[1:], []byte(begin)); next >= 0 {
				message = message[:next+1]
			}
			if !slices.ContainsFunc(words, func(word string) bool { return !bytes.Contains(message, []byte(word)) }) {
				message[bytes.IndexByte(message, ' ')+1] = 'X' // Begins the subject.
			}
			rest = rest[first+len(message):]
		}
	}), spoils
}

// TestHalfMoved: a session whose node has taken it and could not take its room has its window there. The node that it was on, or
// who clears after that one, ends it in the room only once it has ended.
func TestHalfMoved(t *testing.T) {
	for name, gone := range map[string]bool{"the former node goes on": false, "the former node is gone": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := startNATS(t)
			loose, cut := natsCable(t, url)
			spoiled, spoils := spoil(t, url, "HPUB beckon.", "Beckon-Kind: move", "wanderer") // No room is taken up.
			cfg := server.Config{SessionKeyFile: fileOf(t, strings.Repeat("key ", 10)), ResumeWindow: 6 * time.Second, HeartbeatInterval: time.Second}
			cluster := server.Cluster{Shards: 1, Lease: time.Second}
			former := startNodes(t, 1, loose, cfg, cluster)[0]
			taker := startNodes(t, 1, spoiled, cfg, cluster)[0]

			bob := connect(t, taker.dial(), "lobby", delta)
			heard := make(chan *beckonv1.ConnectResponse, 100)
			go func() {
				for {
					e, err := bob.Recv()
					if err != nil {
						close(heard)
						return
					}
					heard <- e
				}
			}()
			come := func(name string) (id string, resume *beckonv1.ConnectRequest) {
				join := &beckonv1.Join{Room: "lobby", Name: &name}
				c := open(t, former.dial(), &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Join{Join: join}})
				welcome := c.next().GetWelcome()
				return welcome.GetUserId(), &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Resume{Resume: &beckonv1.Resume{
					ResumeToken: welcome.GetResumeToken(), Rejoin: []*beckonv1.Join{join},
				}}}
			}
			ana, resume := come("wanderer ana")
			eve, lost := come("wanderer eve")

			spoils.Store(true)
			conn := taker.dial()
			for _, r := range []*beckonv1.ConnectRequest{resume, lost} {
				if code, reason := open(t, conn, r).end(); code != codes.Unavailable || reason != "NO_LOG" {
					t.Fatalf("a session of which no room can be taken up got %s (%s), want %s (NO_LOG)", code, reason, codes.Unavailable)
				}
			}
			if gone {
				cut()
			}
			<-time.After(cfg.ResumeWindow * 2 / 3)
			open(t, conn, resume).end()            // Ana has her window anew; eve does not come back.
			<-time.After(cfg.ResumeWindow * 3 / 4) // The former node would have ended them by now.
			spoils.Store(false)
			takenUp(t, resume, ana, conn)

			late := time.After(30 * time.Second)
			for left := ""; left == ""; {
				select {
				case e, ok := <-heard:
					if left = e.GetUserLeft().GetUser().GetId(); !ok || left != "" && left != eve {
						t.Errorf("%q left (the stream goes on: %v), want %q, who did not come back, and not %q", left, ok, eve, ana)
						return
					}
				case <-late:
					t.Fatal("who did not come back is still there after 30 s")
				}
			}
		})
	}
}

// TestTriedElsewhere: a message that a node may be trying to record does not fail on the node that the client has gone to while that
// one cannot record it: it might come after what the client sends next.
func TestTriedElsewhere(t *testing.T) {
	url := startNATS(t)
	loose, cut := natsCable(t, url)
	spoiled, spoils := spoil(t, url, "HPUB beckon.", "first")
	cfg := server.Config{SessionKeyFile: fileOf(t, strings.Repeat("key ", 10)), HeartbeatInterval: time.Second}
	cluster := server.Cluster{Shards: 1}
	nodes := append(startNodes(t, 1, loose, cfg, cluster), startNodes(t, 1, spoiled, cfg, cluster)...)
	bob := connect(t, nodes[1].dial(), "lobby", none)
	ana, _, resume := joined(t, nodes[0].dial())
	say := func(c *client, id uint64, word string) {
		c.send(&beckonv1.ConnectRequest{RequestId: id, Message: &beckonv1.ConnectRequest_Data{Data: &beckonv1.Data{
			To: bob.id, Room: "lobby", Payload: []byte(word),
		}}})
	}
	mend := cut()
	say(ana, 1, "first")
	<-time.After(100 * time.Millisecond) // Until it is on its way.

	spoils.Store(true)
	conn := nodes[1].dial()
	c := open(t, conn, resume)
	say(c, 1, "first")
	say(c, 2, "second")
	<-time.After(3 * cfg.HeartbeatInterval) // For longer than one that nobody else has tried would wait.
	spoils.Store(false)
	mend()
	for acks := 0; acks < 2; {
		switch e := c.next(); {
		case e.GetAck() != nil:
			acks++
		case e.GetFailure() != nil:
			t.Fatalf("a message failed: %v", e.GetFailure())
		}
	}
	for _, want := range []string{"first", "second"} {
		if got := string(bob.news().GetDataReceived().GetPayload()); got != want {
			t.Errorf("bob got %q, want %q", got, want)
		}
	}
}

// TestMissedLater: a session of which a node has taken up a room, but could not read what had been sent to it before, is sent that
// when it comes once more.
func TestMissedLater(t *testing.T) {
	t.Parallel()
	url := startNATS(t)
	lobby := base64.RawURLEncoding.EncodeToString([]byte("lobby"))
	spoiled, spoils := spoil(t, url, "PUB $JS.API.STREAM.MSG.GET.", "beckon.0.r."+lobby) // What the client has received.
	cfg := server.Config{SessionKeyFile: fileOf(t, strings.Repeat("key ", 10))}
	cluster := server.Cluster{Shards: 1}
	nodes := append(startNodes(t, 1, url, cfg, cluster), startNodes(t, 1, spoiled, cfg, cluster)...)
	bob := connect(t, nodes[0].dial(), "lobby", delta)
	lost := nodes[0].dial()
	_, welcome, resume := joined(t, lost)
	lost.Close()
	for bob.news().GetUserUpdated().GetUser().GetStatus() != beckonv1.UserStatus_USER_STATUS_AWAY {
	}
	bob.send(&beckonv1.ConnectRequest{RequestId: 1, Message: &beckonv1.ConnectRequest_Data{Data: &beckonv1.Data{
		To: welcome.GetUserId(), Room: "lobby", Payload: []byte("hello"),
	}}})
	if e := bob.news(); e.GetAck() == nil {
		t.Fatalf("the message got %v", e)
	}

	conn := nodes[1].dial()
	spoils.Store(true)
	if code, reason := open(t, conn, resume).end(); code != codes.Unavailable || reason != "NO_LOG" {
		t.Errorf("the stream ended with %s (%s), want %s (NO_LOG)", code, reason, codes.Unavailable)
	}
	spoils.Store(false)
	ana := open(t, conn, resume)
	if r := ana.next().GetWelcome().GetResumption(); r != beckonv1.Resumption_RESUMPTION_RESUMED {
		t.Errorf("the session went on with %s", r)
	}
	if e := ana.next(); string(e.GetDataReceived().GetPayload()) != "hello" {
		t.Errorf("the first event is %v, want what was missed", e)
	}
}

// TestRoomsOfLostMove: a node that has taken a session, but could not find out that it has, knows its rooms when another asks.
func TestRoomsOfLostMove(t *testing.T) {
	t.Parallel()
	url := startNATS(t)
	spoiled, spoils := spoil(t, url, "PUB $JS.API.STREAM.MSG.GET.", "beckon.0.r.")
	cfg := server.Config{SessionKeyFile: fileOf(t, strings.Repeat("key ", 10))}
	cluster := server.Cluster{Shards: 1}
	nodes := append(startNodes(t, 1, url, cfg, cluster), startNodes(t, 1, spoiled, cfg, cluster)...)
	lost := nodes[0].dial()
	_, welcome, _ := joined(t, lost)
	lost.Close()
	resume := &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Resume{Resume: &beckonv1.Resume{ResumeToken: welcome.GetResumeToken()}}}
	spoils.Store(true)
	if code, reason := open(t, nodes[1].dial(), resume).end(); code != codes.Unavailable || reason != "NO_LOG" {
		t.Errorf("the stream ended with %s (%s), want %s (NO_LOG)", code, reason, codes.Unavailable)
	}
	ana := open(t, nodes[0].dial(), resume)
	if r := ana.next().GetWelcome().GetResumption(); r != beckonv1.Resumption_RESUMPTION_RESUMED {
		t.Errorf("the session went on with %s", r)
	}
	if e := ana.next(); e.GetRoom() != "lobby" || e.GetJoinedUsers() == nil {
		t.Errorf("the first event is %v, want the lobby", e)
	}
}

// TestOutageOfStreams: that the streams of rooms cannot be reached ends no session, even if the nodes' leases can be renewed.
func TestOutageOfStreams(t *testing.T) {
	t.Parallel()
	url := startNATS(t)
	spoiled, spoils := spoil(t, url, "HPUB beckon.0.")
	cfg := server.Config{
		SessionKeyFile: fileOf(t, strings.Repeat("key ", 10)), ResumeWindow: 4 * time.Second, HeartbeatInterval: time.Second,
	}
	cluster := server.Cluster{Shards: 1}
	nodes := append(startNodes(t, 1, spoiled, cfg, cluster), startNodes(t, 1, url, cfg, cluster)...)
	lost := nodes[0].dial()
	_, welcome, resume := joined(t, lost)
	spoils.Store(true)
	lost.Close()
	<-time.After(cfg.ResumeWindow * 3 / 2)
	spoils.Store(false)
	<-time.After(cfg.ResumeWindow / 2)
	takenUp(t, resume, welcome.GetUserId(), nodes[1].dial())
}

// TestShutdownWithoutAnswer: a server ends in order though NATS does not answer what clients have sent.
func TestShutdownWithoutAnswer(t *testing.T) {
	t.Parallel()
	url, cut := natsCable(t, startNATS(t))
	node := startNodes(t, 1, url, server.Config{}, server.Cluster{Shards: 1})[0]
	conn := node.dial()
	bob := connect(t, conn, "lobby", none)
	ana := connect(t, conn, "lobby", none)
	mend := cut()
	defer mend()
	ana.send(&beckonv1.ConnectRequest{RequestId: 1, Message: &beckonv1.ConnectRequest_Data{Data: &beckonv1.Data{To: bob.id, Room: "lobby"}}})
	<-time.After(100 * time.Millisecond) // Until it is on its way.
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := node.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if code, _ := ana.end(); code != codes.Unavailable {
		t.Errorf("the stream ended with %s, want %s", code, codes.Unavailable)
	}
}

// TestJoinRepeatedElsewhere: a client that has joined a room, and comes to another node before it was told, is in the room there.
func TestJoinRepeatedElsewhere(t *testing.T) {
	url := startNATS(t)
	var holds, held atomic.Bool
	released := make(chan struct{})
	release := sync.OnceFunc(func() { close(released) })
	t.Cleanup(release)
	deaf := through(t, url, func(b []byte, toNATS bool) { // The node is not told what has become of the join.
		if toNATS && holds.Load() && bytes.Contains(b, []byte("Beckon-Kind: join")) {
			held.Store(true)
		} else if !toNATS && held.Load() {
			<-released
		}
	})
	cfg := server.Config{SessionKeyFile: fileOf(t, strings.Repeat("key ", 10))}
	cluster := server.Cluster{Shards: 1}
	nodes := append(startNodes(t, 1, deaf, cfg, cluster), startNodes(t, 1, url, cfg, cluster)...)
	bob := connect(t, nodes[1].dial(), "hall", delta)
	ana, welcome, resume := joined(t, nodes[0].dial())
	join := &beckonv1.ConnectRequest{RequestId: 1, Message: &beckonv1.ConnectRequest_Join{Join: &beckonv1.Join{Room: "hall"}}}
	holds.Store(true)
	ana.send(join)
	if id := bob.news().GetUserJoined().GetUser().GetId(); id != welcome.GetUserId() {
		t.Fatalf("%q joined, want %q", id, welcome.GetUserId())
	}

	ana = open(t, nodes[1].dial(), resume)
	ana.send(join)
	for listed := false; !listed; {
		e := ana.next()
		if f := e.GetFailure(); f != nil {
			t.Fatalf("the join failed: %v", f)
		}
		listed = e.GetRoom() == "hall" && e.GetJoinedUsers() != nil
	}
	bob.send(&beckonv1.ConnectRequest{RequestId: 1, Message: &beckonv1.ConnectRequest_Data{Data: &beckonv1.Data{
		To: welcome.GetUserId(), Room: "hall", Payload: []byte("hello"),
	}}})
	for string(ana.next().GetDataReceived().GetPayload()) != "hello" {
	}
	release()
	ana.send(&beckonv1.ConnectRequest{RequestId: 2, Message: &beckonv1.ConnectRequest_Leave{Leave: &beckonv1.Leave{Room: "hall"}}})
	for {
		if e := bob.news(); e.GetUserLeft().GetUser().GetId() == welcome.GetUserId() {
			break
		}
	}
}
