package hub

import (
	"context"
	"testing"

	"google.golang.org/protobuf/proto"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/wire"
)

// TestNoTracer: without a tracer, what is done for one on the way of a message allocates nothing.
func TestNoTracer(t *testing.T) {
	s := newSession(startHub(t, Config{}), "ana", nil)
	event := wire.Event(&beckonv1.ConnectResponse{Room: "lobby", Event: &beckonv1.ConnectResponse_AnswerMade{AnswerMade: &beckonv1.AnswerMade{CallId: "1"}}})
	r, rec := newRoom("lobby", ""), &roomlog.Record{Kind: roomlog.Message, Room: "lobby", From: "bob", To: "ana", Data: event}
	req := &wire.Request{Kind: wire.Offer, Relay: wire.Relay{Kind: wire.Offer, To: []byte("bob"), CallID: []byte("1"), SDP: []byte("x")}}
	ctx := context.Background()
	if n := testing.AllocsPerRun(100, func() {
		s.traceOffer(&req.Relay, "lobby", 1)
		s.traceSettled(req, "lobby", 1, nil)
		s.hub.traceRecord(rec, r)
		s.hub.traceCameBack("ana", rec)
		s.traceSession(ctx, SessionEvent{What: SessionLost})
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

// TestRelayedKind: the kind of a message can be told from the event that is made of it.
func TestRelayedKind(t *testing.T) {
	for kind := wire.Offer; kind <= wire.Data; kind++ {
		if got := relayedKind((&wire.Relay{Kind: kind}).Event("lobby", wire.Sender("ana", "Ana"))); got != kind {
			t.Errorf("the event of %s is of %s", kind, got)
		}
	}
	for _, other := range [][]byte{nil, {0xff}, wire.Ack("lobby", 1, 2), wire.Event(&beckonv1.ConnectResponse{Room: "lobby", Event: &beckonv1.ConnectResponse_UserLeft{}})} {
		if got := relayedKind(other); got != wire.None {
			t.Errorf("%x is of %s", other, got)
		}
	}
}

// nobody is a tracer that does nothing with what it is told.
type nobody struct{}

func (nobody) Session(context.Context, SessionEvent) {}
func (nobody) Call(CallEvent)                        {}

// BenchmarkTracer is what it costs on the way of a candidate that there is a tracer, or none.
func BenchmarkTracer(b *testing.B) {
	for name, tracer := range map[string]Tracer{"none": nil, "told": nobody{}} {
		b.Run(name, func(b *testing.B) {
			h := startHub(b, Config{Tracer: tracer})
			ana, bob := enterSink(b, h, none), enterSink(b, h, none)
			raw, err := proto.Marshal(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Candidate{Candidate: &beckonv1.Candidate{
				To: bob.ID(), Room: "lobby", CallId: "1", Candidates: []*beckonv1.IceCandidate{{Candidate: "candidate:1 1 udp 1 203.0.113.17 46154 typ host"}},
			}}})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := ana.Handle(b.Context(), raw); err != nil {
					b.Fatal(err)
				}
			}
			<-bob.Written()
		})
	}
}
