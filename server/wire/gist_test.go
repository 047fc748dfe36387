package wire

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// TestGist: what is read of an event without decoding it is what it says.
func TestGist(t *testing.T) {
	for i, c := range relayed {
		e := proto.CloneOf(c.event)
		e.Room = "lobby"
		want := Gist{Kind: Offer + Kind(i), CallID: []byte("1")} // There is one of each kind.
		switch {
		case e.GetAnswerMade() != nil:
			want.Provisional = e.GetAnswerMade().GetProvisional()
		case e.GetCandidateReceived() != nil:
			want.Candidates = len(e.GetCandidateReceived().GetCandidates())
		case e.GetCallRejected() != nil:
			want.Reason = int32(e.GetCallRejected().GetReason())
		case e.GetCallEnded() != nil:
			want.Reason = int32(e.GetCallEnded().GetReason())
		case e.GetDataReceived() != nil:
			want.CallID = nil
		}
		if diff := cmp.Diff(want, GistOf(AppendSeq(Event(e), 7))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", want.Kind, diff)
		}
		for n := range Event(e) { // Cut short anywhere.
			GistOf(Event(e)[:n])
		}
	}
	for _, other := range [][]byte{nil, {0xff}, Ack("lobby", 1, 2), Event(&beckonv1.ConnectResponse{Room: "lobby", Event: &beckonv1.ConnectResponse_UserLeft{}})} {
		if got := GistOf(other); got.Kind != None {
			t.Errorf("%x is of %s", other, got.Kind)
		}
	}
}
