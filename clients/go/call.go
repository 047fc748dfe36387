package beckon

import (
	"context"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// Join enters a room, or changes how one is in it. The list of who is there follows as [JoinedUsers].
//
// It returns when the server has recorded the message, as do the calls below. Their errors are a [*Failure], the error
// of ctx, or how the session ended: [ErrClosed] or an [*EndError]. The message must not be changed after the call began.
func (s *Session) Join(ctx context.Context, join *Join) error {
	return s.Do(ctx, &ConnectRequest{Message: &beckonv1.ConnectRequest_Join{Join: join}})
}

// Leave leaves a room. With an empty room it ends the session, as Close does, but without waiting for the end.
func (s *Session) Leave(ctx context.Context, room string) error {
	leave := &beckonv1.Leave{Room: room}
	err := s.Do(ctx, &ConnectRequest{Message: &beckonv1.ConnectRequest_Leave{Leave: leave}})
	if err == nil {
		s.progress.forget(room)
	}
	return err
}

// Offer calls a user or, with To empty, everybody else in the room; or it renegotiates a call. It arrives as [CallMade].
func (s *Session) Offer(ctx context.Context, offer *Offer) error {
	return s.Do(ctx, &ConnectRequest{Message: &beckonv1.ConnectRequest_Offer{Offer: offer}})
}

// Answer accepts an offer. It arrives as [AnswerMade].
func (s *Session) Answer(ctx context.Context, answer *Answer) error {
	return s.Do(ctx, &ConnectRequest{Message: &beckonv1.ConnectRequest_Answer{Answer: answer}})
}

// Candidate tells of ICE candidates as they are found (trickle ICE, RFC 8838). They arrive as [CandidateReceived].
func (s *Session) Candidate(ctx context.Context, candidate *Candidate) error {
	return s.Do(ctx, &ConnectRequest{Message: &beckonv1.ConnectRequest_Candidate{Candidate: candidate}})
}

// Reject declines a call. It arrives as [CallRejected].
func (s *Session) Reject(ctx context.Context, reject *Reject) error {
	return s.Do(ctx, &ConnectRequest{Message: &beckonv1.ConnectRequest_Reject{Reject: reject}})
}

// Hangup ends a call. It arrives as [CallEnded].
func (s *Session) Hangup(ctx context.Context, hangup *Hangup) error {
	return s.Do(ctx, &ConnectRequest{Message: &beckonv1.ConnectRequest_Hangup{Hangup: hangup}})
}

// Data carries a message of the application's own. It arrives as [DataReceived].
func (s *Session) Data(ctx context.Context, data *Data) error {
	return s.Do(ctx, &ConnectRequest{Message: &beckonv1.ConnectRequest_Data{Data: data}})
}

// Update changes what others see of oneself in a room.
func (s *Session) Update(ctx context.Context, update *Update) error {
	return s.Do(ctx, &ConnectRequest{Message: &beckonv1.ConnectRequest_Update{Update: update}})
}

// Do sends any message and waits for its outcome, which for a ping is its pong. The request id is given by Do.
func (s *Session) Do(ctx context.Context, request *ConnectRequest) error {
	return s.deliver(ctx, &call{request: request, outcome: make(chan error, 1)})
}

// Send sends any message without asking for an outcome, and returns when it is on its way. If the server refuses it, a
// [Failure] event follows. The request id is left out.
func (s *Session) Send(ctx context.Context, request *ConnectRequest) error {
	return s.deliver(ctx, &call{request: request, outcome: make(chan error, 1), silent: true})
}

// call is a message and who waits for what becomes of it.
type call struct {
	// Immutable.
	request *ConnectRequest
	silent  bool       // Without an outcome from the server: being sent is all.
	outcome chan error // Of size 1, never closed; written at most once.

	// Guarded by Session.mu.
	id   uint64 // 0: not sent yet.
	gone bool   // Nobody waits any longer.
}

// deliver hands a call to the writer and waits for what becomes of it.
func (s *Session) deliver(ctx context.Context, c *call) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.events.lift()
	defer s.events.lower()
	select {
	case s.calls <- c:
	case <-s.done:
		return s.ended()
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-c.outcome:
		return err
	case <-s.done:
	case <-ctx.Done():
		s.abandon(c)
	}
	// The outcome may have come at the same time. It says more than that something else ended the waiting.
	select {
	case err := <-c.outcome:
		return err
	default:
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.ended()
}

// expect makes c wait for the outcome of the message with that id.
func (s *Session) expect(id uint64, c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.gone {
		return
	}
	c.id = id
	s.waiting[id] = c
}

// settle gives a call its outcome; false: no call waits for one with that id.
func (s *Session) settle(id uint64, outcome error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.waiting[id]
	if c == nil {
		return false
	}
	delete(s.waiting, id)
	c.outcome <- outcome
	return true
}

// abandon makes c wait no longer; what comes for it becomes an event.
func (s *Session) abandon(c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.gone = true
	delete(s.waiting, c.id)
}

// ended is the error of a call that the session's end overtook.
func (s *Session) ended() error {
	if err := s.Err(); err != nil {
		return err
	}
	return ErrClosed
}
