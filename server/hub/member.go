package hub

import (
	"context"
	"errors"

	"google.golang.org/protobuf/proto"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/wire"
)

// join enters a room, or changes how the session is in it.
func (s *Session) join(ctx context.Context, j *beckonv1.Join, id uint64) (roomlog.Seq, error) {
	if f := checkName("room", j.GetRoom()); f != nil {
		return 0, f
	}
	presence := presenceOf(j)
	if m := s.member(j.GetRoom()); m != nil {
		return s.rejoin(ctx, m, j, presence, id)
	}
	grant := s.grant.Load()
	if f := checkJoin(grant, j.GetRoom()); f != nil {
		return 0, f
	}
	shown, f := dress(firstLook(s.id, grant), grant, j.Name, j.GetAttributes())
	if f != nil {
		return 0, f
	}
	s.dropExpelled()
	if most := s.hub.cfg.MaxRooms; most > 0 && len(s.members) >= most {
		return 0, invalid("room", "the session is in %d rooms: expected at most %d; leave one first", len(s.members), most)
	}

	r, err := s.hub.enter(ctx, j.GetRoom())
	if err != nil {
		return 0, err
	}
	settled, err := s.settleDuplicates(ctx, r, grant)
	if err != nil {
		s.hub.exit(r)
		return 0, err
	}
	m := &member{session: s, room: r, presence: presence}
	defer func() { settled(m.owner) }()
	m.mu, m.out = &r.mu, s.out
	m.wear(shown)
	if most := s.hub.cfg.MaxUsers; !r.expect(m, most) {
		s.hub.exit(r)
		return 0, fail(beckonv1.FailureCode_FAILURE_CODE_ROOM_FULL, "room", "room %q has %d users, as many as it may have", r.name, most)
	}
	joining := roomlog.Record{
		Kind: roomlog.Join, Room: r.name, From: s.id, Node: s.hub.cfg.Node, CSeq: id,
		Expect: roomlog.Expect{User: s.id},
		Data: wire.Event(&beckonv1.ConnectResponse{
			Room:  r.name,
			Event: &beckonv1.ConnectResponse_UserJoined{UserJoined: &beckonv1.UserJoined{User: shown}},
		}),
	}
	if id == 0 {
		joining.Key = newID() // So that it is recognised if it has to be taken back.
	}
	m.owner, err = s.hub.cfg.Log.Append(ctx, joining)
	if conflict, there := errors.AsType[*roomlog.ConflictError](err); there && conflict.Seq != 0 && s.hub.shared != nil {
		r.detach(m)
		s.hub.exit(r)
		m.owner, err = s.takeUp(ctx, j)
		return m.owner, err
	}
	if err != nil {
		s.takeBack(m, joining, err)
		return 0, err
	}
	m.since = m.owner
	s.members = append(s.members, m)
	delete(s.farewells, r.name)
	s.noteRooms()
	s.settleIn(ctx, r, m.owner)
	return m.owner, nil
}

// takeBack undoes a join that was not recorded, or, as far as is known, may have been.
func (s *Session) takeBack(m *member, joining roomlog.Record, why error) {
	m.room.detach(m)
	if errors.Is(why, roomlog.ErrUnknown) {
		leave := leaveOf(m.room.name, m.shown, beckonv1.LeaveReason_LEAVE_REASON_LEFT, roomlog.Expect{})
		s.hub.debts.add(&debt{record: leave, join: &joining})
	}
	s.hub.exit(m.room)
}

// takeUp makes a membership this process's that the session has by a join of which it was told nothing, here or elsewhere. s.mu
// must be held.
func (s *Session) takeUp(ctx context.Context, j *beckonv1.Join) (roomlog.Seq, error) {
	if err := s.moveRoom(ctx, j); err != nil {
		return 0, err
	}
	m := s.member(j.GetRoom())
	if m == nil {
		return 0, errLeftMeanwhile
	}
	delete(s.farewells, m.room.name)
	s.noteRooms()
	if c := s.conn.Load(); c == nil {
		m.room.cut(m)
	} else {
		first := missed{feed: &m.feed, member: m, query: roomlog.Query{
			Room: m.room.name, User: s.id, Limit: missedPage, AtLeast: m.feed.hold(s.out),
		}}
		var err error
		if first.page, err = s.readOn(ctx, &first.query); err != nil {
			return 0, err
		}
		if _, err := s.catchUp(ctx, c, &first); err != nil {
			return 0, err
		}
	}
	_, err := s.change(ctx, m, j.Name, j.GetAttributes(), 0)
	return m.owner, err
}

// errLeftMeanwhile: a membership that was to be taken up has ended.
var errLeftMeanwhile = errors.New("the session was in the room, and has left it in the meantime: join again")

// presenceOf returns the mode that j asks for.
func presenceOf(j *beckonv1.Join) beckonv1.Presence {
	switch p := j.GetPresence(); p {
	case beckonv1.Presence_PRESENCE_DELTA, beckonv1.Presence_PRESENCE_NONE:
		return p
	}
	return beckonv1.Presence_PRESENCE_FULL
}

// rejoin is a join of a room that the session is in: an update, the mode, and the list again.
func (s *Session) rejoin(ctx context.Context, m *member, j *beckonv1.Join, p beckonv1.Presence, id uint64) (roomlog.Seq, error) {
	seq, err := s.change(ctx, m, j.Name, j.GetAttributes(), id)
	if err != nil {
		return 0, err
	}
	r := m.room
	defer s.noteRooms() // Which takes the mutex, too.
	r.mu.Lock()
	defer r.mu.Unlock()
	m.presence = p
	switch {
	case m.user == nil: // The list comes with the join.
	case seq != 0 && p != beckonv1.Presence_PRESENCE_NONE && m.seen == r.version: // It came with the change.
	default:
		r.listLocked(m)
	}
	return seq, nil
}

// update changes what others see of the session in a room.
func (s *Session) update(ctx context.Context, u *beckonv1.Update, id uint64) (roomlog.Seq, error) {
	m, f := s.in(u.GetRoom())
	if f != nil {
		return 0, f
	}
	return s.change(ctx, m, u.Name, u.GetAttributes(), id)
}

// change records a new appearance of m. If it is the present one, there is nothing to record.
func (s *Session) change(ctx context.Context, m *member, name *string, attributes map[string]string, id uint64) (roomlog.Seq, error) {
	shown, f := dress(m.shown, s.grant.Load(), name, attributes)
	if f != nil {
		return 0, f
	}
	if proto.Equal(shown, m.shown) {
		return 0, nil
	}
	return s.appear(ctx, m, shown, id)
}

// appear records that m looks like shown.
func (s *Session) appear(ctx context.Context, m *member, shown *beckonv1.User, id uint64) (roomlog.Seq, error) {
	seq, err := s.hub.cfg.Log.Append(ctx, roomlog.Record{
		Kind: roomlog.Appearance, Room: m.room.name, From: s.id, CSeq: id,
		Expect: roomlog.Expect{User: s.id, Seq: m.owner},
		Data: wire.Event(&beckonv1.ConnectResponse{
			Room:  m.room.name,
			Event: &beckonv1.ConnectResponse_UserUpdated{UserUpdated: &beckonv1.UserUpdated{User: shown}},
		}),
	})
	if err != nil {
		return 0, err
	}
	m.wear(shown)
	s.settleIn(ctx, m.room, seq)
	return seq, nil
}

// leave leaves a room.
func (s *Session) leave(ctx context.Context, room string, id uint64) (roomlog.Seq, error) {
	m, f := s.in(room)
	if f != nil {
		if seq, was := s.wasRecorded(ctx, roomlog.Record{Kind: roomlog.Leave, Room: room, From: s.id, CSeq: id}); was {
			return seq, nil
		}
		return 0, f
	}
	m.room.mayLeave(m, beckonv1.LeaveReason_LEAVE_REASON_LEFT)
	s.finishReading()
	s.leaves.Store(s.out != nil)
	defer s.leaves.Store(false)
	seq, err := s.record(ctx, m, beckonv1.LeaveReason_LEAVE_REASON_LEFT, id, roomlog.Expect{User: s.id, Seq: m.owner})
	if err != nil {
		return 0, err
	}
	s.settleIn(ctx, m.room, seq)
	s.drop(m)
	s.noteRooms()
	return seq, nil
}

// finishReading waits a moment for what is being written to the client, which is about to leave: the client may have it already,
// and then it is not to come back to its sender. s.mu must be held.
func (s *Session) finishReading() {
	if s.out != nil {
		s.out.finishWriting()
	}
}

// part ends a membership for good: even if the log cannot record it, the session is no longer in the room here.
func (s *Session) part(ctx context.Context, m *member, reason beckonv1.LeaveReason) error {
	seq, err := s.record(ctx, m, reason, 0, roomlog.Expect{User: s.id, Seq: m.owner})
	if err != nil {
		m.room.detach(m)
	} else {
		s.settleIn(ctx, m.room, seq)
	}
	s.hub.exit(m.room)
	return err
}

// record records that m is no longer in its room. It may be gone already: then there is nothing to record.
func (s *Session) record(ctx context.Context, m *member, reason beckonv1.LeaveReason, id uint64, expect roomlog.Expect) (roomlog.Seq, error) {
	leave := leaveOf(m.room.name, m.shown, reason, expect)
	leave.CSeq = id
	seq, err := s.hub.cfg.Log.Append(ctx, leave)
	if _, gone := errors.AsType[*roomlog.ConflictError](err); gone {
		return 0, nil
	}
	return seq, err
}

// leaveOf returns the record that tells that a user has left a room.
func leaveOf(room string, u *beckonv1.User, reason beckonv1.LeaveReason, expect roomlog.Expect) roomlog.Record {
	return roomlog.Record{
		Kind: roomlog.Leave, Room: room, From: u.GetId(), Expect: expect,
		Data: wire.Event(&beckonv1.ConnectResponse{
			Room:  room,
			Event: &beckonv1.ConnectResponse_UserLeft{UserLeft: &beckonv1.UserLeft{User: u, Reason: reason}},
		}),
	}
}

// settleIn returns when the room accounts for a record of the session's own: what the client is told of it comes before
// its outcome. In a log that nodes share that may take a moment.
func (s *Session) settleIn(ctx context.Context, r *room, seq roomlog.Seq) {
	if s.hub.shared == nil || seq == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTimeout)
	defer cancel()
	_ = r.reach(ctx, seq) // Late is late.
}

// in returns the session's membership of a room that it must be in.
func (s *Session) in(room string) (*member, *failure) {
	if f := checkName("room", room); f != nil {
		return nil, f
	}
	m := s.member(room)
	if m == nil {
		return nil, fail(beckonv1.FailureCode_FAILURE_CODE_NOT_IN_ROOM, "room", "the session is not in room %q: join it first", room)
	}
	return m, nil
}

// wear makes shown what others see of m.
func (m *member) wear(shown *beckonv1.User) {
	m.shown = shown
	m.sender = wire.Sender(shown.GetId(), shown.GetName())
}

// epochNow returns the epoch in which the room's numbers count.
func (r *room) epochNow() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.epoch
}
