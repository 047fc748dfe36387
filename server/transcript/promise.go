package transcript

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/reflect/protopath"
	"google.golang.org/protobuf/reflect/protorange"
	"google.golang.org/protobuf/reflect/protoreflect"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// promises holds every event of one stream to what the protocol promises about all of them.
type promises struct {
	welcomed bool
	newest   map[string]uint64 // The last seq of each room.
}

// check returns the promise that the next event breaks.
func (p *promises) check(event *beckonv1.ConnectResponse) error {
	word := wordOf(event)
	if first := !p.welcomed; first != (word == "welcome") {
		return errors.New("want welcome as the first event, and only there")
	}
	p.welcomed = true

	if logged := isLogged(event); logged != (event.Seq > 0) {
		return fmt.Errorf("seq %d: want 0 of an event that is in no log, and more of every other", event.Seq)
	}
	if event.Seq > 0 {
		if newest := p.newest[event.Room]; event.Seq < newest {
			return fmt.Errorf("seq %d after %d: want it not to fall within room %q", event.Seq, newest, event.Room)
		}
		if p.newest == nil {
			p.newest = map[string]uint64{}
		}
		p.newest[event.Room] = event.Seq
	}

	if event.GetAck().GetSeq() > 0 && event.Room == "" {
		return fmt.Errorf("seq %d of an ack without a room: want 0", event.GetAck().Seq)
	}
	if list := event.GetJoinedUsers(); list != nil && list.Epoch == "" {
		return errors.New("epoch of joined_users: want it not to be empty")
	}
	return known(event)
}

// isLogged tells whether the event is in a log and so has a number.
func isLogged(event *beckonv1.ConnectResponse) bool {
	switch wordOf(event) {
	case "welcome", "ack", "pong", "ice_servers_changed", "draining":
		return false
	case "failure":
		return event.GetFailure().Code == beckonv1.FailureCode_FAILURE_CODE_UNDELIVERED
	default:
		return true
	}
}

// known returns an error if there are unknown fields anywhere in the event.
func known(event *beckonv1.ConnectResponse) error {
	return protorange.Range(event.ProtoReflect(), func(path protopath.Values) error {
		m, ok := path.Index(-1).Value.Interface().(protoreflect.Message)
		if ok && len(m.GetUnknown()) > 0 {
			return fmt.Errorf("%s has unknown fields: % x", path.Path, m.GetUnknown())
		}
		return nil
	})
}
