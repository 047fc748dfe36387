package beckon

import (
	"context"
	"io"
	"iter"
	"time"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// Event is something that happened: one of
//
//	*JoinedUsers  *UserJoined  *UserUpdated  *UserLeft
//	*CallMade  *AnswerMade  *CandidateReceived  *CallRejected  *CallEnded  *DataReceived
//	*Failure  *IceServersChanged  *Draining
//	*Reconnecting  *Resumed  *Resynced
//
// Those of the last line are of this package; their [Meta] is empty. Each of the others holds the message of the
// specification, so that e.Sdp and e.Sender.Id can be read off it, and where it happened, as e.Room and e.Seq; the message
// is not to be changed. Later versions may add others: leave those that are not known alone.
type Event interface {
	// About tells where the event happened.
	About() Meta
}

// Meta is the envelope of an event.
type Meta struct {
	// The room that the event is about. Empty: the session itself.
	Room string
	// The event's number in the log of the room. It never falls until the next [Resynced]; gaps are normal. 0: the event
	// is in no log.
	Seq uint64
}

// About tells where the event happened.
func (m *Meta) About() Meta { return *m }

// The events. [Failure] is one, too.
type (
	// JoinedUsers is the list of who is in the room, whole, oneself included, in the order in which they came. It replaces
	// what was known, with [PresenceDelta], too, where one comes after each [Resumed] and [Resynced].
	JoinedUsers struct {
		Meta
		*beckonv1.JoinedUsers
	}

	// UserJoined tells that somebody came.
	UserJoined struct {
		Meta
		*beckonv1.UserJoined
	}

	// UserUpdated tells that somebody changed, perhaps oneself.
	UserUpdated struct {
		Meta
		*beckonv1.UserUpdated
	}

	// UserLeft tells that somebody went; about oneself, that one was taken out of the room.
	UserLeft struct {
		Meta
		*beckonv1.UserLeft
	}

	// CallMade is an [Offer] as it arrives.
	CallMade struct {
		Meta
		*beckonv1.CallMade
	}

	// AnswerMade is an [Answer] as it arrives.
	AnswerMade struct {
		Meta
		*beckonv1.AnswerMade
	}

	// CandidateReceived is a [Candidate] as it arrives, never before the offer or answer that was sent before it.
	CandidateReceived struct {
		Meta
		*beckonv1.CandidateReceived
	}

	// CallRejected is a [Reject] as it arrives.
	CallRejected struct {
		Meta
		*beckonv1.CallRejected
	}

	// CallEnded is a [Hangup] as it arrives.
	CallEnded struct {
		Meta
		*beckonv1.CallEnded
	}

	// DataReceived is a [Data] as it arrives.
	DataReceived struct {
		Meta
		*beckonv1.DataReceived
	}

	// IceServersChanged replaces the ICE servers of the [Welcome].
	IceServersChanged struct {
		Meta
		*beckonv1.IceServersChanged
	}

	// Draining tells that the server is about to stop. The session is resumed by itself when the time has come.
	Draining struct {
		Meta
		*beckonv1.Draining
	}

	// Reconnecting tells that the connection is lost and an attempt to resume the session is about to be made. One that
	// was not taken yet is replaced by that of a later attempt.
	Reconnecting struct {
		Meta
		Cause   *EndError     // How the stream ended; of later attempts, how the one before failed.
		Attempt int           // From 1 on, since the stream ended.
		Delay   time.Duration // How long it is until the attempt.
	}

	// Resumed tells that the session goes on and nothing is missing. What was missed follows, then a [JoinedUsers] for
	// each room.
	Resumed struct {
		Meta
	}

	// Resynced tells that the session goes on, but something could not be kept: events may be missing, with or without
	// the server having started anew. A [JoinedUsers] follows for each room. Users who are in none of the server's lists
	// any more, but may come back, are in them as [UserAway] until the resume_window of the [Welcome] has passed.
	Resynced struct {
		Meta
	}
)

// Recv waits for the next event. Events that came before the session's end are given before it; then the error is io.EOF
// after a clean end and an [*EndError] after any other. When ctx ends first, the error is that of ctx and no event is
// lost. May be called concurrently; each event goes to one caller.
func (s *Session) Recv(ctx context.Context) (Event, error) {
	event, err := s.events.take(ctx, s.done)
	switch {
	case err != nil:
		return nil, err
	case event != nil:
		return event, nil
	case s.err != nil:
		return nil, s.err
	}
	return nil, io.EOF
}

// Events gives each event as it comes, as Recv does. It stops after a clean end of the session, and after giving the
// error of any other end or of ctx. The loop may be left and begun again.
func (s *Session) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for {
			event, err := s.Recv(ctx)
			if err == io.EOF {
				return
			}
			if !yield(event, err) || err != nil {
				return
			}
		}
	}
}

// newEvent takes an event out of its envelope; nil: it is of a kind that this package does not know.
func newEvent(meta Meta, response *beckonv1.ConnectResponse) Event {
	switch e := response.Event.(type) {
	case *beckonv1.ConnectResponse_JoinedUsers:
		return &JoinedUsers{meta, e.JoinedUsers}
	case *beckonv1.ConnectResponse_UserJoined:
		return &UserJoined{meta, e.UserJoined}
	case *beckonv1.ConnectResponse_UserUpdated:
		return &UserUpdated{meta, e.UserUpdated}
	case *beckonv1.ConnectResponse_UserLeft:
		return &UserLeft{meta, e.UserLeft}
	case *beckonv1.ConnectResponse_CallMade:
		return &CallMade{meta, e.CallMade}
	case *beckonv1.ConnectResponse_AnswerMade:
		return &AnswerMade{meta, e.AnswerMade}
	case *beckonv1.ConnectResponse_CandidateReceived:
		return &CandidateReceived{meta, e.CandidateReceived}
	case *beckonv1.ConnectResponse_CallRejected:
		return &CallRejected{meta, e.CallRejected}
	case *beckonv1.ConnectResponse_CallEnded:
		return &CallEnded{meta, e.CallEnded}
	case *beckonv1.ConnectResponse_DataReceived:
		return &DataReceived{meta, e.DataReceived}
	case *beckonv1.ConnectResponse_Failure:
		return newFailure(meta, e.Failure)
	case *beckonv1.ConnectResponse_IceServersChanged:
		return &IceServersChanged{meta, e.IceServersChanged}
	case *beckonv1.ConnectResponse_Draining:
		return &Draining{meta, e.Draining}
	}
	return nil
}
