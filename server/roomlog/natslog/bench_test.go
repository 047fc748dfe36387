package natslog_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"

	"github.com/beckonrtc/beckon/cmd/beckon/bench/process"
	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/hub"
	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/roomlog/natslog"
)

// BenchmarkCross has messages go from one node to another at a steady rate, from a client's message in the hub of the one to the event
// in the hub of the other, or through the log alone; and beside them the same bytes through JetStream alone: through as many streams, on
// the same condition. It reports how long they take.
func BenchmarkCross(b *testing.B) {
	for _, rate := range []int{1000} {
		for name, url := range map[string]func(testing.TB) string{"R1": startNATS, "R3": startNATSCluster} {
			replicas := 1
			if name == "R3" {
				replicas = 3
			}
			b.Run(fmt.Sprintf("%s/hub/rate=%d", name, rate), func(b *testing.B) {
				send, wait := crossHub(b, url(b), replicas, len(payload()))
				crossAt(b, rate, send, wait)
			})
			b.Run(fmt.Sprintf("%s/natslog/rate=%d", name, rate), func(b *testing.B) {
				send, wait := crossLog(b, url(b), replicas)
				crossAt(b, rate, send, wait)
			})
			b.Run(fmt.Sprintf("%s/JetStream/rate=%d", name, rate), func(b *testing.B) {
				send, wait := crossRaw(b, url(b), replicas, len(payload()))
				crossAt(b, rate, send, wait)
			})
		}
	}
}

// BenchmarkRelayAcross has b.N messages go from a client's hub to the other client's hub on another node, and as many of the same size
// through JetStream alone, by turns on the same servers, at 1,000 messages/s. It reports how long both take, and the ratios.
func BenchmarkRelayAcross(b *testing.B) {
	for _, replicas := range []int{1, 3} {
		for _, m := range []struct {
			name string
			size int
		}{{"candidate", 130}, {"offer", 2200}} {
			b.Run(fmt.Sprintf("R%d/%s", replicas, m.name), func(b *testing.B) {
				url := startNATS
				if replicas == 3 {
					url = startNATSCluster
				}
				at := url(b)
				var ways [2]way
				ways[0].send, ways[0].wait = crossHub(b, at, replicas, m.size)
				ways[1].send, ways[1].wait = crossRaw(b, at, replicas, m.size)
				relayAcross(b, &ways)
			})
		}
	}
}

// way is one by which messages go: from hub to hub, or through JetStream alone.
type way struct {
	send func(i int)
	wait func(n int) []time.Duration
	sent int
	took []time.Duration
}

// turn sends n messages, one each millisecond, and returns how long they took.
func (w *way) turn(n int) []time.Duration {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range n {
		<-tick.C
		go w.send(w.sent)
		w.sent++
	}
	return w.wait(n)
}

// relayAcross sends b.N messages each way, the hubs' first, and reports.
func relayAcross(b *testing.B, ways *[2]way) {
	const turn = 500
	for i := range ways { // What is made with the first message is not counted.
		ways[i].turn(turn)
	}
	b.ResetTimer()
	for left := b.N; left > 0; left -= turn {
		for i := range ways {
			ways[i].took = append(ways[i].took, ways[i].turn(min(left, turn))...)
		}
	}
	b.StopTimer()
	var p50, p99 [2]float64
	for i := range ways {
		took := ways[i].took
		slices.Sort(took)
		p50[i], p99[i] = float64(took[len(took)/2])/1e3, float64(took[len(took)*99/100])/1e3
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(p50[0], "hub-p50-us")
	b.ReportMetric(p99[0], "hub-p99-us")
	b.ReportMetric(p50[1], "JetStream-p50-us")
	b.ReportMetric(p99[1], "JetStream-p99-us")
	b.ReportMetric(p50[0]/p50[1], "p50-ratio")
	b.ReportMetric(p99[0]/p99[1], "p99-ratio")
}

// BenchmarkJoin has users enter rooms of ten, 64 at a time, and beside them JetStream alone take as many messages on the same
// condition. Both are followed by one node.
func BenchmarkJoin(b *testing.B) {
	for name, url := range map[string]func(testing.TB) string{"R1": startNATS, "R3": startNATSCluster} {
		replicas := map[string]int{"R1": 1, "R3": 3}[name]
		b.Run(name+"/natslog", func(b *testing.B) {
			log := crossNode(b, connect(b, url(b)), "here", replicas, func(roomlog.Event) {})
			joinAll(b, func(user int) error {
				_, err := log.Append(context.Background(), roomlog.Record{
					Kind: roomlog.Join, Room: fmt.Sprint("room ", user/10), From: fmt.Sprint("user ", user), Node: "here",
					Expect: roomlog.Expect{User: fmt.Sprint("user ", user)}, Data: payload(),
				})
				return err
			})
		})
		b.Run(name+"/JetStream", func(b *testing.B) {
			js, _ := rawStreams(b, url(b), replicas, "o")
			joinAll(b, func(user int) error {
				_, err := js.PublishMsg(context.Background(), &nats.Msg{
					Subject: fmt.Sprintf("raw.%d.o.%d.%d", user/10%crossShards, user/10, user), Data: payload(), Header: nats.Header{
						"Nats-Msg-Id":                         {fmt.Sprint("m", user)},
						"Nats-Expected-Last-Subject-Sequence": {"0"},
					},
				})
				return err
			})
		})
	}
}

// joinAll has b.N users join, 64 at a time.
func joinAll(b *testing.B, join func(user int) error) {
	var users atomic.Int64
	b.SetParallelism(max(1, 64/runtime.GOMAXPROCS(0)))
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := join(int(users.Add(1))); err != nil {
				b.Error(err)
			}
		}
	})
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "joins/s")
}

// crossShards is how many streams the messages go through.
const crossShards = 4

// crossAt sends b.N messages at a rate, each from a goroutine of its own, and reports what wait tells of them.
func crossAt(b *testing.B, rate int, send func(i int), wait func(n int) []time.Duration) {
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	b.ResetTimer()
	for i := range b.N {
		<-tick.C
		go send(i)
	}
	took := wait(b.N)
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-us")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us")
}

// payload is a message of the size of a few candidates, that begins with its time.
func payload() []byte { return payloadOf(319) }

// sentAt is what a payload begins with; the time follows.
const sentAt = "sent at "

// payloadOf is payload with that many bytes, 27 at least.
func payloadOf(size int) []byte {
	data := make([]byte, size)
	strconv.AppendInt(append(data[:0], sentAt...), time.Now().UnixNano(), 10)
	return data
}

// since returns how old a payload is.
func since(data []byte) time.Duration {
	sent, _ := strconv.ParseInt(string(data[len(sentAt):len(sentAt)+19]), 10, 64)
	return time.Duration(time.Now().UnixNano() - sent)
}

// crossNode starts a node.
func crossNode(b *testing.B, nc *nats.Conn, name string, replicas int, h func(roomlog.Event)) *natslog.Log {
	log, err := natslog.Open(b.Context(), nc, natslog.Options{Shards: crossShards, Replicas: replicas, Retention: time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	up := make(chan struct{})
	go func() {
		_ = log.Follow(context.Background(), name, func(e roomlog.Event) {
			if e.Node == name && e.Up {
				close(up)
			}
			h(e)
		})
	}()
	<-up
	b.Cleanup(func() { _ = log.Close() })
	return log
}

// crossLog sends from one node to another.
func crossLog(b *testing.B, url string, replicas int) (send func(int), wait func(int) []time.Duration) {
	took := make(chan time.Duration, 1<<16)
	from := crossNode(b, connect(b, url), "from", replicas, func(roomlog.Event) {})
	to := crossNode(b, connect(b, url), "to", replicas, func(e roomlog.Event) {
		if e.Record != nil && e.Record.Kind == roomlog.Message {
			took <- since(e.Record.Data)
		}
		for _, overtaken := range e.GivenUp { // It was sent by a goroutine that was late.
			took <- since(overtaken.Data)
		}
	})
	const rooms = 50
	var owner [rooms]roomlog.Seq
	var node2 string
	for i := range rooms {
		room := fmt.Sprint("room ", i)
		for _, rec := range []struct {
			log        *natslog.Log
			user, node string
		}{{from, "ana", "from"}, {to, "bob", "to"}} {
			seq, err := rec.log.Append(b.Context(), roomlog.Record{Kind: roomlog.Join, Room: room, From: rec.user, Node: rec.node})
			if err != nil {
				b.Fatal(err)
			}
			owner[i] = seq
		}
		page, err := from.Read(b.Context(), roomlog.Query{Room: room, AtLeast: owner[i]})
		if err != nil {
			b.Fatal(err)
		}
		node2 = page.Records[1].Node
	}
	return func(i int) {
			r := i % rooms
			_, err := from.Append(context.Background(), roomlog.Record{
				Kind: roomlog.Message, Room: fmt.Sprint("room ", r), From: "ana", To: "bob", Node: node2, CSeq: uint64(i + 1),
				Expect: roomlog.Expect{User: "bob", Seq: owner[r]}, Data: payload(),
			})
			if err != nil {
				b.Error(err)
			}
		}, func(n int) (all []time.Duration) {
			for range n {
				all = append(all, <-took)
			}
			return all
		}
}

// startHub starts a node that has a hub.
func startHub(b *testing.B, url, node string, opts natslog.Options) (*hub.Hub, *natslog.Log) {
	log, err := natslog.Open(b.Context(), connect(b, url), opts)
	if err != nil {
		b.Fatal(err)
	}
	h, err := hub.Start(b.Context(), hub.Config{
		Log: log, Node: node, Logger: slog.New(slog.DiscardHandler), ResumeWindow: time.Minute, MaxOutboxBytes: 1 << 20,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { h.Close(); _ = log.Close() })
	return h, log
}

// crossHub sends from a client of one node to a client of another.
func crossHub(b *testing.B, url string, replicas, size int) (send func(int), wait func(int) []time.Duration) {
	took := make(chan time.Duration, 1<<16)
	opts := natslog.Options{Shards: crossShards, Replicas: replicas, Retention: time.Minute}
	from, _ := startHub(b, url, "from", opts)
	to, _ := startHub(b, url, "to", opts)
	const rooms = 50
	var queues [rooms]chan []byte // Each client says one thing after the other.
	for i := range rooms {
		enter := func(h *hub.Hub, stream crossStream) *hub.Conn {
			c := h.Open(stream, netip.AddrPort{}, nil)
			join := &beckonv1.Join{Room: fmt.Sprint("room ", i), Presence: beckonv1.Presence_PRESENCE_NONE}
			crossHandle(b, c, &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Join{Join: join}})
			return c
		}
		ana, bob := enter(from, nil), enter(to, func(data []byte) { took <- since(data) })
		queues[i] = make(chan []byte, 1<<10)
		b.Cleanup(sync.OnceFunc(func() { close(queues[i]) }))
		go func() {
			for n := uint64(1); ; n++ {
				data, more := <-queues[i]
				if !more {
					return
				}
				crossHandle(b, ana, &beckonv1.ConnectRequest{RequestId: n, Message: &beckonv1.ConnectRequest_Data{
					Data: &beckonv1.Data{To: bob.ID(), Room: fmt.Sprint("room ", i), Payload: data},
				}})
			}
		}()
	}
	return func(i int) { queues[i%rooms] <- payloadOf(size) }, func(n int) (all []time.Duration) {
		for range n {
			all = append(all, <-took)
		}
		return all
	}
}

// crossHandle says something for a client.
func crossHandle(b *testing.B, c *hub.Conn, m *beckonv1.ConnectRequest) {
	raw, err := proto.Marshal(m)
	if err == nil {
		err = c.Handle(context.Background(), raw)
	}
	if err != nil {
		b.Error(err)
	}
}

// crossStream is a client that is called with what begins with the payload of what it gets. It does not decode the rest: that is not the
// hub's time.
type crossStream func(data []byte)

// Send implements hub.Stream.
func (f crossStream) Send(event []byte) error {
	if _, after, found := bytes.Cut(event, []byte(sentAt)); f != nil && found {
		f(event[len(event)-len(after)-len(sentAt):])
	}
	return nil
}

// rawStreams makes as many streams, and follows what is on the subjects of that kind in each: how old it is comes on took.
func rawStreams(b *testing.B, url string, replicas int, kind string) (js jetstream.JetStream, took chan time.Duration) {
	js, err := jetstream.New(connect(b, url))
	if err != nil {
		b.Fatal(err)
	}
	other, err := jetstream.New(connect(b, url))
	if err != nil {
		b.Fatal(err)
	}
	took = make(chan time.Duration, 1<<20)
	for shard := range crossShards {
		name := fmt.Sprint("raw-", shard)
		if _, err := js.CreateStream(b.Context(), jetstream.StreamConfig{
			Name: name, Subjects: []string{fmt.Sprintf("raw.%d.>", shard)}, MaxMsgsPerSubject: 1, Replicas: replicas, AllowDirect: true,
			AllowMsgTTL: true, Duplicates: 2 * time.Minute,
		}); err != nil {
			b.Fatal(err)
		}
		consumer, err := other.OrderedConsumer(b.Context(), name, jetstream.OrderedConsumerConfig{FilterSubjects: []string{fmt.Sprintf("raw.%d.%s.>", shard, kind)}})
		if err != nil {
			b.Fatal(err)
		}
		iter, err := consumer.Messages()
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(iter.Stop)
		go func() {
			for {
				msg, err := iter.Next()
				if err != nil {
					return
				}
				took <- since(msg.Data())
			}
		}()
	}
	return js, took
}

// crossRaw publishes to the streams on the condition that somebody is still where that was.
func crossRaw(b *testing.B, url string, replicas, size int) (send func(int), wait func(int) []time.Duration) {
	js, took := rawStreams(b, url, replicas, "t")
	const rooms = 50
	var owner [rooms]uint64
	ownerOf := func(room int) string { return fmt.Sprintf("raw.%d.o.%d", room%crossShards, room) }
	for i := range rooms {
		ack, err := js.Publish(b.Context(), ownerOf(i), nil)
		if err != nil {
			b.Fatal(err)
		}
		owner[i] = ack.Sequence
	}
	return func(i int) {
			room := i % rooms
			msg := &nats.Msg{Subject: fmt.Sprintf("raw.%d.t.%d", room%crossShards, i), Data: payloadOf(size), Header: nats.Header{
				"Nats-Msg-Id":                                 {fmt.Sprint("m", i)},
				"Nats-Expected-Last-Subject-Sequence":         {fmt.Sprint(owner[room])},
				"Nats-Expected-Last-Subject-Sequence-Subject": {ownerOf(room)},
				"Nats-TTL": {"90s"},
			}}
			for { // On three servers others on the same condition may be under way.
				_, err := js.PublishMsg(context.Background(), msg)
				if err == nil {
					return
				}
				time.Sleep(time.Millisecond)
			}
		}, func(n int) (all []time.Duration) {
			for range n {
				all = append(all, <-took)
			}
			return all
		}
}

// heardCommands is set in the process in which others come and go, for BenchmarkHeard.
const heardCommands = "BECKON_BENCH_HEARD"

// heardOptions are those of both nodes: as many streams as there are unless somebody says otherwise.
var heardOptions = natslog.Options{Retention: time.Minute}

// BenchmarkHeard is what it costs a node, in time of processors, that b.N sessions open on another one, enter a room where nobody of
// this node is, leave it and end. NATS and the other node are in a process of their own. What this one takes when nothing happens, for
// as long, is not counted.
func BenchmarkHeard(b *testing.B) {
	if os.Getenv(heardCommands) != "" {
		comeAndGo(b)
		return
	}
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	others := exec.CommandContext(b.Context(), self, "-test.run=^$", "-test.bench=^BenchmarkHeard$", "-test.benchtime=1x")
	others.Env, others.Stderr = append(os.Environ(), heardCommands+"=1"), os.Stderr
	commands, err := others.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := others.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := others.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = commands.Close(); _ = others.Wait() })
	answers := bufio.NewScanner(out)
	answer := func(about string) string {
		for answers.Scan() {
			if _, after, found := strings.Cut(answers.Text(), about+" "); found {
				return after
			}
		}
		b.Fatalf("the other process ended before it told %s: %v", about, answers.Err())
		return ""
	}
	_, log := startHub(b, answer("NATS"), "hears", heardOptions)
	used := func() time.Duration {
		u, err := process.UsageOf(os.Getpid())
		if err != nil {
			b.Fatal(err)
		}
		return u.CPU
	}
	come := func(n int) (took time.Duration, records int) {
		began := time.Now()
		fmt.Fprintln(commands, n)
		records, err := strconv.Atoi(answer("records"))
		if err != nil {
			b.Fatal(err)
		}
		for behind := true; behind; { // Until all was heard.
			behind = slices.ContainsFunc(log.Status(b.Context()).Shards, func(s natslog.ShardStatus) bool { return s.Lag > 0 })
		}
		return time.Since(began), records
	}
	come(500) // What is made for the first is not counted.
	runtime.GC()
	b.ResetTimer()
	before := used()
	took, records := come(b.N)
	spent := used() - before
	b.StopTimer()
	before = used()
	time.Sleep(took)
	idle := used() - before
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64((spent-idle).Nanoseconds())/1e3/float64(records), "us/record")
	b.ReportMetric(float64((spent-idle).Nanoseconds())/1e3/float64(b.N), "us/session")
	b.ReportMetric(float64(records)/float64(b.N), "records/session")
	b.ReportMetric(float64(b.N)/took.Seconds(), "sessions/s")
}

// comeAndGo is the other process: for each number that it reads so many sessions come and go, 16 at a time. It tells how many records
// every node hears of that.
func comeAndGo(b *testing.B) {
	url := startNATS(b)
	var records atomic.Int64
	heard := connect(b, url)
	for _, kind := range []string{"o", "p"} {
		if _, err := heard.Subscribe("beckon.*."+kind+".>", func(*nats.Msg) { records.Add(1) }); err != nil {
			b.Fatal(err)
		}
	}
	if err := heard.Flush(); err != nil {
		b.Fatal(err)
	}
	h, _ := startHub(b, url, "speaks", heardOptions)
	fmt.Println("NATS", url)
	rooms := 0
	for commands := bufio.NewScanner(os.Stdin); commands.Scan(); {
		n, err := strconv.Atoi(commands.Text())
		if err != nil {
			b.Fatal(err)
		}
		records.Store(0)
		var coming sync.WaitGroup
		places := make(chan struct{}, 16)
		for range n {
			rooms++
			join := &beckonv1.Join{Room: fmt.Sprint("room ", rooms), Presence: beckonv1.Presence_PRESENCE_NONE}
			places <- struct{}{}
			coming.Go(func() {
				c := h.Open(crossStream(nil), netip.AddrPort{}, nil)
				crossHandle(b, c, &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Join{Join: join}})
				c.Leave()
				<-places
			})
		}
		coming.Wait()
		for last := int64(-1); last != records.Load(); time.Sleep(200 * time.Millisecond) { // Leaves are not waited for.
			last = records.Load()
		}
		fmt.Println("records", records.Load())
	}
}
