package main

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// expectTrouble checks that an operator is told of what is wrong with NATS: by the log, by /readyz and by the status.
func expectTrouble(t *testing.T, node *program, admin, want string) {
	t.Helper()
	node.errs.expect(want)
	if status, body := ask(t, "GET", admin, "/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, want) {
		t.Errorf("/readyz: %d %s, want that %s", status, body, want)
	}
	told := start(t, "cluster", "status", "--admin", admin)
	told.errs.expect(want)
	told.expectExit(exitFailed)
}

// TestServeStorageFull: clients are told that nothing can be recorded, and the operator why.
func TestServeStorageFull(t *testing.T) {
	addr := freeAddress(t)
	startNATS(t, addr, &natsserver.Options{JetStream: true, JetStreamMaxStore: 500_000})
	node := start(t, "serve", "--grpc=127.0.0.1:0", "--web=off", "--admin=127.0.0.1:0", "--log-format=json",
		"--session-key-file="+writeFile(t, testSecret), "--nats=nats://"+addr, "--heartbeat-interval=1s")
	ports := awaitReady(node.errs)
	ana := connect(t, ports["grpc"])
	ana.join("lobby")
	for i := range 100 {
		ana.send(&beckonv1.ConnectRequest{RequestId: uint64(i + 1), Message: &beckonv1.ConnectRequest_Data{Data: &beckonv1.Data{
			Room: "lobby", Payload: make([]byte, 20_000),
		}}})
		e := ana.next()
		for e.GetPong() != nil {
			e = ana.next()
		}
		f := e.GetFailure()
		if f == nil {
			continue
		}
		if f.GetCode() != beckonv1.FailureCode_FAILURE_CODE_UNAVAILABLE || !strings.HasSuffix(f.GetDetail(), "the storage of the room log is full") {
			t.Errorf("in the end there is %v", f)
		}
		expectTrouble(t, node, ports["admin"], "the storage of NATS is full")
		return
	}
	t.Error("the storage is not full")
}

// TestServeStreamMissing: that an operator has deleted a stream is told, with what to do.
func TestServeStreamMissing(t *testing.T) {
	addr := freeAddress(t)
	startNATS(t, addr, &natsserver.Options{JetStream: true})
	node := start(t, "serve", "--grpc=127.0.0.1:0", "--web=off", "--admin=127.0.0.1:0", "--log-format=json",
		"--session-key-file="+writeFile(t, testSecret), "--nats=nats://"+addr)
	admin := awaitReady(node.errs)["admin"]
	nc, err := nats.Connect("nats://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := js.DeleteStream(ctx, "beckon-rooms-7"); err != nil {
		t.Fatal(err)
	}
	expectTrouble(t, node, admin, "restart the nodes, one after the other")
}

// TestServeDiffers: a node that could not take up the others' sessions, or would keep its own for another time, is refused, and
// told what they have; unless that is being changed.
func TestServeDiffers(t *testing.T) {
	addr, key := freeAddress(t), writeFile(t, testSecret)
	startNATS(t, addr, &natsserver.Options{JetStream: true})
	args := func(key string, more ...string) []string {
		return append([]string{"serve", "--grpc=127.0.0.1:0", "--web=off", "--admin=127.0.0.1:0", "--log-format=json", "--nats=nats://" + addr, "--session-key-file=" + key}, more...)
	}
	first := start(t, args(key, "--node=first")...)
	awaitReady(first.errs)
	for want, args := range map[string][]string{
		"has a session key with the fingerprint ":                                            args(writeFile(t, strings.Repeat("other ", 10))),
		"has a resume window of 30s, and this one 5s: expected the same":                     args(key, "--resume-window=5s"),
		"has a heartbeat interval of 10s, and this one 1s: expected the same on all nodes (": args(key, "--heartbeat-interval=1s"),
	} {
		refused := start(t, args...)
		line := refused.errs.expect("beckon: node first.")
		if !strings.Contains(line, want) || !strings.Contains(line, "--rolling-change") {
			t.Errorf("it says %q, want %q", line, want)
		}
		refused.expectExit(exitFailed)
	}
	awaitReady(start(t, args(key, "--resume-window=5s", "--rolling-change")...).errs)
}
