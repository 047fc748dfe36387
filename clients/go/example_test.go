package beckon_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	beckon "github.com/beckonrtc/beckon/clients/go"
)

// Two peers that know a server and the name of a room, and nothing of each other, talk over a data channel.
func Example() {
	address := startServer()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	var group sync.WaitGroup
	for _, name := range []string{"ana", "ben"} {
		peer, err := enter(ctx, address, "lobby", name)
		if err != nil {
			log.Fatal(err)
		}
		group.Go(func() {
			if err := peer.talk(ctx); err != nil {
				log.Fatal(err)
			}
		})
	}
	group.Wait()
	// Output:
	// ben calls ana
	// ana hears: Hello, ana!
	// ben hears: Hello, ben!
	// ana hears: the call has ended
}

// talker is a peer that is in at most one call.
type talker struct {
	name    string
	room    string
	session *beckon.Session
	conn    *webrtc.PeerConnection
}

func enter(ctx context.Context, address, room, name string) (*talker, error) {
	session, err := beckon.Dial(ctx, address, beckon.WithPlaintext()) // Without the option: TLS.
	if err != nil {
		return nil, err
	}
	// webrtc.NewPeerConnection with the ICE servers of session.Welcome, if this need not stay on one machine.
	conn, err := loopback().NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	// Whoever enters is told once who is there, and of those who come and go.
	join := &beckon.Join{Room: room, Name: &name, Presence: beckon.PresenceDelta}
	return &talker{name, room, session, conn}, session.Join(ctx, join)
}

// talk calls whoever is in the room already, or waits to be called, and returns when the call has ended.
func (t *talker) talk(ctx context.Context) error {
	defer t.conn.Close()
	defer t.session.Close()
	for event, err := range t.session.Events(ctx) {
		switch e := event.(type) {
		case *beckon.JoinedUsers:
			for _, user := range e.Users {
				if user.Id != t.session.ID() {
					err = t.call(ctx, user)
				}
			}
		case *beckon.CallMade:
			err = t.accept(ctx, e)
		case *beckon.AnswerMade:
			err = t.conn.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: e.Sdp})
		case *beckon.CandidateReceived:
			for _, candidate := range e.Candidates {
				err = errors.Join(err, t.conn.AddICECandidate(fromBeckon(candidate)))
			}
		case *beckon.CallEnded:
			fmt.Println(t.name, "hears: the call has ended")
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// call opens a data channel to a user. What the user says on it first ends the call.
func (t *talker) call(ctx context.Context, user *beckon.User) error {
	fmt.Println(t.name, "calls", user.Name)
	const callID = "1" // Any that this user and the other do not use already.
	channel, err := t.conn.CreateDataChannel("talk", nil)
	if err != nil {
		return err
	}
	channel.OnOpen(func() {
		if err := channel.SendText("Hello, " + user.Name + "!"); err != nil {
			log.Print(err)
		}
	})
	channel.OnMessage(func(message webrtc.DataChannelMessage) {
		fmt.Printf("%s hears: %s\n", t.name, message.Data)
		if err := t.session.Hangup(ctx, &beckon.Hangup{To: user.Id, Room: t.room, CallId: callID}); err != nil {
			log.Print(err)
		}
		t.session.Close()
	})

	t.trickle(ctx, user.Id, callID)
	offer, err := t.conn.CreateOffer(nil)
	if err != nil {
		return err
	}
	err = t.session.Offer(ctx, &beckon.Offer{To: user.Id, Room: t.room, CallId: callID, Sdp: offer.SDP})
	if err != nil {
		return err
	}
	// This begins to find candidates, which will follow the offer.
	return t.conn.SetLocalDescription(offer)
}

// accept takes a call, and says hello to who says it.
func (t *talker) accept(ctx context.Context, call *beckon.CallMade) error {
	t.conn.OnDataChannel(func(channel *webrtc.DataChannel) {
		channel.OnMessage(func(message webrtc.DataChannelMessage) {
			fmt.Printf("%s hears: %s\n", t.name, message.Data)
			if err := channel.SendText("Hello, " + call.Sender.Name + "!"); err != nil {
				log.Print(err)
			}
		})
	})

	t.trickle(ctx, call.Sender.Id, call.CallId)
	err := t.conn.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: call.Sdp})
	if err != nil {
		return err
	}
	answer, err := t.conn.CreateAnswer(nil)
	if err != nil {
		return err
	}
	err = t.session.Answer(ctx, &beckon.Answer{To: call.Sender.Id, Room: t.room, CallId: call.CallId, Sdp: answer.SDP})
	if err != nil {
		return err
	}
	return t.conn.SetLocalDescription(answer)
}

// trickle sends each candidate as it is found.
func (t *talker) trickle(ctx context.Context, to, callID string) {
	t.conn.OnICECandidate(func(candidate *webrtc.ICECandidate) {
		if candidate == nil {
			return // That was the last.
		}
		err := t.session.Candidate(ctx, &beckon.Candidate{
			To:         to,
			Room:       t.room,
			CallId:     callID,
			Candidates: []*beckon.IceCandidate{toBeckon(candidate.ToJSON())},
		})
		if err != nil {
			log.Print(err)
		}
	})
}

func toBeckon(c webrtc.ICECandidateInit) *beckon.IceCandidate {
	candidate := &beckon.IceCandidate{Candidate: c.Candidate, SdpMid: c.SDPMid, UsernameFragment: c.UsernameFragment}
	if c.SDPMLineIndex != nil {
		candidate.SdpMLineIndex = new(uint32(*c.SDPMLineIndex))
	}
	return candidate
}

func fromBeckon(c *beckon.IceCandidate) webrtc.ICECandidateInit {
	candidate := webrtc.ICECandidateInit{Candidate: c.Candidate, SDPMid: c.SdpMid, UsernameFragment: c.UsernameFragment}
	if c.SdpMLineIndex != nil {
		candidate.SDPMLineIndex = new(uint16(*c.SdpMLineIndex))
	}
	return candidate
}
