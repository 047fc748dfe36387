package memlog

import (
	"cmp"
	"slices"

	"github.com/beckonrtc/beckon/server/roomlog"
)

// Replay takes the next record of a log that is kept elsewhere and has numbered it. The Log becomes a copy of that log for
// one node: it tells its followers of every record, and keeps what is for the users whose sessions are on that node. Each
// message is for one of them. An ownership record may be missing if a later one of the same user has replaced it. Records
// come one at a time, in their order, and nothing else is appended. Replay returns false if it has dropped rec: it was there before.
func (l *Log) Replay(node string, rec *roomlog.Record) bool {
	r := l.room(rec.Room, rec.Kind == roomlog.Message || rec.Kind.Owns() && rec.Node == node)
	if r == nil { // Nobody who is here is in it.
		l.seq.Store(uint64(rec.Seq))
		l.tell(roomlog.Event{Record: rec}, "", true)
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	l.seq.Store(uint64(rec.Seq))
	dropped := false
	switch rec.Kind {
	case roomlog.Message:
		dropped = !l.replayMessage(r, node, rec)
	case roomlog.Broadcast:
		dropped = !l.replayBroadcast(r, rec)
	default:
		l.replayLocked(r, node, rec)
	}
	if r.users.len() == 0 {
		l.dropLocked(r)
	}
	return !dropped
}

// replayMessage is Replay of a Message in a room. r.mu must be held.
func (l *Log) replayMessage(r *room, node string, rec *roomlog.Record) bool {
	to := r.users.get(rec.To)
	if to == nil { // Its ownership record was replaced by one that is yet to come, and tells what becomes of this.
		to = &user{node: node, kind: roomlog.Join, owner: kept{from: rec.To}}
		r.users.add(to)
	}
	switch r.pass(rec) {
	case Repeated:
		return false
	case Overtaken: // By what was sent later. In its order it cannot be delivered any more.
		l.tell(roomlog.Event{GivenUp: []roomlog.Record{*rec}}, to.node, false)
		return true
	}
	l.tell(roomlog.Event{Record: rec}, "", true)
	l.keepMessage(r, to, rec)
	return true
}

// replayBroadcast is Replay of a Broadcast in a room. r.mu must be held.
func (l *Log) replayBroadcast(r *room, rec *roomlog.Record) bool {
	if r.pass(rec) == Repeated {
		return false
	}
	l.tell(roomlog.Event{Record: rec}, "", true)
	l.keepBroadcast(r, rec)
	return true
}

// pass counts the room's next message or broadcast, and tells what it is. r.mu must be held.
func (r *room) pass(rec *roomlog.Record) Verdict {
	if r.passed == nil && rec.CSeq != 0 {
		r.passed = new(Passed)
	}
	return r.passed.Pass(rec)
}

// replayLocked is Replay of a presence record in a room. r.mu must be held.
func (l *Log) replayLocked(r *room, node string, rec *roomlog.Record) {
	from, here := r.users.get(rec.From), rec.Node == node
	// The membership that is known here has ended, and there was another, of which a Join is told no more.
	anew := from != nil && from.owner.seq != 0 && rec.Since > from.owner.seq
	switch {
	case rec.Kind == roomlog.Leave && from != nil && !anew && from.owner.seq != 0 && rec.Expect.Seq != 0 && rec.Expect.Seq != from.owner.seq:
		// It ends another ownership: that of the node that the user has moved to, of which the record was replaced by this.
		l.giveUp(r, from)
		r.users.remove(from)
	case rec.Kind == roomlog.Join && here, rec.Kind == roomlog.Leave && from != nil:
		l.changeOwner(r, from, rec)
		return
	case rec.Kind == roomlog.Join && from != nil, rec.Kind == roomlog.Move && anew: // A Join elsewhere.
		givenUp := l.giveUp(r, from)
		r.users.remove(from)
		if here {
			now := &user{since: rec.Seq}
			now.move(rec, l.kept(rec))
			r.users.add(now)
		}
		l.tell(roomlog.Event{Record: rec, GivenUp: givenUp}, from.node, true)
		return
	case rec.Kind == roomlog.Move && here && from == nil:
		from = &user{since: rec.Seq} // Until Adopt tells.
		from.move(rec, l.kept(rec))
		r.users.add(from)
	case rec.Kind == roomlog.Move && here:
		from.move(rec, l.kept(rec))
	case rec.Kind == roomlog.Move && from != nil: // Who keeps on is told by the log.
		l.giveUp(r, from)
		r.users.remove(from)
	case rec.Kind == roomlog.Appearance && from != nil:
		shown := l.kept(rec)
		from.appearance = &shown
	}
	l.tell(roomlog.Event{Record: rec}, "", true)
}

// Former is what a user who has moved here was sent before that, since its Join.
type Former struct {
	Since roomlog.Seq // The number of the Join.
	// In order: messages for the user, but for those that were received, and broadcasts of others.
	Messages, Broadcasts []roomlog.Record
	// What is known of all messages and broadcasts, received or not.
	Passed Passed
}

// Adopt keeps what a user who has moved here was sent before. It returns false if the user is gone again.
func (l *Log) Adopt(roomName, userID string, former *Former) bool {
	r := l.room(roomName, false)
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.users.get(userID)
	if u == nil {
		return false
	}
	u.since = min(u.since, former.Since)
	l.insert(&u.inbox, former.Messages)
	l.insert(&r.broadcasts, former.Broadcasts)
	if r.passed == nil {
		r.passed = new(Passed)
	}
	r.passed.Add(&former.Passed)
	if l.opts.Retention == 0 {
		return true
	}
	l.trimInbox(r, u, l.pressed(&u.inbox))
	l.trimBroadcasts(r, l.pressed(&r.broadcasts))
	return true
}

// insert adds those of records that q does not hold. The mutex of q's room must be held.
func (l *Log) insert(q *queue, records []roomlog.Record) {
	if len(records) == 0 || l.opts.Retention == 0 {
		return
	}
	all := slices.Clone(q.held())
	for i := range records {
		all = append(all, l.kept(&records[i]))
	}
	slices.SortFunc(all, func(a, b kept) int { return cmp.Compare(a.seq, b.seq) })
	all = slices.CompactFunc(all, func(a, b kept) bool { return a.seq == b.seq })
	before := q.bytes
	q.pop(len(q.held()))
	for i := range all {
		q.push(all[i])
	}
	l.bytes.Add(q.bytes - before)
}

// Seq returns the number of the last record.
func (l *Log) Seq() roomlog.Seq { return roomlog.Seq(l.seq.Load()) }

// Look tells whether a user is known in a room, and whether it has changed its appearance since its ownership record.
func (l *Log) Look(roomName, userID string) (changed, known bool) {
	r := l.room(roomName, false)
	if r == nil {
		return false, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.users.get(userID)
	return u != nil && u.appearance != nil, u != nil
}

// JoinOf returns the number of the Join of the membership whose ownership record has that number; 0 if it is not known.
func (l *Log) JoinOf(roomName, userID string, owner roomlog.Seq) roomlog.Seq {
	r := l.room(roomName, false)
	if r == nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if u := r.users.get(userID); u != nil && u.kind == roomlog.Join && u.owner.seq == owner {
		return u.owner.seq
	}
	return 0
}

// OwnerOf returns the number of a user's ownership record; 0 if the user is not known.
func (l *Log) OwnerOf(roomName, userID string) roomlog.Seq {
	r := l.room(roomName, false)
	if r == nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.users.owner(userID)
}

// Skip counts a record that is none of the node's business.
func (l *Log) Skip(seq roomlog.Seq) { l.seq.Store(uint64(seq)) }
