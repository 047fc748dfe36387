package beckon

import (
	"context"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// Join enters a room, or changes how one is in it. The list of who is there follows as [JoinedUsers].
//
// It returns when the server has recorded the message, as do the calls below, however many connections that takes. Their
// errors are a [*Failure], the error of ctx, or how the session ended: [ErrClosed] or an [*EndError]. The message must
// not be changed after the call began.
func (s *Session) Join(ctx context.Context, join *Join) error {
	return s.Do(ctx, &ConnectRequest{Message: &beckonv1.ConnectRequest_Join{Join: join}})
}

// Leave leaves a room. With an empty room it ends the session, as Close does, but without waiting for the end.
func (s *Session) Leave(ctx context.Context, room string) error {
	leave := &beckonv1.Leave{Room: room}
	return s.Do(ctx, &ConnectRequest{Message: &beckonv1.ConnectRequest_Leave{Leave: leave}})
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
	return s.deliver(ctx, newCall(request, false))
}

// Send sends any message and returns when it is on its way, without waiting for the outcome. If the connection is lost it
// is sent again, as others are; if the server refuses it, a [Failure] event follows. The request id is given by Send.
func (s *Session) Send(ctx context.Context, request *ConnectRequest) error {
	return s.deliver(ctx, newCall(request, true))
}
