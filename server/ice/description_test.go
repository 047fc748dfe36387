package ice_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pion/webrtc/v4"

	"github.com/beckonrtc/beckon/server/ice"
)

// lines writes a description as SDP has it.
func lines(s string) string {
	return strings.ReplaceAll(strings.TrimLeft(s, "\n"), "\n", "\r\n")
}

// chromium is an offer of Chromium 131 of audio, video and data, when its candidates were gathered, with a page that may
// use the camera and so is told the host's address. Codecs are left out.
var chromium = lines(`
v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1 2
a=extmap-allow-mixed
a=msid-semantic: WMS 6c6f6f70
m=audio 50123 UDP/TLS/RTP/SAVPF 111 63 9
c=IN IP4 198.51.100.5
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:2073480463 1 udp 2122260223 192.168.1.23 54400 typ host generation 0 network-id 1 network-cost 10
a=candidate:1510613869 1 tcp 1518280447 192.168.1.23 9 typ host tcptype active generation 0 network-id 1 network-cost 10
a=candidate:842163049 1 udp 1686052607 203.0.113.7 54400 typ srflx raddr 192.168.1.23 rport 54400 generation 0 network-id 1 network-cost 10
a=candidate:3098175849 1 udp 41885695 198.51.100.5 50123 typ relay raddr 203.0.113.7 rport 54400 generation 0 network-id 1 network-cost 10
a=ice-ufrag:xW3k
a=ice-pwd:2wjNtSOQnMEYj2D8Kq4Q1rYl
a=ice-options:trickle
a=fingerprint:sha-256 7B:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:08
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=sendrecv
a=msid:6c6f6f70 9e2e1b0c-8c1a-4f0e-bb3c-0a1c3d1f2e11
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:9 G722/8000
a=ssrc:3570614608 cname:4TOk42mSjXCkVIa6
a=ssrc:3570614608 msid:6c6f6f70 9e2e1b0c-8c1a-4f0e-bb3c-0a1c3d1f2e11
m=video 50123 UDP/TLS/RTP/SAVPF 96 97
c=IN IP4 198.51.100.5
b=AS:2000
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:xW3k
a=ice-pwd:2wjNtSOQnMEYj2D8Kq4Q1rYl
a=ice-options:trickle
a=fingerprint:sha-256 7B:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:08
a=setup:actpass
a=mid:1
a=recvonly
a=rtcp-mux
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 goog-remb
a=rtcp-fb:96 ccm fir
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=ssrc-group:FID 2231627014 632943048
m=application 0 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=bundle-only
a=ice-ufrag:xW3k
a=ice-pwd:2wjNtSOQnMEYj2D8Kq4Q1rYl
a=mid:2
a=sctp-port:5000
a=max-message-size:262144
`)

// firefox is like an answer of Firefox 133 of data, to a page that may not use the camera, when its candidates were
// gathered without a TURN server.
var firefox = lines(`
v=0
o=mozilla...THIS_IS_SDPARTA-99.0 5872612131364283418 0 IN IP4 0.0.0.0
s=-
t=0 0
a=fingerprint:sha-256 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:3A:4D:2F:11:08:9C:55:21:C1:9E:0F:27
a=group:BUNDLE 0
a=ice-options:trickle
a=msid-semantic:WMS *
m=application 54400 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 203.0.113.7
a=candidate:0 1 UDP 2122252543 3d3d3c3a-5b3e-4f7a-8d55-0a6b1f7a4f10.local 54400 typ host
a=candidate:2 1 TCP 2105524479 3d3d3c3a-5b3e-4f7a-8d55-0a6b1f7a4f10.local 9 typ host tcptype active
a=candidate:1 1 UDP 1686052863 203.0.113.7 54400 typ srflx raddr 0.0.0.0 rport 0
a=sendrecv
a=end-of-candidates
a=ice-pwd:f5f4e8d9a0b1c2d3e4f5061728394a5b
a=ice-ufrag:c2b1a098
a=mid:0
a=setup:active
a=sctp-port:5000
a=max-message-size:1073741823
`)

// plain is like an offer of an agent that is no browser: it tells its address wherever there is a place for one.
var plain = lines(`
v=0
o=pbx 1 1 IN IP4 192.168.1.23
s=call
c=IN IP4 192.168.1.23
t=0 0
m=audio 10000 RTP/AVP 0
a=rtcp:10001 IN IP4 192.168.1.23
a=altc:1 IP4 192.168.1.23 10000
a=remote-candidates:1 192.168.1.99 20000
a=candidate:1 1 UDP 2130706431 192.168.1.23 10000 typ host
a=candidate:2 2 UDP 2130706430 192.168.1.23 10001 typ host
a=sendrecv
m=video 10002/2 RTP/AVP 96
c=IN IP6 2001:db8:1::23
a=rtcp:10003
m=text 10004 RTP/AVP 98
c=IN IP4 224.2.1.1/127
`)

// edit changes lines of a description: from, to, from, to, … An empty "to" takes the line out.
func edit(t *testing.T, sdp string, changes ...string) string {
	t.Helper()
	for i := 0; i < len(changes); i += 2 {
		from, to := changes[i]+"\r\n", ""
		if changes[i+1] != "" {
			to = changes[i+1] + "\r\n"
		}
		if !strings.Contains(sdp, from) {
			t.Fatalf("there is no line %q", changes[i])
		}
		sdp = strings.ReplaceAll(sdp, from, to)
	}
	return sdp
}

func TestDescription(t *testing.T) {
	const (
		hostLine   = "a=candidate:2073480463 1 udp 2122260223 192.168.1.23 54400 typ host generation 0 network-id 1 network-cost 10"
		tcpLine    = "a=candidate:1510613869 1 tcp 1518280447 192.168.1.23 9 typ host tcptype active generation 0 network-id 1 network-cost 10"
		srflxLine  = "a=candidate:842163049 1 udp 1686052607 203.0.113.7 54400 typ srflx raddr 192.168.1.23 rport 54400 generation 0 network-id 1 network-cost 10"
		srflxShown = "a=candidate:842163049 1 udp 1686052607 203.0.113.7 54400 typ srflx raddr 0.0.0.0 rport 9 generation 0 network-id 1 network-cost 10"
		relayLine  = "a=candidate:3098175849 1 udp 41885695 198.51.100.5 50123 typ relay raddr 203.0.113.7 rport 54400 generation 0 network-id 1 network-cost 10"
		relayShown = "a=candidate:3098175849 1 udp 41885695 198.51.100.5 50123 typ relay raddr 0.0.0.0 rport 9 generation 0 network-id 1 network-cost 10"
		mdnsLine   = "a=candidate:0 1 UDP 2122252543 3d3d3c3a-5b3e-4f7a-8d55-0a6b1f7a4f10.local 54400 typ host"
		mdnsTCP    = "a=candidate:2 1 TCP 2105524479 3d3d3c3a-5b3e-4f7a-8d55-0a6b1f7a4f10.local 9 typ host tcptype active"
		foxSrflx   = "a=candidate:1 1 UDP 1686052863 203.0.113.7 54400 typ srflx raddr 0.0.0.0 rport 0"
		foxShown   = "a=candidate:1 1 UDP 1686052863 203.0.113.7 54400 typ srflx raddr 0.0.0.0 rport 9"
	)
	// The default candidate is one that passes only under HIDE_HOST.
	srflxDefault := edit(t, chromium,
		"c=IN IP4 198.51.100.5", "c=IN IP4 203.0.113.7",
		"m=audio 50123 UDP/TLS/RTP/SAVPF 111 63 9", "m=audio 54400 UDP/TLS/RTP/SAVPF 111 63 9",
		"m=video 50123 UDP/TLS/RTP/SAVPF 96 97", "m=video 54400 UDP/TLS/RTP/SAVPF 96 97")
	plainHidden := edit(t, plain,
		"o=pbx 1 1 IN IP4 192.168.1.23", "o=pbx 1 1 IN IP4 0.0.0.0",
		"c=IN IP4 192.168.1.23", "c=IN IP4 0.0.0.0",
		"m=audio 10000 RTP/AVP 0", "m=audio 9 RTP/AVP 0",
		"a=rtcp:10001 IN IP4 192.168.1.23", "a=rtcp:9 IN IP4 0.0.0.0",
		"a=altc:1 IP4 192.168.1.23 10000", "",
		"a=remote-candidates:1 192.168.1.99 20000", "",
		"a=candidate:1 1 UDP 2130706431 192.168.1.23 10000 typ host", "",
		"a=candidate:2 2 UDP 2130706430 192.168.1.23 10001 typ host", "",
		"m=video 10002/2 RTP/AVP 96", "m=video 9 RTP/AVP 96",
		"c=IN IP6 2001:db8:1::23", "c=IN IP6 ::",
		"m=text 10004 RTP/AVP 98", "m=text 9 RTP/AVP 98",
		"c=IN IP4 224.2.1.1/127", "c=IN IP4 0.0.0.0")
	tests := []struct {
		name                          string
		given, underHide, underRelays string
	}{
		{
			"Chromium", chromium,
			edit(t, chromium, hostLine, "", tcpLine, "", srflxLine, srflxShown, relayLine, relayShown),
			edit(t, chromium, hostLine, "", tcpLine, "", srflxLine, "", relayLine, relayShown),
		},
		{
			"Chromium, reflexive by default", srflxDefault,
			edit(t, srflxDefault, hostLine, "", tcpLine, "", srflxLine, srflxShown, relayLine, relayShown),
			edit(t, srflxDefault, hostLine, "", tcpLine, "", srflxLine, "", relayLine, relayShown,
				"c=IN IP4 203.0.113.7", "c=IN IP4 0.0.0.0",
				"m=audio 54400 UDP/TLS/RTP/SAVPF 111 63 9", "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9",
				"m=video 54400 UDP/TLS/RTP/SAVPF 96 97", "m=video 9 UDP/TLS/RTP/SAVPF 96 97"),
		},
		{
			"Firefox", firefox,
			edit(t, firefox, mdnsLine, "", mdnsTCP, "", foxSrflx, foxShown),
			edit(t, firefox, mdnsLine, "", mdnsTCP, "", foxSrflx, "", "c=IN IP4 203.0.113.7", "c=IN IP4 0.0.0.0",
				"m=application 54400 UDP/DTLS/SCTP webrtc-datachannel", "m=application 9 UDP/DTLS/SCTP webrtc-datachannel"),
		},
		{"of no browser", plain, plainHidden, plainHidden},
		{"with bare line feeds", strings.ReplaceAll(plain, "\r\n", "\n"), plainHidden, plainHidden},
		{"without a last line's end", strings.TrimSuffix(plain, "\r\n"), plainHidden, plainHidden},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for policy, want := range map[ice.Policy]string{ice.ShowAll: test.given, ice.HideHost: test.underHide, ice.RelayOnly: test.underRelays} {
				got, err := policy.Description(test.given)
				if diff := cmp.Diff(strings.Split(want, "\r\n"), strings.Split(got, "\r\n")); err != nil || diff != "" {
					t.Errorf("%s: %v (-want +got):\n%s", policy, err, diff)
				}
			}
		})
	}
}

// The library's own descriptions pass, and it reads what becomes of them.
func TestDescriptionOfPion(t *testing.T) {
	server := startRelay(t, nil)
	issued := issue(t, server, "ana")
	conn, err := loopback().NewPeerConnection(webrtc.Configuration{
		ICEServers: []webrtc.ICEServer{{URLs: issued.Urls[:1], Username: issued.Username, Credential: issued.Credential}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.GracefulClose()
	if _, err := conn.CreateDataChannel("data", nil); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		if _, err := conn.AddTransceiverFromKind(kind); err != nil {
			t.Fatal(err)
		}
	}
	offer := describe(t, conn, func() (webrtc.SessionDescription, error) { return conn.CreateOffer(nil) })
	types := func(sdp string) (out []string) {
		for _, c := range candidatesOf(sdp) {
			out = append(out, strings.Fields(c)[7])
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	if got := types(offer.SDP); !slices.Contains(got, "host") || !slices.Contains(got, "relay") {
		t.Fatalf("the offer has candidates of types %q, want host and relay among them", got)
	}
	for policy, leave := range map[ice.Policy][]string{ice.HideHost: {"relay", "srflx"}, ice.RelayOnly: {"relay"}} {
		got, err := policy.Description(offer.SDP)
		if err != nil {
			t.Fatalf("%s: %v", policy, err)
		}
		for _, kind := range types(got) {
			if !slices.Contains(leave, kind) {
				t.Errorf("%s left candidates of type %s", policy, kind)
			}
		}
		if !slices.Contains(types(got), "relay") {
			t.Errorf("%s left no relay candidate", policy)
		}
		if diff := cmp.Diff(others(offer.SDP), others(got)); diff != "" {
			t.Errorf("%s changed other lines (-given +got):\n%s", policy, diff)
		}
		answerer, err := loopback().NewPeerConnection(webrtc.Configuration{})
		if err != nil {
			t.Fatal(err)
		}
		if err := answerer.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: got}); err != nil {
			t.Errorf("%s: the offer is not understood any more: %v", policy, err)
		}
		answerer.GracefulClose()
	}
}

// candidatesOf returns the values of a description's candidates.
func candidatesOf(sdp string) (out []string) {
	for line := range strings.Lines(sdp) {
		if v, ok := strings.CutPrefix(line, "a=candidate:"); ok {
			out = append(out, strings.TrimSpace(v))
		}
	}
	return out
}

// others returns the lines of a description that a policy has nothing to do with.
func others(sdp string) (out []string) {
	for line := range strings.Lines(sdp) {
		if !strings.HasPrefix(line, "a=candidate:") && !strings.HasPrefix(line, "c=") && !strings.HasPrefix(line, "m=") {
			out = append(out, line)
		}
	}
	return out
}

func TestDescriptionThatCannotBeRead(t *testing.T) {
	replace := func(old, new string) string {
		if !strings.Contains(chromium, old) {
			t.Fatalf("there is no %q", old)
		}
		return strings.Replace(chromium, old, new, 1)
	}
	for _, sdp := range []string{
		"",
		"v=0",
		"{}",
		replace("v=0", "v=1"),
		replace("s=-\r\n", "s=-\r\n\x00\r\n"),
		replace("a=mid:0", "a=mid:0\ra=candidate:1 1 udp 1 192.168.1.23 1 typ host"), // A line's end to some.
		replace("a=candidate:", "a=Candidate:"),
		replace("a=candidate:", "a= candidate:"),
		replace("a=candidate:", "a=candidate :"),
		replace("a=candidate:", "a=candidate "),
		replace("a=candidate:", "a=candidate:candidate:"),
		replace("a=group:BUNDLE", "a=candidate:x\r\na=group:BUNDLE"), // Not in a media section.
		replace("typ host", "typ hidden"),
		replace("typ relay", "typ relay typ host"),
	} {
		for _, policy := range []ice.Policy{ice.HideHost, ice.RelayOnly} {
			got, err := policy.Description(sdp)
			if got != "" || err == nil || !strings.Contains(err.Error(), "expected") {
				t.Errorf("%s: an error that tells what was expected is missing: %v\n%s", policy, err, got)
			} else if strings.Contains(err.Error(), "192.168.1.23") {
				t.Errorf("the error shows an address: %v", err)
			}
		}
		if got, err := ice.ShowAll.Description(sdp); got != sdp || err != nil {
			t.Errorf("SHOW_ALL: %v\n%s", err, got)
		}
	}
}

func FuzzDescription(f *testing.F) {
	for _, sdp := range []string{chromium, firefox, plain} {
		f.Add(sdp)
	}
	f.Add("v=0\no=- 1 1 IN IP4 192.168.1.23\ns=-\nt=0 0\na=candidate:1 1 udp 1 192.168.1.23 1 typ host\n")
	f.Add(strings.Replace(chromium, "a=mid:0", "a=mid:0\ra=candidate:1 1 udp 1 192.168.1.23 1 typ host", 1))
	f.Fuzz(func(t *testing.T, sdp string) {
		for _, policy := range []ice.Policy{ice.HideHost, ice.RelayOnly} {
			got, err := policy.Description(sdp)
			if err != nil {
				if got != "" {
					t.Errorf("%s: %v, and %q", policy, err, got)
				}
				continue
			}
			shown := make(map[string]bool)
			var connections []string
			for line := range strings.FieldsFuncSeq(got, func(r rune) bool { return r == '\r' || r == '\n' }) {
				attribute, _ := strings.CutPrefix(strings.ToLower(strings.TrimSpace(line)), "a=")
				switch {
				case strings.HasPrefix(strings.TrimSpace(attribute), "candidate"):
					value, ok := strings.CutPrefix(line, "a=candidate:")
					if !ok {
						t.Fatalf("%s let %q pass", policy, line)
					}
					checkCandidate(t, policy, value)
					addr, err := netip.ParseAddr(strings.Fields(value)[4])
					if err != nil {
						t.Errorf("%s let a name pass: %q", policy, line)
					}
					shown[addr.Unmap().String()] = true
				case strings.HasPrefix(line, "c="):
					connections = append(connections, line)
				}
			}
			for _, c := range connections {
				fields := strings.Fields(c)
				addr, err := netip.ParseAddr(fields[len(fields)-1])
				if err != nil || !addr.IsUnspecified() && !shown[addr.Unmap().String()] {
					t.Errorf("%s let %q pass", policy, c)
				}
			}
			if again, err := policy.Description(got); err != nil || again != got {
				t.Errorf("%s: the outcome is not taken as it is: %v\n%q\n%q", policy, err, got, again)
			}
		}
	})
}

func BenchmarkDescription(b *testing.B) {
	for _, policy := range []ice.Policy{ice.ShowAll, ice.HideHost, ice.RelayOnly} {
		b.Run(policy.String(), func(b *testing.B) {
			b.SetBytes(int64(len(chromium)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := policy.Description(chromium); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCandidate(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := ice.RelayOnly.Candidate(relay); err != nil {
			b.Fatal(err)
		}
	}
}
