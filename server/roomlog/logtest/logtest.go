// Package logtest tests implementations of roomlog.Log.
package logtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/beckonrtc/beckon/server/roomlog"
)

// Retention is what a log under test keeps.
type Retention struct {
	Time  time.Duration
	Bytes int // Per member.
}

// Harness is how the suite gets at an implementation.
type Harness struct {
	// Open returns an empty log, to be closed by the suite.
	Open func(t *testing.T, keep Retention) roomlog.Log
	// Bubble runs a test. An implementation without I/O runs it in virtual time.
	Bubble func(t *testing.T, f func(t *testing.T))
	// Wait lets time pass.
	Wait func(time.Duration)
}

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	for _, test := range []struct {
		name string
		run  func(*suite)
	}{
		{"Order", (*suite).order},
		{"Idempotence", (*suite).idempotence},
		{"Condition", (*suite).condition},
		{"Presence", (*suite).presence},
		{"ReadAfterCursor", (*suite).readAfterCursor},
		{"Pages", (*suite).pages},
		{"Rejoin", (*suite).rejoin},
		{"Forget", (*suite).forgets},
		{"RetentionTime", (*suite).retentionTime},
		{"RetentionBytes", (*suite).retentionBytes},
		{"NoRetention", (*suite).noRetention},
		{"ForgottenIsNotDropped", (*suite).forgottenIsNotDropped},
		{"OwnBroadcastsAreNotDropped", (*suite).ownBroadcastsAreNotDropped},
		{"GivenUpWithLeave", (*suite).givenUpWithLeave},
		{"GivenUpWithJoin", (*suite).givenUpWithJoin},
		{"GivenUpForTime", (*suite).givenUpForTime},
		{"GivenUpForSpace", (*suite).givenUpForSpace},
		{"Follow", (*suite).follow},
		{"FollowUnderConcurrency", (*suite).followUnderConcurrency},
		{"OneWinner", (*suite).oneWinner},
		{"Move", (*suite).moves},
	} {
		t.Run(test.name, func(t *testing.T) {
			h.Bubble(t, func(t *testing.T) { test.run(&suite{T: t, Harness: h}) })
		})
	}
}

const (
	room   = "lobby"
	second = time.Second
)

// suite is one test, with the log that it is about.
type suite struct {
	*testing.T
	Harness
	log roomlog.Log
}

// open opens the log; it is closed with the test.
func (s *suite) open(keep Retention) {
	s.Helper()
	s.log = s.Harness.Open(s.T, keep)
	s.Cleanup(func() {
		if err := s.log.Close(); err != nil {
			s.Errorf("Close: %v", err)
		}
	})
}

// append appends r, which must succeed.
func (s *suite) append(r roomlog.Record) roomlog.Seq {
	s.Helper()
	r.Data = append(make([]byte, 0, len(r.Data)+8), r.Data...) // With space that followers can append to.
	seq, err := s.log.Append(s.Context(), r)
	if err != nil {
		s.Fatalf("Append %s from %s: %v", r.Kind, r.From, err)
	}
	return seq
}

// join lets user into the room, on node a.
func (s *suite) join(user string) roomlog.Seq {
	s.Helper()
	return s.append(roomlog.Record{Kind: roomlog.Join, Room: room, From: user, Node: "a", Data: []byte("join " + user)})
}

// send appends a message that says text.
func (s *suite) send(from, to, text string) roomlog.Seq {
	s.Helper()
	return s.append(roomlog.Record{Kind: roomlog.Message, Room: room, From: from, To: to, Data: []byte(text)})
}

// broadcast sends everybody else a message that says text.
func (s *suite) broadcast(from, text string) roomlog.Seq {
	s.Helper()
	return s.append(roomlog.Record{Kind: roomlog.Broadcast, Room: room, From: from, Data: []byte(text)})
}

// leave lets user leave the room.
func (s *suite) leave(user string) roomlog.Seq {
	s.Helper()
	return s.append(roomlog.Record{Kind: roomlog.Leave, Room: room, From: user, Data: []byte(user + " left")})
}

// forget tells that user has received what it was sent up to seq.
func (s *suite) forget(user string, upTo roomlog.Seq) {
	s.Helper()
	if err := s.log.Forget(s.Context(), room, user, upTo); err != nil {
		s.Fatalf("Forget up to %d: %v", upTo, err)
	}
}

// read returns the page that q asks for, in the room.
func (s *suite) read(q roomlog.Query) roomlog.Page {
	s.Helper()
	q.Room = room
	page, err := s.log.Read(s.Context(), q)
	if err != nil {
		s.Fatalf("Read %+v: %v", q, err)
	}
	return page
}

// texts returns the data of records.
func texts(records []roomlog.Record) []string {
	var all []string
	for _, r := range records {
		all = append(all, string(r.Data))
	}
	return all
}

// want compares what the log says with what is expected of it.
func (s *suite) want(what string, got, want any) {
	s.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

var keepAll = Retention{Time: time.Hour, Bytes: 1 << 20}

func (s *suite) order() {
	s.open(keepAll)
	last := s.join("ana")
	if last == 0 {
		s.Fatal("the first record has number 0")
	}
	for i := range 100 {
		user := fmt.Sprintf("user %d", i)
		for _, seq := range []roomlog.Seq{s.join(user), s.send(user, "ana", "hi")} {
			if seq <= last {
				s.Fatalf("record %d came after %d", seq, last)
			}
			last = seq
		}
	}
}

func (s *suite) idempotence() {
	s.open(keepAll)
	s.join("ana")
	s.join("bob")
	offer := roomlog.Record{Kind: roomlog.Message, Room: room, From: "ana", To: "bob", CSeq: 7, Data: []byte("offer")}
	first := s.append(offer)
	s.want("number of a repeated append", s.append(offer), first)

	offer.CSeq, offer.Data = 9, []byte("later")
	later := s.append(offer)
	offer.CSeq = 8
	if _, shared := s.log.(roomlog.Shared); shared {
		// It need not know the highest: the sender's node does.
	} else if _, err := s.log.Append(s.Context(), offer); !errors.Is(err, roomlog.ErrSuperseded) {
		s.Errorf("append of CSeq 8 after 9: %v, want ErrSuperseded", err)
	}
	offer.From, offer.To = "bob", "ana"
	s.append(offer) // Another sender counts for itself.

	// Repeating is no second effect even when the condition has ceased to hold.
	offer = roomlog.Record{Kind: roomlog.Message, Room: room, From: "ana", To: "bob", CSeq: 9, Data: []byte("later")}
	s.append(roomlog.Record{Kind: roomlog.Leave, Room: room, From: "bob"})
	s.want("number of a repeated append to a user who left", s.append(offer), later)

	// A Leave forgets.
	s.append(roomlog.Record{Kind: roomlog.Leave, Room: room, From: "ana"})
	s.join("ana")
	s.join("bob")
	offer.CSeq = 1
	s.append(offer)
	s.want("bob's inbox", texts(s.read(roomlog.Query{User: "bob"}).Records), []string{"later"})

	// Another Join does not.
	s.join("ana")
	offer.CSeq = 0
	s.append(offer)
	offer.CSeq = 1
	s.append(offer)
	s.want("bob's inbox", texts(s.read(roomlog.Query{User: "bob"}).Records), []string{"later", "later"})
}

func (s *suite) condition() {
	s.open(keepAll)
	ana := s.join("ana")
	bob := s.join("bob")
	message := roomlog.Record{Kind: roomlog.Message, Room: room, From: "ana", To: "bob"}
	for _, c := range []struct {
		name string
		rec  roomlog.Record
		user string      // Who stood in the way; empty: nobody.
		at   roomlog.Seq // Its ownership record.
	}{
		{name: "message to an owner", rec: with(message, "bob", bob)},
		{name: "message to another owner", rec: with(message, "bob", bob+100), user: "bob", at: bob},
		{name: "broadcast of a member", rec: with(roomlog.Record{Kind: roomlog.Broadcast, From: "ana"}, "ana", ana)},
		{name: "broadcast of a former member", rec: with(roomlog.Record{Kind: roomlog.Broadcast, From: "ana"}, "ana", ana+100), user: "ana", at: ana},
		{name: "join of somebody who is there", rec: with(roomlog.Record{Kind: roomlog.Join, From: "bob"}, "bob", 0), user: "bob", at: bob},
		{name: "message to nobody", rec: roomlog.Record{Kind: roomlog.Message, From: "ana", To: "eve"}, user: "eve"},
		{name: "broadcast of nobody", rec: roomlog.Record{Kind: roomlog.Broadcast, From: "eve"}, user: "eve"},
		{name: "appearance of nobody", rec: roomlog.Record{Kind: roomlog.Appearance, From: "eve"}, user: "eve"},
		{name: "leave of nobody", rec: roomlog.Record{Kind: roomlog.Leave, From: "eve"}, user: "eve"},
		{name: "message in no room", rec: roomlog.Record{Kind: roomlog.Message, Room: "nowhere", From: "ana", To: "bob"}, user: "bob"},
		{name: "leave", rec: with(roomlog.Record{Kind: roomlog.Leave, From: "bob"}, "bob", bob)},
		{name: "message to somebody who left", rec: with(message, "bob", bob), user: "bob"},
		{name: "join anew", rec: with(roomlog.Record{Kind: roomlog.Join, From: "bob"}, "bob", 0)},
	} {
		if c.rec.Room == "" {
			c.rec.Room = room
		}
		before := s.read(roomlog.Query{User: "bob"})
		_, err := s.log.Append(s.Context(), c.rec)
		if c.user == "" {
			if err != nil {
				s.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		var conflict *roomlog.ConflictError
		if !errors.As(err, &conflict) {
			s.Errorf("%s: %v, want a ConflictError", c.name, err)
			continue
		}
		if conflict.Expect.User != c.user || conflict.Seq != c.at {
			s.Errorf("%s: conflict with record %d of %q, want record %d of %q", c.name, conflict.Seq, conflict.Expect.User, c.at, c.user)
		}
		s.want(c.name+": the log", texts(s.read(roomlog.Query{User: "bob"}).Records), texts(before.Records))
	}
	if _, err := s.log.Append(s.Context(), with(message, "bob", bob)); err == nil {
		s.Error("a message for bob's former membership was recorded for his new one")
	}
}

// with returns r on condition that user's ownership record is seq.
func with(r roomlog.Record, user string, seq roomlog.Seq) roomlog.Record {
	r.Expect = roomlog.Expect{User: user, Seq: seq}
	return r
}

func (s *suite) presence() {
	s.open(keepAll)
	empty := s.read(roomlog.Query{})
	if empty.Epoch == "" || len(empty.Records) > 0 {
		s.Errorf("an empty room reads as %+v", empty)
	}
	s.join("ana")
	s.join("bob")
	s.join("eve")
	look := func(user, text string) roomlog.Seq {
		return s.append(roomlog.Record{Kind: roomlog.Appearance, Room: room, From: user, Data: []byte(text)})
	}
	look("ana", "ana with a hat")
	look("bob", "bob with a hat")
	look("ana", "ana without")
	s.append(roomlog.Record{Kind: roomlog.Leave, Room: room, From: "bob", Data: []byte("bob left")})
	s.send("ana", "eve", "not presence")
	s.broadcast("ana", "nor this")

	page := s.read(roomlog.Query{})
	s.want("presence", texts(page.Records), []string{"join ana", "join eve", "ana without"})
	s.want("epoch", page.Epoch, empty.Epoch)
	if bob := s.join("bob"); s.read(roomlog.Query{AtLeast: bob}).Head < bob {
		s.Errorf("Read at least %d does not reach it", bob)
	}
	s.want("presence after bob's return", texts(s.read(roomlog.Query{}).Records), []string{"join ana", "join eve", "ana without", "join bob"})
}

func (s *suite) readAfterCursor() {
	s.open(keepAll)
	s.join("ana")
	s.join("bob")
	var cursor roomlog.Seq
	for i := range 6 {
		if seq := s.send("ana", "bob", fmt.Sprint("message ", i)); i == 2 {
			cursor = seq
		}
	}
	s.send("bob", "ana", "for ana")
	for _, from := range []string{"bob", "ana"} {
		s.broadcast(from, "to all but "+from)
	}
	page := s.read(roomlog.Query{User: "bob", After: cursor})
	s.want("bob's records after the cursor", texts(page.Records), []string{"message 3", "message 4", "message 5", "to all but ana"})
	last := cursor
	for _, r := range page.Records {
		if r.Seq <= last || r.Room != room || r.Time.IsZero() || r.From != "ana" {
			s.Errorf("record %+v after number %d", r, last)
		}
		last = r.Seq
	}
	if page.Head < last || page.More || page.Dropped {
		s.Errorf("page: head %d, more %v, dropped %v", page.Head, page.More, page.Dropped)
	}
	s.want("records after the head", texts(s.read(roomlog.Query{User: "bob", After: page.Head}).Records), []string(nil))
}

func (s *suite) pages() {
	s.open(keepAll)
	var presence, sent []string
	for i := range 10 {
		s.join(fmt.Sprint("user ", i))
		presence = append(presence, fmt.Sprint("join user ", i))
	}
	for i := range 25 {
		text := fmt.Sprint("message ", i)
		switch i % 4 {
		case 0:
			s.broadcast("user 0", "user 0 does not get its own")
			continue
		case 1:
			s.broadcast("user 1", text)
		default:
			s.send("user 1", "user 0", text)
		}
		sent = append(sent, text)
	}
	for _, all := range []struct {
		user string
		want []string
	}{
		{"", presence},
		{"user 0", sent},
		{"nobody", nil},
	} {
		for _, limit := range []int{1, 4, len(all.want), 1000} {
			var got []string
			q := roomlog.Query{User: all.user, Limit: max(limit, 1)}
			more := true
			for more {
				page := s.read(q)
				if len(page.Records) > q.Limit || page.Head < q.After || page.More && page.Head == q.After {
					s.Fatalf("after %d, a page of %d records up to %d, with a limit of %d", q.After, len(page.Records), page.Head, q.Limit)
				}
				got = append(got, texts(page.Records)...)
				q.After, more = page.Head, page.More
				if !more && len(page.Records) == 0 && len(all.want) > 0 {
					s.Errorf("a page tells of more when there is nothing, with a limit of %d", q.Limit)
				}
			}
			s.want(fmt.Sprintf("all pages for %q with a limit of %d", all.user, limit), got, all.want)
		}
	}
}

// rejoin: what was sent to a former membership is not for the new one.
func (s *suite) rejoin() {
	s.open(keepAll)
	s.join("ana")
	s.join("bob")
	s.send("ana", "bob", "to the old bob")
	s.broadcast("ana", "to all")
	s.leave("bob")
	s.join("bob")
	page := s.read(roomlog.Query{User: "bob"})
	s.want("the new bob's records", texts(page.Records), []string(nil))
	if page.Dropped {
		s.Error("the new bob is told that something of his was dropped")
	}
}

func (s *suite) forgets() {
	s.open(keepAll)
	s.join("ana")
	bob := s.join("bob")
	s.send("ana", "bob", "one")
	two := s.send("ana", "bob", "two")
	s.send("ana", "bob", "three")
	for _, upTo := range []roomlog.Seq{two, bob, 0} { // A cursor that goes back brings nothing back.
		s.forget("bob", upTo)
	}
	page := s.read(roomlog.Query{User: "bob", After: two})
	s.want("what is left", texts(page.Records), []string{"three"})
	if page.Dropped {
		s.Error("what was forgotten counts as dropped")
	}
	s.forget("bob", math.MaxUint64)
	s.want("what is left of all", texts(s.read(roomlog.Query{User: "bob", After: bob}).Records), []string(nil))
	s.send("ana", "bob", "four")
	s.want("what came since", texts(s.read(roomlog.Query{User: "bob", After: bob}).Records), []string{"four"})
	for _, nobody := range [][2]string{{room, "eve"}, {"nowhere", "bob"}} {
		if err := s.log.Forget(s.Context(), nobody[0], nobody[1], two); err != nil {
			s.Errorf("Forget for %v: %v", nobody, err)
		}
	}
}

func (s *suite) retentionTime() {
	s.open(Retention{Time: 10 * second, Bytes: 1 << 20})
	s.join("ana")
	bob := s.join("bob")
	one := s.send("ana", "bob", "one")
	s.broadcast("ana", "all")
	s.want("at once", texts(s.read(roomlog.Query{User: "bob", After: bob}).Records), []string{"one", "all"})
	s.Wait(11 * second)
	two := s.send("ana", "bob", "two")

	page := s.read(roomlog.Query{User: "bob", After: bob})
	s.want("after its time", texts(page.Records), []string{"two"})
	if !page.Dropped {
		s.Error("nothing tells that a message was dropped")
	}
	if s.read(roomlog.Query{User: "bob", After: two}).Dropped {
		s.Error("a reader that is past what was dropped is told of it")
	}
	if one >= two {
		s.Errorf("record %d came after %d", two, one)
	}
	s.want("presence, which is kept", texts(s.read(roomlog.Query{}).Records), []string{"join ana", "join bob"})
}

func (s *suite) retentionBytes() {
	s.open(Retention{Time: time.Hour, Bytes: 1000})
	s.join("ana")
	s.join("bob")
	eve := s.join("eve")
	s.send("ana", "eve", "for eve")
	var sent []roomlog.Seq
	for i := range 30 {
		sent = append(sent, s.send("ana", "bob", fmt.Sprintf("%0100d", i)))
	}
	page := s.read(roomlog.Query{User: "bob", After: eve})
	size := 0
	var kept []roomlog.Seq
	for _, r := range page.Records {
		size += len(r.Data)
		kept = append(kept, r.Seq)
	}
	s.want("what is kept, the newest", kept, sent[len(sent)-len(kept):])
	if size == 0 || size > 1000 {
		s.Errorf("%d bytes are kept, with a bound of 1000", size)
	}
	if !page.Dropped {
		s.Error("nothing tells that messages were dropped")
	}
	page = s.read(roomlog.Query{User: "eve", After: eve})
	s.want("the other's records", texts(page.Records), []string{"for eve"})
	if page.Dropped {
		s.Error("one member's want of space dropped another's message")
	}
}

// recorder is a follower that notes what it is told.
type recorder struct {
	// Immutable.
	node  string
	grown chan struct{} // Of size 1. Never closed.

	mu     sync.Mutex
	events []roomlog.Event // Guarded by mu. The data of their records ends with node.
}

// startFollower starts a follower of that name and returns once it misses nothing.
func (s *suite) startFollower(node string) (r *recorder, stop func()) {
	s.Helper()
	r = &recorder{node: node, grown: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(s.Context())
	var done sync.WaitGroup
	done.Go(func() {
		_ = s.log.Follow(ctx, node, func(e roomlog.Event) {
			if e.Record != nil {
				copied := *e.Record
				copied.Data = append(copied.Data, node...) // Which nobody else may see; records checks.
				e.Record = &copied
			}
			r.mu.Lock()
			r.events = append(r.events, e)
			r.mu.Unlock()
			select {
			case r.grown <- struct{}{}:
			default:
			}
		})
	})
	stop = sync.OnceFunc(func() { cancel(); done.Wait() })
	s.Cleanup(stop)
	r.wait(s, func(e roomlog.Event) bool { return e.Node == node && e.Up })
	return r, stop
}

// wait returns when an event was told for which is holds.
func (r *recorder) wait(s *suite, is func(roomlog.Event) bool) {
	s.Helper()
	deadline := time.After(30 * second)
	for seen := 0; ; {
		r.mu.Lock()
		for ; seen < len(r.events); seen++ {
			if is(r.events[seen]) {
				r.mu.Unlock()
				return
			}
		}
		r.mu.Unlock()
		select {
		case <-r.grown:
		case <-deadline:
			s.Fatal("the follower was not told in 30 s")
		}
	}
}

// all returns what r was told.
func (r *recorder) all() []roomlog.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// records returns the records that r was told of.
func (r *recorder) records(s *suite) (all []roomlog.Record) {
	s.Helper()
	for _, e := range r.all() {
		if e.Record == nil {
			continue
		}
		rec, ok := *e.Record, false
		if rec.Data, ok = bytes.CutSuffix(rec.Data, []byte(r.node)); !ok {
			s.Errorf("what follower %s appended to a record's data has become %q", r.node, rec.Data)
		}
		all = append(all, rec)
	}
	return all
}

// givenUp returns the records that r was told are no longer kept.
func (r *recorder) givenUp() (all []roomlog.Record) {
	for _, e := range r.all() {
		all = append(all, e.GivenUp...)
	}
	return all
}

// follow: a node is told of presence, broadcasts and messages for its own sessions.
func (s *suite) follow() {
	s.open(keepAll)
	a, _ := s.startFollower("a")
	b, stop := s.startFollower("b")
	a.wait(s, func(e roomlog.Event) bool { return e.Node == "b" && e.Up })

	s.join("ana")
	joined := s.append(roomlog.Record{Kind: roomlog.Join, Room: room, From: "bob", Node: "b", Data: []byte("join bob")})
	for _, f := range []*recorder{a, b} { // Before a later record of bob's replaces it.
		f.wait(s, func(e roomlog.Event) bool { return e.Record != nil && e.Record.Seq == joined })
	}
	s.send("bob", "ana", "to ana")
	s.send("ana", "bob", "to bob")
	s.broadcast("ana", "to all")
	s.append(roomlog.Record{Kind: roomlog.Appearance, Room: room, From: "ana", Data: []byte("ana with a hat")})
	last := s.append(roomlog.Record{Kind: roomlog.Leave, Room: room, From: "bob", Data: []byte("bob left")})
	isLast := func(e roomlog.Event) bool { return e.Record != nil && e.Record.Seq == last }
	a.wait(s, isLast)
	b.wait(s, isLast)

	s.want("node a", texts(a.records(s)), []string{"join ana", "join bob", "to ana", "to all", "ana with a hat", "bob left"})
	s.want("node b", texts(b.records(s)), []string{"join ana", "join bob", "to bob", "to all", "ana with a hat", "bob left"})

	stop()
	a.wait(s, func(e roomlog.Event) bool { return e.Node == "b" && !e.Up })
}

// followUnderConcurrency: whatever goes on at one time, each follower sees each record once, in the order of its room.
func (s *suite) followUnderConcurrency() {
	const rooms, users, messages = 4, 4, 50
	s.open(keepAll)
	followers := []*recorder{}
	for _, node := range []string{"a", "b"} {
		f, _ := s.startFollower(node)
		followers = append(followers, f)
	}
	var appended sync.Map // From a record's data to its number.
	var all sync.WaitGroup
	for i := range rooms {
		for j := range users {
			all.Go(func() {
				name, user := fmt.Sprint("room ", i), fmt.Sprint("user ", j)
				put := func(r roomlog.Record, text string) {
					r.Room, r.From, r.Data = name, user, []byte(name+" "+user+" "+text)
					seq, err := s.log.Append(s.Context(), r)
					if err != nil {
						s.Errorf("Append %s: %v", r.Data, err)
					}
					appended.Store(string(r.Data), seq)
				}
				put(roomlog.Record{Kind: roomlog.Join, Node: "a"}, "join")
				for k := range messages {
					put(roomlog.Record{Kind: roomlog.Broadcast, CSeq: uint64(k + 1)}, fmt.Sprint("broadcast ", k))
				}
			})
		}
	}
	all.Wait()
	last := map[string]roomlog.Seq{}
	for i := range rooms { // A last record in each room, to wait for.
		name := fmt.Sprint("room ", i)
		last[name] = s.append(roomlog.Record{Kind: roomlog.Join, Room: name, From: "last", Node: "a", Data: []byte(name)})
		appended.Store(name, last[name])
	}
	for i, f := range followers {
		for name, seq := range last {
			f.wait(s, func(e roomlog.Event) bool { return e.Record != nil && e.Record.Room == name && e.Record.Seq == seq })
		}
		head := map[string]roomlog.Seq{}
		count := 0
		for _, r := range f.records(s) {
			if r.Seq <= head[r.Room] {
				s.Errorf("follower %d: record %d after %d", i, r.Seq, head[r.Room])
			}
			head[r.Room] = r.Seq
			if seq, ok := appended.Load(string(r.Data)); !ok || seq != r.Seq {
				s.Errorf("follower %d: record %d says %q, which was appended as %v", i, r.Seq, r.Data, seq)
			}
			count++
		}
		s.want(fmt.Sprint("records of follower ", i), count, rooms*(users*(messages+1)+1))
	}
}

// oneWinner: of many that append under one condition, one succeeds.
func (s *suite) oneWinner() {
	s.open(keepAll)
	s.join("ana")
	for round := range 20 {
		var mu sync.Mutex
		var won, lost int
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				_, err := s.log.Append(s.Context(), with(roomlog.Record{
					Kind: roomlog.Join, Room: room, From: "bob", Node: fmt.Sprint("node ", i),
				}, "bob", 0))
				mu.Lock()
				defer mu.Unlock()
				var conflict *roomlog.ConflictError
				if err == nil {
					won++
				} else if errors.As(err, &conflict) {
					lost++
				}
			})
		}
		all.Wait()
		if won != 1 || lost != 7 {
			s.Fatalf("round %d: %d won and %d lost, want 1 and 7", round, won, lost)
		}
		s.append(roomlog.Record{Kind: roomlog.Leave, Room: room, From: "bob"})
	}
}
