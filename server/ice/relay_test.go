package ice_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	pionice "github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/ice"
)

const secret ice.Secret = "north"

// startRelay starts a relay on loopback, which may relay to loopback. It is closed at the end of the test, and must leave
// nothing behind.
func startRelay(t *testing.T, change func(*ice.RelayConfig)) *ice.Relay {
	t.Helper()
	config := ice.RelayConfig{
		Addr:         "127.0.0.1:0",
		Secrets:      []ice.Secret{secret},
		AllowPrivate: true,
	}
	if change != nil {
		change(&config)
	}
	relay, err := ice.NewRelay(config)
	if err != nil {
		t.Fatalf("NewRelay: %v", err)
	}
	t.Cleanup(func() {
		if err := relay.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		checkNothingRuns(t)
		if c := relay.Counters(); c.Open != 0 || c.Connections != 0 {
			t.Errorf("after Close there are %d allocations and %d connections", c.Open, c.Connections)
		}
	})
	return relay
}

// checkNothingRuns fails the test if a goroutine of a relay goes on. Close has seen each read its last; what is left of
// them is some instructions.
func checkNothingRuns(t *testing.T) {
	t.Helper()
	var left []string
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		buffer := make([]byte, 4<<20)
		left = nil
		for stack := range bytes.SplitSeq(buffer[:runtime.Stack(buffer, true)], []byte("\n\n")) {
			if s := string(stack); strings.Contains(s, "server/ice.(") ||
				strings.Contains(s, "turn/v5.(*Server)") || strings.Contains(s, "turn/v5/internal/allocation") {
				left = append(left, s)
			}
		}
		if len(left) == 0 || len(left) == 1 && strings.Contains(left[0], "checkNothingRuns") {
			return
		}
	}
	t.Errorf("after Close %d goroutines are left:\n%s", len(left), strings.Join(left, "\n\n"))
}

// issue returns what a user is told of a relay.
func issue(t *testing.T, relay *ice.Relay, user string) *beckonv1.IceServer {
	t.Helper()
	servers, err := ice.NewServers(ice.Config{Servers: []ice.Server{{URLs: relay.URLs(""), Secrets: []ice.Secret{secret}}}})
	if err != nil {
		t.Fatalf("NewServers: %v", err)
	}
	return servers.Issue(user, time.Now())[0]
}

// loopback makes peer connections that stay on this machine.
var loopback = sync.OnceValue(func() *webrtc.API {
	var engine webrtc.SettingEngine
	engine.SetIncludeLoopbackCandidate(true)
	engine.SetIPFilter(net.IP.IsLoopback)
	engine.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	engine.SetRelayAcceptanceMinWait(0)
	engine.SetICEMulticastDNSMode(pionice.MulticastDNSModeDisabled)
	return webrtc.NewAPI(webrtc.WithSettingEngine(engine))
})

// Two peers that know nothing of each other but relay candidates exchange data.
func TestPeersMeetThroughRelay(t *testing.T) {
	tests := []struct {
		name     string
		url      int // Which of URLs.
		change   func(*ice.RelayConfig)
		expected string // Where the candidates are.
	}{
		{"UDP", 0, nil, "127.0.0.1"},
		{"TCP", 1, nil, "127.0.0.1"},
		{"NAT", 0, func(c *ice.RelayConfig) { // No way leads to PublicIP, and nothing but public addresses is relayed to.
			c.PublicIP = netip.MustParseAddr("203.0.113.9")
			c.AllowPrivate = false
		}, "203.0.113.9"},
		{"NAT, every address", 0, func(c *ice.RelayConfig) {
			c.RelayIP = netip.IPv4Unspecified()
			c.PublicIP = netip.MustParseAddr("203.0.113.9")
			c.AllowPrivate = false
		}, "203.0.113.9"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			relay := startRelay(t, test.change)
			url := strings.Replace(issue(t, relay, "ana").Urls[test.url], "203.0.113.9", "127.0.0.1", 1)
			ana, ben := relayed(t, relay, "ana", url), relayed(t, relay, "ben", url)

			said := make(chan string, 1)
			ben.OnDataChannel(func(c *webrtc.DataChannel) {
				c.OnMessage(func(m webrtc.DataChannelMessage) { said <- string(m.Data) })
			})
			channel, err := ana.CreateDataChannel("data", nil)
			if err != nil {
				t.Fatal(err)
			}
			channel.OnOpen(func() { channel.SendText("through the relay") })
			offer := describe(t, ana, func() (webrtc.SessionDescription, error) { return ana.CreateOffer(nil) })
			if err := ben.SetRemoteDescription(offer); err != nil {
				t.Fatal(err)
			}
			answer := describe(t, ben, func() (webrtc.SessionDescription, error) { return ben.CreateAnswer(nil) })
			if err := ana.SetRemoteDescription(answer); err != nil {
				t.Fatal(err)
			}
			for _, sdp := range []string{offer.SDP, answer.SDP} {
				if candidates := candidatesOf(sdp); len(candidates) == 0 || !strings.Contains(candidates[0], " "+test.expected+" ") {
					t.Fatalf("the candidates are %q: want some at %s", candidates, test.expected)
				}
			}
			select {
			case got := <-said:
				if got != "through the relay" {
					t.Errorf("ben heard %q", got)
				}
			case <-time.After(8 * time.Second):
				t.Fatalf("ben heard nothing; %+v", relay.Counters())
			}

			c := relay.Counters()
			if c.Open < 2 || c.Allocations < 2 || c.BytesToPeers == 0 || c.BytesFromPeers == 0 {
				t.Errorf("the counters show no two allocations that relayed: %+v", c)
			}
			if want := map[bool]int{false: 0, true: 2}[test.url == 1]; c.Connections != want {
				t.Errorf("there are %d connections, want %d", c.Connections, want)
			}
		})
	}
}

// relayed returns a peer connection that uses nothing but the relay.
func relayed(t *testing.T, relay *ice.Relay, user, url string) *webrtc.PeerConnection {
	t.Helper()
	server := issue(t, relay, user)
	conn, err := loopback().NewPeerConnection(webrtc.Configuration{
		ICETransportPolicy: webrtc.ICETransportPolicyRelay,
		ICEServers:         []webrtc.ICEServer{{URLs: []string{url}, Username: server.Username, Credential: server.Credential}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.GracefulClose() })
	return conn
}

// describe sets a connection's local description, waits for its candidates, and returns it with them.
func describe(t *testing.T, conn *webrtc.PeerConnection, create func() (webrtc.SessionDescription, error)) webrtc.SessionDescription {
	t.Helper()
	gathered := webrtc.GatheringCompletePromise(conn)
	description, err := create()
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetLocalDescription(description); err != nil {
		t.Fatal(err)
	}
	select {
	case <-gathered:
	case <-time.After(5 * time.Second):
		t.Fatal("the candidates were not gathered")
	}
	return *conn.LocalDescription()
}

func TestRelayConfig(t *testing.T) {
	good := ice.RelayConfig{Addr: "127.0.0.1:0", Secrets: []ice.Secret{secret}}
	tests := []struct {
		change func(*ice.RelayConfig)
		want   string // In the error.
	}{
		{func(c *ice.RelayConfig) { c.Addr = "127.0.0.1" }, `Addr is "127.0.0.1": expected "host:port"`},
		{func(c *ice.RelayConfig) { c.Addr = "" }, `Addr is ":3478", which is every address of this machine: set PublicIP`},
		{func(c *ice.RelayConfig) { c.Addr = "[::]:0" }, `set PublicIP`},
		{func(c *ice.RelayConfig) { c.RelayIP = netip.IPv4Unspecified() }, `set PublicIP`},
		{func(c *ice.RelayConfig) { c.PublicIP = netip.MustParseAddr("2001:db8::1") }, "both of IPv6"},
		{func(c *ice.RelayConfig) { c.PublicIP = netip.MustParseAddr("224.0.0.1") }, "expected the address of one machine"},
		{func(c *ice.RelayConfig) { c.Secrets = nil }, "Secrets has none"},
		{func(c *ice.RelayConfig) { c.Secrets = append(c.Secrets, "") }, "secret 2 is empty"},
		{func(c *ice.RelayConfig) { c.TLSAddr = "127.0.0.1:0" }, "one of TLSAddr and TLS is set"},
		{func(c *ice.RelayConfig) { c.TLS = serverTLS(t) }, "one of TLSAddr and TLS is set"},
		{func(c *ice.RelayConfig) { c.MinPort, c.MaxPort = 50001, 50000 }, "MinPort is 50001 and MaxPort is 50000"},
		{func(c *ice.RelayConfig) { c.Realm = "a\"b" }, "Realm is"},
		{func(c *ice.RelayConfig) { c.HandshakeTimeout = -1 }, "HandshakeTimeout is -1ns"},
		{func(c *ice.RelayConfig) { c.BytesPerSecond = 1000 }, "BytesPerSecond is 1000: expected 65536 to"},
	}
	for _, test := range tests {
		config := good
		config.Secrets = append([]ice.Secret(nil), good.Secrets...)
		test.change(&config)
		relay, err := ice.NewRelay(config)
		if err == nil {
			relay.Close()
			t.Errorf("there was no error, want %q", test.want)
		} else if !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), string(secret)) {
			t.Errorf("error %q, want %q", err, test.want)
		}
	}
}

func TestRelayOnPortInUse(t *testing.T) {
	relay := startRelay(t, nil)
	_, err := ice.NewRelay(ice.RelayConfig{Addr: relay.Addr().String(), Secrets: []ice.Secret{secret}})
	if want := fmt.Sprintf("listen udp %s", relay.Addr()); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
}

// A relay that cannot have its port for TLS leaves the others free.
func TestRelayOnTLSPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	former := startRelay(t, nil)
	addr := former.Addr().String()
	if err := former.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = ice.NewRelay(ice.RelayConfig{Addr: addr, TLSAddr: taken.Addr().String(), TLS: serverTLS(t), Secrets: []ice.Secret{secret}})
	if failed, ok := errors.AsType[*ice.ListenError](err); !ok || !failed.TLS {
		t.Errorf("error %v, want one of the port for TLS", err)
	}
	startRelay(t, func(c *ice.RelayConfig) { c.Addr = addr })
}

func TestRelayURLs(t *testing.T) {
	for _, test := range []struct {
		secure bool
		host   string
		want   string
	}{
		{false, "", "[turn:127.0.0.1:%d?transport=udp turn:127.0.0.1:%[1]d?transport=tcp]"},
		{true, "turn.example.org", "[turn:turn.example.org:%d?transport=udp turn:turn.example.org:%[1]d?transport=tcp turns:turn.example.org:%d?transport=tcp]"},
	} {
		t.Run(test.host, func(t *testing.T) {
			relay := startRelay(t, func(c *ice.RelayConfig) {
				if test.secure {
					c.TLSAddr, c.TLS = "127.0.0.1:0", serverTLS(t)
				}
			})
			if got, want := fmt.Sprint(relay.URLs(test.host)), fmt.Sprintf(test.want, relay.Addr().Port(), relay.TLSAddr().Port()); got != want {
				t.Errorf("URLs: %s, want %s", got, want)
			}
		})
	}
}
