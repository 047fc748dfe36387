package transcript

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

const (
	// patience is how long a line waits for what it wants to see. It is less than a heartbeat interval, so that in a
	// synctest bubble nothing else happens first.
	patience = 5 * time.Second
	// afterthought is how long a failed line waits for events to tell of.
	afterthought = 100 * time.Millisecond
)

// A stream is the stream of one participant, with what came on it. Only the goroutine that plays calls its methods.
type stream struct {
	// Immutable.
	name   string
	peer   Peer
	ctx    context.Context // Ends with the stream.
	cancel context.CancelFunc
	inbox  chan arrival // From the goroutine that receives, which stops after an error.

	// Owned by the goroutine that plays.
	unread   []*beckonv1.ConnectResponse
	promises promises
	end      *end // Once it came.
	done     bool // A line has seen the end, or has lost the stream.
}

// An arrival is what Recv returned.
type arrival struct {
	event *beckonv1.ConnectResponse
	err   error
}

// open opens a stream. wg counts the goroutine that receives.
func open(ctx context.Context, name string, dial Dial, wg *sync.WaitGroup) (*stream, error) {
	ctx, cancel := context.WithCancel(ctx)
	peer, err := dial(ctx)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("open the stream: %w", err)
	}
	s := &stream{name: name, peer: peer, ctx: ctx, cancel: cancel, inbox: make(chan arrival, 64)}
	wg.Go(s.receive)
	return s, nil
}

// receive puts into the inbox what comes, but no heartbeats.
func (s *stream) receive() {
	for {
		event, err := s.peer.Recv()
		if err == nil && isHeartbeat(event) {
			continue
		}
		select {
		case s.inbox <- arrival{event, err}:
		case <-s.ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// isHeartbeat tells whether the event may have come unasked.
func isHeartbeat(event *beckonv1.ConnectResponse) bool {
	pong := event.GetPong()
	return pong != nil && len(pong.Payload) == 0 && event.RequestId == 0
}

// send sends a message. After io.EOF the stream has ended, and what is read next tells why.
func (s *stream) send(message *beckonv1.ConnectRequest) error {
	if err := s.peer.Send(message); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}

// read waits for one more event, until ctx ends.
func (s *stream) read(ctx context.Context) (*beckonv1.ConnectResponse, error) {
	if s.end != nil {
		return nil, s.end
	}
	select {
	case a := <-s.inbox:
		if a.err != nil {
			s.end = endOf(a.err)
			return nil, s.end
		}
		if err := s.promises.check(a.event); err != nil {
			return a.event, fmt.Errorf("came: %s\n%w", notation(s.name, a.event), err)
		}
		return a.event, nil
	case <-ctx.Done():
		return nil, errors.New("nothing like it came")
	}
}

// next takes the next event of a lane from those that are unread, and waits for it if it has not come.
func (s *stream) next(ctx context.Context, in lane) (*beckonv1.ConnectResponse, error) {
	for i, event := range s.unread {
		if laneOfEvent(event) == in {
			s.unread = slices.Delete(s.unread, i, i+1)
			return event, nil
		}
	}
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	for {
		event, err := s.read(ctx)
		if err != nil || laneOfEvent(event) == in {
			return event, err
		}
		s.unread = append(s.unread, event)
	}
}

// untilEnd waits for the end of the stream, before which nothing may be unread.
func (s *stream) untilEnd(ctx context.Context) (*end, error) {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	for {
		event, err := s.read(ctx)
		if s.end != nil {
			break
		}
		if err != nil {
			return nil, err
		}
		s.unread = append(s.unread, event)
	}
	if len(s.unread) > 0 {
		return nil, fmt.Errorf("it came, but %s has events left before it", s.name)
	}
	return s.end, nil
}

// nothingLeft makes sure that an open stream has nothing unread: the answer to a ping is the next event.
func (s *stream) nothingLeft(ctx context.Context) error {
	payload := []byte("that is all")
	ping := &beckonv1.ConnectRequest_Ping{Ping: &beckonv1.Ping{Payload: payload}}
	pong := &beckonv1.ConnectResponse_Pong{Pong: &beckonv1.Pong{Payload: payload}}
	err := s.send(&beckonv1.ConnectRequest{Message: ping})
	if err != nil && !errors.Is(err, io.EOF) { // After EOF the end is still to be read.
		return err
	}
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	for {
		event, err := s.read(ctx)
		if err != nil {
			return fmt.Errorf("wait for the pong: %w", err)
		}
		if proto.Equal(event, &beckonv1.ConnectResponse{Event: pong}) {
			break
		}
		s.unread = append(s.unread, event)
	}
	if len(s.unread) > 0 {
		return fmt.Errorf("%s has events left", s.name)
	}
	return nil
}

// gather adds to the unread events what comes in a moment.
func (s *stream) gather(ctx context.Context) {
	ctx, stop := context.WithTimeout(ctx, afterthought)
	defer stop()
	for {
		event, _ := s.read(ctx)
		if event == nil {
			return
		}
		s.unread = append(s.unread, event)
	}
}
