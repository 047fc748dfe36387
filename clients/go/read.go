package beckon

import (
	"context"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// read is the reader goroutine: it gives what arrives to those who wait for it, and ends the session.
func (s *Session) read(life context.Context) {
	s.err = s.receive(life)
	s.cancel(nil)
	<-s.written
	if s.owned != nil {
		s.owned.Close()
	}
	close(s.done)
}

// receive reads the stream to its end, and tells how that was.
func (s *Session) receive(life context.Context) error {
	for {
		s.silence.begin()
		response, err := s.stream.Recv()
		s.silence.end()
		if err != nil {
			return endError(life, err)
		}
		s.dispatch(life, response)
	}
}

func (s *Session) dispatch(life context.Context, response *beckonv1.ConnectResponse) {
	meta := Meta{Room: response.Room, Seq: response.Seq}
	switch e := response.Event.(type) {
	case *beckonv1.ConnectResponse_Ack, *beckonv1.ConnectResponse_Pong:
		s.settle(response.RequestId, nil)
		return
	case *beckonv1.ConnectResponse_Failure:
		// One that came back was recorded: that is not the outcome of its call.
		if f := newFailure(meta, e.Failure); f.Code != Undelivered && s.settle(response.RequestId, f) {
			return
		}
	case *beckonv1.ConnectResponse_JoinedUsers:
		if e.JoinedUsers = s.assemble(response.Room, e.JoinedUsers); e.JoinedUsers == nil {
			return
		}
	}
	if event := newEvent(meta, response); event != nil {
		s.events.put(life, event)
	}
}

// assemble puts the parts of a room's list together; nil: there is more to come.
func (s *Session) assemble(room string, part *beckonv1.JoinedUsers) *beckonv1.JoinedUsers {
	list := part
	if begun := s.lists[room]; begun != nil {
		begun.Users = append(begun.Users, part.Users...)
		list = begun
	}
	if part.More {
		s.lists[room] = list
		return nil
	}
	delete(s.lists, room)
	list.More = false
	return list
}
