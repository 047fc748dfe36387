package server_test

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/transcript"
)

// listening opens streams with Listen, on which messages go out with Send.
func listening(conn grpc.ClientConnInterface) transcript.Dial {
	return func(ctx context.Context) (transcript.Peer, error) {
		return &listenPeer{
			ctx: ctx, client: beckonv1.NewSignalClient(conn),
			opened: make(chan struct{}), welcomed: make(chan struct{}), ended: make(chan struct{}),
		}, nil
	}
}

// listenPeer is a stream that is made of a Listen and a Send for each message.
type listenPeer struct {
	ctx    context.Context
	client beckonv1.SignalClient

	opened   chan struct{} // Closed when events is set.
	events   grpc.ServerStreamingClient[beckonv1.ListenResponse]
	welcomed chan struct{} // Closed when token is set.
	token    string
	ended    chan struct{} // Closed at the end.
}

// Send implements transcript.Peer.
func (p *listenPeer) Send(m *beckonv1.ConnectRequest) error {
	if p.events == nil {
		events, err := p.client.Listen(p.ctx, &beckonv1.ListenRequest{First: m})
		p.events = events
		close(p.opened)
		return err
	}
	return p.send(m)
}

// send sends messages after the first.
func (p *listenPeer) send(messages ...*beckonv1.ConnectRequest) error {
	select {
	case <-p.welcomed:
	case <-p.ended:
		return io.EOF
	}
	_, err := p.client.Send(metadata.AppendToOutgoingContext(p.ctx, "beckon-session", p.token), &beckonv1.SendRequest{Messages: messages})
	if status.Code(err) == codes.NotFound {
		return io.EOF
	}
	return err
}

// CloseSend implements transcript.Peer.
func (p *listenPeer) CloseSend() error {
	return p.Send(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Leave{Leave: &beckonv1.Leave{}}})
}

// Recv implements transcript.Peer.
func (p *listenPeer) Recv() (*beckonv1.ConnectResponse, error) {
	select {
	case <-p.opened:
	case <-p.ctx.Done():
		return nil, p.ctx.Err()
	}
	if p.events == nil {
		return nil, errors.New("Listen failed")
	}
	m, err := p.events.Recv()
	if err != nil {
		close(p.ended)
		return nil, err
	}
	if token := m.GetEvent().GetWelcome().GetResumeToken(); token != "" {
		p.token = token
		close(p.welcomed)
	}
	return m.GetEvent(), nil
}
