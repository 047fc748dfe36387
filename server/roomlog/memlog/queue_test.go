package memlog

import (
	"fmt"
	"testing"

	"github.com/beckonrtc/beckon/server/roomlog"
)

// TestQueueSpace: what a queue takes up follows what it holds, and it does not allocate with every record.
func TestQueueSpace(t *testing.T) {
	const holds = 100
	var q queue
	seq := roomlog.Seq(0)
	push := func() {
		seq++
		q.push(kept{seq: seq})
	}
	for range holds {
		push()
	}
	comeAndGo := func() {
		for range 1000 * holds {
			push()
			q.pop(1)
		}
	}
	if n := testing.AllocsPerRun(1, comeAndGo); n > holds { // The runtime has some of its own.
		t.Errorf("%v allocations while %d records come and go", n, 1000*holds)
	}
	if n := q.space(); n > 4*holds {
		t.Errorf("a queue that held at most %d records has space for %d", holds+1, n)
	}
	for range 100 * holds {
		push()
	}
	q.pop(100 * holds)
	if n := q.space(); n > 4*holds {
		t.Errorf("a queue that holds %d records has space for %d", holds, n)
	}
	if held := q.held(); len(held) != holds || held[0].seq != seq-holds+1 {
		t.Errorf("the queue holds %d records, from %d on, after %d", len(held), held[0].seq, seq)
	}
	q.pop(holds)
	if q.array != nil || q.bytes != 0 {
		t.Errorf("an empty queue has space for %d records and counts %d bytes", q.space(), q.bytes)
	}
}

// TestExcess: however the numbers of what is kept are spread, just the oldest have to go.
func TestExcess(t *testing.T) {
	const records, size = 10_000, 100 + overhead
	for _, c := range []struct {
		name string
		seq  func(i roomlog.Seq) roomlog.Seq
	}{
		{"dense", func(i roomlog.Seq) roomlog.Seq { return i }},
		{"late", func(i roomlog.Seq) roomlog.Seq { return 1<<62 + i }},
		{"sparse", func(i roomlog.Seq) roomlog.Seq { return i << 40 }},
		{"ever faster", func(i roomlog.Seq) roomlog.Seq { return 1<<40 - 1<<40/i + i }},
		{"ever slower", func(i roomlog.Seq) roomlog.Seq { return i * i * i * i }},
	} {
		for _, bound := range []int64{0, 1, records * size / 2, records*size - 1, records * size} {
			t.Run(fmt.Sprint(c.name, "/", bound), func(t *testing.T) {
				l := New(Options{})
				rooms := []*room{{}, {}, {}}
				for i := roomlog.Seq(1); i <= records; i++ {
					rooms[i*i%3].broadcasts.push(kept{seq: c.seq(i), data: make([]byte, 100)})
				}
				l.seq.Store(uint64(c.seq(records)))
				upTo := l.excess(rooms, bound)
				stays := int64(0)
				for _, r := range rooms {
					held := r.broadcasts.held()
					stays += int64(len(held)-r.broadcasts.upTo(upTo)) * size
				}
				if stays > bound || stays < bound-bound/64-size {
					t.Errorf("%d bytes stay, all after %d, of at most %d", stays, upTo, bound)
				}
			})
		}
	}
}
