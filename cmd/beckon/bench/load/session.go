package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// A Session is a session of a server, in one room at most. All methods may be called concurrently, but for Open, Join,
// Cut and Resume with one another.
type Session struct {
	// Immutable.
	crowd *Crowd
	slot  *slot
	// Number is its place in the crowd.
	Number int

	// Immutable once Open has returned.
	ID    string
	token string

	// Written before its first stream is opened.
	handle func(Event)
	room   string

	mu   sync.Mutex
	link *link // Guarded by mu. The newest; nil before there is one.

	epoch    atomic.Pointer[string] // Of the room's log.
	seq      atomic.Uint64          // The last event of that log that has come.
	sent     atomic.Uint64          // Relays.
	received atomic.Uint64          // Likewise.

	// Owned by the reader.
	unconfirmed int // Bytes of events since the server was last told what has come.
	users       int // In the parts of a list so far.

	// What Open and Join wait for. Each holds one, the newest; never closed.
	welcomed chan *beckonv1.Welcome
	listed   chan int
	acked    chan uint64
}

// A link is a session's stream, and its reader.
type link struct {
	stream stream
	end    context.CancelFunc // Frees what the stream holds.
	ending atomic.Bool        // It is meant to end.
	over   chan struct{}      // Closed when the reader has ended.
}

// Room returns the room that it is to be in.
func (s *Session) Room() string { return s.room }

// Sent returns how many messages for others it has sent, Received how many of theirs have come.
func (s *Session) Sent() uint64 { return s.sent.Load() }

// Received is the counterpart of Sent.
func (s *Session) Received() uint64 { return s.received.Load() }

// open opens a stream, says first, and returns the welcome.
func (s *Session) open(ctx context.Context, first *beckonv1.ConnectRequest) (*beckonv1.Welcome, error) {
	conn, err := s.slot.take()
	if err != nil {
		return nil, err
	}
	streamCtx, end := context.WithCancel(s.crowd.streams)
	stop := context.AfterFunc(ctx, end) // For as long as it is being opened.
	st, err := conn.open(streamCtx)
	stop()
	if err != nil {
		end()
		return nil, fmt.Errorf("session %d: open a stream: %w", s.Number, err)
	}
	l := &link{stream: st, end: end, over: make(chan struct{})}
	drain(s.welcomed)
	drain(s.listed)
	_ = st.Send(Frame(first)) // If it fails, the reader tells.
	s.mu.Lock()
	s.link = l // Not before: a ping must not come first.
	s.mu.Unlock()
	go s.read(l)
	select {
	case w := <-s.welcomed:
		return w, nil
	case <-l.over:
		return nil, s.crowd.cause(fmt.Errorf("session %d: its stream ended at once", s.Number))
	case <-ctx.Done():
		return nil, fmt.Errorf("session %d: no welcome: %w", s.Number, context.Cause(ctx))
	}
}

// drain takes what is in a channel out.
func drain[T any](c chan T) {
	select {
	case <-c:
	default:
	}
}

// put puts v into a channel that holds one, in the place of what is there. It must have no other sender.
func put[T any](c chan T, v T) {
	drain(c)
	c <- v
}

// Open begins the session, in no room.
func (s *Session) Open(ctx context.Context) error {
	return s.begin(ctx, &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Ping{Ping: &beckonv1.Ping{}}})
}

// OpenIn begins the session in its room, and returns when it has the list of who is there.
func (s *Session) OpenIn(ctx context.Context, presence beckonv1.Presence) error {
	if err := s.begin(ctx, s.joining(presence)); err != nil {
		return err
	}
	_, err := s.awaitList(ctx)
	return err
}

func (s *Session) begin(ctx context.Context, first *beckonv1.ConnectRequest) error {
	w, err := s.open(ctx, first)
	if err != nil {
		return err
	}
	s.ID, s.token = w.GetUserId(), w.GetResumeToken()
	if interval := w.GetHeartbeatInterval().AsDuration(); interval > 0 {
		s.crowd.keep(interval)
	}
	return nil
}

// Join enters its room, or changes how it hears of others there. It returns how many are in it.
func (s *Session) Join(ctx context.Context, presence beckonv1.Presence) (users int, err error) {
	drain(s.listed)
	if err := s.Send(Frame(s.joining(presence))); err != nil {
		return 0, err
	}
	return s.awaitList(ctx)
}

func (s *Session) joining(presence beckonv1.Presence) *beckonv1.ConnectRequest {
	return &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Join{Join: &beckonv1.Join{
		Room: s.room, Name: proto.String(fmt.Sprintf("user-%05d", s.Number)), Presence: presence,
	}}}
}

func (s *Session) awaitList(ctx context.Context) (users int, err error) {
	select {
	case n := <-s.listed:
		return n, nil
	case <-ctx.Done():
		return 0, fmt.Errorf("session %d: no list of who is in the room: %w", s.Number, context.Cause(ctx))
	}
}

// Cut loses the session's connection, and with it those of all sessions that share it.
func (s *Session) Cut() {
	s.mu.Lock()
	l := s.link
	s.mu.Unlock()
	l.ending.Store(true)
	s.slot.cut()
	<-l.over
}

// Resume takes the session up again on another stream. It returns when that has caught up, and what the server says
// became of what was missed.
func (s *Session) Resume(ctx context.Context) (beckonv1.Resumption, error) {
	w, err := s.open(ctx, &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Resume{Resume: &beckonv1.Resume{
		ResumeToken: s.token, Cursors: s.cursors(),
	}}})
	if err != nil {
		return 0, err
	}
	_, err = s.awaitList(ctx)
	return w.GetResumption(), err
}

// cursors tells how far the room's log has come.
func (s *Session) cursors() []*beckonv1.Cursor {
	epoch := s.epoch.Load()
	if epoch == nil {
		return nil
	}
	return []*beckonv1.Cursor{{Room: s.room, Epoch: *epoch, Seq: s.seq.Load()}}
}

// Frame encodes a message for Send and Relay.
func Frame(m *beckonv1.ConnectRequest) []byte {
	b, err := proto.Marshal(m)
	if err != nil { // A string is not UTF-8.
		panic(err)
	}
	return b
}

// Relay sends a message for others; its bytes must not be changed afterwards.
func (s *Session) Relay(encoded []byte) error {
	s.sent.Add(1)
	return s.Send(encoded)
}

// Send sends any message; its bytes must not be changed afterwards. If the stream has ended, that is not an error here:
// it ends the crowd.
func (s *Session) Send(encoded []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.link.stream.Send(encoded); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("session %d: %w", s.Number, err)
	}
	return nil
}

// Say sends a message for others and returns when it was recorded. id is greater than any before.
func (s *Session) Say(ctx context.Context, m *beckonv1.ConnectRequest, id uint64) error {
	m.RequestId = id
	drain(s.acked)
	if err := s.Relay(Frame(m)); err != nil {
		return err
	}
	select {
	case <-s.acked:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("session %d: no outcome: %w", s.Number, context.Cause(ctx))
	}
}

// ping shows that the session is there, unless it is just being sent on.
func (s *Session) ping() {
	if !s.mu.TryLock() {
		return
	}
	defer s.mu.Unlock()
	if s.link == nil || s.link.ending.Load() {
		return
	}
	// If it fails, the reader tells.
	_ = s.link.stream.Send(Frame(&beckonv1.ConnectRequest{
		RequestId: pingID, Message: &beckonv1.ConnectRequest_Ping{Ping: &beckonv1.Ping{Received: s.cursors()}},
	}))
}

// pingID is the request id of each ping. It tells their answers from the server's heartbeats.
const pingID = 1

// confirmAfter is after how many bytes of events a client says what has come.
const confirmAfter = 64 << 10

// read reads a stream to its end.
func (s *Session) read(l *link) {
	defer close(l.over)
	defer l.end()
	s.users, s.unconfirmed = 0, 0
	for {
		m, err := l.stream.Recv()
		if err != nil {
			if err == io.EOF {
				err = errors.New("the server ended it")
			}
			if !l.ending.Load() {
				s.crowd.fail(fmt.Errorf("session %d: %w", s.Number, err))
			}
			return
		}
		if err := s.take(m); err != nil { // It is read on all the same, so that the session can end in order.
			s.crowd.fail(fmt.Errorf("session %d: %w", s.Number, err))
		}
		m.Free()
	}
}

// take handles an event.
func (s *Session) take(m message) error {
	e, err := parse(m.ReadOnlyData())
	if err != nil {
		return err
	}
	if e.Seq > 0 && e.Kind != Ack {
		s.seq.Store(e.Seq)
	}
	switch e.Kind {
	case Welcome:
		w := new(beckonv1.Welcome)
		if err := proto.Unmarshal(e.body, w); err != nil {
			return err
		}
		put(s.welcomed, w)
	case JoinedUsers:
		if old := s.epoch.Load(); old == nil || *old != string(e.epoch) {
			if epoch := string(e.epoch); epoch != "" {
				s.epoch.Store(&epoch)
			}
		}
		s.users += e.Users
		if !e.More {
			e.Users, s.users = s.users, 0
			s.hand(e)
			put(s.listed, e.Users)
		}
	case Ack:
		put(s.acked, e.RequestID)
	case Failure:
		f := new(beckonv1.Failure)
		if err := proto.Unmarshal(e.body, f); err != nil {
			return err
		}
		return &RefusedError{Code: f.GetCode(), Detail: f.GetDetail()}
	default:
		if e.Kind.relayed() {
			s.received.Add(1)
		}
		s.hand(e)
	}
	if s.unconfirmed += m.Len(); s.unconfirmed >= confirmAfter {
		s.unconfirmed = 0
		if cursors := s.cursors(); cursors != nil {
			return s.Send(Frame(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Received{Received: &beckonv1.Received{Cursors: cursors}}}))
		}
	}
	return nil
}

func (s *Session) hand(e Event) {
	if s.handle != nil {
		s.handle(e)
	}
}

// RefusedError is a failure that the server answered a message with.
type RefusedError struct {
	Code   beckonv1.FailureCode
	Detail string
}

// Error tells what it was, and what may help.
func (e *RefusedError) Error() string {
	text := fmt.Sprintf("the server refuses a message: %v: %s", e.Code, e.Detail)
	if e.Code == beckonv1.FailureCode_FAILURE_CODE_RATE_LIMITED {
		text += "; a lower --rate, more --pairs, or a higher limit of the server's helps"
	}
	return text
}
