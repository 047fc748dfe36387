package natslog_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/roomlog/logtest"
	"github.com/beckonrtc/beckon/server/roomlog/natslog"
)

// newNATSCluster returns three NATS servers, yet to be started, inside this process.
func newNATSCluster(t testing.TB) (servers []*server.Server) {
	t.Helper()
	var routes []*url.URL
	var ports []int
	for len(ports) < 3 {
		port := 10_000 + rand.IntN(20_000) // Which the kernel gives to no connection meanwhile.
		lis, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", port))
		if err != nil {
			continue
		}
		ports = append(ports, port)
		routes = append(routes, &url.URL{Scheme: "nats", Host: fmt.Sprint("127.0.0.1:", port)})
		if err := lis.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		s, err := server.NewServer(&server.Options{
			ServerName: fmt.Sprint("nats", i), Host: "127.0.0.1", Port: server.RANDOM_PORT,
			JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
			Cluster: server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: ports[i]}, Routes: routes,
		})
		if err != nil {
			t.Fatal(err)
		}
		servers = append(servers, s)
	}
	return servers
}

// startNATSCluster starts three NATS servers inside this process, and returns their addresses.
func startNATSCluster(t testing.TB) string {
	t.Helper()
	var addresses []string
	servers := newNATSCluster(t)
	for _, s := range servers {
		s.Start()
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	}
	for _, s := range servers {
		if !s.ReadyForConnections(10 * time.Second) {
			t.Fatal("NATS is not ready in 10 s")
		}
		addresses = append(addresses, s.ClientURL())
	}
	ready := func(s *server.Server) bool { return s.JetStreamIsLeader() && len(s.JetStreamClusterPeers()) == 3 }
	for deadline := time.Now().Add(20 * time.Second); !slices.ContainsFunc(servers, ready); {
		if time.Now().After(deadline) {
			t.Fatal("NATS has no leader after 20 s")
		}
		time.Sleep(20 * time.Millisecond)
	}
	return strings.Join(addresses, ",")
}

// TestReplicated runs the suite on three servers, each of which has everything.
func TestReplicated(t *testing.T) {
	url := startNATSCluster(t)
	var mu sync.Mutex
	opened := 0
	logtest.Run(t, logtest.Harness{
		Open: func(t *testing.T, keep logtest.Retention) roomlog.Log {
			mu.Lock()
			defer mu.Unlock()
			opened++
			return newCluster(t, url, natslog.Options{
				Prefix: fmt.Sprint("log", opened), Shards: 1, Replicas: 3, Retention: min(keep.Time, time.Hour), MemberBytes: keep.Bytes,
			})
		},
		Bubble: func(t *testing.T, f func(*testing.T)) { t.Parallel(); f(t) },
		Wait:   time.Sleep,
	})
}

// seen is what a node was told.
type seen struct {
	mu     sync.Mutex
	events []roomlog.Event // Guarded by mu.
	more   chan struct{}
}

func (s *seen) handle(e roomlog.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
	close(s.more)
	s.more = make(chan struct{})
}

// wait returns the first event for which is holds.
func (s *seen) wait(t *testing.T, what string, is func(roomlog.Event) bool) roomlog.Event {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		s.mu.Lock()
		i, more := slices.IndexFunc(s.events, is), s.more
		var found roomlog.Event
		if i >= 0 {
			found = s.events[i]
		}
		s.mu.Unlock()
		if i >= 0 {
			return found
		}
		select {
		case <-more:
		case <-deadline:
			t.Fatalf("%s: not in 30 s", what)
		}
	}
}

// has reports whether there was an event for which is holds.
func (s *seen) has(is func(roomlog.Event) bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.events, is)
}

// follow starts a node with a connection of its own.
func follow(t *testing.T, nc *nats.Conn, name string, opts natslog.Options) (*natslog.Log, *seen, func()) {
	t.Helper()
	log, err := natslog.Open(t.Context(), nc, opts)
	if err != nil {
		t.Fatal(err)
	}
	told := &seen{more: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { _ = log.Follow(ctx, name, told.handle) })
	stop := sync.OnceFunc(func() { cancel(); done.Wait(); _ = log.Close() })
	t.Cleanup(stop)
	told.wait(t, name+" comes", func(e roomlog.Event) bool { return e.Node == name && e.Up })
	return log, told, stop
}

func appendTo(t *testing.T, log *natslog.Log, rec roomlog.Record) roomlog.Seq {
	t.Helper()
	seq, err := log.Append(t.Context(), rec)
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

func join(t *testing.T, log *natslog.Log, node, room, user string) roomlog.Seq {
	t.Helper()
	return appendTo(t, log, roomlog.Record{Kind: roomlog.Join, Room: room, From: user, Node: node, Data: []byte("join " + user)})
}

// TestDeadNode: a node that loses touch is taken for dead. What it has is cleared once, by one of the others, and it hands
// out nothing until it is back, under another name.
func TestDeadNode(t *testing.T) {
	url := startNATS(t)
	opts := natslog.Options{Shards: 2, Retention: time.Minute, Lease: time.Second}
	proxied, cut := cable(t, url)
	lostLog, lost, _ := follow(t, connect(t, proxied), "lost", opts)
	log, kept, _ := follow(t, connect(t, url), "kept", opts)
	third, _, _ := follow(t, connect(t, url), "third", opts)

	join(t, log, "kept", "lobby", "ana")
	bob := join(t, lostLog, "lost", "lobby", "bob")
	if _, err := log.Append(t.Context(), roomlog.Record{Kind: roomlog.Message, Room: "lobby", From: "ana", To: "bob", CSeq: 1, Data: []byte("received")}); err != nil {
		t.Fatal(err)
	}
	received := lost.wait(t, "bob's message", func(e roomlog.Event) bool { return e.Record != nil && e.Record.Kind == roomlog.Message }).Record
	if err := lostLog.Forget(t.Context(), "lobby", "bob", received.Seq); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond) // For the receipt, which nobody waits for.

	mend := cut()
	if _, err := log.Append(t.Context(), roomlog.Record{Kind: roomlog.Message, Room: "lobby", From: "ana", To: "bob", CSeq: 2, Data: []byte("late")}); err != nil {
		t.Fatal(err)
	}
	gone := kept.wait(t, "the node is taken for dead", func(e roomlog.Event) bool { return strings.HasPrefix(e.Node, "lost.") && !e.Up }).Node

	var mu sync.Mutex
	var ended, back []string
	leave := func(owner *roomlog.Record) (*roomlog.Record, error) {
		mu.Lock()
		defer mu.Unlock()
		ended = append(ended, owner.From)
		return &roomlog.Record{Kind: roomlog.Leave, Room: owner.Room, From: owner.From, Expect: roomlog.Expect{User: owner.From, Seq: owner.Seq}}, nil
	}
	givenUp := func(messages []roomlog.Record) {
		mu.Lock()
		defer mu.Unlock()
		for _, m := range messages {
			back = append(back, string(m.Data))
		}
	}
	var cleared sync.WaitGroup
	for _, l := range []*natslog.Log{log, third} {
		cleared.Go(func() {
			if err := l.Clear(t.Context(), gone, 100*time.Millisecond, leave, givenUp); err != nil {
				t.Error(err)
			}
		})
	}
	cleared.Wait()
	if !slices.Equal(ended, []string{"bob"}) || !slices.Equal(back, []string{"late"}) {
		t.Errorf("users %q were ended and messages %q came back, want bob, once, and what he had not received", ended, back)
	}
	left := kept.wait(t, "bob leaves", func(e roomlog.Event) bool { return e.Record != nil && e.Record.Kind == roomlog.Leave })
	if left.Record.From != "bob" || left.Record.Seq <= bob {
		t.Errorf("the leave is %+v", left.Record)
	}

	mend()
	lost.wait(t, "the node hears that it was dead", func(e roomlog.Event) bool { return e.Node == "lost" && !e.Up })
	if lost.has(func(e roomlog.Event) bool { return e.Record != nil && string(e.Record.Data) == "late" }) {
		t.Error("the dead node has handed out a message")
	}
	lost.mu.Lock()
	lost.events = nil
	lost.mu.Unlock()
	lost.wait(t, "the node comes back", func(e roomlog.Event) bool { return e.Node == "lost" && e.Up })
	join(t, lostLog, "lost", "lobby", "bob again")
	lost.wait(t, "it is told", func(e roomlog.Event) bool { return e.Record != nil && e.Record.From == "bob again" })
}

// cable returns an address at which a NATS is reached, too, and what cuts it: nothing passes until the cable is mended.
func cable(t *testing.T, url string) (address string, cut func() (mend func())) {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lis.Close() })
	var mu sync.Mutex
	whole := make(chan struct{}) // Guarded by mu. Closed while it is.
	close(whole)
	passes := func() chan struct{} { mu.Lock(); defer mu.Unlock(); return whole }
	pump := func(to, from net.Conn) {
		defer to.Close()
		b := make([]byte, 32<<10)
		for {
			n, err := from.Read(b)
			<-passes()
			if _, werr := to.Write(b[:n]); err != nil || werr != nil {
				return
			}
		}
	}
	go func() {
		for {
			c, err := lis.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", strings.TrimPrefix(url, "nats://"))
			if err != nil {
				c.Close()
				continue
			}
			t.Cleanup(func() { c.Close(); out.Close() })
			go pump(out, c)
			go pump(c, out)
		}
	}()
	cut = func() func() {
		mu.Lock()
		whole = make(chan struct{})
		mu.Unlock()
		return sync.OnceFunc(func() { mu.Lock(); defer mu.Unlock(); close(whole) })
	}
	return "nats://" + lis.Addr().String(), cut
}

// TestClearAfterOutage: the users of a node that has gone have all their time to come back once NATS can be reached again, for
// before they could not.
func TestClearAfterOutage(t *testing.T) {
	url := startNATS(t)
	opts := natslog.Options{Shards: 1, Lease: time.Second}
	proxied, cut := cable(t, url)
	lost, _, stop := follow(t, connect(t, url), "lost", opts)
	log, kept, _ := follow(t, connect(t, proxied), "kept", opts)
	join(t, lost, "lost", "lobby", "bob")
	join(t, log, "kept", "lobby", "ana")
	stop()
	gone := kept.wait(t, "the node goes", func(e roomlog.Event) bool { return strings.HasPrefix(e.Node, "lost.") && !e.Up }).Node

	const grace = 2 * time.Second
	ended := make(chan time.Time, 1)
	var clearing sync.WaitGroup
	clearing.Go(func() {
		err := log.Clear(context.Background(), gone, grace, func(owner *roomlog.Record) (*roomlog.Record, error) {
			ended <- time.Now()
			return &roomlog.Record{Kind: roomlog.Leave, Room: owner.Room, From: owner.From, Expect: roomlog.Expect{User: owner.From, Seq: owner.Seq}}, nil
		}, func([]roomlog.Record) {})
		if err != nil {
			t.Error(err)
		}
	})
	mend := cut()
	time.Sleep(grace + opts.Lease)
	mended := time.Now()
	mend()
	if at := <-ended; at.Sub(mended) < grace-500*time.Millisecond {
		t.Errorf("bob was ended %v after NATS could be reached again, want %v", at.Sub(mended), grace)
	}
	clearing.Wait()
	kept.wait(t, "bob leaves", func(e roomlog.Event) bool { return e.Record != nil && e.Record.Kind == roomlog.Leave })
}

// TestAgain: a message that is repeated after NATS has forgotten its number is recorded once if it is looked for.
func TestAgain(t *testing.T) {
	nc := connect(t, startNATS(t))
	log, _, _ := follow(t, nc, "a", natslog.Options{Shards: 1, Retention: time.Minute})
	join(t, log, "a", "lobby", "ana")
	join(t, log, "a", "lobby", "bob")
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), "beckon-rooms-0")
	if err != nil {
		t.Fatal(err)
	}
	config := stream.CachedInfo().Config
	config.Duplicates = 100 * time.Millisecond // The least that there is.
	forget := func() {                         // A change has NATS look what it may forget; it may have missed the one before.
		config.Duplicates += time.Millisecond
		if _, err := js.UpdateStream(t.Context(), config); err != nil {
			t.Fatal(err)
		}
	}
	forget()
	for _, rec := range []roomlog.Record{
		{Kind: roomlog.Message, Room: "lobby", From: "ana", To: "bob", CSeq: 7, Data: []byte("hello")},
		{Kind: roomlog.Broadcast, Room: "lobby", From: "ana", CSeq: 208, Data: []byte("hello all")},
	} {
		first := appendTo(t, log, rec)
		probe := rec
		probe.CSeq += 100
		for once, n := appendTo(t, log, probe), 1; appendTo(t, log, probe) == once; n++ { // Until NATS has forgotten it.
			time.Sleep(20 * time.Millisecond)
			if n%100 == 0 {
				forget()
			}
		}
		rec.Again = true
		if again := appendTo(t, log, rec); again != first {
			t.Errorf("the %s was recorded as %d, and when it was repeated as %d", rec.Kind, first, again)
		}
	}
}

// TestSince: what ends a membership, or takes it to another node, tells which Join has begun it: who was not told of what came in
// between knows whether it is the same.
func TestSince(t *testing.T) {
	url := startNATS(t)
	opts := natslog.Options{Shards: 1}
	here, _, _ := follow(t, connect(t, url), "here", opts)
	there, told, _ := follow(t, connect(t, url), "there", opts)
	var first, owner roomlog.Seq // The Join, and the ownership record.
	for _, step := range []struct {
		kind roomlog.Kind
		log  *natslog.Log
		node string
	}{
		{roomlog.Join, here, "here"}, {roomlog.Leave, here, ""}, // In one breath: the node may not have heard of the Join.
		{roomlog.Join, here, "here"}, {roomlog.Move, there, "there"}, {roomlog.Leave, there, ""},
	} {
		rec := roomlog.Record{Kind: step.kind, Room: "lobby", From: "ana", Node: step.node}
		if step.kind != roomlog.Join {
			rec.Expect = roomlog.Expect{User: "ana", Seq: owner}
		}
		owner = appendTo(t, step.log, rec)
		if step.kind == roomlog.Join {
			first = owner
			continue
		}
		got := told.wait(t, step.kind.String(), func(e roomlog.Event) bool { return e.Record != nil && e.Record.Seq == owner }).Record
		if got.Since != first {
			t.Errorf("the %s tells that the membership is since %d, want %d", step.kind, got.Since, first)
		}
	}
}

// TestOrderlyEnd: a node that ends says so at once, and nobody has to wait for its lease.
func TestOrderlyEnd(t *testing.T) {
	url := startNATS(t)
	opts := natslog.Options{Shards: 1, Lease: time.Minute}
	_, _, stop := follow(t, connect(t, url), "a", opts)
	_, told, _ := follow(t, connect(t, url), "b", opts)
	told.wait(t, "a is there", func(e roomlog.Event) bool { return strings.HasPrefix(e.Node, "a.") && e.Up })
	stop()
	gone := told.wait(t, "a goes", func(e roomlog.Event) bool { return strings.HasPrefix(e.Node, "a.") && !e.Up }).Node
	_, late, _ := follow(t, connect(t, url), "c", opts)
	late.wait(t, "who comes later is told, too", func(e roomlog.Event) bool { return e.Node == gone && !e.Up })
}

// TestLargeRoom: a room may have more users than JetStream tells of at a time.
func TestLargeRoom(t *testing.T) {
	const users = 1100
	log, _, _ := follow(t, connect(t, startNATS(t)), "a", natslog.Options{Shards: 1})
	var last roomlog.Seq
	for i := range users {
		last = max(last, join(t, log, "a", "hall", fmt.Sprint("user ", i)))
	}
	page, err := log.Read(t.Context(), roomlog.Query{Room: "hall", AtLeast: last})
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Records) != users || page.Head < last || page.More {
		t.Fatalf("%d users up to record %d, more %v; want %d up to %d", len(page.Records), page.Head, page.More, users, last)
	}
	for i, r := range page.Records {
		if want := fmt.Sprint("join user ", i); string(r.Data) != want {
			t.Fatalf("record %d is %q, want %q", i, r.Data, want)
		}
	}
}

// TestMismatch: streams that were made otherwise are not touched, and what differs is told.
func TestMismatch(t *testing.T) {
	nc := connect(t, startNATS(t))
	open := func(opts natslog.Options) error {
		log, err := natslog.Open(t.Context(), nc, opts)
		if err == nil {
			err = log.Close()
		}
		return err
	}
	if err := open(natslog.Options{Shards: 2}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		opts natslog.Options
		want string // Empty: it is as it was.
	}{
		{natslog.Options{Shards: 2}, ""},
		{natslog.Options{Shards: 4}, "its number of shards is 2: expected 4"},
		{natslog.Options{Shards: 2, Memory: true}, "its storage is File: expected Memory"},
		{natslog.Options{Shards: 2, Prefix: "a.b"}, `prefix "a.b": expected letters`},
		{natslog.Options{Shards: 1000}, "1000 shards: expected 1 to 256"},
	} {
		err := open(c.opts)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: %v, want %q", c.opts, err, c.want)
		}
	}
}

// TestLongerWindow: nodes that keep sessions for longer have the streams know for longer what comes again, and others leave it
// so.
func TestLongerWindow(t *testing.T) {
	nc := connect(t, startNATS(t))
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ retention, want time.Duration }{
		{time.Minute, 2 * time.Minute}, {10 * time.Minute, 10*time.Minute + 30*time.Second}, {time.Minute, 10*time.Minute + 30*time.Second},
	} {
		log, err := natslog.Open(t.Context(), nc, natslog.Options{Shards: 1, Retention: c.retention})
		if err != nil {
			t.Fatal(err)
		}
		if err := log.Close(); err != nil {
			t.Error(err)
		}
		stream, err := js.Stream(t.Context(), "beckon-rooms-0")
		if err != nil {
			t.Fatal(err)
		}
		if got := stream.CachedInfo().Config.Duplicates; got != c.want {
			t.Errorf("of a log that keeps messages for %s the stream knows what comes again for %s, want %s", c.retention, got, c.want)
		}
	}
}

// TestOutage: while NATS is away an Append waits, and then fails for certain or not at all.
func TestOutage(t *testing.T) {
	url, cut := cable(t, startNATS(t))
	log, _, _ := follow(t, connect(t, url), "a", natslog.Options{Shards: 1, Patience: 500 * time.Millisecond, Lease: time.Minute})
	join(t, log, "a", "lobby", "ana")
	mend := cut()
	result := make(chan error, 1)
	go func() {
		_, err := log.Append(context.Background(), roomlog.Record{Kind: roomlog.Broadcast, Room: "lobby", From: "ana", CSeq: 1})
		result <- err
	}()
	select {
	case err := <-result:
		if !errors.Is(err, roomlog.ErrUnavailable) { // It was not sent.
			t.Errorf("an Append that was sent, and may arrive yet: %v", err)
		}
	case <-time.After(3 * time.Second): // It was sent: it is waited for.
		mend()
		if err := <-result; err != nil {
			t.Errorf("an Append after the outage: %v", err)
		}
	}
	mend()
	if seq, err := log.Append(t.Context(), roomlog.Record{Kind: roomlog.Broadcast, Room: "lobby", From: "ana", CSeq: 2}); err != nil || seq == 0 {
		t.Errorf("after the outage: %d, %v", seq, err)
	}
}

// TestAsk: a node asks another, by the name that its records have.
func TestAsk(t *testing.T) {
	url := startNATS(t)
	opts := natslog.Options{Shards: 1}
	a, told, _ := follow(t, connect(t, url), "a", opts)
	b, _, stop := follow(t, connect(t, url), "b", opts)
	b.Answer(func(_ context.Context, question []byte) []byte { return append(question, "!"...) })
	name := told.wait(t, "b comes", func(e roomlog.Event) bool { return strings.HasPrefix(e.Node, "b.") }).Node
	if answer, err := a.Ask(t.Context(), name, []byte("there")); err != nil || string(answer) != "there!" {
		t.Errorf("%q, %v", answer, err)
	}
	stop()
	if _, err := a.Ask(t.Context(), name, nil); err == nil {
		t.Error("a node that is gone has answered")
	}
}

// TestAskSilent: a node that does not answer is not waited for without end.
func TestAskSilent(t *testing.T) {
	url := startNATS(t)
	opts := natslog.Options{Shards: 1, Patience: time.Millisecond}
	a, told, _ := follow(t, connect(t, url), "a", opts)
	b, _, _ := follow(t, connect(t, url), "b", opts)
	b.Answer(func(ctx context.Context, _ []byte) []byte {
		<-ctx.Done()
		return nil
	})
	name := told.wait(t, "b comes", func(e roomlog.Event) bool { return strings.HasPrefix(e.Node, "b.") }).Node
	if _, err := a.Ask(t.Context(), name, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a node that does not answer: %v, want %v", err, context.DeadlineExceeded)
	}
}

// TestKeys: of a record that several nodes append one is there.
func TestKeys(t *testing.T) {
	url := startNATS(t)
	opts := natslog.Options{Shards: 1, Retention: time.Minute}
	a, _, _ := follow(t, connect(t, url), "a", opts)
	b, _, _ := follow(t, connect(t, url), "b", opts)
	join(t, a, "a", "lobby", "ana")
	var first roomlog.Seq
	for _, log := range []*natslog.Log{a, b, a} {
		seq, err := log.Append(t.Context(), roomlog.Record{Kind: roomlog.Message, Room: "lobby", From: "bob", To: "ana", Key: "once"})
		if err != nil || first != 0 && seq != first {
			t.Errorf("record %d, %v, want %d", seq, err, first)
		}
		first = seq
	}
}

// TestStatus: a node tells of itself and of the others.
func TestStatus(t *testing.T) {
	url := startNATS(t)
	opts := natslog.Options{Shards: 3, Version: "v1", Load: func() natslog.Load { return natslog.Load{Sessions: 7, Rooms: 3} }}
	a, told, _ := follow(t, connect(t, url), "a", opts)
	follow(t, connect(t, url), "b", opts)
	told.wait(t, "b comes", func(e roomlog.Event) bool { return strings.HasPrefix(e.Node, "b.") })
	join(t, a, "a", "lobby", "ana")
	s := a.Status(t.Context())
	if !s.Connected || !s.Lease || len(s.Nodes) != 2 || s.Nodes[1].Sessions != 7 || s.Nodes[1].Version != "v1" ||
		len(s.Shards) != 3 || s.Appends.Total != 1 || a.Healthy() != nil {
		t.Errorf("status %+v, %v", s, a.Healthy())
	}
}
