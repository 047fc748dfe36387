//go:build !race

package server_test

import (
	"fmt"
	"strings"
	"time"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// What must hold, and when. A record is what the server acknowledged: its number in the log of its room is known from
// the `ack`, so that for every member it can be told whether the member has read past it.
//
//  1. A message is received once at most, by whom it was sent to and nobody else, in the order of its sender, under the
//     number of its `ack`, and by nobody if it failed.
//  2. Whoever has read past a record that is for him has received it, unless he was told RESYNCED at that place.
//  3. Whoever left in order, or whose sound stream was ended in order by a server that shut down, has received all that
//     was recorded before.
//  4. What was sent to one user who then went, or was told RESYNCED, without having received it, came back to the sender
//     exactly once. This holds within one process: what a process has not delivered when it ends is lost with it. It
//     does not hold for a session of which the server cannot know that it says what it has received, or that went as it
//     asked to, but without hearing the end of it: there, what was written counts as received.
//  5. What came back may have been received, but the server must not have been told so before.
//  6. A message that had an outcome does not get another, and every message gets one, unless the process has changed.
//  7. Who is in a room is in every list of it, and who is not is in none, but for as long as the loss may go unnoticed
//     and the resume window.
//  8. RESYNCED is said only if something may be missing; NOT_FOUND only once the window has passed.

// checkUser checks that a user is who it says.
func (w *world) checkUser(s *session, in *place, u *beckonv1.User) {
	name, _, _ := strings.Cut(u.GetName(), ".")
	who := w.byName[name]
	if who == nil {
		w.fail(fmt.Sprintf("a user named %q in %s", u.GetName(), in.room), s)
		return
	}
	if w.identify(who, u.GetId()); who.id != u.GetId() {
		w.fail(fmt.Sprintf("%s is shown with the id %s, and has %s", u.GetName(), u.GetId(), who.id), s, who)
	}
}

// mustBeIn reports whether a list of room numbered seq, of that process, must have the session.
func (w *world) mustBeIn(s *session, room string, gen int, seq uint64) bool {
	in := s.places[room]
	if in == nil || in.leaving || in.stay == nil || in.stay.gen != gen || in.stay.start > seq || !s.endsAt.IsZero() {
		return false
	}
	since := s.lostSince()
	return since.IsZero() || time.Since(since) < w.plan.window()
}

// checkLeft checks the news that u has left.
func (w *world) checkLeft(s *session, in *place, u *beckonv1.User, reason beckonv1.LeaveReason) {
	who := w.byID[u.GetId()]
	if who == nil {
		return
	}
	w.tally["seen leaving, "+strings.TrimPrefix(reason.String(), "LEAVE_REASON_")]++
	switch reason {
	case beckonv1.LeaveReason_LEAVE_REASON_LEFT:
		if !who.left[in.room] && !who.left[""] {
			w.fail(who.name+" is said to have left "+in.room+", and has not asked to", s, who)
		}
	case beckonv1.LeaveReason_LEAVE_REASON_LOST:
		if since := who.lostSince(); since.IsZero() {
			w.fail(who.name+" is said to be lost, and is there", s, who)
		} else if after := time.Since(since); after < w.plan.window() {
			w.fail(fmt.Sprintf("%s is said to be lost %s after it was", who.name, after), s, who)
		}
	default:
		w.fail(fmt.Sprintf("%s is said to have gone for the reason %s", who.name, reason), s, who)
	}
}

// checkRefusal checks that a session is gone that the server says is.
func (w *world) checkRefusal(l *link) {
	s, now := l.session, time.Now()
	since := s.faultAt
	if l.process.gen != s.gen {
		since = l.process.started
	}
	if now.Sub(since) < w.plan.window() {
		w.fail(fmt.Sprintf("the session is said to be gone %s after its stream", now.Sub(since)), s)
	}
}

// checkFailure checks that a message had a reason to fail.
func (w *world) checkFailure(l *link, m *message, code beckonv1.FailureCode, e *beckonv1.ConnectResponse) {
	s, gen := l.session, l.process.gen
	before := func(s *session, room string) bool { // In the room since before the message was sent.
		in := s.places[room]
		return in != nil && !in.leaving && in.stay != nil && in.stay.gen == gen && in.stay.since.Before(m.sentAt)
	}
	wrong := false
	switch code {
	case codeNoSuchUser:
		since := time.Time{}
		if m.to != nil {
			since = m.to.lostSince()
		}
		gone := !since.IsZero() && time.Since(since) >= w.plan.window()
		wrong = m.to == nil || m.to.endsAt.IsZero() && !gone && before(m.to, m.room) && before(s, m.room)
	case codeNotInRoom:
		wrong = before(s, m.room) && m.kind != "leave"
	case codeRateLimited:
		wrong = w.plan.config.MaxMessagesPerSecond == 0
	case beckonv1.FailureCode_FAILURE_CODE_INVALID:
		wrong = !m.anyRoom // Several rooms may be meant.
	default:
		wrong = true
	}
	if wrong {
		w.fail(fmt.Sprintf("%s had no reason to fail: %s %s", m, brief(e), e.GetFailure().GetDetail()), s)
	}
}

// checkReturn checks that a message had a reason to come back.
func (w *world) checkReturn(l *link, m *message) {
	to := m.to
	if !m.acked || m.gen != l.process.gen || !l.sound() || time.Since(l.opened) < 5*time.Second {
		return // It may have come back long ago.
	}
	st := w.stayAt(to, m)
	if st == nil {
		return
	}
	for _, c := range st.confirmed {
		if c.seq >= m.seq && time.Since(c.at) > time.Second {
			w.fail(m.String()+" came back though the server knew that it was received", m.from, to)
			return
		}
	}
	// Who has been there all the time, and reads, gives no reason.
	if at := to.peer.link; !st.over && at.sound() && at.session == to && !to.left[m.room] && to.endsAt.IsZero() &&
		at.opened.Before(m.sentAt) && time.Since(m.ackedAt) < w.plan.retention()-5*time.Second && w.burden(to, m.room, m.gen, st.confirmedSeq()) < tolerable {
		w.fail(m.String()+" came back for no reason", m.from, to)
	}
}

// tolerable is how many bytes that were not received the server keeps for a session in a room in any case.
const tolerable = 120 << 10

// confirmedSeq returns up to where the server knows everything to have arrived.
func (st *stay) confirmedSeq() uint64 {
	if n := len(st.confirmed); n > 0 {
		return st.confirmed[n-1].seq
	}
	return 0
}

// burden returns how many bytes were sent to the session in a room that it has not received, after a record or without
// one as far as the sender knows.
func (w *world) burden(s *session, room string, gen int, after uint64) (bytes int) {
	for _, m := range w.messages {
		if m.room == room && (m.to == s || m.to == nil && m.from != s) && m.kind.relayed() && m.code == 0 && (!m.acked || m.gen == gen && m.seq > after) {
			bytes += m.content + 400
		}
	}
	return bytes
}

// checkResync checks that something may be missing. The process is the one that welcomed the session before.
func (w *world) checkResync(s *session) {
	for room, in := range s.places {
		if in.joining {
			continue
		}
		if in.epoch == "" || w.burden(s, room, s.gen, in.cursor) > tolerable {
			return
		}
		for _, m := range w.messages { // Something may have been kept for its time.
			if m.acked && m.gen == s.gen && m.room == room && m.seq > in.cursor && time.Since(m.sentAt) > w.plan.retention()-5*time.Second {
				return
			}
		}
	}
	w.fail("something is said to be missing, and nothing can be", s)
}

// checkGhosts checks that nobody is shown any more who is gone.
func (w *world) checkGhosts() {
	gone := map[string]string{}
	for _, s := range w.sessions {
		if s.id == "" || s.peer.link != nil && s.peer.link.session == s {
			continue
		}
		by := s.goneBy
		if by.IsZero() {
			by = s.noticedBy.Add(w.plan.window() + 3*time.Second)
		}
		if time.Now().After(by) {
			gone[s.id] = s.name
		}
	}
	for _, p := range w.peers {
		s := p.session
		if s == nil || !p.link.sound() || p.link.process.draining || p.link.process != w.process {
			continue
		}
		for room, in := range s.places {
			if in.listed != p.link {
				continue
			}
			for _, u := range in.view {
				if name := gone[u.GetId()]; name != "" {
					w.ghosts++
					w.fail(fmt.Sprintf("%s still shows %s, which is gone", room, name), s, w.byName[name])
				}
			}
		}
	}
}

// stayAt returns the stay of s in whose time m was recorded, nil if it is not known.
func (w *world) stayAt(s *session, m *message) *stay {
	for _, st := range w.stays {
		if st.who == s && st.room == m.room && st.gen == m.gen && st.start < m.seq && (st.left == 0 || m.seq < st.left) {
			return st
		}
	}
	return nil
}

// verdict looks at all messages once nothing is under way any more.
func (w *world) verdict() {
	stays := map[string][]*stay{} // By process and room.
	for _, st := range w.stays {
		key := fmt.Sprint(st.gen, " ", st.room)
		stays[key] = append(stays[key], st)
	}
	for _, m := range w.messages {
		if !m.settled() {
			w.fail(m.String()+" has no outcome", m.from)
		}
		if !m.acked || !m.kind.relayed() {
			continue
		}
		for _, st := range stays[fmt.Sprint(m.gen, " ", m.room)] {
			meant := st.who == m.to || m.to == nil && st.who != m.from
			if _, received := m.got[st.who]; received || !meant || m.seq <= st.start || st.left != 0 && m.seq > st.left {
				continue
			}
			w.checkMissing(m, st)
		}
	}
}

// checkMissing checks whether a message may be missing that was recorded during a stay of somebody it is for.
func (w *world) checkMissing(m *message, st *stay) {
	lost := func(how string) {
		w.lost++
		w.focus = m.sentAt
		w.fail(fmt.Sprintf("%s, recorded as %d, was lost: %s %s", m, m.seq, st.who.name, how), m.from, st.who)
	}
	at := time.Time{}
	for _, g := range st.gaps {
		if g.from < m.seq && m.seq <= g.to {
			at = g.at
		}
	}
	known := !at.IsZero() // That something is missing.
	told := !st.who.told[m.gen].IsZero() && st.who.told[m.gen].Before(m.ackedAt)
	switch {
	case m.seq <= st.cursor && !known:
		lost(fmt.Sprintf("has read up to %d", st.cursor))
	case st.left > m.seq && !known:
		lost("has left later, in order")
	case st.leftAt.After(m.ackedAt) && !known:
		lost("has ended later, in order")
	case st.shutAt.After(m.ackedAt) && !known:
		lost("was on a sound stream until the server ended it in order")
	case !st.over && !known:
		lost("is there")
	case m.to == nil || m.bounced > 0:
	case st.lost && told:
		// The server has seen it go at this moment at the latest, if that process lived so long.
		at = st.who.noticedBy.Add(w.plan.window() + 3*time.Second)
		fallthrough
	case known && told:
		if m.from.soundAt[m.gen].After(at) && !m.from.resynced[m.gen].After(m.ackedAt) {
			lost("did not receive it, and it did not come back")
		}
	}
}
