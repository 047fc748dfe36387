package server_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server"
)

// through returns a way to the NATS at url on which pass is called, concurrently, with all that passes, before it does.
func through(t *testing.T, url string, pass func(b []byte, toNATS bool)) (address string) {
	t.Helper()
	lis := listen(t)
	t.Cleanup(func() { lis.Close() })
	pump := func(to, from net.Conn, toNATS bool) {
		defer to.Close()
		b := make([]byte, 64<<10)
		for {
			read, err := from.Read(b)
			pass(b[:read], toNATS)
			if _, werr := to.Write(b[:read]); err != nil || werr != nil {
				return
			}
		}
	}
	go func() {
		for {
			in, err := lis.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", strings.TrimPrefix(url, "nats://"))
			if err != nil {
				in.Close()
				continue
			}
			t.Cleanup(func() { in.Close(); out.Close() })
			go pump(out, in, true)
			go pump(in, out, false)
		}
	}()
	return "nats://" + lis.Addr().String()
}

// holdAt returns a way to the NATS at url on which the n-th message that contains words, and what comes after it, waits for
// release. held is closed then. Messages must not come so fast that two are read at once.
func holdAt(t *testing.T, url, words string, n int64) (address string, held <-chan struct{}, release func()) {
	t.Helper()
	reached, released := make(chan struct{}), make(chan struct{})
	release = sync.OnceFunc(func() { close(released) })
	var seen atomic.Int64
	address = through(t, url, func(b []byte, toNATS bool) {
		if toNATS && bytes.Contains(b, []byte(words)) && seen.Add(1) == n {
			close(reached)
			<-released
		}
	})
	t.Cleanup(release)
	return address, reached, release
}

// natsCable returns a way to the NATS at url, and what cuts it: nothing passes until mend is called.
func natsCable(t *testing.T, url string) (address string, cut func() (mend func())) {
	t.Helper()
	var whole sync.RWMutex
	address = through(t, url, func([]byte, bool) {
		whole.RLock()
		defer whole.RUnlock()
	})
	return address, func() func() {
		whole.Lock()
		mend := sync.OnceFunc(whole.Unlock)
		t.Cleanup(mend)
		return mend
	}
}

// open opens a stream with its first message. If the stream has ended before that, Recv tells why.
func open(t *testing.T, conn grpc.ClientConnInterface, first *beckonv1.ConnectRequest) *client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	st, err := beckonv1.NewSignalClient(conn).Connect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{BidiStreamingClient: st, tb: t}
	if err := c.Send(first); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return c
}

// TestOvertakenAcrossNodes: while a node takes a session up, and has yet to take its room, the client resumes it on another
// node. The first must not take the room from there.
func TestOvertakenAcrossNodes(t *testing.T) {
	url := startNATS(t)
	slow, held, release := holdAt(t, url, "Beckon-Kind: move", 2) // The first is of the session itself.
	cfg := server.Config{SessionKeyFile: fileOf(t, strings.Repeat("key ", 10))}
	cluster := server.Cluster{Shards: 1} // So that all that happens is in one order.
	nodes := append(startNodes(t, 2, url, cfg, cluster), startNodes(t, 1, slow, cfg, cluster)...)

	_, welcome, resume := joined(t, nodes[0].dial())
	overtaken := open(t, nodes[2].dial(), resume)
	<-held
	second := open(t, nodes[1].dial(), resume)
	if w := second.next().GetWelcome(); w.GetUserId() != welcome.GetUserId() || w.GetResumption() != beckonv1.Resumption_RESUMPTION_RESUMED {
		t.Fatalf("the session went on with %v, want that %q is resumed", w, welcome.GetUserId())
	}
	release()
	if code, _ := overtaken.end(); code != codes.Unavailable {
		t.Errorf("the overtaken stream ended with %s, want %s", code, codes.Unavailable)
	}
	name := "ana"
	second.send(&beckonv1.ConnectRequest{RequestId: 2, Message: &beckonv1.ConnectRequest_Update{Update: &beckonv1.Update{Room: "lobby", Name: &name}}})
	for {
		e := second.next()
		if f := e.GetFailure(); f != nil {
			t.Fatalf("the update failed: %v", f)
		}
		if e.GetRequestId() == 2 {
			return
		}
	}
}

// joined opens a session that joins the lobby, and returns how it is resumed.
func joined(t *testing.T, conn grpc.ClientConnInterface) (*client, *beckonv1.Welcome, *beckonv1.ConnectRequest) {
	t.Helper()
	c := open(t, conn, &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Join{Join: &beckonv1.Join{Room: "lobby"}}})
	welcome := c.next().GetWelcome()
	if c.next().GetJoinedUsers() == nil {
		t.Fatal("no list after the welcome")
	}
	return c, welcome, &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Resume{Resume: &beckonv1.Resume{
		ResumeToken: welcome.GetResumeToken(), Rejoin: []*beckonv1.Join{{Room: "lobby"}},
	}}}
}

// takenUp tries to resume until it may, and checks that nothing was lost.
func takenUp(t *testing.T, resume *beckonv1.ConnectRequest, user string, conn grpc.ClientConnInterface) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		c := open(t, conn, resume)
		first, err := c.Recv()
		if status.Code(err) == codes.Unavailable {
			continue
		}
		if w := first.GetWelcome(); err != nil || w.GetUserId() != user || w.GetResumption() != beckonv1.Resumption_RESUMPTION_RESUMED {
			t.Fatalf("the session went on with %v, %v; want that %q is resumed", w, err, user)
		}
		return
	}
	t.Fatal("no node has resumed the session in 20 s")
}

// TestSentAway: a node that is cut off sends its clients away in time, and closes their connections, since else they would
// come back on them. They are resumed where they can be.
func TestSentAway(t *testing.T) {
	url := startNATS(t)
	cfg := server.Config{SessionKeyFile: fileOf(t, strings.Repeat("key ", 10)), ResumeWindow: 4 * time.Second}
	cluster := server.Cluster{Shards: 1, Lease: time.Second}
	loose, cut := natsCable(t, url)
	nodes := append(startNodes(t, 1, loose, cfg, cluster), startNodes(t, 1, url, cfg, cluster)...)
	dialled := 0 // By one goroutine at a time.
	conn, err := grpc.NewClient("passthrough:///nodes", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			dialled++
			return nodes[min(dialled-1, 1)].pipe(ctx)
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c, welcome, resume := joined(t, conn)
	cut()
	if code, reason := c.end(); code != codes.Unavailable || reason != "NO_LOG" {
		t.Errorf("the stream of a node that is cut off ended with %s (%s), want %s (NO_LOG)", code, reason, codes.Unavailable)
	}
	takenUp(t, resume, welcome.GetUserId(), conn)
}

// TestOutage: that nobody can reach NATS ends no session, however long it lasts.
func TestOutage(t *testing.T) {
	url, cut := natsCable(t, startNATS(t))
	cfg := server.Config{SessionKeyFile: fileOf(t, strings.Repeat("key ", 10)), ResumeWindow: time.Second}
	nodes := startNodes(t, 2, url, cfg, server.Cluster{Shards: 1, Lease: time.Second})
	c, welcome, resume := joined(t, nodes[0].dial())
	mend := cut()
	if code, reason := c.end(); code != codes.Unavailable {
		t.Errorf("the stream ended with %s (%v), want %s", code, reason, codes.Unavailable)
	}
	<-time.After(3 * cfg.ResumeWindow)
	mend()
	takenUp(t, resume, welcome.GetUserId(), nodes[0].dial())
}

// TestOutageOfLost: a session whose client was lost before nobody could reach NATS has its window afterwards.
func TestOutageOfLost(t *testing.T) {
	url, cut := natsCable(t, startNATS(t))
	cfg := server.Config{SessionKeyFile: fileOf(t, strings.Repeat("key ", 10)), ResumeWindow: 3 * time.Second}
	node := startNodes(t, 1, url, cfg, server.Cluster{Shards: 1, Lease: time.Second})[0]
	conn := node.dial()
	_, welcome, resume := joined(t, conn)
	conn.Close()
	<-time.After(800 * time.Millisecond) // So that the window ends when the node has just seen that it is out of touch.
	mend := cut()
	<-time.After(cfg.ResumeWindow + time.Second)
	mend()
	takenUp(t, resume, welcome.GetUserId(), node.dial())
}

// TestAwayOfDeadNode: the users of a node that has gone are shown to be away, to who is there and to who comes, until they
// are back.
func TestAwayOfDeadNode(t *testing.T) {
	url := startNATS(t)
	cfg := server.Config{SessionKeyFile: fileOf(t, strings.Repeat("key ", 10)), ResumeWindow: time.Minute}
	cluster := server.Cluster{Shards: 1, Lease: time.Second}
	loose, cut := natsCable(t, url)
	nodes := append(startNodes(t, 1, loose, cfg, cluster), startNodes(t, 1, url, cfg, cluster)...)
	_, ana, resume := joined(t, nodes[0].dial())
	here := nodes[1].dial()
	shown := func(users []*beckonv1.User) beckonv1.UserStatus {
		for _, u := range users {
			if u.GetId() == ana.GetUserId() {
				return u.GetStatus()
			}
		}
		t.Fatalf("ana is not among %v", users)
		return 0
	}
	watcher := map[string]*client{"full": connect(t, here, "lobby", full), "delta": connect(t, here, "lobby", delta)}
	await := func(who string, want beckonv1.UserStatus) {
		t.Helper()
		for {
			e := watcher[who].next()
			switch list, u := e.GetJoinedUsers(), e.GetUserUpdated().GetUser(); {
			case list != nil && shown(list.GetUsers()) == want, u.GetId() == ana.GetUserId() && u.GetStatus() == want:
				return
			}
		}
	}
	cut()
	await("full", beckonv1.UserStatus_USER_STATUS_AWAY)
	await("delta", beckonv1.UserStatus_USER_STATUS_AWAY)
	late := open(t, here, &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Join{Join: &beckonv1.Join{Room: "lobby"}}})
	for list := (*beckonv1.JoinedUsers)(nil); list == nil; {
		if list = late.next().GetJoinedUsers(); list != nil && shown(list.GetUsers()) != beckonv1.UserStatus_USER_STATUS_AWAY {
			t.Error("who comes later sees ana as if she were there")
		}
	}
	takenUp(t, resume, ana.GetUserId(), here)
	await("full", beckonv1.UserStatus_USER_STATUS_UNSPECIFIED)
	await("delta", beckonv1.UserStatus_USER_STATUS_UNSPECIFIED)
}
