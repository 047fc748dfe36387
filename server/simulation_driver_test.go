//go:build !race

package server_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// deed is something that may happen, and how often it does, compared with the others.
type deed struct {
	weight float64
	do     func(w *world, p *peer)
}

// deeds are what happens to a peer with a session.
var deeds = []deed{
	{40, (*world).call},
	{12, (*world).broadcast},
	{6, (*world).join},
	{3, (*world).joinAgain},
	{5, (*world).update},
	{3, (*world).leave},
	{1, (*world).end},
}

// faults are what happens to a peer on a stream.
var faults = []deed{
	{3, func(w *world, p *peer) { w.drop(p.link, "cancelled") }},
	{3, func(w *world, p *peer) { w.call(p); w.drop(p.link, "cancelled after a send") }},
	{3, func(w *world, p *peer) { w.cut(p, "cut while writing", -1, w.rng.IntN(400)) }},
	{5, func(w *world, p *peer) { w.cut(p, "cut while reading", w.rng.IntN(600), -1) }},
	{2, func(w *world, p *peer) { w.block(p, "deaf and mute", true, true) }},
	{2, func(w *world, p *peer) { w.block(p, "deaf", true, false) }},
	{2, func(w *world, p *peer) { w.block(p, "mute", false, true) }},
	{2, (*world).loseThenCut},
	{2, func(w *world, p *peer) { p.link.spoil("connection cut"); p.link.cable.cut() }},
	{2, (*world).fillUp},
	{4, (*world).stall},
	{3, (*world).takeOver},
}

// pick does one of the deeds.
func (w *world) pick(among []deed, p *peer) {
	sum := 0.0
	for _, d := range among {
		sum += d.weight
	}
	at := w.rng.Float64() * sum
	for _, d := range among {
		if at -= d.weight; at < 0 {
			d.do(w, p)
			return
		}
	}
}

// step does something.
func (w *world) step() (pause time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.peers[w.rng.IntN(len(w.peers))]
	s := p.session
	switch {
	case s == nil:
		if w.rng.IntN(2) == 0 {
			w.begin(p)
		}
	case !s.endsAt.IsZero():
	case p.link != nil && p.link.welcomed && p.link.fault == "" && w.rng.Float64() < 0.12/w.plan.calm:
		w.pick(faults, p)
		w.stayAway(p)
	default:
		w.pick(deeds, p)
	}
	switch w.rng.IntN(40) {
	case 0:
		return time.Duration(w.rng.IntN(40)) * time.Second
	case 1, 2, 3, 4, 5, 6, 7, 8:
		return time.Duration(w.rng.IntN(2000)) * time.Millisecond
	}
	return time.Duration(w.rng.IntN(60)) * time.Millisecond
}

// begin opens a session.
func (w *world) begin(p *peer) {
	s := w.newSession(p)
	m := w.joining(s)
	w.ask(m)
	l := w.open(s, m.request)
	m.exposed, m.links = true, []*link{l}
	l.unanswered[m.id]++
}

// joining returns a join of a room that s is not in, nil if it is in all.
func (w *world) joining(s *session) *message {
	var free []string
	for i := range w.plan.rooms {
		if room := fmt.Sprintf("room %d", i); s.places[room] == nil {
			free = append(free, room)
		}
	}
	if len(free) == 0 {
		return nil
	}
	modes := []beckonv1.Presence{delta, delta, delta, full, full, none}
	in := &place{room: free[w.rng.IntN(len(free))], joining: true, name: s.name, attributes: map[string]string{}, presence: modes[w.rng.IntN(len(modes))]}
	s.places[in.room] = in
	return &message{from: s, kind: "join", room: in.room, place: in, request: &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Join{
		Join: &beckonv1.Join{Room: in.room, Name: &in.name, Presence: in.presence},
	}}}
}

// isFull reports whether the peer may ask for nothing more at present.
func (p *peer) isFull() bool { return len(p.session.pending) >= maxPending }

// asked reports whether a join has no outcome yet.
func (in *place) asked(s *session) bool {
	return slices.ContainsFunc(s.pending, func(m *message) bool { return m.kind == "join" && m.place == in })
}

// join enters another room.
func (w *world) join(p *peer) {
	if p.isFull() || len(p.session.places) >= 4 {
		return
	}
	if m := w.joining(p.session); m != nil {
		w.ask(m)
	}
}

// settledPlace returns a room that the session has been in for a while, nil if there is none.
func (w *world) settledPlace(s *session) *place {
	var all []*place
	for _, room := range slices.Sorted(maps.Keys(s.places)) {
		if in := s.places[room]; !in.joining && !in.leaving {
			all = append(all, in)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all[w.rng.IntN(len(all))]
}

// dress returns a new name, or none, and changes of attributes, and notes them.
func (w *world) dress(in *place, s *session) (name *string, changed map[string]string) {
	if w.rng.IntN(3) == 0 {
		in.name = fmt.Sprintf("%s.%d", s.name, w.rng.IntN(1000))
		name = &in.name
	}
	changed = map[string]string{}
	for range w.rng.IntN(3) {
		key, value := fmt.Sprint("k", w.rng.IntN(3)), ""
		if w.rng.IntN(3) > 0 {
			value = fmt.Sprint(w.rng.IntN(1000))
		}
		changed[key] = value
	}
	in.attributes = maps.Clone(in.attributes) // It may be on its way.
	for key, value := range changed {
		in.attributes[key] = value
		if value == "" {
			delete(in.attributes, key)
		}
	}
	if name != nil {
		copied := *name
		name = &copied
	}
	return name, changed
}

// update changes how others see the session.
func (w *world) update(p *peer) {
	s := p.session
	in := w.settledPlace(s)
	if in == nil || p.isFull() {
		return
	}
	name, attributes := w.dress(in, s)
	w.ask(&message{from: s, kind: "update", room: in.room, place: in, request: &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Update{
		Update: &beckonv1.Update{Room: in.room, Name: name, Attributes: attributes},
	}}})
}

// joinAgain joins a room that the session is in, perhaps in another mode.
func (w *world) joinAgain(p *peer) {
	s := p.session
	in := w.settledPlace(s)
	if in == nil || p.isFull() || in.asked(s) {
		return
	}
	if in.presence != none {
		in.presence = []beckonv1.Presence{full, delta}[w.rng.IntN(2)]
	}
	in.changing = true
	name, attributes := w.dress(in, s)
	w.ask(&message{from: s, kind: "join", room: in.room, place: in, request: &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Join{
		Join: &beckonv1.Join{Room: in.room, Name: name, Attributes: attributes, Presence: in.presence},
	}}})
}

// leave leaves a room.
func (w *world) leave(p *peer) {
	s := p.session
	in := w.settledPlace(s)
	if in == nil || p.isFull() || in.asked(s) {
		return
	}
	in.leaving, s.left[in.room] = true, true
	w.ask(&message{from: s, kind: "leave", room: in.room, place: in, request: &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Leave{
		Leave: &beckonv1.Leave{Room: in.room},
	}}})
}

// end ends the session.
func (w *world) end(p *peer) {
	s, l := p.session, p.link
	if l == nil || !l.welcomed || l.closing || p.isFull() {
		return
	}
	leave := &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Leave{Leave: &beckonv1.Leave{}}}
	switch w.rng.IntN(3) {
	case 0:
		if w.plan.config.MaxMessagesPerSecond == 0 { // It may be refused.
			l.push(leave)
			break
		}
		fallthrough
	case 1:
		l.halfway = true
		l.push(nil)
	default:
		if w.plan.config.MaxMessagesPerSecond == 0 {
			w.ask(&message{from: s, kind: "end", request: leave})
			break
		}
		l.halfway = true
		l.push(nil)
	}
	w.note(s, "asks for its end")
	l.closing, s.endsAt, s.left[""] = true, time.Now(), true
	time.AfterFunc(30*time.Second, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if l.ended {
			return
		}
		if l.sound() && !w.over {
			w.fail("the session does not end", s)
		}
		w.drop(l, "gave up waiting for the end")
	})
}

// others returns the sessions that may be meant by a message in a room: those in it, and sometimes others.
func (w *world) others(s *session, room string) (all []*session) {
	for _, p := range w.peers {
		if o := p.session; o != nil && o != s && o.id != "" && o.places[room] != nil {
			all = append(all, o)
		}
	}
	if w.rng.IntN(20) == 0 {
		for _, o := range w.sessions[max(0, len(w.sessions)-20):] {
			if o != s && o.id != "" {
				all = append(all, o)
			}
		}
	}
	return all
}

// call sends something, or several things one after the other, to one user.
func (w *world) call(p *peer) {
	s := p.session
	in := w.settledPlace(s)
	if in == nil {
		return
	}
	others := w.others(s, in.room)
	if len(others) == 0 {
		return
	}
	to := others[w.rng.IntN(len(others))]
	kinds := [][]kind{{"offer", "candidate", "candidate", "candidate"}, {"answer", "candidate"}, {"data"}, {"data", "data"}, {"reject"}, {"hangup"}, {"candidate"}}
	for _, k := range kinds[w.rng.IntN(len(kinds))] {
		size := w.rng.IntN(200)
		if w.rng.IntN(10) == 0 && k != "reject" && k != "hangup" {
			size = w.rng.IntN(6 << 10)
		}
		w.relay(s, in, to, k, size)
	}
}

// broadcast sends something to everybody else in a room.
func (w *world) broadcast(p *peer) {
	if in := w.settledPlace(p.session); in != nil {
		kinds := []kind{"data", "data", "offer", "hangup"}
		w.relay(p.session, in, nil, kinds[w.rng.IntN(len(kinds))], w.rng.IntN(300))
	}
}

// relay sends a message for others: to one user, or, if to is nil, to everybody else.
func (w *world) relay(s *session, in *place, to *session, k kind, size int) {
	p := s.peer
	if p.isFull() {
		return
	}
	tag := fmt.Sprintf("m%d", len(w.messages))
	content := tag + " " + strings.Repeat("x", size)
	m := &message{from: s, kind: k, room: in.room, place: in, to: to, tag: tag, content: len(content), number: s.sent, got: map[*session]receipt{}, sentAt: time.Now()}
	s.sent++
	id, room := "", in.room
	if to != nil {
		if id = to.id; w.rng.IntN(20) == 0 {
			m.anyRoom, m.room, room = true, "", ""
		}
	}
	call := fmt.Sprint("call ", w.rng.IntN(3))
	m.request = &beckonv1.ConnectRequest{}
	switch k {
	case "offer":
		m.request.Message = &beckonv1.ConnectRequest_Offer{Offer: &beckonv1.Offer{To: id, Room: room, CallId: call, Sdp: content}}
	case "answer":
		m.request.Message = &beckonv1.ConnectRequest_Answer{Answer: &beckonv1.Answer{To: id, Room: room, CallId: call, Sdp: content}}
	case "candidate":
		m.request.Message = &beckonv1.ConnectRequest_Candidate{Candidate: &beckonv1.Candidate{To: id, Room: room, CallId: call, Candidates: []*beckonv1.IceCandidate{{Candidate: content}}}}
	case "reject":
		m.request.Message = &beckonv1.ConnectRequest_Reject{Reject: &beckonv1.Reject{To: id, Room: room, CallId: call, Detail: content}}
	case "hangup":
		m.request.Message = &beckonv1.ConnectRequest_Hangup{Hangup: &beckonv1.Hangup{To: id, Room: room, CallId: call, Detail: content}}
	case "data":
		m.request.Message = &beckonv1.ConnectRequest_Data{Data: &beckonv1.Data{To: id, Room: room, Type: "t", Payload: []byte(content)}}
	}
	w.byTag[tag] = m
	if l := p.link; l != nil && l.welcomed && !l.closing && w.rng.IntN(30) == 0 { // Without an outcome.
		m.unknown = true
		w.messages = append(w.messages, m)
		w.note(s, "says %s", m)
		l.push(m.request)
		return
	}
	w.ask(m)
}

// stayAway has a peer without a network for a while, or not.
func (w *world) stayAway(p *peer) {
	if p.session == nil {
		return
	}
	var d time.Duration
	switch n := w.rng.IntN(100); {
	case n < 50:
		return
	case n < 65:
		d = time.Duration(w.rng.IntN(4000)) * time.Millisecond // AWAY comes after 2 s.
	case n < 82:
		d = time.Duration(w.rng.IntN(29_000)) * time.Millisecond
	case n < 92:
		d = w.plan.window() + time.Duration(w.rng.IntN(6000)-3000)*time.Millisecond
	default:
		d = time.Duration(w.rng.IntN(150)) * time.Second
	}
	p.awayUntil = time.Now().Add(d)
}

// cut cuts the peer's connection after so many bytes, once a message is on its way.
func (w *world) cut(p *peer, what string, reads, writes int) {
	p.link.spoil(what)
	p.link.cable.cutLater(reads, writes)
	w.note(p.session, "%s: %d %d", what, reads, writes)
	w.call(p)
}

// block makes the peer's connection half-open.
func (w *world) block(p *peer, what string, isDeaf, isMute bool) {
	p.link.spoil(what)
	p.link.cable.block(isDeaf, isMute)
	w.note(p.session, "%s", what)
}

// fillUp has the client ask for as much as it may at one time, and hear of no outcome.
func (w *world) fillUp(p *peer) {
	s := p.session
	w.block(p, "deaf, with much to say", true, false)
	in := w.settledPlace(s)
	if in == nil {
		return
	}
	others := w.others(s, in.room)
	for len(others) > 0 && !p.isFull() {
		w.relay(s, in, others[w.rng.IntN(len(others))], "data", w.rng.IntN(100))
	}
}

// loseThenCut cuts the connection when some of what was sent had been lost before.
func (w *world) loseThenCut(p *peer) {
	w.block(p, "mute, then cut", false, true)
	w.call(p)
	c := p.link.cable
	time.AfterFunc(time.Duration(w.rng.IntN(3000))*time.Millisecond, c.cut)
}

// stall has the client read nothing for a while, in which others have much to say.
func (w *world) stall(p *peer) {
	const what = "stopped reading"
	s, l := p.session, p.link
	l.spoil(what)
	w.note(s, what)
	stalled := make(chan struct{})
	l.stalled = stalled
	gone := w.rng.IntN(3) == 0 // In the end it does not read on.
	most, size := 120, 10<<10
	if w.rng.IntN(3) == 0 { // Rather many than large.
		most, size = 600, 100
	}
	time.AfterFunc(time.Duration(w.rng.IntN(45_000))*time.Millisecond, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		l.stalled = nil
		l.heard = time.Now()
		close(stalled)
		if gone {
			w.drop(l, "cancelled")
			return
		}
		w.note(s, "goes on reading")
		time.AfterFunc(10*time.Second, func() { // The server may have had enough, and the client not seen it yet.
			w.mu.Lock()
			defer w.mu.Unlock()
			if l.fault == what && !l.ended {
				l.fault, l.faulted = "", time.Time{}
			}
		})
	})
	for _, room := range slices.Sorted(maps.Keys(s.places)) {
		most := w.rng.IntN(most)
		for _, o := range w.others(s, room) {
			if o.places[room] == nil || o.places[room].joining || o.places[room].leaving || o.peer.session != o || !o.endsAt.IsZero() {
				continue
			}
			for range w.rng.IntN(1 + most/4) {
				if most--; most < 0 {
					break
				}
				to := s
				if w.rng.IntN(8) == 0 {
					to = nil
				}
				w.relay(o, o.places[room], to, "data", size/2+w.rng.IntN(size))
			}
		}
	}
}

// takeOver takes the session up on another stream, or two, though it is on one.
func (w *world) takeOver(p *peer) {
	s := p.session
	w.tally["streams taken over"]++
	for range 1 + w.rng.IntN(2) {
		p.formers = append(p.formers, p.link)
		w.note(s, "opens another stream")
		s.settleEnd(p.link, "")
		w.open(s, nil)
	}
}

// breakEarly may have a stream break soon after it was opened. w.mu must be held.
func (w *world) breakEarly(l *link) {
	chance := 0.25 / w.plan.calm
	if !l.resumes {
		chance /= 3
	}
	if w.quiet || w.rng.Float64() > chance {
		return
	}
	switch w.rng.IntN(5) {
	case 0:
		l.writes = w.rng.IntN(700)
		l.spoil("cut early, while writing")
	case 1, 2:
		l.reads = w.rng.IntN(3000)
		l.spoil("cut early, while reading")
	default:
		l.hangUp = 1 + w.rng.IntN(12)
	}
}
