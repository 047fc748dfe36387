package server_test

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"
	"github.com/pion/webrtc/v4"
	"google.golang.org/grpc/codes"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server"
	"github.com/beckonrtc/beckon/server/auth"
	"github.com/beckonrtc/beckon/server/transcript"
)

// TestRelay: with the server's own TURN server, and what `welcome` says of it, two peers that can reach nothing else reach
// each other; in a room that shows relay candidates alone nothing else passes.
func TestRelay(t *testing.T) {
	s := start(t, server.Config{
		TURNAddr: "127.0.0.1:0", TURNAllowPrivate: true, // There is nothing but loopback here.
		ICEServers: []string{"stun:stun.example.org"}, RelayOnly: []string{"private-*"},
	}, listen(t))
	ana := call(t, transcript.Stubs(s.dial()), "private-1", none)
	bob := call(t, transcript.Stubs(s.dial()), "private-1", none)
	caller, callee := relayed(t, ana.welcome), relayed(t, bob.welcome)
	opened := make(chan *webrtc.DataChannel, 2)
	channel, err := caller.CreateDataChannel("chat", nil)
	if err != nil {
		t.Fatal(err)
	}
	channel.OnOpen(func() { opened <- channel })
	heard := make(chan string, 1)
	callee.OnDataChannel(func(c *webrtc.DataChannel) {
		c.OnMessage(func(m webrtc.DataChannelMessage) { heard <- string(m.Data) })
	})

	offered := described(t, caller, webrtc.SDPTypeOffer)
	ana.send(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Offer{Offer: &beckonv1.Offer{To: bob.welcome.GetUserId(), CallId: "c", Sdp: offered + hostCandidate}}})
	got := bob.next().GetCallMade().GetSdp()
	if strings.Contains(got, "typ host") || !strings.Contains(got, "typ relay") {
		t.Errorf("the offer passed as %s", got)
	}
	if err := callee.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: got}); err != nil {
		t.Fatal(err)
	}
	answered := described(t, callee, webrtc.SDPTypeAnswer)
	bob.send(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Answer{Answer: &beckonv1.Answer{To: ana.welcome.GetUserId(), CallId: "c", Sdp: answered}}})
	if err := caller.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: ana.next().GetAnswerMade().GetSdp()}); err != nil {
		t.Fatal(err)
	}

	patience := time.After(20 * time.Second)
	select {
	case c := <-opened:
		if err := c.SendText("hello"); err != nil {
			t.Fatal(err)
		}
	case <-patience:
		t.Fatal("the peers did not reach each other")
	}
	select {
	case text := <-heard:
		if text != "hello" {
			t.Errorf("bob heard %q", text)
		}
	case <-patience:
		t.Fatal("nothing was heard")
	}

	// Of trickled candidates, too, only those of the relay pass; nothing need be sent of the others.
	trickle := func(id uint64, candidates ...string) {
		m := &beckonv1.Candidate{To: bob.welcome.GetUserId(), CallId: "c"}
		for _, c := range candidates {
			m.Candidates = append(m.Candidates, &beckonv1.IceCandidate{Candidate: c})
		}
		ana.send(&beckonv1.ConnectRequest{RequestId: id, Message: &beckonv1.ConnectRequest_Candidate{Candidate: m}})
	}
	const host, relay = "candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host", "candidate:2 1 udp 16777215 203.0.113.5 6000 typ relay raddr 192.0.2.1 rport 5000"
	trickle(1, host)
	if e := ana.next(); e.GetAck() == nil || e.GetAck().GetSeq() != 0 {
		t.Errorf("a host candidate alone came to %v", e)
	}
	trickle(2, host, relay, "")
	if e := ana.next(); e.GetAck().GetSeq() == 0 {
		t.Errorf("candidates of which one may pass came to %v", e)
	}
	passed := bob.next().GetCandidateReceived().GetCandidates()
	if len(passed) != 2 || strings.Contains(passed[0].GetCandidate(), "192.0.2.1") || !strings.Contains(passed[0].GetCandidate(), "203.0.113.5") || passed[1].GetCandidate() != "" {
		t.Errorf("passed: %v", passed)
	}
	trickle(3, "garbage")
	if f := ana.next().GetFailure(); f.GetCode() != beckonv1.FailureCode_FAILURE_CODE_INVALID || f.GetField() != "candidates" {
		t.Errorf("garbage came to %v", f)
	}
}

// hostCandidate is a line that a peer in a private room should not have sent.
const hostCandidate = "a=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host\r\n"

// relayed returns a peer that reaches others through the servers of a welcome alone.
func relayed(t *testing.T, w *beckonv1.Welcome) *webrtc.PeerConnection {
	t.Helper()
	var servers []webrtc.ICEServer
	for _, s := range w.GetIceServers() {
		var urls []string
		for _, url := range s.GetUrls() {
			if strings.HasPrefix(url, "turn") { // No other server is to be asked for anything.
				urls = append(urls, url)
			}
		}
		if len(urls) > 0 {
			servers = append(servers, webrtc.ICEServer{URLs: urls, Username: s.GetUsername(), Credential: s.GetCredential()})
		}
	}
	if len(servers) != 1 || len(w.GetIceServers()) != 2 {
		t.Fatalf("welcome tells of %v", w.GetIceServers())
	}
	var settings webrtc.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetInterfaceFilter(func(name string) bool { return name == "lo" || name == "lo0" })
	peer, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{
		ICEServers: servers, ICETransportPolicy: webrtc.ICETransportPolicyRelay,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { peer.Close() })
	return peer
}

// described returns a peer's description, with all of its candidates.
func described(t *testing.T, peer *webrtc.PeerConnection, kind webrtc.SDPType) string {
	t.Helper()
	gathered := webrtc.GatheringCompletePromise(peer)
	var d webrtc.SessionDescription
	var err error
	if kind == webrtc.SDPTypeOffer {
		d, err = peer.CreateOffer(nil)
	} else {
		d, err = peer.CreateAnswer(nil)
	}
	if err == nil {
		err = peer.SetLocalDescription(d)
	}
	if err != nil {
		t.Fatal(err)
	}
	<-gathered
	return peer.LocalDescription().SDP
}

// TestRelayRevoked: whoever is revoked has nothing left at the relay, and gets nothing there with the credential that it has.
func TestRelayRevoked(t *testing.T) {
	mint, revoked := newMint(t, "k"), fileOf(t, "")
	s := start(t, server.Config{TURNAddr: "127.0.0.1:0", TURNAllowPrivate: true, TokenKeyFile: mint.file, RevocationsFile: revoked}, listen(t))
	login := func(name string) (*phone, *turn.Client) {
		c := call(t, bearing(transcript.Stubs(s.dial()), mint.token(time.Hour, auth.Grant{Identity: name})), "lobby", none)
		server := c.welcome.GetIceServers()[0]
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		quiet := logging.NewDefaultLoggerFactory()
		quiet.Writer = io.Discard
		host, _, _ := strings.Cut(strings.TrimPrefix(server.GetUrls()[0], "turn:"), "?")
		relayed, err := turn.NewClient(&turn.ClientConfig{TURNServerAddr: host, Username: server.GetUsername(), Password: server.GetCredential(), Conn: conn, LoggerFactory: quiet})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(relayed.Close)
		if err := relayed.Listen(); err != nil {
			t.Fatal(err)
		}
		return c, relayed
	}
	ana, anas := login("ana")
	_, bobs := login("bob")
	at, err := anas.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	bob, err := bobs.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	hear := make(chan string, 1)
	go func() {
		b := make([]byte, 1500)
		n, _, _ := bob.ReadFrom(b)
		hear <- string(b[:n])
	}()
	if err := anas.CreatePermission(bob.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	if err := bobs.CreatePermission(at.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	again := time.NewTicker(100 * time.Millisecond) // A datagram may be lost.
	defer again.Stop()
	for got := ""; got == ""; {
		if _, err := at.WriteTo([]byte("hello"), bob.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		select {
		case got = <-hear:
			if got != "hello" {
				t.Fatalf("bob heard %q", got)
			}
		case <-again.C:
		}
	}

	replace(t, revoked, "sub:ana\n")
	for {
		if _, err := ana.recv(); err != nil {
			if code, reason := statusOf(err); code != codes.PermissionDenied || reason != "KICKED" {
				t.Errorf("ana's stream ended with %s %s", code, reason)
			}
			break
		}
	}
	// The port that the allocation had is closed: another can have it.
	for deadline := time.Now().Add(5 * time.Second); ; {
		port, err := net.ListenPacket("udp", at.LocalAddr().String())
		if err == nil {
			_ = port.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the allocation is still there: %v", err)
		}
	}
	if err := anas.CreatePermission(bob.LocalAddr()); err == nil {
		t.Error("ana is given a permission")
	}
	if err := bobs.CreatePermission(bob.LocalAddr()); err != nil {
		t.Errorf("bob is given no permission: %v", err)
	}
}
