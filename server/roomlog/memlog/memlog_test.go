package memlog_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/roomlog/logtest"
	"github.com/beckonrtc/beckon/server/roomlog/memlog"
)

func TestLog(t *testing.T) {
	logtest.Run(t, logtest.Harness{
		Open: func(_ *testing.T, keep logtest.Retention) roomlog.Log {
			return memlog.New(memlog.Options{Retention: keep.Time, MemberBytes: keep.Bytes})
		},
		Bubble: synctest.Test,
		Wait:   time.Sleep, // Virtual.
	})
}

// overhead is what a record counts for besides its data, as Options say.
const overhead = 128

// appendTo appends rec, which must succeed.
func appendTo(tb testing.TB, log *memlog.Log, rec roomlog.Record) roomlog.Seq {
	tb.Helper()
	seq, err := log.Append(tb.Context(), rec)
	if err != nil {
		tb.Fatal(err)
	}
	return seq
}

// join lets user into room.
func join(tb testing.TB, log *memlog.Log, room, user string) roomlog.Seq {
	tb.Helper()
	return appendTo(tb, log, roomlog.Record{Kind: roomlog.Join, Room: room, From: user, Node: "a"})
}

// send sends user in room a message from itself, of so many bytes.
func send(tb testing.TB, log *memlog.Log, room, user string, bytes int) roomlog.Seq {
	tb.Helper()
	return appendTo(tb, log, roomlog.Record{Kind: roomlog.Message, Room: room, From: user, To: user, Data: make([]byte, bytes)})
}

// read returns what is kept for user in room.
func read(tb testing.TB, log *memlog.Log, room, user string) roomlog.Page {
	tb.Helper()
	page, err := log.Read(tb.Context(), roomlog.Query{Room: room, User: user, Limit: 1 << 20})
	if err != nil {
		tb.Fatal(err)
	}
	return page
}

// TestTotalBytes: however many members in however many rooms there are, what is kept has a bound, and of all the oldest
// goes first.
func TestTotalBytes(t *testing.T) {
	const (
		members = 40 // One in each room.
		total   = 1 << 20
	)
	room := func(i int) string { return fmt.Sprint("room ", i%members) }
	for _, c := range []struct {
		name string
		to   func(i int) int // The member that message i goes to.
		size func(i int) int // The bytes of message i.
	}{
		{"in turn", func(i int) int { return i }, func(int) int { return 1000 }},
		{"one after another", func(i int) int { return i / 200 }, func(int) int { return 1000 }},
		{"empty", func(i int) int { return i }, func(int) int { return 0 }},
		{"of all sizes", func(i int) int { return i * i }, func(i int) int { return i * 7919 % 3000 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := memlog.New(memlog.Options{Retention: time.Hour, MemberBytes: total, TotalBytes: total})
				defer log.Close()
				for i := range members {
					join(t, log, room(i), "ana")
				}
				type sent struct {
					seq  roomlog.Seq
					size int
				}
				var all []sent
				for i := range 20_000 {
					size := c.size(i)
					all = append(all, sent{send(t, log, room(c.to(i)), "ana", size), size + overhead})
					synctest.Wait() // For the sweep: it is not late.
				}
				kept := map[roomlog.Seq]bool{}
				for i := range members {
					for _, r := range read(t, log, room(i), "ana").Records {
						kept[r.Seq] = true
					}
				}
				newest, bytes := all[len(all)-len(kept):], 0
				for _, s := range newest {
					if !kept[s.seq] {
						t.Fatalf("record %d is not kept, but older ones are", s.seq)
					}
					bytes += s.size
				}
				if bytes > total*7/8 || bytes < total*7/10 {
					t.Errorf("%d bytes are kept, of %d that may be", bytes, total)
				}
			})
		})
	}
}

// TestSweepIsLate: while nothing can make space, what is kept is still bounded, and who fills it loses its own.
func TestSweepIsLate(t *testing.T) {
	const total = 64 << 10
	log := memlog.New(memlog.Options{Retention: time.Hour, TotalBytes: total})
	defer log.Close()
	stuck, goOn := make(chan struct{}), make(chan struct{})
	ready := make(chan struct{})
	go func() {
		_ = log.Follow(t.Context(), "a", func(e roomlog.Event) {
			if e.Node == "a" {
				close(ready)
			}
			if e.Record != nil && e.Record.Room == "stuck" && e.Record.Kind == roomlog.Message {
				close(stuck)
				<-goOn // With the room's mutex, which the sweep needs to find what is oldest.
			}
		})
	}()
	<-ready
	for _, room := range []string{"stuck", "greedy", "late"} {
		join(t, log, room, "ana")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		send(t, log, "stuck", "ana", 0)
	}()
	<-stuck
	var last roomlog.Seq
	const size = 1000
	for range 1000 {
		last = send(t, log, "greedy", "ana", size)
	}
	page := read(t, log, "greedy", "ana")
	if n := len(page.Records); n != total/(size+overhead) || !page.Dropped || page.Records[n-1].Seq != last {
		t.Errorf("%d messages are kept, dropped %v", n, page.Dropped)
	}
	send(t, log, "late", "ana", total)
	if page := read(t, log, "late", "ana"); len(page.Records) > 0 || !page.Dropped {
		t.Errorf("%d messages are kept where there was no space, dropped %v", len(page.Records), page.Dropped)
	}
	if n := len(read(t, log, "greedy", "ana").Records); n != len(page.Records) {
		t.Errorf("%d messages are kept after another came that did not fit, of %d", n, len(page.Records))
	}
	close(goOn)
	<-done
}
