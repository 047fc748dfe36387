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

// A deaf tracer does nothing with what it is told. It watches all calls, or none.
type deaf struct{ watches bool }

func (deaf) Session(context.Context, SessionEvent) {}
func (deaf) Call(CallEvent)                        {}
func (d deaf) Watches(string, string) bool         { return d.watches }

// BenchmarkTracer is what it costs on the way of a candidate that there is a tracer, which watches the call or does not, or none.
func BenchmarkTracer(b *testing.B) {
	for name, tracer := range map[string]Tracer{"none": nil, "unwatched": deaf{false}, "watched": deaf{true}} {
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
