package memlog_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/roomlog/memlog"
)

// BenchmarkAppend appends messages for a session on this node, which tells what it has received after every so many, or
// never.
func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct {
		keep   time.Duration
		forget int
	}{{0, 0}, {90 * time.Second, 1}, {90 * time.Second, 64}, {90 * time.Second, 0}} {
		b.Run(fmt.Sprintf("keep=%v/forget=%d", c.keep, c.forget), func(b *testing.B) {
			log := memlog.New(memlog.Options{Retention: c.keep})
			defer log.Close()
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			ready := make(chan struct{})
			go func() {
				_ = log.Follow(ctx, "a", func(e roomlog.Event) {
					if e.Up {
						close(ready)
					}
				})
			}()
			<-ready
			join(b, log, "lobby", "ana")
			join(b, log, "lobby", "bob")
			rec := roomlog.Record{Kind: roomlog.Message, Room: "lobby", From: "ana", To: "bob", Data: make([]byte, 200)}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				seq := appendTo(b, log, rec)
				if i++; c.forget > 0 && i%c.forget == 0 {
					if err := log.Forget(ctx, "lobby", "bob", seq); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// BenchmarkForget tells, as with every heartbeat, of what has been forgotten already.
func BenchmarkForget(b *testing.B) {
	for _, members := range []int{1, 10_000} {
		b.Run(fmt.Sprint("members=", members), func(b *testing.B) {
			log := memlog.New(memlog.Options{Retention: 90 * time.Second})
			defer log.Close()
			var last roomlog.Seq
			for i := range members {
				last = join(b, log, "lobby", fmt.Sprint("user ", i))
			}
			for b.Loop() {
				if err := log.Forget(b.Context(), "lobby", "user 0", last); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkReadSent reads on from a cursor that nothing has come after.
func BenchmarkReadSent(b *testing.B) {
	for _, members := range []int{1, 10_000} {
		b.Run(fmt.Sprint("members=", members), func(b *testing.B) {
			log := memlog.New(memlog.Options{Retention: 90 * time.Second})
			defer log.Close()
			for i := range members {
				join(b, log, "lobby", fmt.Sprint("user ", i))
			}
			var last roomlog.Seq
			for range 500 {
				last = send(b, log, "lobby", "user 0", 100)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := log.Read(b.Context(), roomlog.Query{Room: "lobby", User: "user 0", After: last}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkIdleRoom reports what a room takes up that has one user and no messages. The strings are its creator's.
func BenchmarkIdleRoom(b *testing.B) {
	const rooms = 100_000
	names := make([]string, rooms)
	for i := range names {
		names[i] = fmt.Sprintf("\x00%020d", i)
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	for b.Loop() {
		log := memlog.New(memlog.Options{Retention: 90 * time.Second})
		before := heap()
		for _, name := range names {
			join(b, log, name, name)
		}
		b.ReportMetric(float64(heap()-before)/rooms, "B/room")
		if err := log.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
