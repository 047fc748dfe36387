package hub

import (
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// sink is a stream that takes everything.
type sink struct{}

// Send implements Stream.
func (sink) Send([]byte) error { return nil }

// enterSink opens a session that is in the lobby and whose events go nowhere.
func enterSink(b *testing.B, h *Hub, p beckonv1.Presence) *Conn {
	b.Helper()
	s := h.Open(sink{}, netip.AddrPort{}, nil)
	handle(b, s, &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Join{Join: &beckonv1.Join{Room: "lobby", Presence: p}}})
	return s
}

// handle hands a message to a session.
func handle(b *testing.B, s *Conn, m *beckonv1.ConnectRequest) {
	b.Helper()
	raw, err := proto.Marshal(m)
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Handle(b.Context(), raw); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkRelay is what a relayed message costs in the hub: from its bytes to the event in a stream's hands.
func BenchmarkRelay(b *testing.B) {
	for _, c := range []struct {
		name    string
		message func(to string) *beckonv1.ConnectRequest
	}{
		{"candidate", func(to string) *beckonv1.ConnectRequest {
			return &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Candidate{Candidate: &beckonv1.Candidate{
				To: to, Room: "lobby", CallId: "1",
				Candidates: []*beckonv1.IceCandidate{{Candidate: "candidate:842163049 1 udp 1677729535 203.0.113.17 46154 typ srflx raddr 10.0.17.2 rport 46154 generation 0", SdpMid: proto.String("0")}},
			}}}
		}},
		{"offer", func(to string) *beckonv1.ConnectRequest {
			return &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Offer{Offer: &beckonv1.Offer{
				To: to, Room: "lobby", CallId: "1", Sdp: strings.Repeat("a=rtpmap:111 opus/48000\r\n", 88),
			}}}
		}},
	} {
		for _, id := range []uint64{0, 1} {
			b.Run(fmt.Sprintf("%s/ack=%v", c.name, id != 0), func(b *testing.B) {
				h := startHub(b, Config{})
				ana, bob := enterSink(b, h, none), enterSink(b, h, none)
				m := c.message(bob.ID())
				b.ReportAllocs()
				var raw []byte
				for b.Loop() {
					m.RequestId += id
					if raw == nil || id != 0 {
						var err error
						if raw, err = (proto.MarshalOptions{}).MarshalAppend(raw[:0], m); err != nil {
							b.Fatal(err)
						}
					}
					if err := ana.Handle(b.Context(), raw); err != nil {
						b.Fatal(err)
					}
				}
				<-bob.Written()
			})
		}
	}
}

// BenchmarkJoin is what it costs that somebody comes into a room of n and goes, all events of the others included.
func BenchmarkJoin(b *testing.B) {
	for _, mode := range []beckonv1.Presence{full, delta} {
		for _, n := range []int{10, 100, 1000} {
			b.Run(fmt.Sprintf("%s/room=%d", strings.ToLower(strings.TrimPrefix(mode.String(), "PRESENCE_")), n), func(b *testing.B) {
				h := startHub(b, Config{})
				for range n {
					enterSink(b, h, mode)
				}
				b.ReportAllocs()
				for b.Loop() {
					enterSink(b, h, mode).Leave()
				}
			})
		}
	}
}

// BenchmarkIdleSession reports the heap that a session in a room takes, its log and the hub's share of the room included.
func BenchmarkIdleSession(b *testing.B) {
	const n = 10_000
	for b.Loop() {
		h := startHub(b, Config{})
		live := func() uint64 {
			runtime.GC()
			runtime.GC() // What pools held goes with the second.
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		before := live()
		sessions := make([]*Conn, n)
		for i := range sessions {
			s := h.Open(sink{}, netip.AddrPort{}, nil)
			handle(b, s, &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Join{Join: &beckonv1.Join{Room: fmt.Sprint("room ", i/2), Presence: delta}}})
			<-s.Written()
			sessions[i] = s
		}
		b.ReportMetric(float64(live()-before)/n, "B/session")
		for _, s := range sessions {
			s.Leave()
		}
	}
}
