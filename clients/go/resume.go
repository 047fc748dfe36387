package beckon

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// attemptTimeout is how long an attempt to resume may take. In it gRPC may try several times to connect.
const attemptTimeout = 10 * time.Second

// What became of the session, as a welcome tells.
const (
	resumed  = beckonv1.Resumption_RESUMPTION_RESUMED
	resynced = beckonv1.Resumption_RESUMPTION_RESYNCED
)

// reconnect tries to resume until a stream is welcomed, or the session ends: then there is no link, but how that was;
// nil is a clean end.
func (s *Session) reconnect(cause *EndError) (*link, *EndError) {
	lost := time.Now()
	for attempt := 1; ; attempt++ {
		delay := s.attempts.next()
		s.events.put(&Reconnecting{Cause: cause, Attempt: attempt, Delay: delay})
		pause := time.NewTimer(delay)
		select {
		case <-pause.C:
		case <-s.closing.Done():
			return nil, nil
		case <-s.life.Done():
			return nil, endError(s.life, context.Cause(s.life))
		}
		l, err := s.resume()
		switch {
		case s.closing.Err() != nil:
			if l != nil {
				l.close()
			}
			return nil, nil
		case err == nil:
			s.expired = nil
			return l, nil
		case s.isFinal(err, false):
			return nil, err.notRenewed()
		case (err.Reason == NoToken || err.Reason == TokenExpired) && time.Since(lost) > s.Welcome().ResumeWindow.AsDuration():
			return nil, err.notRenewed() // The server keeps the session no longer.
		}
		cause = err
	}
}

// resume opens one stream on which the session goes on, with a token that is asked for.
func (s *Session) resume() (*link, *EndError) {
	ctx, cancel := context.WithCancel(s.life)
	defer cancel()
	defer context.AfterFunc(s.closing, cancel)()
	token, err := s.tokens.getSoon(ctx)
	if err != nil {
		return nil, err
	}
	s.shown = token
	return s.resumeWith(s.closing, token)
}

// resumeWith opens one stream on which the session goes on, with that token. It gives up when over ends.
func (s *Session) resumeWith(over context.Context, token string) (*link, *EndError) {
	ctx, cancel := context.WithCancelCause(s.life)
	late := &EndError{Code: codes.Unavailable, Detail: "no welcome within " + attemptTimeout.String()}
	defer time.AfterFunc(attemptTimeout, func() { cancel(late) }).Stop()
	defer context.AfterFunc(over, func() { cancel(nil) })()
	if conn, ok := s.cc.(interface{ ResetConnectBackoff() }); ok {
		conn.ResetConnectBackoff()
	}

	request := &ConnectRequest{Message: &beckonv1.ConnectRequest_Resume{Resume: &beckonv1.Resume{
		ResumeToken: s.Welcome().ResumeToken,
		Cursors:     s.progress.all(),
		Rejoin:      s.rooms.rejoin(s.calls.leaves()),
	}}}
	// Without waiting for a connection it would fail with what became of the last one.
	l, err := s.tokens.greet(ctx, cancel, s.cc, token, request, grpc.WaitForReady(true))
	if err == nil && l.welcome.UserId != s.id {
		l.close()
		err = &EndError{Code: codes.NotFound, Reason: NoSuchSession, Detail: "the server began a new session instead"}
	}
	if err == nil && ctx.Err() != nil { // It came in the moment in which it was too late.
		l.close()
		err = ctx.Err()
	}
	if err == nil {
		return l, nil
	}
	cancel(nil)
	end := endError(ctx, err)
	if how := status.Convert(err).Message(); end == late && how != context.Canceled.Error() {
		end = &EndError{Code: late.Code, Detail: late.Detail + ": " + how} // Such as why no connection could be made.
	}
	if end.Reason == MessageTooLarge { // The resume itself: it would be as large the next time.
		end.Code = codes.InvalidArgument
	}
	return nil, end
}
