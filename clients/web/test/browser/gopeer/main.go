// Command gopeer is a native peer for the tests in a browser. It enters a room, calls whoever is there and says hello on
// a data channel, or is called and answers what is said to it in capitals. Once a call is connected it prints its
// security code. It ends when a call has.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"

	beckon "github.com/beckonrtc/beckon/clients/go"
)

func main() {
	log.SetFlags(0)
	server := flag.String("server", "", "the server's gRPC port, as host:port")
	room := flag.String("room", "lobby", "the room to enter")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx, *server, *room); err != nil {
		log.Fatal(err)
	}
}

// peer is in at most one call.
type peer struct {
	session *beckon.Session
	conn    *webrtc.PeerConnection
	room    string
}

func run(ctx context.Context, server, room string) error {
	session, err := beckon.Dial(ctx, server, beckon.WithPlaintext())
	if err != nil {
		return err
	}
	defer session.Close()
	conn, err := newConnection()
	if err != nil {
		return err
	}
	defer conn.Close()
	name := "gopher"
	if err := session.Join(ctx, &beckon.Join{Room: room, Name: &name, Presence: beckon.PresenceDelta}); err != nil {
		return err
	}
	fmt.Println("joined")
	conn.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected {
			printCode(conn)
		}
	})
	return (&peer{session, conn, room}).talk(ctx)
}

// newConnection returns a connection that stays on this machine.
func newConnection() (*webrtc.PeerConnection, error) {
	var engine webrtc.SettingEngine
	engine.SetIncludeLoopbackCandidate(true)
	engine.SetInterfaceFilter(func(name string) bool { return name == "lo" })
	engine.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	return webrtc.NewAPI(webrtc.WithSettingEngine(engine)).NewPeerConnection(webrtc.Configuration{})
}

// printCode prints what people compare to know that nobody sits between them.
func printCode(conn *webrtc.PeerConnection) {
	code, err := beckon.VerificationCode(conn.CurrentLocalDescription().SDP, conn.CurrentRemoteDescription().SDP)
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println("code", code)
}

func (p *peer) talk(ctx context.Context) error {
	for event, err := range p.session.Events(ctx) {
		switch e := event.(type) {
		case *beckon.JoinedUsers:
			for _, user := range e.Users {
				if user.Id != p.session.ID() {
					err = p.call(ctx, user.Id)
				}
			}
		case *beckon.CallMade:
			err = p.answer(ctx, e)
		case *beckon.AnswerMade:
			err = p.conn.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: e.Sdp})
		case *beckon.CandidateReceived:
			err = p.add(e.Candidates)
		case *beckon.CallRejected:
			return fmt.Errorf("rejected: %v %s", e.Reason, e.Detail)
		case *beckon.CallEnded:
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// call calls a user and says hello.
func (p *peer) call(ctx context.Context, user string) error {
	channel, err := p.conn.CreateDataChannel("talk", nil)
	if err != nil {
		return err
	}
	channel.OnOpen(func() {
		if err := channel.SendText("hello from Go"); err != nil {
			log.Print(err)
		}
	})
	const id = "native"
	p.trickle(ctx, user, id)
	offer, err := p.conn.CreateOffer(nil)
	if err != nil {
		return err
	}
	err = p.session.Offer(ctx, &beckon.Offer{To: user, Room: p.room, CallId: id, Sdp: offer.SDP})
	if err != nil {
		return err
	}
	return p.conn.SetLocalDescription(offer)
}

// answer takes a call, or a renegotiation of it.
func (p *peer) answer(ctx context.Context, call *beckon.CallMade) error {
	p.conn.OnDataChannel(func(channel *webrtc.DataChannel) {
		channel.OnMessage(func(message webrtc.DataChannelMessage) {
			if err := channel.SendText(strings.ToUpper(string(message.Data))); err != nil {
				log.Print(err)
			}
		})
	})
	p.trickle(ctx, call.Sender.Id, call.CallId)
	err := p.conn.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: call.Sdp})
	if err != nil {
		return err
	}
	answer, err := p.conn.CreateAnswer(nil)
	if err != nil {
		return err
	}
	err = p.session.Answer(ctx, &beckon.Answer{To: call.Sender.Id, Room: p.room, CallId: call.CallId, Sdp: answer.SDP})
	if err != nil {
		return err
	}
	return p.conn.SetLocalDescription(answer)
}

// trickle sends each candidate as it is found.
func (p *peer) trickle(ctx context.Context, to, callID string) {
	p.conn.OnICECandidate(func(candidate *webrtc.ICECandidate) {
		if candidate == nil {
			return
		}
		found := candidate.ToJSON()
		init := &beckon.IceCandidate{
			Candidate: found.Candidate, SdpMid: found.SDPMid, UsernameFragment: found.UsernameFragment,
		}
		if found.SDPMLineIndex != nil {
			init.SdpMLineIndex = new(uint32(*found.SDPMLineIndex))
		}
		err := p.session.Candidate(ctx, &beckon.Candidate{
			To: to, Room: p.room, CallId: callID, Candidates: []*beckon.IceCandidate{init},
		})
		if err != nil {
			log.Print(err)
		}
	})
}

// add gives the connection the other side's candidates, but for the one that says there are no more.
func (p *peer) add(candidates []*beckon.IceCandidate) error {
	var errs []error
	for _, c := range candidates {
		if c.Candidate == "" {
			continue
		}
		init := webrtc.ICECandidateInit{Candidate: c.Candidate, SDPMid: c.SdpMid, UsernameFragment: c.UsernameFragment}
		if c.SdpMLineIndex != nil {
			init.SDPMLineIndex = new(uint16(*c.SdpMLineIndex))
		}
		errs = append(errs, p.conn.AddICECandidate(init))
	}
	return errors.Join(errs...)
}
