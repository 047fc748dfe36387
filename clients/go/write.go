package beckon

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// write is the writer goroutine: it alone sends, so that request ids reach the server in order.
func (s *Session) write(life context.Context) {
	defer close(s.written)
	beat := beats(s.welcome.HeartbeatInterval.AsDuration())
	for {
		var err error
		select {
		case c := <-s.calls:
			err = s.transmit(c)
		case <-beat:
			err = s.stream.Send(ping(s.progress.untold()))
		case <-s.closing:
			s.stream.CloseSend()
			return
		case <-life.Done():
			return
		}
		if err != nil {
			return // The stream has ended; the reader is told why.
		}
	}
}

// transmit puts the message of a call on the stream. The error is that of the stream.
func (s *Session) transmit(c *call) error {
	request := &ConnectRequest{Message: c.request.GetMessage()}
	if !c.silent {
		s.lastID++
		request.RequestId = s.lastID
	}
	encoded, failure := s.encode(request)
	if failure != nil {
		c.outcome <- failure
		return nil
	}
	if !c.silent {
		s.expect(request.RequestId, c)
	}
	if err := s.stream.Send(encoded); err != nil {
		return err
	}
	if c.silent {
		c.outcome <- nil
	}
	return nil
}

// encode gives the message with its encoding in the place of its fields: gRPC copies that as it is. It refuses a message
// that would end the stream, so that it harms nothing else.
func (s *Session) encode(request *ConnectRequest) (*ConnectRequest, error) {
	bytes, err := proto.Marshal(request)
	if err != nil {
		return nil, &Failure{Code: Invalid, Detail: err.Error()}
	}
	if limit := s.welcome.Limits.GetMaxMessageBytes(); limit > 0 && uint64(len(bytes)) > uint64(limit) {
		detail := fmt.Sprintf("the message has %d bytes: the server takes at most %d", len(bytes), limit)
		return nil, &Failure{Code: TooLarge, Detail: detail}
	}
	encoded := &ConnectRequest{}
	encoded.ProtoReflect().SetUnknown(bytes)
	return encoded, nil
}

// ping tells how far the application has read.
func ping(received []*beckonv1.Cursor) *ConnectRequest {
	return &ConnectRequest{Message: &beckonv1.ConnectRequest_Ping{Ping: &beckonv1.Ping{Received: received}}}
}
