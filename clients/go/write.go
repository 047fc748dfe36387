package beckon

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// write is the writer goroutine of a stream: it alone sends, so that request ids reach the server in order. It begins
// with what was sent on a former stream and has had no outcome.
func (s *Session) write(l *link) {
	defer close(l.written)
	beat := beats(l.welcome.HeartbeatInterval.AsDuration())
	wake(s.calls.ready)
	for {
		var err error
		select {
		case <-s.calls.ready:
			err = l.put(func() error {
				if c := s.calls.next(); c != nil {
					return s.transmit(l, c)
				}
				return nil
			})
		case <-beat:
			err = l.put(func() error { return l.stream.Send(ping(s.progress.untold())) })
		case <-s.progress.due:
			err = l.put(func() error { return l.stream.Send(received(s.progress.untold())) })
		case <-s.closing.Done():
			_ = l.put(func() error { return s.finish(l) }) // The reader is told how it ends.
			return
		case <-l.ctx.Done():
			return
		}
		if err != nil {
			return // The stream has ended; the reader is told why.
		}
	}
}

// finish sends again what had no outcome on a former stream, and half-closes. The error is that of the stream.
func (s *Session) finish(l *link) error {
	for c := s.calls.nextAgain(); c != nil; c = s.calls.nextAgain() {
		if err := s.transmit(l, c); err != nil {
			return err
		}
	}
	return l.stream.CloseSend()
}

// transmit puts the message of a call on the stream. The error is that of the stream.
func (s *Session) transmit(l *link, c *call) error {
	if c.encoded == nil {
		encoded, failure := encode(c.request, c.id, maxBytes(l.welcome))
		if failure != nil {
			s.calls.take(c.id)
			s.calls.conclude(c, failure)
			return nil
		}
		c.encoded = encoded
	}
	if err := l.stream.Send(c.wire()); err != nil {
		return err
	}
	if c.silent {
		s.calls.conclude(c, nil)
	}
	return nil
}

// encode gives the bytes of a message with its request id. It refuses a message that would end the stream, so that it
// harms nothing else.
func encode(request *ConnectRequest, id uint64, limit int) ([]byte, *Failure) {
	bytes, err := proto.Marshal(&ConnectRequest{RequestId: id, Message: request.GetMessage()})
	if err != nil {
		return nil, &Failure{Code: Invalid, Detail: err.Error()}
	}
	if len(bytes) > limit {
		detail := fmt.Sprintf("the message has %d bytes: the server takes at most %d", len(bytes), limit)
		return nil, &Failure{Code: TooLarge, Detail: detail}
	}
	return bytes, nil
}

// ping tells what has arrived.
func ping(cursors []*beckonv1.Cursor) *ConnectRequest {
	return &ConnectRequest{Message: &beckonv1.ConnectRequest_Ping{Ping: &beckonv1.Ping{Received: cursors}}}
}

// received tells the same, between two pings.
func received(cursors []*beckonv1.Cursor) *ConnectRequest {
	return &ConnectRequest{Message: &beckonv1.ConnectRequest_Received{Received: &beckonv1.Received{Cursors: cursors}}}
}
