package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	spb "google.golang.org/genproto/googleapis/rpc/status"

	"github.com/beckonrtc/beckon/server/hub"
)

// A Send that reaches another node than the session's is forwarded there: as a protobuf message with the session's token
// (1) and the messages (2), or with the text of revocations (3). The answer is a google.rpc.Status.

// forward has another node of the cluster handle a Send. What NATS does not take at once goes in parts, one after the other.
func (s *Server) forward(ctx context.Context, token string, messages [][]byte) error {
	b := protowire.AppendTag(nil, 1, protowire.BytesType)
	b = protowire.AppendString(b, token)
	for _, m := range messages {
		b = protowire.AppendTag(b, 2, protowire.BytesType)
		b = protowire.AppendBytes(b, m)
	}
	answer, err := s.hub.Forward(ctx, token, b)
	switch {
	case errors.Is(err, hub.ErrNotForwarded):
		return errNoSession
	case errors.Is(err, nats.ErrMaxPayload) && len(messages) > 1:
		half := len(messages) / 2
		if err := s.forward(ctx, token, messages[:half]); err != nil {
			return err
		}
		return s.forward(ctx, token, messages[half:])
	case errors.Is(err, nats.ErrMaxPayload):
		return ending(messageTooLarge, fmt.Sprintf("a message has %d bytes, too many to reach the node that has the session: expected at most %d", len(messages[0]), s.cfg.MaxMessageBytes))
	case err != nil:
		return ending(hub.NoLog, "the node that has the session cannot be asked: "+err.Error())
	}
	return parseForwardedAnswer(answer)
}

// parseForwardedAnswer returns what forwarded has answered.
func parseForwardedAnswer(answer []byte) error {
	final := new(spb.Status)
	if err := proto.Unmarshal(answer, final); err != nil {
		return ending(hub.NoLog, "another node gave an answer that cannot be read")
	}
	return status.FromProto(final).Err()
}

// revokeElsewhere has the other nodes of the cluster take back what text says. It returns how many have done so.
func (s *Server) revokeElsewhere(ctx context.Context, text []byte) (nodes int, err error) {
	if s.cluster == nil {
		return 0, nil
	}
	message := protowire.AppendBytes(protowire.AppendTag(nil, 3, protowire.BytesType), text)
	var errs []error
	local := s.cluster.Local()
	for _, node := range local.Nodes {
		if node.Name == local.Node || !node.IsUp() {
			continue
		}
		answer, err := s.hub.ForwardTo(ctx, node.Name, message)
		if err == nil {
			err = parseForwardedAnswer(answer)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("node %s: %w", node.Name, err))
			continue
		}
		nodes++
	}
	return nodes, errors.Join(errs...)
}

// forwarded handles a Send that another node has forwarded, and returns its outcome.
func (s *Server) forwarded(ctx context.Context, message []byte) []byte {
	token, messages, revocations, err := parseForwarded(message)
	switch {
	case err != nil:
	case revocations != nil:
		_, err = s.revokeHere(revocations)
	default:
		err = s.send(ctx, token, messages, false)
	}
	final := status.New(codes.OK, "")
	if err != nil {
		final = status.Convert(err)
	}
	answer, err := proto.Marshal(final.Proto())
	if err != nil { // It can be encoded.
		return nil
	}
	return answer
}

// parseForwarded returns what forward has put together.
func parseForwarded(b []byte) (token string, messages [][]byte, revocations []byte, err error) {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 || typ != protowire.BytesType {
			return "", nil, nil, ending(hub.Undecodable, "what was forwarded cannot be read")
		}
		value, m := protowire.ConsumeBytes(b[n:])
		if m < 0 {
			return "", nil, nil, ending(hub.Undecodable, "what was forwarded cannot be read: "+protowire.ParseError(m).Error())
		}
		switch num {
		case 1:
			token = string(value)
		case 2:
			messages = append(messages, value)
		case 3:
			revocations = value
		}
		b = b[n+m:]
	}
	return token, messages, revocations, nil
}
