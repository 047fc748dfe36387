package logtest

import (
	"errors"

	"github.com/beckonrtc/beckon/server/roomlog"
)

// moves: who moves to another node has been in the room all the time, and misses nothing.
func (s *suite) moves() {
	s.open(keepAll)
	a, _ := s.startFollower("a")
	b, _ := s.startFollower("b")
	s.join("ana")
	bob := s.join("bob")
	s.forget("bob", s.send("ana", "bob", "received"))
	s.send("ana", "bob", "one")
	s.broadcast("ana", "all")
	hat := s.append(roomlog.Record{Kind: roomlog.Appearance, Room: room, From: "bob", Data: []byte("bob with a hat")})
	for _, f := range []*recorder{a, b} { // Before the move replaces the join.
		f.wait(s, func(e roomlog.Event) bool { return e.Record != nil && e.Record.Seq == hat })
	}
	move := roomlog.Record{
		Kind: roomlog.Move, Room: room, From: "bob", Node: "b", Data: []byte("bob moved"),
		Expect: roomlog.Expect{User: "bob", Seq: bob},
	}
	moved := s.append(move)
	var conflict *roomlog.ConflictError
	if _, err := s.log.Append(s.Context(), move); !errors.As(err, &conflict) || conflict.Seq != moved {
		s.Errorf("a second move from record %d: %v, want a conflict with record %d", bob, err, moved)
	}
	s.send("ana", "bob", "two")
	s.want("bob's records", texts(s.read(roomlog.Query{User: "bob"}).Records), []string{"one", "all", "two"})
	if s.read(roomlog.Query{User: "bob"}).Dropped {
		s.Error("bob is told that something was dropped")
	}
	s.want("presence", texts(s.read(roomlog.Query{}).Records), []string{"join ana", "bob moved"})

	for _, f := range []*recorder{a, b} { // Before a later record of bob's replaces it.
		f.wait(s, func(e roomlog.Event) bool { return e.Record != nil && e.Record.Seq == moved })
	}
	last := s.leave("bob")
	for _, f := range []*recorder{a, b} {
		f.wait(s, func(e roomlog.Event) bool { return e.Record != nil && e.Record.Seq == last })
	}
	s.want("node a", texts(a.records(s)), []string{"join ana", "join bob", "received", "one", "all", "bob with a hat", "bob moved", "bob left"})
	s.want("node b", texts(b.records(s)), []string{"join ana", "join bob", "all", "bob with a hat", "bob moved", "two", "bob left"})
	s.want("given up, as the old node is told", texts(a.givenUp()), []string(nil))
	s.want("given up, as the new node is told", texts(b.givenUp()), []string{"one", "two"})
	move.Expect = roomlog.Expect{}
	if _, err := s.log.Append(s.Context(), move); !errors.As(err, &conflict) || conflict.Seq != 0 {
		s.Errorf("a move of somebody who has left: %v, want a conflict", err)
	}
}
