package beckon_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/pion/webrtc/v4"

	beckon "github.com/beckonrtc/beckon/clients/go"
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

// descriptions makes an offer of ana's and an answer of ben's, on the way to whom it is changed.
func descriptions(t *testing.T, ana, ben *webrtc.PeerConnection, onTheWay func(sdp string) string) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := ana.CreateDataChannel("chat", nil)
	check(err)
	offer, err := ana.CreateOffer(nil)
	check(err)
	check(ana.SetLocalDescription(offer))
	check(ben.SetRemoteDescription(webrtc.SessionDescription{Type: offer.Type, SDP: onTheWay(offer.SDP)}))
	answer, err := ben.CreateAnswer(nil)
	check(err)
	check(ben.SetLocalDescription(answer))
	check(ana.SetRemoteDescription(webrtc.SessionDescription{Type: answer.Type, SDP: onTheWay(answer.SDP)}))
}

// codeOf is what a person at conn sees.
func codeOf(t *testing.T, conn *webrtc.PeerConnection) string {
	t.Helper()
	code, err := beckon.VerificationCode(conn.CurrentLocalDescription().SDP, conn.CurrentRemoteDescription().SDP)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// TestVerify: two peers see the same code, and different ones if somebody sits between them.
func TestVerify(t *testing.T) {
	newPeers := func() (ana, ben *webrtc.PeerConnection) {
		for _, conn := range []**webrtc.PeerConnection{&ana, &ben} {
			made, err := loopback().NewPeerConnection(webrtc.Configuration{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { made.Close() })
			*conn = made
		}
		return ana, ben
	}
	ana, ben := newPeers()
	descriptions(t, ana, ben, func(sdp string) string { return sdp })
	if a, b := codeOf(t, ana), codeOf(t, ben); a != b {
		t.Errorf("ana sees %s, ben %s", a, b)
	}

	ana, ben = newPeers()
	eve, _ := newPeers()
	if _, err := eve.CreateDataChannel("chat", nil); err != nil {
		t.Fatal(err)
	}
	own, err := eve.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	fingerprint := func(sdp string) string {
		_, rest, _ := strings.Cut(sdp, "a=fingerprint:")
		value, _, _ := strings.Cut(rest, "\r\n")
		return value
	}
	descriptions(t, ana, ben, func(sdp string) string {
		return strings.ReplaceAll(sdp, fingerprint(sdp), fingerprint(own.SDP))
	})
	if a, b := codeOf(t, ana), codeOf(t, ben); a == b {
		t.Errorf("with somebody in between both see %s", a)
	}
}
