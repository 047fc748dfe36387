package hub

import (
	"context"
	"errors"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/wire"
)

// Here is what a hub does whose log other processes share, besides what the log does by itself: a session that was taken up
// elsewhere is given away, one that was elsewhere is taken, and what a process has left behind that is no more is cleared.

// leftoverAfter is how long it takes at least until it is seen whether the process that has taken a session has moved its rooms.
// Else it is the resume window.
const leftoverAfter = 5 * time.Second

// followNode takes an event of a node. started is called when it is this one's coming.
func (h *Hub) followNode(e roomlog.Event, started func()) {
	switch {
	case e.Node == h.cfg.Node && e.Up:
		started()
	case e.Node == h.cfg.Node:
		h.forsakeAll()
	case !e.Up && h.shared != nil:
		h.gone.add(e.Node)
		h.clearing.Go(func() { h.showGone(e.Node) })
		h.clearing.Go(func() { h.clear(e.Node) })
	}
}

// clear ends what a node has left behind.
func (h *Hub) clear(node string) {
	leave := func(owner *roomlog.Record) (*roomlog.Record, error) {
		if !h.couldComeBack(owner) {
			return nil, errOutage
		}
		expect := roomlog.Expect{User: owner.From, Seq: owner.Seq}
		if _, own := ownerOf(owner.Room); own {
			return &roomlog.Record{Kind: roomlog.Leave, Room: owner.Room, From: owner.From, Expect: expect}, nil
		}
		if moving, err := h.isMoving(h.following, owner.From, node); err != nil {
			return nil, err
		} else if moving {
			return nil, errMoving
		}
		shown := userOf(wire.Entry(owner.Data))
		if shown == nil {
			shown = &beckonv1.User{Id: owner.From}
		}
		rec := leaveOf(owner.Room, shown, beckonv1.LeaveReason_LEAVE_REASON_LOST, expect)
		return &rec, nil
	}
	givenUp := func(messages []roomlog.Record) { h.giveUp(messages, false) }
	err := h.shared.Clear(h.following, node, h.cfg.ResumeWindow, leave, givenUp)
	h.gone.remove(node)
	if err != nil && h.following.Err() == nil {
		h.log.Error("cannot clear after a node", "node", node, "err", err)
	}
}

// errOutage: a session could not be taken up for long enough, since what that takes could not be reached.
var errOutage = errors.New("the session has yet to have its time to come back in after an outage of the log")

// couldComeBack reports whether a session that is in the room that owner tells of, or its own log, could be taken up for the window.
func (h *Hub) couldComeBack(owner *roomlog.Record) bool {
	for _, log := range []string{owner.Room, ownName(owner.From)} {
		if time.Since(h.shared.Outage(log)) < h.cfg.ResumeWindow {
			return false
		}
	}
	return true
}

// userOf returns the user of an entry of a list, nil if it cannot be read.
func userOf(entry []byte) *beckonv1.User {
	list := new(beckonv1.JoinedUsers)
	if err := proto.Unmarshal(entry, list); err != nil || len(list.GetUsers()) != 1 {
		return nil
	}
	return list.GetUsers()[0]
}

// followOwn takes a record of the own log of the session of that id.
func (h *Hub) followOwn(id string, rec *roomlog.Record) {
	h.mu.Lock()
	s := h.sessions[id]
	h.mu.Unlock()
	switch {
	case s == nil:
	case rec.Kind == roomlog.Move && rec.Node != h.cfg.Node:
		c, moved := s.conn.Load(), rec.Seq
		h.clearing.Go(func() { s.giveAway(c, moved) }) // Which waits for what is being handled, and that may wait for the log.
	default:
		h.traceCameBack(id, rec)
		s.own.record(rec)
	}
}

// giveAway ends the session here: another process has taken it up, by the record of that number. c is the stream that it
// was on then, nil if there was none; a newer one wants to take it back.
func (s *Session) giveAway(c *Conn, moved roomlog.Seq) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended && moved > s.own.owner { // Else it has been taken back since: what is told may be behind.
		s.giveAwayLocked(c)
	}
}

// giveAwayLocked is giveAway. s.mu must be held.
func (s *Session) giveAwayLocked(c *Conn) {
	s.givenAway = true
	var leftover []*debt
	for _, m := range s.members {
		leave := leaveOf(m.room.name, m.shown, beckonv1.LeaveReason_LEAVE_REASON_LOST, roomlog.Expect{User: s.id, Seq: m.owner})
		leftover = append(leftover, &debt{record: leave, moving: s.id})
	}
	if s.forsake() == c && c != nil {
		c.takeOver(TakenUp)
	}
	s.hub.stats.moved.Add(1)
	s.hub.log.Info("session moved to another node", "session", s.id, "rooms", len(leftover))
	s.hub.oweLater(leftover...)
}

// oweLater has what a session has left behind here ended once that is due.
func (h *Hub) oweLater(leftover ...*debt) {
	if len(leftover) > 0 {
		time.AfterFunc(max(leftoverAfter, h.cfg.ResumeWindow), func() { h.debts.add(leftover...) })
	}
}

// isMoving reports whether the process that has taken a session has yet to move rooms, from gone if that is not empty: that they
// are still where they were tells nothing then.
func (h *Hub) isMoving(ctx context.Context, id, gone string) (bool, error) {
	page, err := h.cfg.Log.Read(ctx, roomlog.Query{Room: ownName(id), Now: true})
	if err != nil {
		return false, err
	}
	owner, node, _ := ownRecords(page.Records, id)
	if owner == 0 || node == gone {
		return false, nil
	}
	moved := slices.ContainsFunc(page.Records, func(rec roomlog.Record) bool {
		return rec.From == id && rec.Kind == roomlog.Appearance && hasMoved(rec.Data)
	})
	return !moved, nil
}

// forsake ends the session here without a trace in the log. It returns the stream that it was on, if any. s.mu must be
// held.
func (s *Session) forsake() *Conn {
	s.traceSession(context.Background(), SessionEvent{What: SessionMoved})
	s.ended = true
	if s.overdue != nil {
		s.overdue.Stop()
	}
	s.own.cut()
	for _, m := range s.members {
		m.room.detach(m)
		s.hub.exit(m.room)
	}
	s.members, s.out = nil, nil
	s.hub.mu.Lock()
	if s.hub.sessions[s.id] == s {
		s.hub.removeLocked(s)
	}
	s.hub.mu.Unlock()
	return s.conn.Swap(nil)
}

// forsakeAll ends all sessions here: the other nodes took this one for dead, and end them, or take them up.
func (h *Hub) forsakeAll() {
	h.forsakeRooms() // First: who waits for one of them has its session.
	h.mu.Lock()
	all := make([]*Session, 0, len(h.sessions))
	for _, s := range h.sessions {
		all = append(all, s)
	}
	h.mu.Unlock()
	for _, s := range all {
		s.mu.Lock()
		if !s.ended {
			if c := s.forsake(); c != nil {
				c.takeOver(Outlived)
			}
		}
		s.mu.Unlock()
	}
	h.log.Warn("all sessions were given up", "sessions", len(all))
}

// errForsaken: the log tells this process nothing more of a room.
var errForsaken = errors.New("the node is out of touch with the cluster")

// forsakeRooms forgets all rooms: what happens in them from now on this process is not told, and whoever enters one reads
// it anew.
func (h *Hub) forsakeRooms() {
	h.roomsMu.Lock()
	former := h.rooms
	h.rooms = make(map[string]*room)
	h.roomsMu.Unlock()
	for _, r := range former {
		r.mu.Lock()
		r.forsaken = true
		r.wakeLocked()
		r.mu.Unlock()
	}
}

// takeTries is how often a process tries to take a session that others want to take, too.
const takeTries = 3

// take makes sure that the session is this process's: it takes it from wherever it is. s.mu must be held.
func (s *Session) take(ctx context.Context, r *beckonv1.Resume) error {
	name := s.own.name(s)
	fresh := !s.founded
	for range takeTries {
		owner, rooms := s.own.owner, s.rooms()
		if !s.founded {
			page, err := s.hub.cfg.Log.Read(ctx, roomlog.Query{Room: name})
			if err != nil {
				s.giveUpTaking(fresh)
				return &Error{NoLog, "the session cannot be looked up: " + err.Error()}
			}
			var node string
			if owner, node, rooms = ownRecords(page.Records, s.id); owner == 0 {
				s.giveUpTaking(true)
				return errNoSession
			}
			if st := s.stateFrom(ctx, node); st != nil {
				s.continueFrom(st)
				rooms = notedRooms(st.Rooms)
			}
		}
		s.sure = time.Since(s.hub.started)
		seq, err := s.hub.cfg.Log.Append(ctx, roomlog.Record{
			Kind: roomlog.Move, Room: name, From: s.id, Node: s.hub.cfg.Node,
			Expect: roomlog.Expect{User: s.id, Seq: owner}, Data: note(rooms, false),
		})
		if _, conflict := errors.AsType[*roomlog.ConflictError](err); conflict {
			if s.founded { // It is elsewhere, and this process has yet to hear of it.
				s.giveAwayLocked(nil)
				return errGivenAway
			}
			continue
		}
		if !s.founded { // Even if it is not known whether it is here now: whoever asks is to be told of its rooms.
			s.unmoved = roomsOf(rooms, r)
		}
		if err != nil {
			s.keepForAWhile()
			return &Error{NoLog, "the session could not be taken up: " + err.Error()}
		}
		s.own.owner = seq
		if !s.founded {
			s.founded, s.taken = true, true
		}
		if err := s.readEpoch(ctx); err != nil {
			s.keepForAWhile()
			return &Error{NoLog, "the session could not be taken up: " + err.Error()}
		}
		return nil
	}
	s.giveUpTaking(fresh)
	return errMoved
}

// wasRecorded reports whether a message that cannot be recorded was recorded by another process, from which the session has
// come without its outcomes, and under which number. s.mu must be held.
func (s *Session) wasRecorded(ctx context.Context, rec roomlog.Record) (roomlog.Seq, bool) {
	if !s.taken || rec.CSeq == 0 {
		return 0, false
	}
	seq, err := s.hub.cfg.Log.Append(ctx, rec)
	return seq, err == nil
}

// errMoving: a session was taken by another process, which has yet to move a room.
var errMoving = errors.New("a session's room is being taken up by another node")

// errGivenAway: the session is to be taken from another process.
var errGivenAway = errors.New("another process has the session")

// errMoved ends a stream whose session is being taken up elsewhere at the same time.
var errMoved = &Error{NoLog, "the session is being taken up on another node: resume once more"}

// giveUpTaking forgets a session that this process has not got. s.mu must be held.
func (s *Session) giveUpTaking(fresh bool) {
	if fresh {
		s.forsake()
	}
}

// keepForAWhile keeps a session that is this process's, or may be, in case its client comes back. s.mu must be held.
func (s *Session) keepForAWhile() {
	s.founded = true
	s.conn.Store(nil)
	s.lostAt = time.Now()
	s.wait(s.hub.cfg.ResumeWindow)
}

// ownRecords returns what a session's own log says: its ownership record, where it is, and the rooms that it is in.
func ownRecords(records []roomlog.Record, id string) (owner roomlog.Seq, node string, rooms []*beckonv1.Join) {
	for i := range records {
		rec := &records[i]
		switch {
		case rec.From != id:
		case rec.Kind.Owns():
			owner, node = rec.Seq, rec.Node
			rooms = append(rooms, notedRooms(rec.Data)...)
		case rec.Kind == roomlog.Appearance:
			rooms = notedRooms(rec.Data)
		}
	}
	return owner, node, rooms
}

// roomsOf returns the rooms that a session may be in: those that were noted, and those that its client names, who knows
// better how it is in them.
func roomsOf(noted []*beckonv1.Join, r *beckonv1.Resume) []*beckonv1.Join {
	named := map[string]bool{}
	var all []*beckonv1.Join
	add := func(j *beckonv1.Join) {
		if j.GetRoom() != "" && !named[j.GetRoom()] {
			named[j.GetRoom()] = true
			all = append(all, j)
		}
	}
	for _, j := range r.GetRejoin() {
		add(&beckonv1.Join{Room: j.GetRoom(), Presence: j.GetPresence()})
	}
	for _, j := range noted {
		add(j)
	}
	for _, c := range r.GetCursors() {
		add(&beckonv1.Join{Room: c.GetRoom()})
	}
	return all
}

// moveRooms moves the session's memberships to this process. s.mu must be held.
func (s *Session) moveRooms(ctx context.Context) error {
	for len(s.unmoved) > 0 {
		if err := s.moveRoom(ctx, s.unmoved[0]); errors.Is(err, errMoved) {
			return err
		} else if err != nil {
			return &Error{NoLog, "a room could not be taken up: " + err.Error()}
		}
		s.unmoved = s.unmoved[1:]
	}
	s.noteRooms()
	return nil
}

// confirm makes sure that the session is still this process's. What was read of a room before that was not left there by
// a process that has taken the session since. s.mu must be held.
func (s *Session) confirm(ctx context.Context) error {
	_, err := s.hub.cfg.Log.Append(ctx, s.note())
	if _, moved := errors.AsType[*roomlog.ConflictError](err); moved {
		s.giveAwayLocked(nil)
		return errMoved // Which of two streams is the newer one the client knows.
	}
	return err
}

// moveRoom moves the session's membership of a room to this process, if it has one. s.mu must be held.
func (s *Session) moveRoom(ctx context.Context, j *beckonv1.Join) error {
	if s.member(j.GetRoom()) != nil {
		return nil
	}
	r, err := s.hub.enter(ctx, j.GetRoom())
	if err != nil {
		return err
	}
	for looked := false; ; {
		u, ok := r.find([]byte(s.id))
		if !ok && !looked { // The room may be behind the log.
			looked = true
			if ok, err = s.isIn(ctx, r); ok {
				continue
			}
		}
		if !ok {
			s.hub.exit(r)
			return err
		}
		if err := s.confirm(ctx); err != nil { // Only now that the condition of what follows is known.
			s.hub.exit(r)
			return err
		}
		m := &member{session: s, room: r, presence: presenceOf(j)}
		m.mu = &r.mu
		shown := r.shown(s.id)
		shown.Status = beckonv1.UserStatus_USER_STATUS_UNSPECIFIED
		m.wear(shown)
		m.hold(s.out)
		r.expect(m, 0)
		seq, err := s.hub.cfg.Log.Append(ctx, roomlog.Record{
			Kind: roomlog.Move, Room: r.name, From: s.id, Node: s.hub.cfg.Node,
			Expect: roomlog.Expect{User: s.id, Seq: u.owner},
			Data: wire.Event(&beckonv1.ConnectResponse{
				Room:  r.name,
				Event: &beckonv1.ConnectResponse_UserUpdated{UserUpdated: &beckonv1.UserUpdated{User: shown}},
			}),
		})
		if err == nil {
			m.owner = seq
			s.members = append(s.members, m)
			s.settleIn(ctx, r, seq)
			if !s.grant.Load().MayJoin(r.name) {
				return s.hub.expel(ctx, r, occupant{m.shown, m.owner}, beckonv1.LeaveReason_LEAVE_REASON_EXPIRED)
			}
			return nil
		}
		m.room.detach(m)
		if conflict, ok := errors.AsType[*roomlog.ConflictError](err); ok && conflict.Seq != 0 {
			err = r.reach(ctx, conflict.Seq)
		} else if ok {
			s.hub.exit(r)
			return nil // It has left.
		}
		if err != nil {
			s.hub.exit(r)
			return err
		}
	}
}

// isIn reports whether the session is in a room as the log has it, and then has the room account for that.
func (s *Session) isIn(ctx context.Context, r *room) (bool, error) {
	page, err := s.hub.cfg.Log.Read(ctx, roomlog.Query{Room: r.name, Now: true})
	if err != nil {
		return false, err
	}
	in := slices.ContainsFunc(page.Records, func(rec roomlog.Record) bool { return rec.From == s.id })
	if in {
		err = r.reach(ctx, page.Records[len(page.Records)-1].Seq)
	}
	return in && err == nil, err
}

// shown returns what others see of a user who is in the room.
func (r *room) shown(id string) *beckonv1.User {
	r.mu.Lock()
	defer r.mu.Unlock()
	if u := r.users[id]; u != nil {
		if shown := userOf(u.entry); shown != nil {
			return shown
		}
	}
	return &beckonv1.User{Id: id}
}

// attachLocked makes the session that has been expected u's, if there is one. r.mu must be held.
func (r *room) attachLocked(u *user) bool {
	m := r.arriving[u.id]
	if m == nil {
		return false
	}
	r.arrivedLocked(u.id)
	u.member, m.user = m, u
	m.place = len(r.members)
	r.members = append(r.members, m)
	return true
}

// moveLocked takes a Move of u. Others need not know, unless u looks different now. r.mu must be held.
func (r *room) moveLocked(u *user, rec *roomlog.Record) {
	u.owner, u.node, u.seq = rec.Seq, rec.Node, rec.Seq
	if rec.Node != r.node {
		r.detachLocked(u)
	} else if u.member == nil || r.arriving[u.id] != nil {
		r.detachLocked(u)
		r.attachLocked(u)
	}
	entry := wire.Entry(rec.Data)
	if string(entry) == string(u.entry) {
		return
	}
	r.reenterLocked(u, entry)
	r.tellLocked(u, event(rec))
	r.relistLocked()
}
