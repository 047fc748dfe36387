//go:build !race

package server_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// peer is one of the population: a program that opens a session, loses its network now and then, and opens another
// session when one has ended. world.mu guards it.
type peer struct {
	// Immutable.
	web   bool // Over a websocket.
	pings bool
	tells bool // Says what it has received.

	rng       *rand.Rand
	session   *session // Nil between two.
	link      *link    // The stream that counts. Nil: there is none.
	formers   []*link  // The streams that link was to take over.
	open      int      // How many streams there are, those taken over included.
	attempts  int      // To take the session up, without a welcome.
	awayUntil time.Time
	doubled   time.Time // When there last was another stream than link.
	unheard   int       // Bytes of events since the client last said what it has received.
}

// session is a session as its client sees it, and what its client did and saw. world.mu guards it.
type session struct {
	peer *peer
	name string // Unique in the world; its name in every room begins so.

	// From welcome. Empty if that never came.
	id, token, epoch string
	gen              int // The process that welcomed it last.

	lastID  uint64
	sent    int // Messages for others, numbered in their order.
	pending []*message
	asked   map[uint64]*message
	places  map[string]*place
	ownSeq  uint64

	over    bool
	endsAt  time.Time // When it asked for its own end.
	goneBy  time.Time // When everybody must have seen it leave. Zero: see noticedBy.
	faultAt time.Time // Not before this the server lost the last stream.
	// By now the server must have noticed that it is on no stream. Counts once that is so.
	noticedBy time.Time
	left      map[string]bool // Rooms that it asked to leave; "" stands for the session.

	// What the checks need, by process.
	told     map[int]time.Time // Since when the server knows that it says what it has received.
	soundAt  map[int]time.Time // When it was last seen to hear everything.
	resynced map[int]time.Time

	order map[string]int // The last message that came, by room and sender.
	trace []happening
}

// happening is something that a session did or saw.
type happening struct {
	at   time.Time
	what string
}

// place is a session's membership of a room as the client knows it.
type place struct {
	room       string
	joining    bool // The join has no outcome yet.
	leaving    bool // The client has asked to leave.
	changing   bool // The server may have another mode.
	unsure     bool // A change failed: the others may see something else.
	name       string
	attributes map[string]string
	presence   beckonv1.Presence

	epoch  string // Empty: there was no list from this process.
	cursor uint64
	parts  []*beckonv1.User // Of a list that goes on.
	view   []*beckonv1.User // The list, kept up to date. Nil: there is none.
	listed *link            // Where the last list came.
	stay   *stay            // Nil: it is not known to be in the room in this process.
	gap    bool             // Since the last list something may be missing,
	gapAt  uint64           // after this, as the client was told
	// at this moment.
	gapSince time.Time
}

// stay is a membership of a room in the log of one process.
type stay struct {
	who       *session
	room      string
	gen       int
	since     time.Time
	start     uint64 // It is in the room since this record, or an earlier one.
	cursor    uint64 // Everything up to this has arrived, but for gaps.
	gaps      []gap
	confirmed []confirmation

	over   bool
	left   uint64    // The record of an orderly leave: all before it has arrived.
	leftAt time.Time // Likewise, of the session's orderly end.
	lost   bool      // The session was lost.
	shutAt time.Time // All that was recorded before has arrived: the server ended a sound stream in order.
}

// gap is a part of a log of which a client was told that something in it may be missing.
type gap struct {
	from, to uint64
	at       time.Time
}

// confirmation is a moment from which on the server knew that everything up to seq had arrived.
type confirmation struct {
	seq uint64
	at  time.Time
}

// message is a message of a client's, whatever it asks for. world.mu guards it.
type message struct {
	from *session
	id   uint64 // 0: without outcome.
	kind kind

	request *beckonv1.ConnectRequest // Nil once there is an outcome.
	room    string                   // Of one to a user without a room: from the outcome or the first receipt.
	anyRoom bool
	place   *place
	earlier bool    // May have been handled on a stream of the same process that has ended.
	exposed bool    // May have been handled.
	links   []*link // On which it was sent.
	sentAt  time.Time

	// Of one for others.
	to      *session // Nil: everybody else.
	tag     string
	content int // Bytes.
	number  int // In the order of the sender's.

	acked   bool
	seq     uint64
	gen     int
	ackedAt time.Time
	code    beckonv1.FailureCode
	unknown bool // The process went before there was an outcome, or the session did.
	bounced int
	got     map[*session]receipt
}

// receipt is an arrival of a message.
type receipt struct {
	gen int
	seq uint64
	at  time.Time
}

// kind is what a message is.
type kind string

// relayed reports whether the message is for others.
func (k kind) relayed() bool {
	switch k {
	case "join", "leave", "update", "end":
		return false
	}
	return true
}

// settled reports whether the client waits for nothing more.
func (m *message) settled() bool { return m.acked || m.code != 0 || m.unknown }

// newSession returns a session of p, before its first stream. w.mu must be held.
func (w *world) newSession(p *peer) *session {
	s := &session{
		peer: p, name: fmt.Sprintf("s%d", len(w.sessions)),
		asked: map[uint64]*message{}, places: map[string]*place{}, left: map[string]bool{},
		told: map[int]time.Time{}, soundAt: map[int]time.Time{}, resynced: map[int]time.Time{}, order: map[string]int{},
	}
	w.sessions = append(w.sessions, s)
	w.byName[s.name] = s
	p.session, p.attempts, p.unheard = s, 0, 0
	return s
}

// maxPending is how many messages a client may have on their way: more the server does not remember.
const maxPending = 64

// ask sends a message that is to have an outcome, unless there are too many. w.mu must be held.
func (w *world) ask(m *message) bool {
	s := m.from
	if len(s.pending) >= maxPending {
		return false
	}
	s.lastID += 1 + uint64(w.rng.IntN(20)/19) // Numbers may be left out.
	m.id = s.lastID
	m.request.RequestId = m.id
	s.asked[m.id] = m
	s.pending = append(s.pending, m)
	w.messages = append(w.messages, m)
	m.sentAt = time.Now()
	w.note(s, "asks %d: %s", m.id, m)
	if l := s.peer.link; l != nil && l.session == s && l.welcomed && !l.closing {
		w.transmit(l, m)
	}
	return true
}

// transmit hands a message to the stream. w.mu must be held.
func (w *world) transmit(l *link, m *message) {
	m.exposed = true
	m.links = append(m.links, l)
	l.unanswered[m.id]++
	l.push(m.request)
}

// String tells what the message is.
func (m *message) String() string {
	switch {
	case !m.kind.relayed():
		return fmt.Sprintf("%s %s", m.kind, m.room)
	case m.to == nil:
		return fmt.Sprintf("%s %s to all of %s", m.kind, m.tag, m.room)
	}
	return fmt.Sprintf("%s %s to %s in %q", m.kind, m.tag, m.to.name, m.room)
}

// resume returns the first message of a stream that takes the session up.
func (s *session) resume() *beckonv1.ConnectRequest {
	r := &beckonv1.Resume{ResumeToken: s.token, Cursors: s.cursors()}
	for _, room := range slices.Sorted(maps.Keys(s.places)) {
		in := s.places[room]
		if in.joining || in.leaving {
			continue
		}
		r.Rejoin = append(r.Rejoin, &beckonv1.Join{Room: room, Name: &in.name, Attributes: in.attributes, Presence: in.presence})
	}
	return &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Resume{Resume: r}}
}

// cursors tells what has arrived.
func (s *session) cursors() []*beckonv1.Cursor {
	all := []*beckonv1.Cursor{{Epoch: s.epoch, Seq: s.ownSeq}}
	for _, room := range slices.Sorted(maps.Keys(s.places)) {
		if in := s.places[room]; in.epoch != "" {
			all = append(all, &beckonv1.Cursor{Room: room, Epoch: in.epoch, Seq: in.cursor})
		}
	}
	return all
}

// lostAt notes that a stream of the session has ended.
func (s *session) lostAt(l *link) {
	now := time.Now()
	notice := now.Add(2 * time.Second)
	if l.cable != nil && l.cable.halfOpen() {
		notice = now.Add(unnoticed)
		if by := l.faulted.Add(silence); l.proved {
			notice = now.Add(2 * time.Second)
			if by.After(notice) {
				notice = by
			}
		}
	}
	if notice.After(s.noticedBy) {
		s.noticedBy = notice
	}
	if l.peer.link != l {
		return
	}
	switch {
	case l.welcomed && l.fault != "":
		s.faultAt = l.faulted
	case l.welcomed:
		s.faultAt = now
	case s.faultAt.IsZero(): // It may have taken over another.
		s.faultAt = l.opened
	}
}

// silence is how long the server may take to notice that nothing comes from a client that has sent pings: three intervals,
// and the time for last words.
const silence = 3*heartbeat + 8*time.Second

// unnoticed is how long a broken connection may go unnoticed: a websocket's, of a client that never pings.
const unnoticed = 110 * time.Second

// lostSince returns since when the session may be on no stream, as far as the server can know. The zero time: it is on
// one.
func (s *session) lostSince() time.Time {
	if l := s.peer.link; l != nil && l.session == s && l.welcomed {
		return l.faulted
	}
	return s.faultAt
}

// settleEnd notes what may have become of the messages without outcome when their stream ended.
func (s *session) settleEnd(l *link, reason string) {
	for _, m := range s.pending {
		if !slices.Contains(m.links, l) {
			continue
		}
		if reason == "SHUTTING_DOWN" && !m.earlier {
			m.exposed = false // All that was handled is answered, so this was not.
			continue
		}
		m.earlier = true
	}
}

// moveOn forgets what an earlier process knew: the session is on a new one. Of the messages without outcome those that it
// may have handled are given up.
func (w *world) moveOn(s *session) {
	pending := s.pending
	s.pending = nil
	for _, m := range pending {
		if !m.exposed {
			s.pending = append(s.pending, m)
			m.links = nil
			continue
		}
		m.unknown, m.request = true, nil
		if m.kind == "join" && m.place.joining || m.kind == "leave" {
			m.place.endStay(func(*stay) {})
			delete(s.places, m.room)
		}
	}
	s.ownSeq = 0
	for _, in := range s.places {
		in.endStay(func(*stay) {})
		in.cursor, in.epoch, in.parts, in.view, in.gap = 0, "", nil, nil, false
		in.changing = in.asked(s) // The rejoin may have been older.
	}
}

// endStay ends the stay that the place stands for.
func (in *place) endStay(how func(*stay)) {
	if in.stay != nil {
		in.closeGap(math.MaxUint64)
		in.stay.over = true
		how(in.stay)
		in.stay = nil
	}
}

// closeGap notes that from record to on nothing is missing, if something may have been.
func (in *place) closeGap(to uint64) {
	if in.gap {
		in.gap = false
		in.stay.gaps = append(in.stay.gaps, gap{in.gapAt, to, in.gapSince})
	}
}

// endSession notes that the session has ended as its client asked, or, if the stream broke before that was certain, may
// have. w.mu must be held.
func (w *world) endSession(s *session, certain bool, l *link) {
	for _, in := range s.places {
		in.endStay(func(st *stay) {
			if certain {
				st.leftAt = s.endsAt
			}
		})
	}
	if certain {
		s.goneBy = time.Now().Add(2 * time.Second)
	}
	w.forgetSession(s)
}

// loseSession notes that nobody can take the session up any more. w.mu must be held.
func (w *world) loseSession(s *session) {
	for _, in := range s.places {
		in.endStay(func(st *stay) { st.lost = !in.leaving }) // Of one who was leaving it is not known how it went.
	}
	w.forgetSession(s)
}

// forgetSession lets the peer open another one. w.mu must be held.
func (w *world) forgetSession(s *session) {
	s.over = true
	for _, m := range s.pending {
		m.unknown, m.request = true, nil
	}
	s.pending = nil
	s.peer.session = nil
	w.note(s, "over")
}

// retry takes the session up again, as soon as the network is there. w.mu must be held.
func (w *world) retry(p *peer) {
	wait := time.Duration(p.rng.Int64N(int64(100 * time.Millisecond)))
	if p.attempts > 0 {
		most := min(250*time.Millisecond<<min(p.attempts-1, 6), 5*time.Second)
		wait = time.Duration(p.rng.Int64N(int64(most)))
	}
	p.attempts++
	wait = max(wait, time.Until(p.awayUntil))
	s := p.session
	time.AfterFunc(wait, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if p.session == s && p.link == nil && !w.over {
			w.open(s, nil)
		}
	})
}
