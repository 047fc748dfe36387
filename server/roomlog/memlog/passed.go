package memlog

import (
	"time"

	"github.com/beckonrtc/beckon/server/roomlog"
)

// passedFor is how long at least is known what a sender's numbers were.
const passedFor = 10 * time.Minute

// Passed knows the numbers (CSeq) of what somebody was sent, by sender: what comes with one of them once more was held up on its way,
// and repeated in the meantime. The zero value knows of none. Not for concurrent use.
type Passed struct {
	recent, former map[string]window // By sender; former is from before since.
	since          time.Time
}

// Verdict is what a record is to those before it.
type Verdict uint8

const (
	// Next is later than all of its sender, or has no number.
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
	w, ok := p.recent[rec.From]
	if !ok {
		w = p.former[rec.From]
	}
	verdict := w.pass(rec.CSeq)
	if rec.Time.Sub(p.since) > passedFor {
		p.recent, p.former, p.since = nil, p.recent, rec.Time
	}
	p.note(rec.From, w)
	return verdict
}

// note notes what is known of a sender.
func (p *Passed) note(from string, w window) {
	if p.recent == nil {
		p.recent = map[string]window{}
	}
	p.recent[from] = w
}

// Add adds what other knows.
func (p *Passed) Add(other *Passed) {
	for _, known := range []map[string]window{other.former, other.recent} {
		for from, w := range known {
			p.note(from, w.union(p.recent[from]))
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
