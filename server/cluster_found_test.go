package server_test

import (
	"bytes"
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server"
)

// holdAt returns a way to the NATS at url on which the n-th message that contains words, and what comes after it, waits for
// release. held is closed then. Messages must not come so fast that two are read at once.
func holdAt(t *testing.T, url, words string, n int64) (address string, held <-chan struct{}, release func()) {
	t.Helper()
	reached, released := make(chan struct{}), make(chan struct{})
	release = sync.OnceFunc(func() { close(released) })
	lis := listen(t)
	t.Cleanup(func() { lis.Close() })
	t.Cleanup(release)
	var seen atomic.Int64
	pump := func(to, from net.Conn, toNATS bool) {
		defer to.Close()
		b := make([]byte, 64<<10)
		for {
			read, err := from.Read(b)
			if toNATS && bytes.Contains(b[:read], []byte(words)) && seen.Add(1) == n {
				close(reached)
				<-released
			}
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
	return "nats://" + lis.Addr().String(), reached, release
}

// open opens a stream with its first message.
func open(t *testing.T, node *service, first *beckonv1.ConnectRequest) *client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	st, err := beckonv1.NewSignalClient(node.dial()).Connect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{BidiStreamingClient: st, tb: t}
	c.send(first)
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

	first := open(t, nodes[0], &beckonv1.ConnectRequest{
		Message: &beckonv1.ConnectRequest_Join{Join: &beckonv1.Join{Room: "lobby"}},
	})
	welcome := first.next().GetWelcome()
	if first.next().GetJoinedUsers() == nil {
		t.Fatal("no list after the welcome")
	}
	resume := &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Resume{Resume: &beckonv1.Resume{
		ResumeToken: welcome.GetResumeToken(), Rejoin: []*beckonv1.Join{{Room: "lobby"}},
	}}}
	overtaken := open(t, nodes[2], resume)
	<-held
	second := open(t, nodes[1], resume)
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
