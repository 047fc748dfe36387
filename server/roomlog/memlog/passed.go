package memlog

import (
	"time"

	"github.com/beckonrtc/beckon/server/roomlog"
)

// passedFor is how long at least is known which number of a sender has passed.
const passedFor = 10 * time.Minute

// Passed knows the highest CSeq of each sender of a room that was there: what comes later with that or a lower one was held up on its
// way, and repeated in the meantime. The zero value knows of none. Not for concurrent use.
type Passed struct {
	recent, former map[string]uint64 // By sender; former is from before since.
	since          time.Time
}

// Pass reports whether rec, the next record of the room, may pass, and counts it. Only messages and broadcasts may not.
func (p *Passed) Pass(rec *roomlog.Record) bool {
	if !numbered(rec) {
		return true
	}
	if last := max(p.recent[rec.From], p.former[rec.From]); rec.CSeq <= last {
		return false
	}
	if rec.Time.Sub(p.since) > passedFor {
		p.recent, p.former, p.since = nil, p.recent, rec.Time
	}
	p.note(rec.From, rec.CSeq)
	return true
}

// numbered reports whether a record is one that may be repeated.
func numbered(rec *roomlog.Record) bool {
	return rec.CSeq != 0 && (rec.Kind == roomlog.Message || rec.Kind == roomlog.Broadcast)
}

// note notes that a number has passed.
func (p *Passed) note(from string, cseq uint64) {
	if p.recent == nil {
		p.recent = map[string]uint64{}
	}
	p.recent[from] = max(p.recent[from], cseq)
}

// Add adds what other knows.
func (p *Passed) Add(other *Passed) {
	for _, known := range []map[string]uint64{other.former, other.recent} {
		for from, cseq := range known {
			p.note(from, cseq)
		}
	}
}
