package memlog

import (
	"time"

	"github.com/beckonrtc/beckon/server/roomlog"
)

// passedFor is how long at least is known what a sender's numbers were.
const passedFor = 10 * time.Minute

// Passed knows the numbers (CSeq) of what was sent in a room, from whom and to whom: what comes with one of them once more was held up
// on its way, and repeated in the meantime. The zero value knows of none. Not for concurrent use.
type Passed struct {
	recent, former map[way]window // former is from before since.
	since          time.Time
}

// way is from whom something goes, and to whom; empty: to all.
type way struct{ from, to string }

// Verdict is what a record is to those before it.
type Verdict uint8

const (
	// Next is later than all that went that way, or has no number.
	Next Verdict = iota
	// Repeated was there already.
	Repeated
	// Overtaken was not there yet, but later ones were.
	Overtaken
)

// Pass counts rec, the next record, and tells what it is.
func (p *Passed) Pass(rec *roomlog.Record) Verdict {
	if rec.CSeq == 0 {
		return Next
	}
	on := way{rec.From, rec.To}
	w, ok := p.recent[on]
	if !ok {
		w = p.former[on]
	}
	verdict := w.pass(rec.CSeq)
	if rec.Time.Sub(p.since) > passedFor {
		p.recent, p.former, p.since = nil, p.recent, rec.Time
	}
	p.note(on, w)
	return verdict
}

// note notes what is known of a way.
func (p *Passed) note(on way, w window) {
	if p.recent == nil {
		p.recent = map[way]window{}
	}
	p.recent[on] = w
}

// Add adds what other knows.
func (p *Passed) Add(other *Passed) {
	for _, known := range []map[way]window{other.former, other.recent} {
		for on, w := range known {
			p.note(on, w.union(p.recent[on]))
		}
	}
}

// window is which numbers were there of the last 64. Earlier ones count as such that were.
type window struct {
	last uint64
	seen uint64 // Bit i is of last-i.
}

// pass counts a number, and tells what it is.
func (w *window) pass(n uint64) Verdict {
	switch {
	case n > w.last:
		w.seen, w.last = w.seen<<(n-w.last)|1, n // Shifts of 64 and more leave nothing.
		return Next
	case w.last-n >= 64, w.seen>>(w.last-n)&1 != 0:
		return Repeated
	}
	w.seen |= 1 << (w.last - n)
	return Overtaken
}

// union returns what was in w or in other.
func (w window) union(other window) window {
	if w.last < other.last {
		w, other = other, w
	}
	w.seen |= other.seen << (w.last - other.last)
	return w
}
