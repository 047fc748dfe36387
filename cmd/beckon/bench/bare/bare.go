// Package bare is the least that can be called a relay on grpc-go: a map of streams, a channel and two goroutines for
// each, and nothing else: no rooms, no presence, no checks. It is what benchmarks hold Beckon against.
package bare

import (
	"context"
	"net"
	"strconv"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// Serve serves a bare relay on lis until ctx ends; it returns nil then. It closes lis.
func Serve(ctx context.Context, lis net.Listener) error {
	// The windows are Beckon's, so that what is measured is the relay.
	gs := grpc.NewServer(grpc.StaticStreamWindowSize(64<<10), grpc.StaticConnWindowSize(1<<20))
	beckonv1.RegisterSignalServer(gs, new(relay))
	context.AfterFunc(ctx, gs.Stop)
	return gs.Serve(lis)
}

type relay struct {
	beckonv1.UnimplementedSignalServer
	last    atomic.Uint64
	streams sync.Map // From an id to a chan *beckonv1.ConnectResponse.
}

// Connect implements beckonv1.SignalServer. All rooms are one; what is neither a join nor an offer, an answer or a
// candidate for one user is passed over.
func (r *relay) Connect(st grpc.BidiStreamingServer[beckonv1.ConnectRequest, beckonv1.ConnectResponse]) error {
	id := strconv.FormatUint(r.last.Add(1), 10)
	out := make(chan *beckonv1.ConnectResponse, 64)
	r.streams.Store(id, out)
	defer r.streams.Delete(id)
	go func() {
		for {
			select {
			case m := <-out:
				if st.Send(m) != nil {
					return
				}
			case <-st.Context().Done():
				return
			}
		}
	}()
	for {
		m, err := st.Recv()
		if err != nil {
			return nil
		}
		var to string
		e := &beckonv1.ConnectResponse{Room: "lobby"}
		sender := &beckonv1.Sender{Id: id}
		switch {
		case m.GetOffer() != nil:
			o := m.GetOffer()
			to, e.Event = o.GetTo(), &beckonv1.ConnectResponse_CallMade{CallMade: &beckonv1.CallMade{Sender: sender, CallId: o.GetCallId(), Sdp: o.GetSdp()}}
		case m.GetAnswer() != nil:
			a := m.GetAnswer()
			to, e.Event = a.GetTo(), &beckonv1.ConnectResponse_AnswerMade{AnswerMade: &beckonv1.AnswerMade{Sender: sender, CallId: a.GetCallId(), Sdp: a.GetSdp()}}
		case m.GetCandidate() != nil:
			c := m.GetCandidate()
			to, e.Event = c.GetTo(), &beckonv1.ConnectResponse_CandidateReceived{CandidateReceived: &beckonv1.CandidateReceived{Sender: sender, CallId: c.GetCallId(), Candidates: c.GetCandidates()}}
		case m.GetJoin() != nil:
			out <- &beckonv1.ConnectResponse{Event: &beckonv1.ConnectResponse_Welcome{Welcome: &beckonv1.Welcome{UserId: id}}}
			out <- &beckonv1.ConnectResponse{Room: "lobby", Event: &beckonv1.ConnectResponse_JoinedUsers{JoinedUsers: &beckonv1.JoinedUsers{}}}
			continue
		default:
			continue
		}
		if peer, ok := r.streams.Load(to); ok {
			select {
			case peer.(chan *beckonv1.ConnectResponse) <- e:
			case <-st.Context().Done():
			}
		}
	}
}
