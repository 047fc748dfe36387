// Package roomlog says what a room is: a totally ordered log of who came, changed, went and sent.
//
// A [Log] holds one log per room. What happens in a room is a [Record] with a number in that room's log; a session's
// stream shows the records that concern it, in their order. The package has the interface and its vocabulary; memlog
// implements it for one machine, and logtest tests any implementation.
package roomlog

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Seq numbers the records of a room. It grows within a room and an epoch; gaps are normal. No record has 0.
type Seq uint64

// Kind tells what a record says.
type Kind uint8

const (
	// Join is From's ownership record: From is in the room, its session on Node. Data shows From to the others. If From is
	// in the room already, it begins anew: what the log kept for From is given up.
	Join Kind = iota + 1
	// Leave ends From's ownership: From is no longer in the room. What the log kept for From is given up.
	Leave
	// Move passes From's ownership on to its session on Node. Nothing that is kept for From is given up. Data shows From to
	// the others, to whom it has been there all the time; what its last Appearance told is in it.
	Move
	// Appearance replaces what the others see of From. It conflicts with nothing.
	Appearance
	// Message goes from From to To.
	Message
	// Broadcast goes from From to everybody else in the room. It is recorded once.
	Broadcast
)

// Presence reports whether records of this kind change who is in the room, or how they look.
func (k Kind) Presence() bool { return k == Join || k == Leave || k == Move || k == Appearance }

// Owns reports whether records of this kind are the ownership record of somebody who is in the room.
func (k Kind) Owns() bool { return k == Join || k == Move }

// String returns the kind in lower case, for logs and errors.
func (k Kind) String() string {
	switch k {
	case Join:
		return "join"
	case Leave:
		return "leave"
	case Move:
		return "move"
	case Appearance:
		return "appearance"
	case Message:
		return "message"
	case Broadcast:
		return "broadcast"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Record is one entry of a room's log.
type Record struct {
	Kind Kind
	Room string // The log that it is in.
	From string // The user that it is about, or who sent it.
	To   string // Of a Message: the user it is for.
	// Of a Join and a Move: where From's session is. Of a Message whose condition names the ownership record of To: the
	// node of that record. Of a Leave in a log that nodes share: where the session was; who appends it need not say.
	Node string

	// CSeq is the sender's own number for the record, growing within From and Room; 0 for a record that need not be
	// recognised when it is appended again.
	CSeq uint64
	// Of a Message or Broadcast with a CSeq or a Key: it may have been appended before, and so long ago that it has to be looked for
	// first. A log of one node need not look at it.
	Again bool
	// It, or what follows if it can be appended, may have been appended before, or another node may be about to: so an Append does
	// not return ErrUnavailable before either would have given up.
	Tried bool
	// Of a record that several nodes may want to append: of those with the same key, from one sender, one is appended
	// within some minutes. A log of one node need not look at it. Empty: there are no others.
	Key string

	// Expect is the condition under which the record may be appended.
	Expect Expect

	// Data is what members of the room are sent: an encoded ConnectResponse without its seq. The log does not look into
	// it. It belongs to the log once Append was called.
	Data []byte

	// Set by Append.
	Seq  Seq
	Time time.Time
	// Of a Move or Leave, in a log that nodes share: the number of the Join of the membership that it is of.
	Since Seq
}

// Expect is a condition on a room: that the ownership record of User is the one numbered Seq, or, with Seq 0, that User
// is not in the room. The zero Expect always holds.
type Expect struct {
	User string
	Seq  Seq
}

// Query asks for records of a room.
type Query struct {
	Room  string
	User  string // Whose messages and broadcasts to read; empty: presence.
	After Seq    // Records numbered higher than this.

	// AtLeast is a record that the answer must reflect: a number that Append returned or that a handler saw.
	AtLeast Seq
	// Now: of presence, the answer must reflect what any node appended before Read was called. It costs more.
	Now bool

	Limit int // The most records in one page. 0: 1000.
}

// Page is an answer to a Query.
type Page struct {
	// Records in the order of their numbers. With Query.User, messages for that user and broadcasts of others that were
	// appended since its join and are still kept; else of every user in the room its ownership record and, if it came
	// later, its last appearance. Data must not be written to.
	Records []Record

	// Head is the number up to which the page tells everything that Query asks for. To read on, set After to it.
	Head Seq
	// More: there are records after Head.
	More bool

	// Epoch names the life of the log in which Seq counts. A cursor of another epoch means nothing.
	Epoch string

	// Dropped: a message or broadcast for Query.User after Query.After is no longer kept, for want of time or space, and
	// was not forgotten either.
	Dropped bool
}

// Event is what a follower is told.
type Event struct {
	// Record is a presence record, a broadcast, or a message for a session on the follower's node. May be nil.
	// Data is the follower's to append to, once.
	Record *Record

	// GivenUp are messages for one user of one room, in order, that the log has ceased to keep though they were not
	// forgotten: those that were kept when the Leave (or new Join) in Record was appended, or, with no Record, some that
	// had been kept for their time or took too much space, or one that cannot be delivered in its order any more. Only the node where
	// the user's session is, or was, is told, once, and after the messages themselves. Data must not be written to.
	GivenUp []Record

	// Node has come (Up) or gone. From the event of its own coming on, a follower misses nothing. That its own node has gone
	// means that the others took it for dead: what it had in the log is theirs to end. It comes anew afterwards.
	Node string
	Up   bool
}

// Log is a set of totally ordered logs, one per room. All methods may be called concurrently.
type Log interface {
	// Append stores r if r.Expect holds, and returns its number. Besides, From must be in the room for a Leave, a
	// Move, an Appearance and a Broadcast, and To for a Message: a log ends when its last user leaves. It is idempotent: appending
	// the highest CSeq of a room and sender again returns the first number. A lower one is ErrSuperseded; a log that nodes
	// share may leave that to who appends. The Leave of a user forgets its CSeq.
	//
	// Append tries until the outcome is known or the log's patience ends. Then the error is ErrUnknown: the record may have
	// been stored, and only the same CSeq tells. After ErrUnavailable, ErrRefused, ErrFull, ErrTooLarge and a *ConflictError, which
	// means that the condition did not hold, nothing was stored. In a log that nodes share, the handler may be told of a record
	// after Append has returned.
	Append(ctx context.Context, r Record) (Seq, error)

	// Read returns the records that q asks for. It reflects at least q.AtLeast.
	Read(ctx context.Context, q Query) (Page, error)

	// Follow calls h for every Event of interest to node, and returns when ctx ends. For one room it calls h in the order
	// of the records, without gaps and never twice at one time; but a log that nodes share may leave out a presence record
	// that a later one of the same user has replaced by then. h must be quick, and must not call the log. Append and Read may
	// call it before they return.
	Follow(ctx context.Context, node string, h func(Event)) error

	// Forget tells that user has received what it was sent in room up to seq, so that the log need not keep it.
	Forget(ctx context.Context, room, user string, upTo Seq) error

	// Close ends every Follow. No other method may be called afterwards.
	Close() error
}

// Shared is a Log that several nodes share. Each follows it once, under a name of its own.
type Shared interface {
	Log

	// Clear ends what a node that has gone has left behind, once: after grace without an outage of the nodes' leases, or some seconds
	// later if another node goes first, it appends, for each user whose ownership record still names the node, what leave makes of that
	// record (nil: nothing; an error: nothing yet), on condition that it is still the user's, and then calls givenUp with what was
	// kept for that user; and it does so with what was kept for users who had left, or joined anew, while they were on the node. Both
	// are called concurrently. It returns when that is done, by whomever, or ctx ends.
	Clear(ctx context.Context, node string, grace time.Duration, leave func(owner *Record) (*Record, error), givenUp func([]Record)) error

	// Discard tells that it is settled what becomes of messages of a room that were given up: should this node go, no other has to
	// see to that. It is quick, and a handler may call it.
	Discard(room string, messages ...Seq)

	// Ask brings a question to a node, under the name that its records have, and returns what is answered there.
	Ask(ctx context.Context, node string, question []byte) ([]byte, error)
	// Answer has the questions of other nodes answered. answer may be called concurrently.
	Answer(answer func(ctx context.Context, question []byte) []byte)

	// Healthy returns nil if the node can be sure that the others do not take it for dead, and else what is wrong.
	Healthy() error
	// Outage returns until when nothing could be appended to the log of a room, or read from it, as far as this node has seen; now, if
	// that lasts; zero: always something could.
	Outage(room string) time.Time
}

var (
	// ErrUnknown: the outcome of an Append is not known.
	ErrUnknown = errors.New("the room log did not answer in time: the outcome is not known")
	// ErrUnavailable: the log cannot be reached, and an Append was not tried.
	ErrUnavailable = errors.New("the room log cannot be reached")
	// ErrRefused: the log can be reached and does not take the record. Nothing was stored, and it would not be the next time.
	ErrRefused = errors.New("the room log does not take the record")
	// ErrTooLarge: the log takes no record of that size. Nothing was stored, and it would not be the next time.
	ErrTooLarge = errors.New("the message is larger than the room log takes")
	// ErrFull: the log has no space left. Nothing was stored.
	ErrFull = errors.New("the storage of the room log is full")
	// ErrSuperseded: a record with a higher CSeq was appended before.
	ErrSuperseded = errors.New("a later message of the same sender was recorded before this one")
)

// ConflictError tells that the condition of a record did not hold.
type ConflictError struct {
	Expect Expect
	// Seq is User's ownership record as it stands, 0 if User is not in the room.
	Seq Seq
}

// Error tells what was expected and what stood in the way.
func (e *ConflictError) Error() string {
	switch {
	case e.Seq == 0:
		return fmt.Sprintf("user %q is not in the room", e.Expect.User)
	case e.Expect.Seq == 0:
		return fmt.Sprintf("user %q is in the room already", e.Expect.User)
	}
	return fmt.Sprintf("user %q has joined anew (record %d, not %d)", e.Expect.User, e.Seq, e.Expect.Seq)
}
