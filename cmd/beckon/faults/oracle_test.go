package faults

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	beckon "github.com/beckonrtc/beckon/clients/go"
)

// story is what a scenario has come to, for judge.
type story struct {
	people  map[string]*history // By name.
	members map[string][]string // By room: the names of who joined it.
	sent    map[lane][]letter
	gone    map[string]bool // The names of who did not come back.
	// What became of the server, which keeps everything in memory.
	forgets bool // It ended: what was recorded and not yet received was lost with it.
	dies    bool // And in no order: what had no outcome may have been recorded or not.
}

// verdict is what the promises make of a story.
type verdict struct {
	messages   int // That arrived, or should have, each counted once for each recipient.
	lost       int
	duplicated int
	reordered  int
	ghosts     int // Users in a list who are gone, and users seen leaving who came back.
	returned   int // UNDELIVERED, as they should be.
	forgotten  int // Lost with a server that ended, or said to somebody who was not back, as they may be.
	refused    int
	unsure     int // Nobody knows whether they were recorded, and somebody would like to.
	faults     []string
}

func (v *verdict) fault(format string, args ...any) {
	v.faults = append(v.faults, fmt.Sprintf(format, args...))
}

// judge compares what was seen with what was promised: each message that was recorded arrives once and in order, or comes
// back once from somebody who is gone; who comes back is not seen leaving, and who does not is seen leaving once; in the
// end every list holds who is there.
func judge(s story) verdict {
	var v verdict
	for _, name := range slices.Sorted(maps.Keys(s.people)) {
		v.judgeSession(s, s.people[name])
	}
	for l, letters := range s.sent {
		v.judgeOutcomes(s, l, letters)
		to := []string{l.to}
		if l.to == "" {
			to = s.members[l.room]
		}
		for _, name := range to {
			if name != l.from {
				v.judgeArrivals(s, l, letters, s.people[name])
			}
		}
		if l.to != "" {
			v.judgeReturns(s, l, letters)
		}
	}
	return v
}

// judgeSession looks at one client's connections and lists.
func (v *verdict) judgeSession(s story, h *history) {
	for _, odd := range h.odd {
		v.fault("%s: %s", h.name, odd)
	}
	if s.gone[h.name] {
		return
	}
	if h.end != nil {
		v.fault("%s: the session ended: %v", h.name, h.end)
	}
	if h.alone || h.resumes+h.resyncs != h.cuts {
		v.fault("%s: was cut %d times and came back %d times: %v", h.name, h.cuts, h.resumes+h.resyncs, h.why)
	}
	if h.resyncs > 0 && !s.forgets {
		v.fault("%s: was resynced", h.name)
	}
	for room, members := range s.members {
		if slices.Contains(members, h.name) {
			v.judgeList(s, h, room, members)
		}
	}
}

func (v *verdict) judgeList(s story, h *history, room string, members []string) {
	listed := maps.Clone(h.present[room])
	for _, name := range members {
		id := s.people[name].id
		status, there := listed[id]
		delete(listed, id)
		switch times := h.left[place{room, id}]; {
		case s.gone[name] && there:
			v.ghosts++
			v.fault("%s: %s is still in %s", h.name, name, room)
		case s.gone[name] && times != 1:
			v.fault("%s: saw %s leave %s %d times", h.name, name, room, times)
		case s.gone[name]:
		case times > 0:
			v.ghosts++
			v.fault("%s: saw %s, who came back, leave %s %d times", h.name, name, room, times)
		case !there:
			v.fault("%s: %s is not in %s", h.name, name, room)
		case status == beckon.UserAway:
			v.fault("%s: %s is away in %s", h.name, name, room)
		}
	}
	for id := range listed {
		v.ghosts++
		v.fault("%s: somebody unknown is in %s: %s", h.name, room, id)
	}
}

// judgeOutcomes looks at what the sender was told.
func (v *verdict) judgeOutcomes(s story, l lane, letters []letter) {
	for n, letter := range letters {
		switch letter.fate {
		case pending:
			v.fault("%s has no outcome", l.text(n))
		case refused:
			v.refused++
			// A server that has forgotten who is there refuses messages to who has yet to come back, and one that cannot reach the
			// log that it shares any.
			if !s.forgets && !s.gone[l.to] && !(s.dies && errors.Is(letter.why, beckon.Unavailable)) {
				v.fault("%s was refused: %v", l.text(n), letter.why)
			}
		case unknown:
			if s.gone[l.from] {
				continue
			}
			v.unsure++
			if !s.dies {
				v.fault("%s may have been recorded or not: %v", l.text(n), letter.why)
			}
		}
	}
}

// judgeArrivals looks at what came of a lane to one recipient.
func (v *verdict) judgeArrivals(s story, l lane, letters []letter, h *history) {
	arrived := make(map[int]bool)
	last := -1
	for _, n := range h.arrived[l] {
		switch {
		case arrived[n]:
			v.duplicated++
			v.fault("%s: %s arrived twice", h.name, l.text(n))
		case n >= len(letters):
			v.fault("%s: %s arrived although it was never sent", h.name, l.text(n))
		case letters[n].fate == refused: // Then its sender has gone on, and the order means nothing.
			v.fault("%s: %s arrived although it was refused: %v", h.name, l.text(n), letters[n].why)
		case n < last:
			v.reordered++
			v.fault("%s: %s arrived after %d", h.name, l.text(n), last)
		}
		arrived[n] = true
		last = max(last, n)
	}
	for n, letter := range letters {
		if letter.fate == recorded || arrived[n] {
			v.messages++
		}
		switch {
		case letter.fate != recorded || arrived[n] || s.gone[h.name]: // The last judgeReturns looks at.
		case s.forgets && h.resyncs > 0 && !letter.begun.After(h.listed[l.room]):
			v.forgotten++
		default:
			v.lost++
			v.fault("%s: %s did not arrive", h.name, l.text(n))
		}
	}
}

// judgeReturns looks at what came back of a lane to one person. What was received, but not known to be, may be among it.
func (v *verdict) judgeReturns(s story, l lane, letters []letter) {
	sender, recipient := s.people[l.from], s.people[l.to]
	missing := 0 // Data that did not arrive: of data one can only count what came back.
	for n, letter := range letters {
		back, want := sender.returned[l.text(n)], 0
		if letter.fate == recorded && s.gone[l.to] && !slices.Contains(recipient.arrived[l], n) {
			want = 1
		}
		v.returned += back
		switch {
		case letter.isData:
			missing += want
		case s.gone[l.from]:
		case back > 1 || back == 1 && !s.gone[l.to]:
			v.fault("%s: %s came back %d times", l.from, l.text(n), back)
		case back < want:
			v.lost++
			v.fault("%s: %s neither arrived nor came back", l.from, l.text(n))
		}
	}
	back := sender.unnamed[recipient.id]
	v.returned += back
	switch {
	case s.gone[l.from]:
	case back < missing:
		v.lost += missing - back
		v.fault("%s: of %d data that %s did not get, %d came back", l.from, missing, l.to, back)
	case back > 0 && !s.gone[l.to]:
		v.fault("%s: %d data to %s came back", l.from, back, l.to)
	}
}
