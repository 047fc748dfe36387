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

// TestTotalBytes: however many members there are, what is kept has a bound; nobody's newest message is the price of
// another's old ones while there is room for all.
func TestTotalBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const total = 1 << 20
		log := memlog.New(memlog.Options{Retention: time.Hour, TotalBytes: total})
		defer log.Close()
		message := make([]byte, 1000)
		for i := range 100 {
			user := fmt.Sprint("user ", i)
			if _, err := log.Append(t.Context(), roomlog.Record{Kind: roomlog.Join, Room: "lobby", From: user}); err != nil {
				t.Fatal(err)
			}
			for range 100 {
				rec := roomlog.Record{Kind: roomlog.Message, Room: "lobby", From: user, To: user, Data: message}
				if _, err := log.Append(t.Context(), rec); err != nil {
					t.Fatal(err)
				}
			}
		}
		kept, dropped := 0, 0
		for i := range 100 {
			page, err := log.Read(t.Context(), roomlog.Query{Room: "lobby", User: fmt.Sprint("user ", i)})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range page.Records {
				kept += len(r.Data)
			}
			if page.Dropped {
				dropped++
			}
		}
		if kept > total || kept < total/2 || dropped == 0 {
			t.Errorf("%d bytes are kept for 100 members, %d of whom lost something; the bound is %d", kept, dropped, total)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	for _, keep := range []time.Duration{0, 90 * time.Second} {
		b.Run(fmt.Sprint("keep=", keep), func(b *testing.B) {
			log := memlog.New(memlog.Options{Retention: keep})
			defer log.Close()
			for _, user := range []string{"ana", "bob"} {
				if _, err := log.Append(b.Context(), roomlog.Record{Kind: roomlog.Join, Room: "lobby", From: user}); err != nil {
					b.Fatal(err)
				}
			}
			data := make([]byte, 200)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := log.Append(b.Context(), roomlog.Record{Kind: roomlog.Message, Room: "lobby", From: "ana", To: "bob", Data: data}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
