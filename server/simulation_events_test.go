//go:build !race

package server_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// take brings an event to the session, and checks all that can be known at that moment. w.mu must be held.
func (w *world) take(l *link, e *beckonv1.ConnectResponse) {
	s := l.session
	w.note(s, "hears %s", brief(e))
	w.tally["events"]++
	if !l.welcomed {
		w.welcome(l, e.GetWelcome())
		return
	}
	switch {
	case e.GetAck() != nil:
		w.ack(l, e)
		return
	case e.GetPong() != nil:
		l.pong(e.GetRequestId())
		return
	case e.GetDraining() != nil:
		w.drained(l, e.GetDraining().GetReconnectAfter().AsDuration())
		return
	case e.GetFailure() != nil && e.GetFailure().GetCode() != codeUndelivered:
		w.failure(l, e)
		return
	}
	room, seq := e.GetRoom(), e.GetSeq()
	if seq < l.last[room] {
		w.fail(fmt.Sprintf("the seq of room %q falls from %d to %d", room, l.last[room], seq), s)
	}
	if seq == 0 {
		w.fail("an event that is in a log has no seq: "+brief(e), s)
	}
	newest := l.last[room]
	l.last[room] = seq
	if e.GetFailure() != nil {
		w.comeBack(l, e)
		s.ownSeq = max(s.ownSeq, seq)
		return
	}
	in := s.places[room]
	if in == nil {
		w.fail("an event of a room that the session is not in: "+brief(e), s)
		return
	}
	if in.epoch == "" && seq <= in.cursor && e.GetJoinedUsers() == nil {
		// Messages came before the room's first list, and then the stream was lost: the client had no epoch to name a place
		// in the log with, and is told everything since its join again. It knows what it has seen: the process is the same.
		w.tally["repetitions for want of a cursor"]++
		return
	}
	switch {
	case e.GetJoinedUsers() != nil:
		w.list(l, in, seq, e.GetJoinedUsers())
	case e.GetUserJoined() != nil, e.GetUserUpdated() != nil, e.GetUserLeft() != nil:
		w.change(l, in, e)
	default:
		if seq == newest {
			w.fail(fmt.Sprintf("two messages have the seq %d", seq), s)
		}
		w.receive(l, in, e)
	}
	in.cursor = max(in.cursor, seq)
	if in.stay != nil {
		in.stay.cursor = max(in.stay.cursor, seq)
	}
	if p := l.peer; p.tells {
		if p.unheard += proto.Size(e); p.unheard > 64<<10 {
			p.unheard = 0
			l.push(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Received{Received: &beckonv1.Received{Cursors: s.cursors()}}})
		}
	}
}

// drained notes when the stream is to end. At that very moment the client has something to say.
func (w *world) drained(l *link, after time.Duration) {
	l.drainBy = time.Now().Add(after + 5*time.Second)
	time.AfterFunc(after, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		for range 5 {
			if p := l.peer; p.session == l.session && p.session.endsAt.IsZero() && !w.quiet {
				w.call(p)
			}
		}
	})
}

const codeUndelivered = beckonv1.FailureCode_FAILURE_CODE_UNDELIVERED

// welcome begins what the client does on a stream.
func (w *world) welcome(l *link, m *beckonv1.Welcome) {
	s, p, gen := l.session, l.peer, l.process.gen
	if m == nil {
		w.fail("the first event is no welcome", s)
		return
	}
	how := m.GetResumption()
	switch {
	case !l.resumes && how != beckonv1.Resumption_RESUMPTION_NEW,
		l.resumes && how != beckonv1.Resumption_RESUMPTION_RESUMED && how != beckonv1.Resumption_RESUMPTION_RESYNCED:
		w.fail("the welcome says "+how.String(), s)
	case l.resumes && (m.GetUserId() != s.id || m.GetResumeToken() != s.token):
		w.fail("another session was taken up than asked for", s)
	}
	if !l.resumes {
		if w.byID[m.GetUserId()] != nil && w.byID[m.GetUserId()] != s {
			w.fail("two sessions have one id", s)
		}
		s.id, s.token = m.GetUserId(), m.GetResumeToken()
		w.byID[s.id] = s
	}
	if l.resumes && (m.GetEpoch() != s.epoch) != (gen != s.gen) {
		w.fail(fmt.Sprintf("the epoch was %q and is %q, the process was %d and is %d", s.epoch, m.GetEpoch(), s.gen, gen), s)
	}
	switch {
	case how == beckonv1.Resumption_RESUMPTION_RESUMED:
		w.tally["resumes RESUMED"]++
		if gen != s.gen {
			w.fail("a new process says that nothing is missing", s)
		}
		if since := s.lostSince(); !since.IsZero() && len(p.formers) == 0 && time.Since(s.noticedBy) > w.plan.window()+time.Second {
			w.fail("a session was taken up though its window had passed", s)
		}
	case how == beckonv1.Resumption_RESUMPTION_RESYNCED:
		w.tally["resumes RESYNCED"]++
		if gen == s.gen {
			w.tally["resumes RESYNCED by the same process"]++
			w.checkResync(s)
			s.resynced[gen] = time.Now()
			for _, in := range s.places {
				if !in.gap && in.stay != nil {
					in.gap, in.gapAt = true, in.stay.cursor
				}
				in.gapSince = time.Now()
			}
		}
	}
	if l.resumes && gen != s.gen {
		if age := time.Since(l.process.started); age > w.plan.window()+time.Second {
			w.fail(fmt.Sprintf("a process that is %s old takes up a session of another", age), s)
		}
		w.moveOn(s)
	}
	l.welcomed = true
	s.gen, s.epoch = gen, m.GetEpoch()
	s.faultAt, s.noticedBy = time.Time{}, time.Time{}
	p.attempts = 0
	if l.fault != "" { // It is about to break.
		s.faultAt = l.faulted
	}
	for _, next := range s.pending {
		if l.resumes || !slices.Contains(next.links, l) {
			w.transmit(l, next)
		}
	}
}

// pong notes what the server knows to have arrived.
func (l *link) pong(id uint64) {
	said := l.pings[id]
	if said == nil {
		return // A heartbeat.
	}
	delete(l.pings, id)
	l.proved = true
	if s, gen := l.session, l.process.gen; said.cursors != nil && s.told[gen].IsZero() {
		s.told[gen] = time.Now()
	}
	for st, seq := range said.stays {
		st.confirmed = append(st.confirmed, confirmation{seq, time.Now()})
	}
}

// answered finds the message that an outcome is of, and takes it from those that wait for one.
func (w *world) answered(l *link, e *beckonv1.ConnectResponse) *message {
	s, id := l.session, e.GetRequestId()
	m := s.asked[id]
	if m == nil || l.unanswered[id] == 0 {
		w.fail(fmt.Sprintf("an outcome of %d that was not asked for: %s", id, brief(e)), s)
		return nil
	}
	l.unanswered[id]--
	s.pending = slices.DeleteFunc(s.pending, func(o *message) bool { return o == m })
	m.request = nil
	return m
}

// ack takes an outcome.
func (w *world) ack(l *link, e *beckonv1.ConnectResponse) {
	s, seq, gen := l.session, e.GetAck().GetSeq(), l.process.gen
	m := w.answered(l, e)
	switch {
	case m == nil:
		return
	case m.code != 0 || m.acked && (m.seq != seq || m.gen != gen):
		w.fail(fmt.Sprintf("two outcomes of %d (%s)", m.id, m), s)
		return
	case m.acked:
		return
	}
	again := len(m.links) > 1 || m.earlier
	m.acked, m.seq, m.gen, m.ackedAt = true, seq, gen, time.Now()
	in := m.place
	switch m.kind {
	case "join":
		in.changing = false
		if in.joining {
			in.joining = false
			if seq == 0 {
				w.fail("a room was entered without a record", s)
			}
			w.stand(s, in, gen, seq)
		}
	case "leave":
		in.endStay(func(st *stay) {
			if !again {
				st.left = seq
			}
		})
		delete(s.places, m.room)
	case "update", "end":
	default:
		w.tally["messages recorded"]++
		if seq == 0 {
			w.fail("a message was recorded without a seq", s)
		}
		if m.anyRoom && m.room == "" {
			m.room = e.GetRoom()
		}
		if e.GetRoom() != m.room {
			w.fail(fmt.Sprintf("message %d for room %q was recorded in room %q", m.id, m.room, e.GetRoom()), s)
		}
		for to, r := range m.got {
			if r.gen != gen || r.seq != seq {
				w.fail(fmt.Sprintf("%s was recorded as %d and arrived as %d", m, seq, r.seq), s, to)
			}
		}
	}
}

// stand notes that the session is in the room, since record seq or before.
func (w *world) stand(s *session, in *place, gen int, seq uint64) {
	if in.stay == nil {
		in.stay = &stay{who: s, room: in.room, gen: gen, since: time.Now(), start: seq, cursor: in.cursor}
		w.stays = append(w.stays, in.stay)
		return
	}
	in.stay.start = min(in.stay.start, seq)
}

// failure takes an outcome that says that nothing was recorded.
func (w *world) failure(l *link, e *beckonv1.ConnectResponse) {
	s, code := l.session, e.GetFailure().GetCode()
	if l.pings[e.GetRequestId()] != nil && code == codeRateLimited {
		delete(l.pings, e.GetRequestId())
		return
	}
	w.tally["failures "+strings.TrimPrefix(code.String(), "FAILURE_CODE_")]++
	if e.GetRequestId() == 0 {
		if !slices.Contains([]beckonv1.FailureCode{codeNoSuchUser, codeNotInRoom, codeRateLimited, codeInvalid}, code) {
			w.fail("a failure that nothing asked for: "+brief(e), s)
		}
		return
	}
	m := w.answered(l, e)
	switch {
	case m == nil:
		return
	case m.acked || m.code != 0 && m.code != code:
		w.fail(fmt.Sprintf("two outcomes of %d (%s): %s", m.id, m, brief(e)), s)
		return
	case m.code != 0:
		return
	}
	w.checkFailure(l, m, code, e)
	m.code = code
	in := m.place
	switch m.kind {
	case "join":
		if in.joining {
			in.endStay(func(*stay) {})
			delete(s.places, m.room)
		}
		in.unsure = true // And the mode is one of two.
	case "update":
		in.unsure = true
	case "leave":
		if code == codeRateLimited {
			in.leaving = false
			break
		}
		in.endStay(func(*stay) {})
		delete(s.places, m.room)
	default:
		if len(m.got) > 0 {
			w.fail(m.String()+" failed and was received", s)
		}
	}
}

const (
	codeNoSuchUser  = beckonv1.FailureCode_FAILURE_CODE_NO_SUCH_USER
	codeNotInRoom   = beckonv1.FailureCode_FAILURE_CODE_NOT_IN_ROOM
	codeInvalid     = beckonv1.FailureCode_FAILURE_CODE_INVALID
	codeRateLimited = beckonv1.FailureCode_FAILURE_CODE_RATE_LIMITED
)

// comeBack takes the news that a message was not delivered.
func (w *world) comeBack(l *link, e *beckonv1.ConnectResponse) {
	s := l.session
	w.tally["undelivered"]++
	if e.GetRequestId() == 0 {
		return
	}
	m := s.asked[e.GetRequestId()]
	if m == nil || m.to == nil || !m.kind.relayed() {
		w.fail("what came back was not sent to one user: "+brief(e), s)
		return
	}
	m.bounced++
	if to := e.GetFailure().GetTo(); m.to.id != "" && to != m.to.id {
		w.fail(fmt.Sprintf("%s came back from %s", m, to), s)
	}
	switch {
	case m.bounced > 1:
		w.fail(m.String()+" came back twice", s)
	case m.code != 0:
		w.fail(m.String()+" failed and came back", s)
	case !m.acked && !m.unknown && len(m.links) == 1 && m.links[0] == l:
		w.fail(m.String()+" came back before it was acknowledged", s)
	}
	w.checkReturn(l, m)
}

// receive takes a message of another's.
func (w *world) receive(l *link, in *place, e *beckonv1.ConnectResponse) {
	s := l.session
	w.tally["messages received"]++
	kind, content, sender := contentOf(e)
	tag, _, _ := strings.Cut(content, " ")
	m := w.byTag[tag]
	switch {
	case m == nil:
		w.fail("nobody has sent this: "+brief(e), s)
		return
	case m.kind != kind || len(content) != m.content:
		w.fail(fmt.Sprintf("%s of %d bytes arrived as %s of %d", m, m.content, kind, len(content)), s, m.from)
	case m.to != nil && m.to != s || m.from == s:
		w.fail(m.String()+" arrived elsewhere", s, m.from)
	case m.code != 0:
		w.fail(m.String()+" failed and was received", s, m.from)
	}
	if m.room == "" {
		m.room = in.room
	}
	if m.room != in.room {
		w.fail(fmt.Sprintf("%s arrived in room %q", m, in.room), s, m.from)
	}
	if w.identify(m.from, sender.GetId()); m.from.id != sender.GetId() || strings.SplitN(sender.GetName(), ".", 2)[0] != m.from.name {
		w.fail(fmt.Sprintf("%s arrived as one of %s, %q", m, sender.GetId(), sender.GetName()), s, m.from)
	}
	if before, ok := m.got[s]; ok {
		w.duplicated++
		w.fail(fmt.Sprintf("%s arrived twice, %s ago as %d and now as %d", m, time.Since(before.at), before.seq, e.GetSeq()), s, m.from)
	}
	m.got[s] = receipt{l.process.gen, e.GetSeq(), time.Now()}
	if m.acked && (m.gen != l.process.gen || m.seq != e.GetSeq()) {
		w.fail(fmt.Sprintf("%s was recorded as %d and arrived as %d", m, m.seq, e.GetSeq()), s, m.from)
	}
	key := m.from.name + " " + in.room
	if last := s.order[key]; last > m.number {
		w.reordered++
		w.fail(fmt.Sprintf("%s, number %d of its sender, arrived after number %d", m, m.number, last), s, m.from)
	}
	s.order[key] = max(s.order[key], m.number)
	if age := time.Duration(e.GetCallMade().GetAgeMs()) * time.Millisecond; age > 0 && (!l.resumes || age > time.Since(m.sentAt)+time.Second) {
		w.fail(fmt.Sprintf("%s, sent %s ago, is said to be %s old", m, time.Since(m.sentAt), age), s, m.from)
	}
}

// identify learns the id of a session whose welcome was lost.
func (w *world) identify(s *session, id string) {
	if s.id == "" && w.byID[id] == nil {
		s.id = id
		w.byID[id] = s
	}
}

// contentOf returns what a message carries.
func contentOf(e *beckonv1.ConnectResponse) (kind, string, *beckonv1.Sender) {
	switch m := e.GetEvent().(type) {
	case *beckonv1.ConnectResponse_CallMade:
		return "offer", m.CallMade.GetSdp(), m.CallMade.GetSender()
	case *beckonv1.ConnectResponse_AnswerMade:
		return "answer", m.AnswerMade.GetSdp(), m.AnswerMade.GetSender()
	case *beckonv1.ConnectResponse_CandidateReceived:
		return "candidate", m.CandidateReceived.GetCandidates()[0].GetCandidate(), m.CandidateReceived.GetSender()
	case *beckonv1.ConnectResponse_CallRejected:
		return "reject", m.CallRejected.GetDetail(), m.CallRejected.GetSender()
	case *beckonv1.ConnectResponse_CallEnded:
		return "hangup", m.CallEnded.GetDetail(), m.CallEnded.GetSender()
	case *beckonv1.ConnectResponse_DataReceived:
		return "data", string(m.DataReceived.GetPayload()), m.DataReceived.GetSender()
	}
	return "nothing", "", nil
}

// list takes a list of users.
func (w *world) list(l *link, in *place, seq uint64, m *beckonv1.JoinedUsers) {
	s, gen := l.session, l.process.gen
	if in.epoch != "" && in.epoch != m.GetEpoch() {
		w.fail("the epoch of a room changed within a process", s)
	}
	in.epoch = m.GetEpoch()
	in.parts = append(in.parts, m.GetUsers()...)
	if m.GetMore() {
		return
	}
	users := in.parts
	in.parts, in.listed = nil, l
	w.stand(s, in, gen, seq)
	in.closeGap(seq)
	self := false
	seen := map[string]bool{}
	for _, u := range users {
		w.checkUser(s, in, u)
		if seen[u.GetId()] {
			w.fail("a list has "+u.GetName()+" twice", s)
		}
		seen[u.GetId()] = true
		self = self || u.GetId() == s.id
	}
	switch {
	case !self && !in.leaving:
		w.fail("a list without the one it is for", s)
	case in.presence == none && len(users) > 1:
		w.fail("a list with others, for one who hears of nobody", s)
	}
	if in.presence == none {
		return
	}
	in.view = users
	for _, p := range w.peers {
		if other := p.session; other != nil && !seen[other.id] && w.mustBeIn(other, in.room, gen, seq) {
			w.fail("a list of "+in.room+" without "+other.name+", which is there", s, other)
		}
	}
}

// change takes a change of presence.
func (w *world) change(l *link, in *place, e *beckonv1.ConnectResponse) {
	s := l.session
	var u *beckonv1.User
	what := ""
	switch m := e.GetEvent().(type) {
	case *beckonv1.ConnectResponse_UserJoined:
		u, what = m.UserJoined.GetUser(), "joined"
	case *beckonv1.ConnectResponse_UserUpdated:
		u, what = m.UserUpdated.GetUser(), "updated"
	case *beckonv1.ConnectResponse_UserLeft:
		u, what = m.UserLeft.GetUser(), "left: "+m.UserLeft.GetReason().String()
	}
	w.checkUser(s, in, u)
	what = u.GetId() + " " + what
	key := fmt.Sprintf("%d %s %d", l.process.gen, in.room, e.GetSeq())
	if others := w.changes[key]; others != "" && others != what {
		w.fail(fmt.Sprintf("record %d of %s was %q for others, and is %q", e.GetSeq(), in.room, others, what), s)
	}
	w.changes[key] = what
	if in.presence == none {
		if e.GetUserUpdated() == nil || u.GetId() != s.id {
			w.fail("news of others, for one who hears of nobody: "+brief(e), s)
		}
		return
	}
	if in.presence != delta && !in.changing {
		w.fail("a single change, for one who hears whole lists: "+brief(e), s)
	}
	at := slices.IndexFunc(in.view, func(o *beckonv1.User) bool { return o.GetId() == u.GetId() })
	switch {
	case in.view == nil:
		w.fail("a change before the list: "+brief(e), s)
	case e.GetUserJoined() != nil:
		if at >= 0 {
			w.fail("one came who was there: "+brief(e), s)
		}
		in.view = append(in.view, u)
	case at < 0:
		w.fail("a change of one who is not there: "+brief(e), s)
	case e.GetUserUpdated() != nil:
		in.view[at] = u
	default:
		in.view = slices.Delete(in.view, at, at+1)
		w.checkLeft(s, in, u, e.GetUserLeft().GetReason())
	}
}

// brief tells what an event is.
func brief(e *beckonv1.ConnectResponse) string {
	where := fmt.Sprintf("%s/%d", e.GetRoom(), e.GetSeq())
	switch m := e.GetEvent().(type) {
	case *beckonv1.ConnectResponse_Welcome:
		return fmt.Sprintf("welcome %s, epoch %s", m.Welcome.GetResumption(), m.Welcome.GetEpoch())
	case *beckonv1.ConnectResponse_JoinedUsers:
		var names []string
		for _, u := range m.JoinedUsers.GetUsers() {
			names = append(names, u.GetName())
		}
		return where + " list " + strings.Join(names, " ")
	case *beckonv1.ConnectResponse_UserJoined:
		return where + " joined " + m.UserJoined.GetUser().GetName()
	case *beckonv1.ConnectResponse_UserUpdated:
		return fmt.Sprintf("%s updated %s %s", where, m.UserUpdated.GetUser().GetName(), m.UserUpdated.GetUser().GetStatus())
	case *beckonv1.ConnectResponse_UserLeft:
		return fmt.Sprintf("%s left %s %s", where, m.UserLeft.GetUser().GetName(), m.UserLeft.GetReason())
	case *beckonv1.ConnectResponse_Ack:
		return fmt.Sprintf("ack of %d as %s/%d", e.GetRequestId(), e.GetRoom(), m.Ack.GetSeq())
	case *beckonv1.ConnectResponse_Failure:
		return fmt.Sprintf("%s failure of %d: %s", where, e.GetRequestId(), m.Failure.GetCode())
	case *beckonv1.ConnectResponse_Pong:
		return fmt.Sprintf("pong %d", e.GetRequestId())
	case *beckonv1.ConnectResponse_Draining:
		return "draining"
	}
	kind, content, sender := contentOf(e)
	tag, _, _ := strings.Cut(content, " ")
	return fmt.Sprintf("%s %s %s from %s", where, kind, tag, sender.GetName())
}
