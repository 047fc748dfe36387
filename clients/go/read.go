package beckon

import (
	"google.golang.org/protobuf/proto"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// read gives what arrives on a stream to those who wait for it, until the stream's end, and tells how that was. While the
// queue is full it does not read.
func (s *Session) read(l *link) *EndError {
	for {
		s.events.admit(l.ctx)
		l.silence.begin()
		response, err := l.stream.Recv()
		l.silence.end()
		if err != nil {
			return endError(l.ctx, err)
		}
		l.take(func() { s.dispatch(l, response) })
	}
}

func (s *Session) dispatch(l *link, response *beckonv1.ConnectResponse) {
	meta := Meta{Room: response.Room, Seq: response.Seq}
	switch e := response.Event.(type) {
	case *beckonv1.ConnectResponse_Ack, *beckonv1.ConnectResponse_Pong:
		s.settle(response.RequestId, nil)
		return
	case *beckonv1.ConnectResponse_Failure:
		// One that came back was recorded: that is not the outcome of its call.
		f := newFailure(meta, e.Failure)
		if f.Code == TokenExpiring && s.resumable() {
			s.renew(l)
			if s.tokens.renews || s.renewals > 1 { // Who cannot give another token is told once.
				return
			}
		}
		if f.Code != Undelivered && s.settle(response.RequestId, f) {
			return
		}
		// Everything that is about a room is sent with a request id, except for what a resume rejoins.
		if f.Code != Undelivered && response.RequestId == 0 {
			s.forget(f.Room)
		}
	case *beckonv1.ConnectResponse_JoinedUsers:
		if e.JoinedUsers = l.assemble(response.Room, e.JoinedUsers); e.JoinedUsers == nil {
			return
		}
	case *beckonv1.ConnectResponse_Draining:
		if s.resumable() {
			l.drain(e.Draining.ReconnectAfter.AsDuration())
		}
	}
	event := newEvent(meta, response)
	if event == nil {
		return
	}
	if s.progress.note(event, proto.Size(response)) {
		s.rooms.arrive(event)
	}
}

// settle gives the call with that request id its outcome; false: no call waits for one. A nil failure is success.
func (s *Session) settle(id uint64, failure *Failure) bool {
	c := s.calls.take(id)
	if c == nil {
		return false
	}
	if failure != nil && failure.Code == NotInRoom && c.sentBefore && c.change.GetLeave() != nil {
		failure = nil // It was left when the leave was sent before.
	}
	if failure != nil {
		return s.calls.conclude(c, failure)
	}
	if leave := c.change.GetLeave(); leave != nil {
		s.forget(leave.Room)
	} else {
		s.rooms.change(c.change)
	}
	s.calls.conclude(c, nil)
	return true
}

// forget takes down that the user is no longer in room.
func (s *Session) forget(room string) {
	s.rooms.forget(room)
	s.progress.forget(room)
}

// assemble puts the parts of a room's list together; nil: there is more to come.
func (l *link) assemble(room string, part *beckonv1.JoinedUsers) *beckonv1.JoinedUsers {
	list := part
	if begun := l.lists[room]; begun != nil {
		begun.Users = append(begun.Users, part.Users...)
		list = begun
	}
	if part.More {
		l.lists[room] = list
		return nil
	}
	delete(l.lists, room)
	list.More = false
	return list
}
