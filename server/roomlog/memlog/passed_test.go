package memlog

import (
	"testing"
	"time"

	"github.com/beckonrtc/beckon/server/roomlog"
)

// TestPassed: a number that was there is known again, for a while, and among others of its sender alone.
func TestPassed(t *testing.T) {
	var p, other Passed
	start := time.Now()
	pass := func(p *Passed, from string, cseq uint64, after time.Duration, want Verdict) {
		t.Helper()
		rec := roomlog.Record{Kind: roomlog.Message, From: from, CSeq: cseq, Time: start.Add(after)}
		if got := p.Pass(&rec); got != want {
			t.Errorf("%d of %s: %d, want %d", cseq, from, got, want)
		}
	}
	pass(&p, "ana", 0, 0, Next)
	pass(&p, "ana", 0, 0, Next)
	pass(&p, "ana", 5, 0, Next)
	pass(&p, "ana", 5, 0, Repeated)
	pass(&p, "ana", 3, 0, Overtaken)
	pass(&p, "ana", 3, 0, Repeated)
	pass(&p, "bob", 5, 0, Next)
	pass(&p, "ana", 68, 0, Next)
	pass(&p, "ana", 5, 0, Repeated)
	pass(&p, "ana", 6, 0, Overtaken)
	pass(&p, "ana", 4, 0, Repeated) // Too long ago to be known: it counts as such.
	pass(&p, "ana", 500, 0, Next)
	pass(&p, "ana", 499, 0, Overtaken)

	pass(&other, "ana", 501, 0, Next)
	pass(&other, "ana", 490, 0, Overtaken)
	pass(&other, "eve", 1, 0, Next)
	p.Add(&other)
	pass(&p, "ana", 490, 0, Repeated)
	pass(&p, "ana", 499, 0, Repeated)
	pass(&p, "ana", 495, 0, Overtaken)
	pass(&p, "eve", 1, 0, Repeated)

	pass(&p, "eve", 2, passedFor+time.Second, Next)
	pass(&p, "ana", 501, passedFor+time.Second, Repeated)
	pass(&p, "eve", 3, 3*passedFor, Next)
	pass(&p, "eve", 4, 5*passedFor, Next)
	pass(&p, "ana", 501, 5*passedFor, Next) // By then it is forgotten.
}
