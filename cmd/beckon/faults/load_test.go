package faults

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	beckon "github.com/beckonrtc/beckon/clients/go"
	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// burst is how many messages a lane brings at once: a description, candidates, and data.
const burst = 6

// sdp is as large as that of a call with sound alone.
var sdp = "v=0\r\n" + strings.Repeat("a=rtpmap:111 opus/48000/2\r\n", 50)

// talk begins the load: each pair in the hall calls, and two of each other room speak to everybody there.
func (w *company) talk() {
	for room, members := range w.members {
		if room != hall {
			w.speak(lane{room, members[0], ""})
			w.speak(lane{room, members[1], ""})
			continue
		}
		for i := 0; i < len(members); i += 2 {
			w.speak(lane{room, members[i], members[i+1]})
			w.speak(lane{room, members[i+1], members[i]})
		}
	}
}

// speak sends a lane's messages until there is to be silence, and a last burst after that.
func (w *company) speak(l lane) {
	w.lanes = append(w.lanes, l)
	w.talking.Go(func() {
		<-time.After(rand.N(w.pace)) // So that at any time some lane has messages on their way.
		tick := time.NewTicker(w.pace)
		defer tick.Stop()
		for silent := false; ; {
			if !w.say(l) || silent {
				return
			}
			select {
			case <-tick.C:
			case <-w.silence:
				silent = true
			}
		}
	})
}

// say sends one burst, all of it before the outcome of the first is known, and waits for the outcome of the last: by then
// those before it have one, too. It returns false when the session has ended.
func (w *company) say(l lane) bool {
	session := w.people[l.from].session
	to := ""
	if l.to != "" {
		to = w.people[l.to].session.ID()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 4*patience) // Longer than any fault lasts.
	defer cancel()
	var numbers []int
	for i := range burst - 1 {
		n := w.sent.begin(l, posted)
		numbers = append(numbers, n)
		if err := session.Send(ctx, message(l, to, n, i)); err != nil {
			w.sent.conclude(l, n, fateOf(err), err)
		}
	}
	n := w.sent.begin(l, pending)
	err := session.Do(ctx, message(l, to, n, burst-1))
	w.sent.conclude(l, n, fateOf(err), err)
	if _, failed := errors.AsType[*beckon.Failure](err); err != nil && !failed {
		for _, n := range numbers { // Nobody will tell.
			w.sent.conclude(l, n, unknown, err)
		}
	}
	select {
	case <-session.Done():
		return false
	default:
		return true
	}
}

// message is the i-th of a burst, the n-th of its lane. Who is called is who comes later in the alphabet.
func message(l lane, to string, n, i int) *beckon.ConnectRequest {
	text := l.text(n)
	switch {
	case i == 0 && l.from < l.to || i == 0 && l.to == "":
		return &beckon.ConnectRequest{Message: &beckonv1.ConnectRequest_Offer{Offer: &beckon.Offer{
			To: to, Room: l.room, CallId: text, Sdp: sdp,
		}}}
	case i == 0:
		return &beckon.ConnectRequest{Message: &beckonv1.ConnectRequest_Answer{Answer: &beckon.Answer{
			To: to, Room: l.room, CallId: text, Sdp: sdp,
		}}}
	case i < burst-1:
		return &beckon.ConnectRequest{Message: &beckonv1.ConnectRequest_Candidate{Candidate: &beckon.Candidate{
			To: to, Room: l.room, CallId: text,
			Candidates: []*beckon.IceCandidate{{
				Candidate: "candidate:842163049 1 udp 1677729535 203.0.113.17 46154 typ srflx raddr 10.0.17.2 rport 46154",
				SdpMid:    proto.String("0"),
			}},
		}}}
	}
	return &beckon.ConnectRequest{Message: &beckonv1.ConnectRequest_Data{Data: &beckon.Data{
		To: to, Room: l.room, Type: "number", Payload: []byte(text),
	}}}
}

// awaitTalk waits until of every lane between people who are not gone so many more bursts have arrived.
func (w *company) awaitTalk(bursts int) {
	w.t.Helper()
	type hearing struct {
		lane lane
		by   *person
	}
	want := make(map[hearing]int)
	for _, l := range w.lanes {
		to := []string{l.to}
		if l.to == "" {
			to = w.members[l.room]
		}
		for _, name := range to {
			if name != l.from && !w.gone[name] && !w.gone[l.from] {
				by := w.people[name]
				want[hearing{l, by}] = by.heard(l) + bursts*burst
			}
		}
	}
	w.await("everybody is heard", func() []string {
		var missing []string
		for h, number := range want {
			if h.by.heard(h.lane) < number {
				missing = append(missing, h.lane.text(number)+" to "+h.by.name)
			}
		}
		return missing
	})
}
