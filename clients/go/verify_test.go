package beckon_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/pion/webrtc/v4"
	"google.golang.org/grpc"

	beckon "github.com/beckonrtc/beckon/clients/go"
	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// TestVerificationCode: the code is what clients in other languages make of the same descriptions, on either side.
func TestVerificationCode(t *testing.T) {
	data, err := os.ReadFile("../testdata/verification.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct{ Name, Local, Remote, Code, Error string }
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		for side, sdp := range map[string][2]string{"": {c.Local, c.Remote}, ", the other side": {c.Remote, c.Local}} {
			code, err := beckon.VerificationCode(sdp[0], sdp[1])
			switch {
			case c.Code != "" && (err != nil || code != c.Code):
				t.Errorf("%s%s: %q, %v; want %q", c.Name, side, code, err, c.Code)
			case c.Code == "" && (err == nil || !strings.Contains(err.Error(), c.Error)):
				t.Errorf("%s%s: %q, %v; want the error %q", c.Name, side, code, err, c.Error)
			}
		}
	}
	if len(cases) < 12 {
		t.Errorf("there are %d cases", len(cases))
	}
}

// between hands the SDP of each description that a session is sent to change, as a server could that is not honest.
func between(change func(sdp string) string) beckon.Option {
	return beckon.WithDialOptions(grpc.WithChainStreamInterceptor(func(
		ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption,
	) (grpc.ClientStream, error) {
		stream, err := open(ctx, desc, cc, method, opts...)
		return &changed{stream, change}, err
	}))
}

type changed struct {
	grpc.ClientStream
	change func(sdp string) string
}

func (c *changed) RecvMsg(message any) error {
	if err := c.ClientStream.RecvMsg(message); err != nil {
		return err
	}
	event := message.(*beckonv1.ConnectResponse)
	if call := event.GetCallMade(); call != nil {
		call.Sdp = c.change(call.Sdp)
	}
	if answer := event.GetAnswerMade(); answer != nil {
		answer.Sdp = c.change(answer.Sdp)
	}
	return nil
}

// code is what a person sees in a call as soon as both descriptions are there.
func (c *call) code() string {
	c.peer.t.Helper()
	described := make(chan struct{}, 1)
	look := func() {
		if c.conn.CurrentLocalDescription() != nil && c.conn.CurrentRemoteDescription() != nil {
			select {
			case described <- struct{}{}:
			default:
			}
		}
	}
	c.conn.OnSignalingStateChange(func(webrtc.SignalingState) { look() })
	look()
	await(c.peer.ctx, c.peer.t, described)
	code, err := beckon.VerificationCode(c.conn.CurrentLocalDescription().SDP, c.conn.CurrentRemoteDescription().SDP)
	if err != nil {
		c.peer.t.Error(err)
	}
	return code
}

// TestVerify: two peers see the same code, and different ones if the server puts the fingerprint of a certificate of its own
// into what it carries.
func TestVerify(t *testing.T) {
	ctx := bound(t)
	ana, ben := newPeer(ctx, t, "honest", "ana", nil), newPeer(ctx, t, "honest", "ben", nil)
	bens := ben.call(ana.ID(), "1")
	await(ctx, t, ben.opened)
	anas := ana.with(ben.ID(), "1")
	if a, b := anas.code(), bens.code(); a != b {
		t.Errorf("ana sees %s, ben %s", a, b)
	}

	eve, err := loopback().NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	defer eve.Close()
	if _, err := eve.CreateDataChannel("data", nil); err != nil {
		t.Fatal(err)
	}
	own, err := eve.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	print := regexp.MustCompile(`a=fingerprint:\S+ \S+`)
	hers := print.FindString(own.SDP)
	deceive := between(func(sdp string) string { return print.ReplaceAllLiteralString(sdp, hers) })
	ana, ben = newPeer(ctx, t, "deceived", "ana", nil, deceive), newPeer(ctx, t, "deceived", "ben", nil, deceive)
	b, a := ben.call(ana.ID(), "1").code(), ana.with(ben.ID(), "1").code()
	if a == b || a == "" || b == "" {
		t.Errorf("with somebody in between ana sees %q, ben %q", a, b)
	}
}

// The code is what two people compare, once they hear each other.
func ExampleVerificationCode() {
	description := func(fingerprint string) string { // As a PeerConnection has them, but for most of it.
		return "v=0\r\na=fingerprint:sha-256 " + strings.Repeat(fingerprint+":", 31) + fingerprint + "\r\n"
	}
	local, remote := description("A1"), description("B2")
	code, err := beckon.VerificationCode(local, remote)
	fmt.Println(code, err)
	code, err = beckon.VerificationCode(remote, local) // On the other side.
	fmt.Println(code, err)
	// Output:
	// 75382 13595 97700 01958 04947 39366 <nil>
	// 75382 13595 97700 01958 04947 39366 <nil>
}
