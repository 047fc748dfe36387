package transcript

import beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"

// A lane is a set of events on a stream among which the protocol promises an order.
type lane struct {
	outcome bool
	room    string // Empty for outcomes.
}

// laneOf returns the lane of an event, given as its oneof member and its room.
func laneOf(word, room string) lane {
	switch word {
	case "ack", "failure", "pong":
		return lane{outcome: true}
	default:
		return lane{room: room}
	}
}

// laneOfEvent returns the lane of an event that came.
func laneOfEvent(event *beckonv1.ConnectResponse) lane {
	return laneOf(wordOf(event), event.Room)
}

// wordOf returns the name of the oneof member that is set; empty if none is.
func wordOf(event *beckonv1.ConnectResponse) string {
	m := event.ProtoReflect()
	if field := m.WhichOneof(m.Descriptor().Oneofs().ByName("event")); field != nil {
		return string(field.Name())
	}
	return ""
}
