package logtest

import (
	"fmt"
	"math"
	"strings"

	"github.com/beckonrtc/beckon/server/roomlog"
)

// noRetention: a log that keeps nothing says so, and has nothing to give up.
func (s *suite) noRetention() {
	s.open(Retention{})
	a, _ := s.startFollower("a")
	s.join("ana")
	bob := s.join("bob")
	s.send("ana", "bob", "one")
	all := s.broadcast("ana", "all")
	page := s.read(roomlog.Query{User: "bob", After: bob})
	if len(page.Records) > 0 || !page.Dropped {
		s.Errorf("%q is kept, dropped %v", texts(page.Records), page.Dropped)
	}
	if s.read(roomlog.Query{User: "bob", After: all}).Dropped {
		s.Error("a reader that is past what was dropped is told of it")
	}
	if s.read(roomlog.Query{User: "ana", After: bob}).Dropped {
		s.Error("a sender is told that its own broadcast was dropped")
	}
	last := s.leave("bob")
	a.wait(s, func(e roomlog.Event) bool { return e.Record != nil && e.Record.Seq == last })
	s.want("what is given up", texts(a.givenUp()), []string(nil))
}

// forgottenIsNotDropped: who has received something does not miss it, even if it tells so late.
func (s *suite) forgottenIsNotDropped() {
	s.open(Retention{Time: 2 * second, Bytes: 1 << 20})
	s.join("ana")
	bob := s.join("bob")
	s.send("ana", "bob", "one")
	s.forget("bob", s.broadcast("ana", "all"))
	two := s.send("ana", "bob", "two")
	s.Wait(3 * second)
	page := s.read(roomlog.Query{User: "bob", After: bob})
	if len(page.Records) > 0 || !page.Dropped {
		s.Errorf("after its time %q is kept, dropped %v", texts(page.Records), page.Dropped)
	}
	s.forget("bob", two)
	if s.read(roomlog.Query{User: "bob", After: bob}).Dropped {
		s.Error("what was received counts as dropped")
	}
	for _, upTo := range []roomlog.Seq{bob, math.MaxUint64} { // Nobody has received what is yet to come.
		s.forget("bob", upTo)
		s.send("ana", "bob", "three")
		s.Wait(3 * second)
		if !s.read(roomlog.Query{User: "bob", After: bob}).Dropped {
			s.Errorf("nothing tells that a message was dropped after those up to %d were forgotten", upTo)
		}
	}
}

// ownBroadcastsAreNotDropped: nobody is sent its own broadcasts, so nobody misses them.
func (s *suite) ownBroadcastsAreNotDropped() {
	s.open(Retention{Time: 2 * second, Bytes: 1 << 20})
	seqs := map[string]roomlog.Seq{"join": s.join("ana")}
	s.join("bob")
	s.join("eve")
	for _, c := range []struct {
		from    string   // Of a broadcast, which is then dropped.
		dropped []string // Who misses what, of user and cursor; nobody else does.
	}{
		{"ana", []string{"bob join", "eve join"}},
		{"ana", []string{"bob join", "eve join", "bob ana", "eve ana"}},
		{"bob", []string{"bob join", "eve join", "bob ana", "ana join", "eve ana", "ana ana"}},
		{"bob", []string{"bob join", "eve join", "bob ana", "ana join", "eve ana", "ana ana", "eve bob", "ana bob"}},
		{"eve", []string{"bob join", "eve join", "bob ana", "ana join", "eve ana", "ana ana", "eve bob", "ana bob", "bob bob"}},
	} {
		seq := s.broadcast(c.from, c.from+" to all")
		s.Wait(3 * second)
		want := map[string]bool{}
		for _, d := range c.dropped {
			want[d] = true
		}
		got := map[string]bool{}
		for _, user := range []string{"ana", "bob", "eve"} {
			for cursor, after := range seqs {
				if s.read(roomlog.Query{User: user, After: after}).Dropped {
					got[user+" "+cursor] = true
				}
			}
		}
		s.want(fmt.Sprintf("who is told after %d, by %s", seq, c.from), got, want)
		if _, ok := seqs[c.from]; !ok {
			seqs[c.from] = seq // The first of each is a cursor.
		}
	}
}

// givenUpWithLeave: what a user had not received is told with its Leave, to its node alone.
func (s *suite) givenUpWithLeave() {
	s.open(keepAll)
	a, _ := s.startFollower("a")
	b, _ := s.startFollower("b")
	s.join("ana")
	s.append(roomlog.Record{Kind: roomlog.Join, Room: room, From: "bob", Node: "b", Data: []byte("join bob")})
	s.forget("bob", s.send("ana", "bob", "received"))
	two := s.append(roomlog.Record{Kind: roomlog.Message, Room: room, From: "ana", To: "bob", CSeq: 7, Data: []byte("two")})
	s.broadcast("ana", "to all")
	s.send("ana", "ana", "to ana")
	s.send("ana", "bob", "three")
	left := s.leave("bob")
	s.leave("ana") // And with her the room ends.
	s.join("ana")
	last := s.leave("ana")

	for _, f := range []*recorder{a, b} {
		f.wait(s, func(e roomlog.Event) bool { return e.Record != nil && e.Record.Seq == last })
	}
	s.want("given up, as node a is told", texts(a.givenUp()), []string{"to ana"})
	s.want("given up, as node b is told", texts(b.givenUp()), []string{"two", "three"})
	for _, e := range b.all() {
		if len(e.GivenUp) == 0 {
			continue
		}
		if e.Record == nil || e.Record.Seq != left {
			s.Errorf("given up with %+v, want the Leave, which is %d", e.Record, left)
		}
		given := e.GivenUp[0]
		if given.Time.IsZero() {
			s.Error("a message that is given up has no time")
		}
		given.Time = e.Record.Time
		s.want("the first that is given up", given, roomlog.Record{
			Kind: roomlog.Message, Room: room, From: "ana", To: "bob", CSeq: 7, Data: []byte("two"), Seq: two, Time: e.Record.Time,
		})
	}
}

// givenUpWithJoin: a Join without a Leave before it, on another node, begins anew.
func (s *suite) givenUpWithJoin() {
	s.open(keepAll)
	a, _ := s.startFollower("a")
	b, _ := s.startFollower("b")
	s.join("ana")
	s.join("bob")
	s.send("ana", "bob", "to the old bob")
	s.append(roomlog.Record{Kind: roomlog.Join, Room: room, From: "bob", Node: "b", Data: []byte("bob again")})
	s.send("ana", "bob", "to the new bob")
	page := s.read(roomlog.Query{User: "bob"})
	s.want("the new bob's records", texts(page.Records), []string{"to the new bob"})
	if page.Dropped {
		s.Error("the new bob is told that something of his was dropped")
	}
	s.want("presence", texts(s.read(roomlog.Query{}).Records), []string{"join ana", "bob again"})
	last := s.leave("bob")
	for _, f := range []*recorder{a, b} {
		f.wait(s, func(e roomlog.Event) bool { return e.Record != nil && e.Record.Seq == last })
	}
	s.want("given up, as the old node is told", texts(a.givenUp()), []string{"to the old bob"})
	s.want("given up, as the new node is told", texts(b.givenUp()), []string{"to the new bob"})
}

// givenUpForTime: what was kept for its time is told once, whether anybody reads or not.
func (s *suite) givenUpForTime() {
	s.open(Retention{Time: 8 * second, Bytes: 1 << 20})
	a, _ := s.startFollower("a")
	b, _ := s.startFollower("b")
	s.join("ana")
	bob := s.join("bob")
	s.send("ana", "bob", "one")
	s.broadcast("ana", "to all")
	s.forget("bob", s.send("ana", "bob", "two")) // With one.
	s.send("ana", "bob", "three")
	s.Wait(9 * second)
	a.wait(s, func(e roomlog.Event) bool { return len(e.GivenUp) > 0 })
	s.send("ana", "bob", "four")
	s.Wait(8 * second)
	s.read(roomlog.Query{User: "bob", After: bob})
	last := s.leave("bob")
	for _, f := range []*recorder{a, b} {
		f.wait(s, func(e roomlog.Event) bool { return e.Record != nil && e.Record.Seq == last })
	}
	s.want("given up, as bob's node is told", texts(a.givenUp()), []string{"three", "four"})
	s.want("given up, as another node is told", texts(b.givenUp()), []string(nil))
	for _, e := range a.all() {
		if len(e.GivenUp) > 0 && e.Record != nil {
			s.Errorf("%q is given up with a %s", texts(e.GivenUp), e.Record.Kind)
		}
	}
}

// givenUpForSpace: what does not fit is told once, in order, and only after it was told itself.
func (s *suite) givenUpForSpace() {
	s.open(Retention{Time: 1 << 40, Bytes: 1000})
	a, _ := s.startFollower("a")
	s.join("ana")
	bob := s.join("bob")
	var want []string
	for i := range 30 {
		text := fmt.Sprintf("%0100d", i)
		if i == 20 {
			text = strings.Repeat("too large", 200)
		}
		want = append(want, text)
		s.send("ana", "bob", text)
		s.broadcast("ana", text)
	}
	kept := len(texts(s.read(roomlog.Query{User: "bob", After: bob}).Records))
	if kept == 0 {
		s.Error("nothing is kept")
	}
	last := s.leave("bob")
	a.wait(s, func(e roomlog.Event) bool { return e.Record != nil && e.Record.Seq == last })
	s.want("given up, the rest with the leave", texts(a.givenUp()), want)
	told := map[roomlog.Seq]bool{}
	for _, e := range a.all() {
		for _, r := range e.GivenUp {
			if !told[r.Seq] {
				s.Errorf("record %d is given up before it is told", r.Seq)
			}
		}
		if e.Record != nil {
			told[e.Record.Seq] = true
		}
	}
}
