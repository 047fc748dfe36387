package server_test

import (
	"context"
	"net"
	"sync"
	"sync/atomic"

	"strconv"

	"google.golang.org/grpc"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// bare is the least that can be called a relay on grpc-go: a map of streams, a channel and two goroutines for each, and
// nothing else. It is what the benchmarks hold Beckon against.
type bare struct {
	beckonv1.UnimplementedSignalServer
	last    atomic.Uint64
	streams sync.Map // From an id to a chan *beckonv1.ConnectResponse.
}

// Connect implements beckonv1.SignalServer.
func (b *bare) Connect(st grpc.BidiStreamingServer[beckonv1.ConnectRequest, beckonv1.ConnectResponse]) error {
	id := strconv.FormatUint(b.last.Add(1), 10)
	out := make(chan *beckonv1.ConnectResponse, 64)
	b.streams.Store(id, out)
	defer b.streams.Delete(id)
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
		default: // A join.
			out <- &beckonv1.ConnectResponse{Event: &beckonv1.ConnectResponse_Welcome{Welcome: &beckonv1.Welcome{UserId: id}}}
			out <- &beckonv1.ConnectResponse{Room: "lobby", Event: &beckonv1.ConnectResponse_JoinedUsers{JoinedUsers: &beckonv1.JoinedUsers{}}}
			continue
		}
		if peer, ok := b.streams.Load(to); ok {
			select {
			case peer.(chan *beckonv1.ConnectResponse) <- e:
			case <-st.Context().Done():
			}
		}
	}
}

// serveBare serves a bare relay on lis until ctx ends.
func serveBare(ctx context.Context, lis net.Listener) error {
	// The windows are Beckon's, so that what is measured is the relay.
	gs := grpc.NewServer(grpc.StaticStreamWindowSize(64<<10), grpc.StaticConnWindowSize(1<<20))
	beckonv1.RegisterSignalServer(gs, new(bare))
	context.AfterFunc(ctx, gs.Stop)
	return gs.Serve(lis)
}
