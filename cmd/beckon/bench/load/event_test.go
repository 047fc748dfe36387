package load

import (
	"testing"

	"google.golang.org/protobuf/proto"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

func TestParse(t *testing.T) {
	list := &beckonv1.JoinedUsers{Epoch: "E", More: true, Users: []*beckonv1.User{{Id: "a", Name: "ana"}, {Id: "b"}}}
	for _, c := range []struct {
		about string
		event *beckonv1.ConnectResponse
		want  Event
		epoch string
	}{
		{"nothing", &beckonv1.ConnectResponse{}, Event{}, ""},
		{"an ack", &beckonv1.ConnectResponse{Room: "lobby", RequestId: 7, Event: &beckonv1.ConnectResponse_Ack{Ack: &beckonv1.Ack{Seq: 5}}},
			Event{Kind: Ack, RequestID: 7}, ""},
		{"a relay", &beckonv1.ConnectResponse{Room: "lobby", Seq: 300, Event: &beckonv1.ConnectResponse_CallMade{CallMade: &beckonv1.CallMade{Sdp: "v=0"}}},
			Event{Kind: CallMade, Seq: 300}, ""},
		{"the last that is relayed", &beckonv1.ConnectResponse{Event: &beckonv1.ConnectResponse_DataReceived{DataReceived: &beckonv1.DataReceived{}}},
			Event{Kind: DataReceived}, ""},
		{"a list that goes on", &beckonv1.ConnectResponse{Room: "lobby", Seq: 2, Event: &beckonv1.ConnectResponse_JoinedUsers{JoinedUsers: list}},
			Event{Kind: JoinedUsers, Seq: 2, Users: 2, More: true}, "E"},
		{"an event of later times", &beckonv1.ConnectResponse{Event: &beckonv1.ConnectResponse_Draining{Draining: &beckonv1.Draining{}}},
			Event{Kind: 19}, ""},
	} {
		encoded, err := proto.Marshal(c.event)
		if err != nil {
			t.Fatal(err)
		}
		got, err := parse(encoded)
		if err != nil {
			t.Errorf("%s: %v", c.about, err)
			continue
		}
		if got.Kind != c.want.Kind || got.Seq != c.want.Seq || got.RequestID != c.want.RequestID || got.Users != c.want.Users || got.More != c.want.More || string(got.epoch) != c.epoch {
			t.Errorf("%s: got %+v, want %+v, epoch %q", c.about, got, c.want, c.epoch)
		}
		if relayed := got.Kind >= CallMade && got.Kind <= DataReceived; got.Kind.relayed() != relayed {
			t.Errorf("%s: relayed is %t", c.about, got.Kind.relayed())
		}
		for cut := range encoded { // Some of them are messages by themselves; none may be read beyond its end.
			_, _ = parse(encoded[:cut:cut])
		}
	}
	for _, bad := range []string{"\x00", "\x0a\x05abc", "\x10\xff", "\x2a\x03\x0a\x05a"} {
		if e, err := parse([]byte(bad)); err == nil {
			t.Errorf("%q: got %+v, want an error", bad, e)
		}
	}
}

func TestTrailers(t *testing.T) {
	for block, want := range map[string]string{
		"content-type: application/grpc-web+proto\r\n":                  "",
		"grpc-status: 0\r\n":                                            "EOF",
		"Grpc-Status: 16\r\nGrpc-Message: there is no access token\r\n": "rpc error: code = Unauthenticated desc = there is no access token",
		"grpc-status: many\r\n":                                         `the trailer grpc-status is "many": expected a number`,
	} {
		got := ""
		if err := trailers([]byte(block)); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", block, got, want)
		}
	}
}
