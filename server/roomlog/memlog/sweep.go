package memlog

import (
	"time"

	"github.com/beckonrtc/beckon/server/roomlog"
)

// high returns the bytes from which on the sweep makes space, and low those that it leaves.
func (l *Log) high() int64 { return int64(l.opts.TotalBytes) / 8 * 7 }
func (l *Log) low() int64  { return int64(l.opts.TotalBytes) / 8 * 6 }

// sweep drops what was kept for its time, and the oldest of all when the log is nearly full, until the log is closed.
func (l *Log) sweep() {
	tick := time.NewTicker(l.opts.Retention / 4)
	defer tick.Stop()
	for {
		select {
		case <-l.closed.Done():
			return
		case <-tick.C:
		case <-l.full:
			if l.bytes.Load() <= l.high() { // That was before the last time.
				continue
			}
		}
		l.sweepOnce()
	}
}

// sweepOnce goes through all rooms, one at a time.
func (l *Log) sweepOnce() {
	l.mu.RLock()
	rooms := make([]*room, 0, len(l.rooms))
	for _, r := range l.rooms {
		rooms = append(rooms, r)
	}
	l.mu.RUnlock()
	limit := l.limit()
	if l.bytes.Load() > l.high() {
		limit.after = l.excess(rooms, l.low())
	}
	for _, r := range rooms {
		r.mu.Lock()
		l.trimBroadcasts(r, limit)
		for u := range r.users.all() {
			l.trimInbox(r, u, limit)
		}
		r.mu.Unlock()
	}
}

// excess returns the number up to which everything in rooms has to go so that no more than bound bytes stay. Numbers
// tell age over all rooms.
func (l *Log) excess(rooms []*room, bound int64) roomlog.Seq {
	// What is sought is between these: all up to low has to go, all above high may stay. Each round looks into one bucket
	// of the round before.
	low, high := roomlog.Seq(0), roomlog.Seq(l.seq.Load())
	for {
		var above int64 // What is numbered higher than high.
		var buckets [1024]int64
		width := (high-low)/roomlog.Seq(len(buckets)) + 1
		count := func(q *queue) {
			held := q.held()
			for i := q.upTo(low); i < len(held); i++ {
				if k := &held[i]; k.seq > high {
					above += k.size()
				} else {
					buckets[(k.seq-low-1)/width] += k.size()
				}
			}
		}
		for _, r := range rooms {
			r.mu.Lock()
			count(&r.broadcasts)
			for u := range r.users.all() {
				count(&u.inbox)
			}
			r.mu.Unlock()
		}
		stays, i := above, len(buckets)-1
		for i >= 0 && stays+buckets[i] <= bound {
			stays += buckets[i]
			i--
		}
		if i < 0 {
			return low
		}
		high = min(high, low+roomlog.Seq(i+1)*width)
		if buckets[i] <= bound/64 || width == 1 { // It may go as a whole.
			return high
		}
		low += roomlog.Seq(i) * width
	}
}
