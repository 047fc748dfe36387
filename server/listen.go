package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/hub"
	"github.com/beckonrtc/beckon/server/wire"
)

// sessionMetadata names the metadata of Send that holds the session's token.
const sessionMetadata = "beckon-session"

// Listen implements beckonv1.SignalServer.
func (g signal) Listen(req *beckonv1.ListenRequest, st grpc.ServerStreamingServer[beckonv1.ListenResponse]) error {
	g.server.waiting.came(st.Context())
	parts, err := messagesOf(req.ProtoReflect().GetUnknown())
	if err != nil {
		return err
	}
	first := bytes.Join(parts, nil) // Of a field that comes several times protobuf makes one message.
	if m, err := wire.ParseRequest(first); err == nil && m.Kind != wire.Join && m.Kind != wire.Resume {
		return ending(badFirstMessage, fmt.Sprintf("the first message is %s: expected join or resume", m.Kind))
	}
	l := &listener{ServerStream: st, first: first, batches: make(chan *batch, 1), over: make(chan struct{})}
	return g.server.serve(st.Context(), l)
}

// Send implements beckonv1.SignalServer.
func (g signal) Send(ctx context.Context, req *beckonv1.SendRequest) (*beckonv1.SendResponse, error) {
	g.server.waiting.came(ctx)
	messages, err := messagesOf(req.ProtoReflect().GetUnknown())
	if err != nil {
		return nil, err
	}
	if len(messages) == 0 {
		return nil, ending(noMessages, "the request is empty: expected at least one message")
	}
	tokens := metadata.ValueFromIncomingContext(ctx, sessionMetadata)
	if len(tokens) != 1 {
		return nil, ending(noSession, fmt.Sprintf("there are %d values of the metadata %s: expected the session's resume_token", len(tokens), sessionMetadata))
	}
	if err := g.server.send(ctx, tokens[0], messages, true); err != nil {
		return nil, err
	}
	return new(beckonv1.SendResponse), nil
}

// send handles the messages of a Send. If another node may have the session, it is asked.
func (s *Server) send(ctx context.Context, token string, messages [][]byte, others bool) error {
	for len(messages) > 0 {
		session := s.hub.Session(token)
		switch {
		case session == nil && others:
			return s.forward(ctx, token, messages)
		case session == nil:
			return errNoSession
		}
		switch st := session.Stream().(type) {
		case *listener:
			rest, err := st.carry(ctx, messages)
			if err != nil {
				return err
			}
			messages = rest
		case nil: // It was lost.
			if s.isDraining() {
				return errDraining // The stream may have ended so: that says that nothing was handled afterwards.
			}
			handled, err := session.HandleLost(ctx, messages[0])
			if errors.Is(err, hub.ErrLeft) {
				return nil
			}
			if err != nil {
				return endingOf(err)
			}
			if handled {
				messages = messages[1:]
			}
		default:
			return ending(notListening, "the session's newest stream is a Connect: send on that")
		}
	}
	return nil
}

var (
	errNoSession    = ending(hub.NoSuchSession, "no session has this token, or it has ended: listen anew")
	errSendUnderWay = ending(sendUnderWay, "another Send of the session is under way: wait for it")
)

// messagesOf returns the messages in the field 1 of a request that is left encoded.
func messagesOf(request []byte) (messages [][]byte, err error) {
	for len(request) > 0 {
		num, typ, n := protowire.ConsumeTag(request)
		m := n
		if n > 0 {
			m = protowire.ConsumeFieldValue(num, typ, request[n:])
		}
		if m < 0 {
			return nil, ending(hub.Undecodable, "the request cannot be read: "+protowire.ParseError(m).Error())
		}
		if num == 1 && typ == protowire.BytesType {
			message, _ := protowire.ConsumeBytes(request[n:])
			messages = append(messages, message)
		}
		request = request[n+m:]
	}
	return messages, nil
}

// listener is the stream of a session that was opened by Listen: its events go out on it, its messages come from calls
// of Send.
type listener struct {
	grpc.ServerStream
	event sent // What is being sent.

	busy    atomic.Bool   // A batch is under way.
	batches chan *batch   // Holds one while busy. Never closed.
	over    chan struct{} // Closed when no more messages are received.

	// Owned by the goroutine that calls Recv.
	first []byte // Until it was received.
	batch *batch // What is being received. May be nil.
}

// batch is the messages of one Send.
type batch struct {
	messages [][]byte      // Those that are left. Owned by the goroutine that calls Recv, until listener.over is closed.
	tried    chan struct{} // Closed when all have been handled.
}

// carry has messages received, and returns when they have been handled. If ctx ends before, they are handled all the
// same. If the stream ends before, it returns those that were not.
func (l *listener) carry(ctx context.Context, messages [][]byte) (rest [][]byte, err error) {
	if isClosed(l.over) { // Perhaps within a batch, which stays under way for ever.
		return messages, nil
	}
	if !l.busy.CompareAndSwap(false, true) {
		return nil, errSendUnderWay
	}
	b := &batch{messages: messages, tried: make(chan struct{})}
	l.batches <- b
	select {
	case <-b.tried:
		return nil, nil
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	case <-l.over:
		return b.messages, nil
	}
}

// Send implements stream.
func (l *listener) Send(event []byte) error {
	prefix := protowire.AppendTag(make([]byte, 0, 8), 1, protowire.BytesType)
	l.event = sent{prefix: protowire.AppendVarint(prefix, uint64(len(event))), event: event}
	return l.SendMsg(&l.event)
}

// Recv implements stream.
func (l *listener) Recv() (received, error) {
	if err := l.Context().Err(); err != nil { // Whatever is left of a batch.
		return received{}, err
	}
	if m := l.first; m != nil {
		l.first = nil
		return received{Buffer: mem.SliceBuffer(m)}, nil
	}
	if l.batch == nil {
		select {
		case l.batch = <-l.batches:
		case <-l.Context().Done():
			return received{}, l.Context().Err()
		}
	}
	b := l.batch
	m := received{Buffer: mem.SliceBuffer(b.messages[0])}
	all := b.messages
	m.returned = func() { b.messages = all }
	if b.messages = b.messages[1:]; len(b.messages) == 0 {
		l.batch = nil
		m.handled = func() {
			l.busy.Store(false)
			close(b.tried)
		}
	}
	return m, nil
}
