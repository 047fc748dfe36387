package transcript

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// An action is what a line does with the stream of its participant.
type action interface {
	play(context.Context, *stream, variables) error
}

type (
	// send sends a ConnectRequest, given as its decoded JSON without the values of variables.
	send map[string]any
	// sendRaw sends bytes as if they were an encoded ConnectRequest.
	sendRaw []byte
	// halfClose half-closes the stream.
	halfClose struct{}
	// cancel loses the stream.
	cancel struct{}
	// see waits for an event, the oneof member word, and compares it.
	see struct {
		word string
		frame
	}
	// seeEnd waits for the end and compares the status, written as "NOT_FOUND NO_SUCH_SESSION".
	seeEnd string
)

func (a send) play(_ context.Context, s *stream, v variables) error {
	data, err := json.Marshal(v.fill(map[string]any(a), nil))
	if err != nil {
		return err
	}
	message := &beckonv1.ConnectRequest{}
	if err := protojson.Unmarshal(data, message); err != nil {
		return err
	}
	return s.send(message)
}

func (a sendRaw) play(_ context.Context, s *stream, _ variables) error {
	message := &beckonv1.ConnectRequest{}
	message.ProtoReflect().SetUnknown(protoreflect.RawFields(a)) // Encoded as they are.
	return s.send(message)
}

func (halfClose) play(_ context.Context, s *stream, _ variables) error {
	return s.peer.CloseSend()
}

func (cancel) play(_ context.Context, s *stream, _ variables) error {
	s.cancel()
	s.done = true
	return nil
}

func (a see) play(ctx context.Context, s *stream, v variables) error {
	room, _ := v.text(a.room)
	event, err := s.next(ctx, laneOf(a.word, room))
	if err != nil {
		return err
	}
	got, err := asJSON(event)
	if err != nil {
		return err
	}
	a.dropPlaces(got)
	if diff := cmp.Diff(v.fill(a.want(), got), any(got)); diff != "" {
		return fmt.Errorf("came instead: %s\ndifference (-want +got):\n%s", notation(s.name, event), diff)
	}
	return nil
}

// want returns the event that a wants to see as decoded JSON.
func (a see) want() map[string]any {
	want := map[string]any{a.word: a.body}
	if a.requestID != "" {
		want["request_id"] = a.requestID
	}
	if a.room != "" {
		want["room"] = a.room
	}
	if a.seq != "" {
		want["seq"] = a.seq
	}
	return want
}

// dropPlaces takes out of the event got the places in a log that a does not write.
func (a see) dropPlaces(got map[string]any) {
	if a.seq == "" {
		delete(got, "seq")
	}
	want, _ := a.body.(map[string]any)
	body, _ := got[a.word].(map[string]any)
	for word, place := range map[string]string{"joined_users": "epoch", "ack": "seq"} {
		if _, written := want[place]; word == a.word && !written {
			delete(body, place)
		}
	}
}

func (a seeEnd) play(ctx context.Context, s *stream, _ variables) error {
	end, err := s.untilEnd(ctx)
	if err != nil {
		return err
	}
	if end.notation() != string(a) {
		return fmt.Errorf("came instead: %s< end %s (%s)", s.name, end.notation(), end.status.Message())
	}
	s.done = true
	return nil
}
