package memlog

import (
	"sync"

	"github.com/beckonrtc/beckon/server/roomlog"
)

// room is the log of one room. A session may have one to itself, so an empty one has to be small.
type room struct {
	name string // Immutable.

	mu sync.Mutex

	// Guarded by mu.
	dead       bool  // Nobody is in it: it is no longer in the list of rooms.
	users      users // Who is in the room.
	broadcasts queue
	lost       losses  // Of broadcasts.
	passed     *Passed // Of a copy. Nil: nothing has.
}

// user is somebody in a room. The room's mutex guards it.
type user struct {
	node       string
	kind       roomlog.Kind // Of the ownership record: Join or Move.
	owner      kept         // The ownership record.
	since      roomlog.Seq  // The Join: what comes after it is for the user.
	appearance *kept        // Nil: as in owner.

	inbox     queue       // Messages.
	lost      roomlog.Seq // The newest message that was dropped for want of time or space.
	forgotten roomlog.Seq // Up to here everything was received.

	// The highest CSeq of the user's records and the number that the record got.
	cseq   uint64
	cseqAt roomlog.Seq
}

// id returns the user's id.
func (u *user) id() string { return u.owner.from }

// move passes the ownership on, as rec says.
func (u *user) move(rec *roomlog.Record, owner kept) {
	u.node, u.kind, u.owner, u.appearance = rec.Node, rec.Kind, owner, nil
}

// owner returns the number of the ownership record of the user of that id, 0 if it is not in the room.
func (us *users) owner(id string) roomlog.Seq {
	if u := us.get(id); u != nil {
		return u.owner.seq
	}
	return 0
}

// check returns a ConflictError if rec may not be appended to the log of a room that these users are in.
func (us *users) check(rec *roomlog.Record) error {
	if e := rec.Expect; e.User != "" {
		if at := us.owner(e.User); at != e.Seq {
			return &roomlog.ConflictError{Expect: e, Seq: at}
		}
	}
	needed := rec.From
	switch rec.Kind {
	case roomlog.Join:
		return nil
	case roomlog.Message:
		needed = rec.To
	}
	if us.owner(needed) == 0 {
		return &roomlog.ConflictError{Expect: roomlog.Expect{User: needed}}
	}
	return nil
}

// losses tells of the broadcasts that were dropped for want of time or space what answers, for any user, which the
// newest was that somebody else had sent.
type losses struct {
	seq   roomlog.Seq // The newest,
	from  string      // its sender,
	other roomlog.Seq // and the newest of any other sender.
}

// add counts one in, which is newer than those before.
func (l *losses) add(seq roomlog.Seq, from string) {
	if from != l.from {
		l.other, l.from = l.seq, from
	}
	l.seq = seq
}

// of returns the newest loss for user, 0 if there is none.
func (l *losses) of(user string) roomlog.Seq {
	if user == l.from {
		return l.other
	}
	return l.seq
}
