package natslog_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/roomlog/natslog"
)

// cleared is what came of clearing after a node.
type cleared struct {
	mu    sync.Mutex
	ended []string // Guarded by mu. Users.
	back  []string // Guarded by mu. Messages.
}

// clear clears after a node, which has gone, until that is done or ctx ends.
func (c *cleared) clear(ctx context.Context, log *natslog.Log, gone string) error {
	leave := func(owner *roomlog.Record) (*roomlog.Record, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.ended = append(c.ended, owner.From)
		return &roomlog.Record{Kind: roomlog.Leave, Room: owner.Room, From: owner.From, Expect: roomlog.Expect{User: owner.From, Seq: owner.Seq}}, nil
	}
	return log.Clear(ctx, gone, 100*time.Millisecond, leave, func(messages []roomlog.Record) {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, m := range messages {
			c.back = append(c.back, string(m.Data))
		}
	})
}

// goes waits until a node, under the name that it has for others, has gone. If it has gone before, it has to go once more.
func (s *seen) goes(t *testing.T, node string) (name string) {
	t.Helper()
	name = s.wait(t, node+" goes", func(e roomlog.Event) bool { return strings.HasPrefix(e.Node, node+".") && !e.Up }).Node
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = slices.DeleteFunc(s.events, func(e roomlog.Event) bool { return e.Node == name })
	return name
}

// TestClearStray: somebody whom a node has recorded as its own after it was taken for dead and cleared, having stood still, is ended
// all the same.
func TestClearStray(t *testing.T) {
	url := startNATS(t)
	opts := natslog.Options{Shards: 2, Lease: time.Second}
	_, _, stop := follow(t, connect(t, url), "lost", opts)
	nc := connect(t, url)
	log, kept, _ := follow(t, nc, "kept", opts)
	stop()
	gone := kept.goes(t, "lost")
	var first cleared
	if err := first.clear(t.Context(), log, gone); err != nil {
		t.Fatal(err)
	}
	for _, node := range []string{gone, "lost.of-which-nobody-has-heard"} {
		room := base64.RawURLEncoding.EncodeToString([]byte("lobby"))
		ghost := base64.RawURLEncoding.EncodeToString([]byte("ghost of " + node))
		shard := shardOf(t, log, "lobby")
		if err := nc.PublishMsg(&nats.Msg{ // What was on its way.
			Subject: fmt.Sprintf("beckon.%d.o.%s.%s", shard, room, ghost), Header: nats.Header{"Beckon-Kind": {"join"}, "Beckon-Node": {node}},
		}); err != nil {
			t.Fatal(err)
		}
		var again cleared
		if err := again.clear(t.Context(), log, kept.goes(t, "lost")); err != nil {
			t.Fatal(err)
		}
		if want := []string{"ghost of " + node}; !slices.Equal(again.ended, want) {
			t.Errorf("%q were ended, want %q", again.ended, want)
		}
	}
}

// shardOf returns the shard that a room is in, as what is recorded in it shows.
func shardOf(t *testing.T, log *natslog.Log, room string) int {
	t.Helper()
	before := log.Status(t.Context()).Shards
	join(t, log, "kept", room, "probe")
	for i, s := range log.Status(t.Context()).Shards {
		if s.Last > before[i].Last {
			return i
		}
	}
	t.Fatal("a record is in no shard")
	return 0
}

// TestJoinWithoutLease: nobody comes to a node that the others may have taken for dead.
func TestJoinWithoutLease(t *testing.T) {
	nc := connect(t, startNATS(t))
	log, _, _ := follow(t, nc, "a", natslog.Options{Shards: 1, Lease: time.Second, Patience: 100 * time.Millisecond})
	join(t, log, "a", "lobby", "ana")
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(t.Context(), "beckon-nodes"); err != nil {
		t.Fatal(err)
	}
	for log.Healthy() == nil {
		time.Sleep(10 * time.Millisecond)
	}
	if _, err := log.Append(t.Context(), roomlog.Record{Kind: roomlog.Join, Room: "lobby", From: "bob", Node: "a"}); !errors.Is(err, roomlog.ErrUnavailable) {
		t.Errorf("a join got %v, want %v", err, roomlog.ErrUnavailable)
	}
	appendTo(t, log, roomlog.Record{Kind: roomlog.Broadcast, Room: "lobby", From: "ana"})
}

// TestClearLeft: messages for users who had left a node, or begun anew on another, when it was killed come back if it has not told
// what has become of them.
func TestClearLeft(t *testing.T) {
	url := startNATS(t)
	opts := natslog.Options{Shards: 2, Retention: time.Minute, Lease: time.Second}
	lost, told, stop := follow(t, connect(t, url), "lost", opts)
	log, kept, _ := follow(t, connect(t, url), "kept", opts)
	join(t, log, "kept", "lobby", "ana")
	say := func(to, what string) roomlog.Seq {
		t.Helper()
		seq := appendTo(t, log, roomlog.Record{Kind: roomlog.Message, Room: "lobby", From: "ana", To: to, Data: []byte(what + " to " + to)})
		told.wait(t, "a message", func(e roomlog.Event) bool { return e.Record != nil && e.Record.Seq == seq })
		return seq
	}
	for _, user := range []string{"left", "back", "moved"} {
		joined := join(t, lost, "lost", "lobby", user)
		if err := lost.Forget(t.Context(), "lobby", user, say(user, "received")); err != nil {
			t.Fatal(err)
		}
		say(user, "lost")
		lost.Discard("lobby", say(user, "brought back"))
		if user == "moved" {
			moved := appendTo(t, log, roomlog.Record{Kind: roomlog.Move, Room: "lobby", From: user, Node: "kept", Expect: roomlog.Expect{User: user, Seq: joined}})
			kept.wait(t, "the move", func(e roomlog.Event) bool { return e.Record != nil && e.Record.Seq == moved })
			continue
		}
		appendTo(t, lost, roomlog.Record{Kind: roomlog.Leave, Room: "lobby", From: user, Expect: roomlog.Expect{User: user, Seq: joined}})
		if user == "back" {
			again := join(t, log, "kept", "lobby", user)
			seq := appendTo(t, log, roomlog.Record{Kind: roomlog.Message, Room: "lobby", From: "ana", To: user})
			kept.wait(t, "a message", func(e roomlog.Event) bool { return e.Record != nil && e.Record.Seq == max(again, seq) })
			if err := log.Forget(t.Context(), "lobby", user, seq); err != nil {
				t.Fatal(err)
			}
		}
	}
	time.Sleep(100 * time.Millisecond) // For receipts, which nobody waits for.
	stop()
	var after cleared
	if err := after.clear(t.Context(), log, kept.goes(t, "lost")); err != nil {
		t.Fatal(err)
	}
	slices.Sort(after.back)
	if want := []string{"lost to back", "lost to left"}; !slices.Equal(after.back, want) || len(after.ended) > 0 {
		t.Errorf("%q came back, want %q; %q were ended, want nobody", after.back, want, after.ended)
	}
}

// TestClearAfterClearing: what a node had yet to bring back that was clearing after another is brought back.
func TestClearAfterClearing(t *testing.T) {
	url := startNATS(t)
	opts := natslog.Options{Shards: 1, Retention: time.Minute, Lease: time.Second}
	lost, _, stopLost := follow(t, connect(t, url), "lost", opts)
	log, kept, _ := follow(t, connect(t, url), "kept", opts)
	join(t, lost, "lost", "lobby", "bob")
	join(t, log, "kept", "lobby", "ana")
	appendTo(t, log, roomlog.Record{Kind: roomlog.Message, Room: "lobby", From: "ana", To: "bob", Data: []byte("hello")})
	stopLost()
	gone := kept.goes(t, "lost")
	second, told, stopSecond := follow(t, connect(t, url), "second", opts)
	told.wait(t, "the node has gone", func(e roomlog.Event) bool { return e.Node == gone && !e.Up })
	var ignored cleared
	if err := ignored.clear(t.Context(), second, gone); err != nil {
		t.Fatal(err)
	}
	stopSecond()
	var after cleared
	if err := after.clear(t.Context(), log, kept.goes(t, "second")); err != nil {
		t.Fatal(err)
	}
	if want := []string{"hello"}; !slices.Equal(ignored.ended, []string{"bob"}) || !slices.Equal(after.back, want) {
		t.Errorf("%q were ended, want bob; after who had ended them %q came back, want %q", ignored.ended, after.back, want)
	}
}

// TestClearOneShardOut: that a shard is gone holds up the end of nobody in another.
func TestClearOneShardOut(t *testing.T) {
	url := startNATS(t)
	opts := natslog.Options{Shards: 2, Lease: time.Second, Patience: 100 * time.Millisecond}
	lost, _, stop := follow(t, connect(t, url), "lost", opts)
	nc := connect(t, url)
	log, kept, _ := follow(t, nc, "kept", opts)
	rooms := map[int][]string{} // By shard.
	for i := range 10 {
		room := fmt.Sprint("room ", i)
		shard := shardOf(t, log, room)
		join(t, lost, "lost", room, room)
		rooms[shard] = append(rooms[shard], room)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(t.Context(), "beckon-rooms-0"); err != nil {
		t.Fatal(err)
	}
	stop()
	gone := kept.goes(t, "lost")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var after cleared
	var clearing sync.WaitGroup
	clearing.Go(func() { _ = after.clear(ctx, log, gone) })
	for _, room := range rooms[1] {
		kept.wait(t, "the end of who is in "+room, func(e roomlog.Event) bool {
			return e.Record != nil && e.Record.Kind == roomlog.Leave && e.Record.Room == room
		})
	}
	cancel()
	clearing.Wait()
}

// TestTooLate: a message that was held up on its way, and repeated in the meantime, is not delivered once more, after later ones of
// its sender. One that comes after later ones and was not there before is given up.
func TestTooLate(t *testing.T) {
	url := startNATS(t)
	opts := natslog.Options{Shards: 1, Retention: time.Minute}
	nc := connect(t, url)
	log, told, _ := follow(t, nc, "a", opts)
	other, there, _ := follow(t, connect(t, url), "b", opts)
	join(t, log, "a", "lobby", "ana")
	bob := join(t, log, "a", "lobby", "bob")
	name := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	send := func(kind roomlog.Kind, cseq uint64) (last roomlog.Seq) {
		rec := roomlog.Record{Kind: kind, Room: "lobby", From: "ana", CSeq: cseq, Data: fmt.Append(nil, cseq)}
		if kind == roomlog.Message {
			rec.To = "bob"
		}
		return appendTo(t, log, rec)
	}
	sendLate := func(to *natslog.Log, message, broadcast int) {
		for _, subject := range []string{
			fmt.Sprintf("beckon.0.t.%s.%s.%s.%s.%d", name(to.Local().Node), name("lobby"), name("bob"), name("ana"), message),
			fmt.Sprintf("beckon.0.b.%s.%s.%d", name("lobby"), name("ana"), broadcast),
		} {
			if err := nc.PublishMsg(&nats.Msg{Subject: subject, Data: []byte("late")}); err != nil {
				t.Fatal(err)
			}
		}
	}
	check := func(told *seen, last roomlog.Seq) {
		t.Helper()
		told.wait(t, "the last message", func(e roomlog.Event) bool { return e.Record != nil && e.Record.Seq == last })
		if told.has(func(e roomlog.Event) bool { return e.Record != nil && string(e.Record.Data) == "late" }) {
			t.Error("what came late was delivered")
		}
	}
	send(roomlog.Message, 1)
	send(roomlog.Broadcast, 2)
	send(roomlog.Message, 3)
	send(roomlog.Message, 5)
	check(told, send(roomlog.Broadcast, 6))
	sendLate(log, 1, 2)
	overtaken := send(roomlog.Message, 4)
	check(told, send(roomlog.Message, 7))
	given := told.wait(t, "what was overtaken is given up", func(e roomlog.Event) bool { return len(e.GivenUp) > 0 })
	if len(given.GivenUp) != 1 || given.GivenUp[0].Seq != overtaken || told.has(func(e roomlog.Event) bool { return e.Record != nil && e.Record.Seq == overtaken }) {
		t.Errorf("%v were given up, want what was overtaken, which is not delivered", given.GivenUp)
	}
	log.Discard("lobby", overtaken)
	time.Sleep(100 * time.Millisecond) // For the deletions, which nobody waits for.

	moved := appendTo(t, other, roomlog.Record{Kind: roomlog.Move, Room: "lobby", From: "bob", Node: "b", Expect: roomlog.Expect{User: "bob", Seq: bob}})
	page, err := other.Read(t.Context(), roomlog.Query{Room: "lobby", User: "bob", AtLeast: moved})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, rec := range page.Records {
		got = append(got, string(rec.Data))
	}
	if want := []string{"3", "5", "6", "7"}; !slices.Equal(got, want) { // What came late has replaced what it repeats.
		t.Errorf("the node that bob has moved to has %q for bob, want %q", got, want)
	}
	there.wait(t, "the move", func(e roomlog.Event) bool { return e.Record != nil && e.Record.Seq == moved })
	there.mu.Lock()
	there.events = nil // Before, nobody was there whom a broadcast concerned.
	there.mu.Unlock()
	sendLate(other, 5, 6)
	check(there, send(roomlog.Message, 8))
}
