package hub

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/wire"
)

// room is what the hub knows of a room: the state that the room's log, read up to head, amounts to.
type room struct {
	// Immutable.
	name string
	node string // This process, in the log.

	// Guarded by Hub.roomsMu: calls of enter without their exit.
	entered int

	// Closed once the log was read, or could not be.
	loaded  chan struct{}
	loadErr error // Written before loaded is closed.

	mu       sync.Mutex
	live     bool               // Guarded by mu. The log was read.
	early    []*roomlog.Record  // Guarded by mu. Records that came before that.
	epoch    string             // Guarded by mu.
	head     roomlog.Seq        // Guarded by mu. The last record that is accounted for.
	read     roomlog.Seq        // Guarded by mu. Up to here the log was read when the room was loaded.
	users    map[string]*user   // Guarded by mu. Who is in the room, on whatever node.
	order    []*user            // Guarded by mu. The same, in the order in which they came.
	members  []*member          // Guarded by mu. Whose sessions are here.
	arriving map[string]*member // Guarded by mu. About to be members: their joins are not yet in users. By user id; nil: nobody is.
	bytes    int                // Guarded by mu. The size of their entries.
	version  uint64             // Guarded by mu. Grows when users, or what is shown of them, change.
	moved    chan struct{}      // Guarded by mu. Not nil: to be closed when head grows, or with forsaken.
	forsaken bool               // Guarded by mu. The log tells nothing more of it.
	// Guarded by mu. The identities that are entering and may be in the room once, each with what is closed afterwards.
	claims map[string]chan struct{}
	news   news  // Guarded by mu.
	lists  lists // Guarded by mu.
}

// user is somebody in a room.
type user struct {
	id     string
	owner  roomlog.Seq // The ownership record, which a message for the user names as its condition.
	node   string      // Where the session is.
	came   roomlog.Seq // The first ownership record that is known.
	seq    roomlog.Seq // The last record about the user.
	entry  []byte      // As in a list; see wire.Entry.
	member *member     // Nil if the session is not here.
	// Whose session it is; nil: nobody has asked yet. See room.ofIdentity.
	identity *string
}

// member is a session in a room.
type member struct {
	// Immutable.
	session *Session
	room    *room

	feed // Guarded by room.mu.

	// Set when the membership has ended though the session did not ask for it.
	expelled atomic.Bool

	// Guarded by session.mu.
	owner  roomlog.Seq    // Its ownership record.
	since  roomlog.Seq    // What comes after it is for the session; 0: the log knows.
	shown  *beckonv1.User // What others see. Replaced, never changed.
	sender []byte         // See wire.Sender.

	// Guarded by room.mu.
	user     *user // Nil before the join has arrived, and after the leave has.
	place    int   // In room.members.
	presence beckonv1.Presence
	owed     bool     // Waits for a list, in the outbox's line.
	leaving  bool     // Has asked to leave.
	farewell farewell // Once the membership has ended though the session did not ask for it.
	seen     uint64   // What room.version was for the last list.
	told     int      // How many of room.news the member need not be told any more.
}

// newRoom returns a room that is yet to be loaded.
func newRoom(name, node string) *room {
	return &room{
		name:   name,
		node:   node,
		loaded: make(chan struct{}),
		users:  make(map[string]*user),
	}
}

// load brings the room to where its log is.
func (r *room) load(ctx context.Context, log roomlog.Log) error {
	var found []roomlog.Record
	q := roomlog.Query{Room: r.name}
	for {
		page, err := log.Read(ctx, q)
		if err != nil {
			return err
		}
		found = append(found, page.Records...)
		if q.After = page.Head; page.More {
			continue
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.epoch = page.Epoch
		for i := range found {
			r.applyLocked(&found[i])
		}
		for _, rec := range r.early { // Some may be in found; applyLocked tells.
			r.applyLocked(rec)
		}
		r.headLocked(page.Head)
		r.early, r.live, r.read = nil, true, page.Head
		return nil
	}
}

// record takes the log's next record.
func (r *room) record(rec *roomlog.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.live {
		r.early = append(r.early, rec)
		return
	}
	r.applyLocked(rec)
}

// applyLocked changes the room as rec says, and tells the members. A presence record that the room accounts for already
// is passed over. r.mu must be held.
func (r *room) applyLocked(rec *roomlog.Record) {
	r.headLocked(rec.Seq)
	u := r.users[rec.From]
	if rec.Kind.Presence() && (rec.Seq <= r.read || u != nil && rec.Seq <= u.seq) {
		return
	}
	if u == nil && rec.Kind == roomlog.Move {
		rec.Kind = roomlog.Join // To whom it comes as a surprise.
	}
	switch rec.Kind {
	case roomlog.Join:
		if u != nil {
			r.removeLocked(u)
		}
		u = &user{id: rec.From, owner: rec.Seq, node: rec.Node, came: rec.Seq, seq: rec.Seq, entry: wire.Entry(rec.Data)}
		r.users[u.id] = u
		r.order = slices.Insert(r.order, r.placeLocked(u.came), u)
		r.bytes += len(u.entry)
		r.version++
		r.tellLocked(u, event(rec))
		if r.attachLocked(u) {
			r.listLocked(u.member)
		}
		r.relistLocked()
	case roomlog.Move:
		r.moveLocked(u, rec)
	case roomlog.Appearance:
		if u == nil {
			return
		}
		u.seq = rec.Seq
		r.reenterLocked(u, wire.Entry(rec.Data))
		r.tellLocked(u, event(rec))
		r.relistLocked()
	case roomlog.Leave:
		if u == nil {
			return
		}
		told := event(rec)
		if m := u.member; m != nil && !m.leaving {
			m.expelLocked(rec.Seq, told)
		}
		r.removeLocked(u)
		r.version++
		r.tellLocked(u, told)
		r.relistLocked()
	case roomlog.Message:
		if u := r.users[rec.To]; u != nil && u.member != nil {
			u.member.newsLocked()
			u.member.sendTimedLocked(rec.Seq, event(rec), timed(rec))
		}
	case roomlog.Broadcast:
		e, told := event(rec), timed(rec)
		for _, m := range r.members {
			if m.user != u {
				m.newsLocked()
				m.sendTimedLocked(rec.Seq, e, told)
			}
		}
	}
}

// expelLocked tells m, which did not ask to leave, that it is no longer in the room: now or, if its session is on no
// stream, later. m.room.mu must be held.
func (m *member) expelLocked(seq roomlog.Seq, told []byte) {
	m.expelled.Store(true)
	m.farewell = farewell{event: told, epoch: m.room.epoch, seq: seq, sent: m.out != nil}
	if m.out == nil {
		return
	}
	m.newsLocked()
	m.releaseLocked(0) // What is held back was for it, too.
	m.sendLocked(seq, told)
}

// mayLeave tells that m is about to leave for that reason: if it is the client's own wish, it need not be told.
func (r *room) mayLeave(m *member, reason beckonv1.LeaveReason) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m.leaving = reason == beckonv1.LeaveReason_LEAVE_REASON_LEFT || reason == beckonv1.LeaveReason_LEAVE_REASON_LOST
}

// event returns what members are sent of rec. It may be called once.
func event(rec *roomlog.Record) []byte { return wire.AppendSeq(rec.Data, uint64(rec.Seq)) }

// reenterLocked changes what is shown of u. r.mu must be held.
func (r *room) reenterLocked(u *user, entry []byte) {
	r.bytes += len(entry) - len(u.entry)
	u.entry = entry
	r.version++
}

// removeLocked takes u out of the room. r.mu must be held.
func (r *room) removeLocked(u *user) {
	delete(r.users, u.id)
	i := r.placeLocked(u.came)
	r.order = slices.Delete(r.order, i, i+1)
	r.bytes -= len(u.entry)
	r.detachLocked(u)
}

// detachLocked ends u's membership here, if it has one. r.mu must be held.
func (r *room) detachLocked(u *user) {
	if m := u.member; m != nil {
		last := r.members[len(r.members)-1]
		r.members[m.place], last.place = last, m.place
		r.members[len(r.members)-1] = nil
		r.members = r.members[:len(r.members)-1]
		u.member, m.user = nil, nil
		m.waitNoMoreLocked()
		m.cutLocked()
	}
}

// detach ends m's membership here, whatever the log says.
func (r *room) detach(m *member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.arrivedLocked(m.session.id)
	if m.user != nil {
		r.detachLocked(m.user)
	}
}

// headLocked tells that everything up to seq is accounted for. r.mu must be held.
func (r *room) headLocked(seq roomlog.Seq) {
	r.head = max(r.head, seq)
	r.wakeLocked()
}

// wakeLocked has those look again who wait for the room to account for more. r.mu must be held.
func (r *room) wakeLocked() {
	if r.moved != nil {
		close(r.moved)
		r.moved = nil
	}
}

// reach returns when the room accounts for everything up to seq, or with errForsaken when it never will.
func (r *room) reach(ctx context.Context, seq roomlog.Seq) error {
	for {
		r.mu.Lock()
		if reached := r.head >= seq; reached || r.forsaken {
			r.mu.Unlock()
			if !reached {
				return errForsaken
			}
			return nil
		}
		if r.moved == nil {
			r.moved = make(chan struct{})
		}
		moved := r.moved
		r.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// placeLocked returns where in r.order the user who came with that record is, or belongs. r.mu must be held.
func (r *room) placeLocked(came roomlog.Seq) int {
	if n := len(r.order); n == 0 || r.order[n-1].came < came {
		return n
	}
	i, _ := slices.BinarySearchFunc(r.order, came, func(u *user, came roomlog.Seq) int { return cmp.Compare(u.came, came) })
	return i
}

// expect tells the room that m's join is about to arrive. It returns false if there would be more users than most; 0 is
// no bound.
func (r *room) expect(m *member, most int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if most > 0 && len(r.users)+len(r.arriving) >= most {
		return false
	}
	if r.arriving == nil {
		r.arriving = make(map[string]*member)
	}
	r.arriving[m.session.id] = m
	return true
}

// arrivedLocked tells that nobody of that id is about to be a member any more. r.mu must be held.
func (r *room) arrivedLocked(id string) {
	delete(r.arriving, id)
	if len(r.arriving) == 0 {
		r.arriving = nil // It would be most of what an idle room takes.
	}
}

// cut ends what m is sent: its session has lost its stream.
func (r *room) cut(m *member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m.waitNoMoreLocked()
	m.cutLocked()
}

// release sends m, which has been sent all up to record after, what came since, and the room as it is.
func (r *room) release(m *member, after roomlog.Seq) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m.releaseLocked(after)
	if m.user != nil {
		r.listLocked(m)
	}
}

// target is a user whom a message is for.
type target struct {
	id    string // As it is there anyway.
	owner roomlog.Seq
	node  string
}

// find returns the user with that id.
func (r *room) find(id []byte) (to target, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.users[string(id)]
	if u == nil {
		return target{}, false
	}
	return target{u.id, u.owner, u.node}, true
}
