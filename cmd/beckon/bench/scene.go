package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/beckonrtc/beckon/cmd/beckon/bench/load"
	"github.com/beckonrtc/beckon/cmd/beckon/bench/pace"
	"github.com/beckonrtc/beckon/cmd/beckon/bench/process"
	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// A scene is an open crowd that does something again and again: calls, or broadcasts. It can be measured several times.
type scene struct {
	config  Config
	crowd   *load.Crowd
	workers []pace.Worker
	// How many a message of a session's goes to.
	audience func(s *load.Session) int
}

// open opens the sessions of a load.
func open(ctx context.Context, c Config) (*scene, error) {
	switch c.Work {
	case "broadcast":
		return openBroadcast(ctx, c)
	case "relay":
		return openRelay(ctx, c)
	}
	return openCalls(ctx, c)
}

func (s *scene) close() { closeCrowd(context.Background(), s.crowd) }

// enter opens the sessions, each in its room.
func (s *scene) enter() error {
	return s.crowd.Each("open sessions", s.crowd.Sessions, func(ctx context.Context, one *load.Session) error { return one.OpenIn(ctx, s.config.Presence) })
}

// A task is done when so many messages have come as it was begun with.
type task struct {
	left atomic.Int64
	done chan struct{} // Holds one. Never closed.
}

func newTask() *task { return &task{done: make(chan struct{}, 1)} }

// arrived counts a message. It returns false if none is missing.
func (t *task) arrived() bool {
	left := t.left.Add(-1)
	if left == 0 {
		t.done <- struct{}{}
	}
	return left >= 0
}

// do begins the task with the number of messages that are to come, and waits for the last.
func (t *task) do(ctx context.Context, messages int, begin func() error) error {
	t.left.Store(int64(messages))
	if err := begin(); err != nil {
		return err
	}
	select {
	case <-t.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// What a call set-up is made of: an offer, an answer, and candidates from each side, one a message.
const (
	sdpBytes       = 2200
	candidateBytes = 130
	candidates     = 8
	relaysPerCall  = 2 + 2*candidates
)

// A pair calls again and again; the first session is always the caller.
type pair struct {
	*task
	offer, offered   []byte // Of the caller: the offer, and a candidate.
	answer, answered []byte // Of the callee likewise.
}

// openCalls opens pairs of sessions, each in a room of its own.
func openCalls(ctx context.Context, c Config) (*scene, error) {
	pairs := make([]*pair, c.Pairs)
	for i := range pairs {
		pairs[i] = &pair{task: newTask()}
	}
	s := &scene{config: c, audience: func(*load.Session) int { return 1 }}
	var crowd *load.Crowd
	crowd = c.crowd(ctx, func(i int) string { return fmt.Sprintf("pair-%05d", i/2) }, func(one *load.Session, e load.Event) {
		p := pairs[one.Number/2]
		switch e.Kind {
		case load.CallMade:
			if err := relayAll(one, p.answer, p.answered); err != nil {
				crowd.Fail(err)
			}
		case load.AnswerMade, load.CandidateCame:
		default:
			return
		}
		if !p.arrived() {
			crowd.Fail(errTwice)
		}
	})
	s.crowd = crowd
	if err := s.enter(); err != nil {
		s.close()
		return nil, err
	}
	sdp := text("a=rtpmap:111 opus/48000\r\n", sdpBytes)
	for i, p := range pairs {
		caller, callee := crowd.Sessions[2*i], crowd.Sessions[2*i+1]
		p.offer = load.Frame(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Offer{Offer: &beckonv1.Offer{To: callee.ID, Room: caller.Room(), CallId: callID, Sdp: sdp}}})
		p.offered = candidateFrom(caller, callee)
		p.answer = load.Frame(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Answer{Answer: &beckonv1.Answer{To: caller.ID, Room: callee.Room(), CallId: callID, Sdp: sdp}}})
		p.answered = candidateFrom(callee, caller)
		s.workers = append(s.workers, func(ctx context.Context) error {
			return p.do(ctx, relaysPerCall, func() error { return relayAll(caller, p.offer, p.offered) })
		})
	}
	return s, nil
}

// callID is that of every call: they are told apart by who calls.
const callID = "0d2a1e7c-51a4-4b1e-9a53-6f1f3c1c2a77"

// candidateFrom returns a candidate from one session to another.
func candidateFrom(from, to *load.Session) []byte {
	return load.Frame(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Candidate{Candidate: &beckonv1.Candidate{
		To: to.ID, Room: from.Room(), CallId: callID, Candidates: []*beckonv1.IceCandidate{{
			Candidate: text("candidate:842163049 1 udp 1677729535 203.0.113.17 46154 typ srflx raddr 10.0.17.2 rport 46154 generation 0 ufrag EEtu network-id 3 network-cost 10 ", candidateBytes),
			SdpMid:    proto.String("0"),
		}},
	}}})
}

// openRelay opens pairs of sessions, each in a room of its own, of which the first sends candidates to the second, one at a time.
func openRelay(ctx context.Context, c Config) (*scene, error) {
	tasks := make([]*task, c.Pairs)
	for i := range tasks {
		tasks[i] = newTask()
	}
	s := &scene{config: c, audience: func(*load.Session) int { return 1 }}
	var crowd *load.Crowd
	crowd = c.crowd(ctx, func(i int) string { return fmt.Sprintf("pair-%05d", i/2) }, func(one *load.Session, e load.Event) {
		if e.Kind == load.CandidateCame && !tasks[one.Number/2].arrived() {
			crowd.Fail(errTwice)
		}
	})
	s.crowd = crowd
	if err := s.enter(); err != nil {
		s.close()
		return nil, err
	}
	for i, t := range tasks {
		from := crowd.Sessions[2*i]
		frame := candidateFrom(from, crowd.Sessions[2*i+1])
		s.workers = append(s.workers, func(ctx context.Context) error {
			return t.do(ctx, 1, func() error { return from.Relay(frame) })
		})
	}
	return s, nil
}

// relayAll sends one side's part of a call.
func relayAll(s *load.Session, description, candidate []byte) error {
	if err := s.Relay(description); err != nil {
		return err
	}
	for range candidates {
		if err := s.Relay(candidate); err != nil {
			return err
		}
	}
	return nil
}

// text returns n bytes of text, which may be repeated.
func text(of string, n int) string { return strings.Repeat(of, n/len(of)+1)[:n] }

// payloadBytes is what a broadcast carries.
const payloadBytes = 200

// openBroadcast opens rooms in each of which the first session speaks to all others.
func openBroadcast(ctx context.Context, c Config) (*scene, error) {
	rooms := (c.Sessions + c.RoomSize - 1) / c.RoomSize
	tasks := make([]*task, rooms)
	for i := range tasks {
		tasks[i] = newTask()
	}
	listeners := func(room int) int { return min(c.RoomSize, c.Sessions-room*c.RoomSize) - 1 }
	s := &scene{config: c, audience: func(one *load.Session) int { return listeners(one.Number / c.RoomSize) }}
	var crowd *load.Crowd
	crowd = c.crowd(ctx, c.inRoom, func(one *load.Session, e load.Event) {
		if e.Kind == load.DataReceived && !tasks[one.Number/c.RoomSize].arrived() {
			crowd.Fail(errTwice)
		}
	})
	s.crowd = crowd
	if err := s.enter(); err != nil {
		s.close()
		return nil, err
	}
	for i, t := range tasks {
		speaker := crowd.Sessions[i*c.RoomSize]
		if listeners(i) == 0 { // Alone in the last room.
			continue
		}
		frame := load.Frame(broadcast(speaker.Room(), payloadBytes))
		s.workers = append(s.workers, func(ctx context.Context) error {
			return t.do(ctx, listeners(i), func() error { return speaker.Relay(frame) })
		})
	}
	return s, nil
}

// broadcast returns a message for all others in a room.
func broadcast(room string, size int) *beckonv1.ConnectRequest {
	return &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Data{Data: &beckonv1.Data{
		Room: room, Type: "text/plain", Payload: []byte(text("The quick brown fox jumps over the lazy dog. ", size)),
	}}}
}

// measure has the scene do its work at a rate, 0: as fast as it can.
func (s *scene) measure(rate float64) (Result, error) {
	s.config.Rate = rate
	r := s.config.result()
	var (
		before, after       []process.Usage
		spent, brokers      time.Duration // Of the brokers.
		delivered, arrived  uint64
		beginErr, usageErr  error
		stopTicking, ticked = s.tick()
	)
	owedBefore, cameBefore := s.counts()
	tally, err := pace.Drive(s.crowd.Context(), pace.Plan{
		Rate:     rate,
		WarmUp:   s.config.WarmUp,
		Duration: s.config.Duration,
		Begin: func() {
			var err error
			before, beginErr = s.config.usageOfEach()
			spent, err = s.config.usageOfBrokers()
			beginErr = errors.Join(beginErr, err)
			_, delivered = s.counts()
		},
		End: func() {
			var err error
			after, usageErr = s.config.usageOfEach()
			brokers, err = s.config.usageOfBrokers()
			usageErr = errors.Join(usageErr, err)
			_, arrived = s.counts()
		},
	}, s.workers)
	stopTicking()
	ticked.Wait()

	owed, came := s.counts()
	r.Sent, r.Delivered = owed-owedBefore, came-cameBefore
	latency := tally.Latency.Summary()
	r.Latency = &latency
	r.Seconds, r.Done, r.Missed = tally.Elapsed.Seconds(), tally.Done, tally.Missed
	r.DonePerSecond = perSecond(r.Done, r.Seconds)
	r.Relays = arrived - delivered
	r.RelaysPerSecond = perSecond(r.Relays, r.Seconds)
	if len(before) == len(after) {
		var cpu time.Duration
		for i := range after {
			one := after[i].CPU - before[i].CPU
			cpu += one
			r.RSS += after[i].RSS
			if len(after) > 1 {
				r.CPUPerRelayOfEach = append(r.CPUPerRelayOfEach, each(one, r.Relays))
			}
		}
		r.CPUPercent = 100 * perSecond(uint64(cpu.Microseconds()), r.Seconds) / 1e6
		r.CPUPerRelay, r.CPUPerDone = each(cpu, r.Relays), each(cpu, r.Done)
	}
	r.CPUPerRelayOfBroker = each(brokers-spent, r.Relays)
	if err = errors.Join(err, beginErr, usageErr); err == nil && r.Sent != r.Delivered {
		err = errLost(r.Sent, r.Delivered)
	}
	return r, err
}

// counts returns how many messages were sent, one to several counted for each, and how many have come.
func (s *scene) counts() (sent, came uint64) {
	for _, one := range s.crowd.Sessions {
		sent += one.Sent() * uint64(s.audience(one))
		came += one.Received()
	}
	return sent, came
}

// tick tells how far a measurement has come, until stop is called.
func (s *scene) tick() (stop func(), ticked *sync.WaitGroup) {
	all := s.config.WarmUp + s.config.Duration
	start := time.Now()
	ctx, stop := context.WithCancel(s.crowd.Context())
	ticked = new(sync.WaitGroup)
	if s.config.Progress == nil {
		return stop, ticked
	}
	stage := s.config.Work
	if s.config.Rate > 0 {
		stage += fmt.Sprintf(" at %.0f/s", s.config.Rate)
	}
	ticked.Go(func() {
		ticker := time.NewTicker(200 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				s.config.Progress(stage, int(min(time.Since(start), all).Milliseconds()), int(all.Milliseconds()))
			case <-ctx.Done():
				return
			}
		}
	})
	return stop, ticked
}
