package beckon

import (
	"context"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// run is the goroutine that lives as long as the session.
func (s *Session) run(first *link) {
	if end := s.outlive(first); end != nil {
		s.err = end
	}
	s.end(nil)
	s.close()
	s.rooms.stop()
	if s.owned != nil {
		s.owned.Close()
	}
	close(s.done)
}

// outlive serves a stream and those that replace it, and tells how the session ended; nil: cleanly.
func (s *Session) outlive(l *link) *EndError {
	for {
		s.serve(l)
		renewed, asked := l.renewed()
		if renewed != nil {
			s.lose(l)
			l = renewed
			s.shown, s.expired = l.token, nil
			s.regain(l, false)
			continue
		}
		if l.end == nil || s.isFinal(l.end, asked) || s.closing.Err() != nil || !s.resumable() {
			return l.end
		}
		if time.Since(l.begun) >= maxDelay {
			s.attempts.reset()
		}
		s.lose(l)
		next, end := s.reconnect(l.end)
		if next == nil {
			if end != nil && end.Reason == NoSuchSession && s.calls.concludeGoodbyes() {
				return nil // It ended as asked; the answer was lost.
			}
			return end
		}
		l = next
		s.regain(l, true)
	}
}

// isFinal tells whether there is no use in resuming after this end of a stream or an attempt, for which the session itself
// may have asked. It is to be called once for each.
func (s *Session) isFinal(end *EndError, asked bool) bool {
	switch {
	case end.Reason == TakenOver && asked:
		return false
	case end.Reason == TokenExpired: // The source may have another by now, or the server take this one for longer.
		token, former := s.shown, s.expired
		s.expired = &token
		return former != nil && *former == token
	}
	return end.final()
}

// resumable tells whether the server keeps the session when a stream is lost, and the application wants it back.
func (s *Session) resumable() bool {
	w := s.Welcome()
	return s.resumes && w.ResumeToken != "" && w.ResumeWindow.AsDuration() > 0
}

// serve writes and reads until the stream ends.
func (s *Session) serve(l *link) {
	go s.write(l)
	l.end = s.read(l)
	l.orderly = l.end != nil && l.end.Reason == ShuttingDown && context.Cause(l.ctx) == nil
	l.close()
	<-l.written
}

// lose takes down what the end of a stream means for what was sent on it.
func (s *Session) lose(l *link) {
	s.rooms.lose()
	if l.end == nil { // It was replaced.
		l.end = &EndError{Code: codes.Aborted, Reason: TakenOver}
	}
	s.calls.lose(l.orderly)
	if l.end.Reason == Limit {
		s.attempts.hold()
	}
	if l.end.Code == codes.ResourceExhausted && l.end.Reason != SlowConsumer && l.end.Reason != Limit {
		s.drop(s.calls.takeLarge(maxBytes(l.welcome), l.end.Reason == MessageTooLarge), TooLarge,
			"the message was too large for the server: "+l.end.Detail)
	}
}

// regain begins on a stream that has taken the session up, from one that was lost or that went on until then.
func (s *Session) regain(l *link, lost bool) {
	former := s.welcome.Swap(l.welcome)
	switch {
	case l.welcome.Resumption == resynced:
		s.rooms.resync(l.welcome.ResumeWindow.AsDuration())
		s.events.put(&Resynced{})
	case lost:
		s.events.put(&Resumed{})
	case !sameICEServers(former, l.welcome): // Which nobody looks up who is not told of a resume.
		s.events.put(&IceServersChanged{IceServersChanged: &beckonv1.IceServersChanged{IceServers: l.welcome.IceServers}})
	}
	if l.welcome.Epoch != former.Epoch {
		s.progress.restart(l.welcome.Epoch)
		s.drop(s.calls.takeDoubtful(), Unavailable,
			"the connection was lost and the server started anew: the message may have been recorded or not")
	}
}

func sameICEServers(a, b *Welcome) bool {
	return slices.EqualFunc(a.IceServers, b.IceServers, func(a, b *beckonv1.IceServer) bool { return proto.Equal(a, b) })
}

// drop gives calls up that will not be sent again.
func (s *Session) drop(calls []*call, code Code, detail string) {
	for _, c := range calls {
		failure := c.failure(code, detail)
		if !s.calls.conclude(c, failure) {
			s.events.put(failure)
		}
	}
}

// notRenewed adds to an end by which access has run out that it was tried to renew it.
func (e *EndError) notRenewed() *EndError {
	if e.Reason != TokenExpired {
		return e
	}
	return &EndError{Code: e.Code, Reason: e.Reason, Detail: "access has run out and could not be renewed: " + e.Detail}
}

// final tells whether there is no use in resuming after this end.
func (e *EndError) final() bool {
	switch e.Code {
	case codes.NotFound, codes.Aborted, codes.Unauthenticated, codes.PermissionDenied, codes.InvalidArgument,
		codes.Unimplemented:
		return true
	}
	return e.Reason == Abandoned
}
