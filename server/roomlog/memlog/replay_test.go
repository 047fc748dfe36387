package memlog_test

import (
	"context"
	"testing"
	"time"

	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/roomlog/memlog"
)

// TestReplayBehind: a copy that is so far behind that it is not told of a record, since a later one has replaced it, gives
// up what is its own, and nothing else.
func TestReplayBehind(t *testing.T) {
	leave := func(seq, ends roomlog.Seq) roomlog.Record {
		return roomlog.Record{Kind: roomlog.Leave, Room: "lobby", From: "ana", Seq: seq, Expect: roomlog.Expect{User: "ana", Seq: ends}}
	}
	of := func(rec roomlog.Record, since roomlog.Seq) roomlog.Record {
		rec.Since = since
		return rec
	}
	move := func(seq roomlog.Seq, to string) roomlog.Record {
		return roomlog.Record{Kind: roomlog.Move, Room: "lobby", From: "ana", Node: to, Seq: seq}
	}
	join := roomlog.Record{Kind: roomlog.Join, Room: "lobby", From: "ana", Node: "here", Seq: 1}
	message := roomlog.Record{Kind: roomlog.Message, Room: "lobby", From: "bob", To: "ana", Seq: 2, Time: time.Now()}
	for name, c := range map[string]struct {
		records []roomlog.Record
		givenUp int
	}{
		"everything":                 {[]roomlog.Record{join, message, leave(3, 1)}, 1},
		"but that it has moved away": {[]roomlog.Record{join, message, leave(4, 3)}, 0},
		"but that it has come":       {[]roomlog.Record{message, leave(3, 1)}, 1},
		"but that it came and moved": {[]roomlog.Record{message, move(3, "there"), leave(4, 3)}, 0},

		"but that it has moved away, of that join":          {[]roomlog.Record{join, message, of(leave(4, 3), 1)}, 0},
		"but that it left and came back":                    {[]roomlog.Record{join, message, of(leave(5, 4), 4)}, 1},
		"but that it left, came elsewhere and moved on":     {[]roomlog.Record{join, message, of(move(5, "there"), 4)}, 1},
		"but that it left, came elsewhere and moved here":   {[]roomlog.Record{join, message, of(move(5, "here"), 4)}, 1},
		"but that it moved, and moved back, of that join":   {[]roomlog.Record{join, message, of(move(5, "here"), 1), of(leave(6, 5), 1)}, 1},
		"but that it moved, and moved on, of that join":     {[]roomlog.Record{join, message, of(move(5, "there"), 1)}, 0},
		"but that it has come, and left what it came after": {[]roomlog.Record{message, of(leave(4, 3), 3)}, 1},
	} {
		log := memlog.New(memlog.Options{Retention: 1 << 40})
		ctx, cancel := context.WithCancel(t.Context())
		ready, ended := make(chan struct{}), make(chan struct{})
		givenUp := 0
		go func() {
			defer close(ended)
			_ = log.Follow(ctx, "here", func(e roomlog.Event) {
				if e.Node != "" {
					close(ready)
					return
				}
				givenUp += len(e.GivenUp)
			})
		}()
		<-ready
		for i := range c.records {
			log.Replay("here", &c.records[i])
		}
		cancel()
		<-ended
		if givenUp != c.givenUp {
			t.Errorf("%s: %d messages were given up, want %d", name, givenUp, c.givenUp)
		}
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	}
}
