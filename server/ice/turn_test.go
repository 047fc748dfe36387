package ice_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"

	"github.com/beckonrtc/beckon/server/ice"
)

// These tests speak TURN to the relay, as a client of the library does or, where that would be too polite, as they like.

// serverTLS returns a configuration with a certificate of its own making.
func serverTLS(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{certificate}, PrivateKey: key}}}
}

// dial returns a connection to the relay over "udp", "tcp" or "tls".
func dial(t *testing.T, relay *ice.Relay, network string) net.PacketConn {
	t.Helper()
	var conn net.Conn
	var err error
	switch addr := relay.Addr().String(); network {
	case "udp":
		packets, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { packets.Close() })
		return packets
	case "tcp":
		conn, err = net.Dial("tcp", addr)
	case "tls":
		conn, err = tls.Dial("tcp", relay.TLSAddr().String(), &tls.Config{InsecureSkipVerify: true})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return turn.NewSTUNConn(conn)
}

// tcpAddr returns where a relay takes TCP connections, with TLS or without.
func tcpAddr(relay *ice.Relay, network string) string {
	if network == "tls" {
		return relay.TLSAddr().String()
	}
	return relay.Addr().String()
}

// newClient returns a TURN client.
func newClient(t *testing.T, relay *ice.Relay, network, username, credential string) *turn.Client {
	t.Helper()
	quiet := logging.NewDefaultLoggerFactory()
	quiet.Writer = io.Discard
	client, err := turn.NewClient(&turn.ClientConfig{
		TURNServerAddr: relay.Addr().String(),
		Username:       username,
		Password:       credential,
		Conn:           dial(t, relay, network),
		LoggerFactory:  quiet,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if err := client.Listen(); err != nil {
		t.Fatal(err)
	}
	return client
}

// allocate makes an allocation for a user.
func allocate(t *testing.T, relay *ice.Relay, network, user string) (net.PacketConn, error) {
	t.Helper()
	server := issue(t, relay, user)
	conn, err := newClient(t, relay, network, server.Username, server.Credential).Allocate()
	if err == nil {
		t.Cleanup(func() { conn.Close() })
	}
	return conn, err
}

// echo starts a peer that sends everything back.
func echo(t *testing.T) net.Addr {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buffer := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			conn.WriteTo(buffer[:n], from)
		}
	}()
	return conn.LocalAddr()
}

func TestTransports(t *testing.T) {
	for _, network := range []string{"udp", "tcp", "tls"} {
		t.Run(network, func(t *testing.T) {
			relay := startRelay(t, func(c *ice.RelayConfig) {
				if network == "tls" {
					c.TLSAddr, c.TLS = "127.0.0.1:0", serverTLS(t)
				}
			})
			conn, err := allocate(t, relay, network, "ana")
			if err != nil {
				t.Fatalf("Allocate: %v", err)
			}
			peer, buffer := echo(t), make([]byte, 1500)
			for i := range 20 { // The first go by Send, later ones by a channel.
				want := strings.Repeat(fmt.Sprint(i%10), 12+i*60)
				if _, err := conn.WriteTo([]byte(want), peer); err != nil {
					t.Fatal(err)
				}
				conn.SetReadDeadline(time.Now().Add(5 * time.Second))
				n, from, err := conn.ReadFrom(buffer)
				if err != nil {
					t.Fatal(err)
				}
				if string(buffer[:n]) != want || from.String() != peer.String() {
					t.Errorf("%s sent back %q, want %q", from, buffer[:n], want)
				}
			}
			if c := relay.Counters(); c.BytesToPeers != c.BytesFromPeers || c.BytesToPeers == 0 {
				t.Errorf("relayed %d bytes there and %d back: want as many", c.BytesToPeers, c.BytesFromPeers)
			}
		})
	}
}

func TestCredentials(t *testing.T) {
	const old, new ice.Secret = "old", "new"
	issued := func(s ice.Secret, now time.Time) (username, credential string) {
		servers, err := ice.NewServers(ice.Config{
			Servers: []ice.Server{{URLs: []string{"turn:turn.example.org"}, Secrets: []ice.Secret{s}}},
			TTL:     time.Minute,
		})
		if err != nil {
			t.Fatal(err)
		}
		server := servers.Issue("ana", now)[0]
		return server.Username, server.Credential
	}
	relay := startRelay(t, func(c *ice.RelayConfig) { c.Secrets = []ice.Secret{new, old} })
	now := time.Now()
	tests := []struct {
		name   string
		secret ice.Secret
		at     time.Time
		change func(username, credential *string)
		want   ice.Refused
	}{
		{"of the first secret", new, now, nil, ice.Refused{}},
		{"of another secret", old, now, nil, ice.Refused{}},
		{"of an unknown secret", "none", now, nil, ice.Refused{BadCredential: 1}},
		{"expired", new, now.Add(-2 * time.Minute), nil, ice.Refused{Expired: 1}},
		{"expired, of another secret", old, now.Add(-2 * time.Minute), nil, ice.Refused{Expired: 1}},
		{"made to last", new, now.Add(-2 * time.Minute), func(username, _ *string) {
			*username = fmt.Sprintf("%d:ana", now.Add(time.Minute).Unix())
		}, ice.Refused{BadCredential: 1}},
		{"of another user", new, now, func(username, _ *string) {
			*username = strings.Replace(*username, "ana", "ben", 1)
		}, ice.Refused{BadCredential: 1}},
		{"without a time", new, now, func(username, _ *string) { *username = "ana" }, ice.Refused{BadCredential: 1}},
		{"without a user", new, now, func(username, _ *string) { *username = "99999999999:" }, ice.Refused{BadCredential: 1}},
	}
	for _, test := range tests {
		for _, network := range []string{"udp", "tcp"} {
			t.Run(test.name+" over "+network, func(t *testing.T) {
				username, credential := issued(test.secret, test.at)
				if test.change != nil {
					test.change(&username, &credential)
				}
				before := relay.Counters().Refused
				conn, err := newClient(t, relay, network, username, credential).Allocate()
				if err == nil {
					conn.Close()
				}
				if good := test.want == (ice.Refused{}); (err == nil) != good {
					t.Errorf("Allocate: %v", err)
				} else if !good && !strings.Contains(err.Error(), "401") {
					t.Errorf("Allocate: %v, want 401", err)
				}
				got := relay.Counters().Refused
				got.BadCredential -= before.BadCredential
				got.Expired -= before.Expired
				if got != test.want {
					t.Errorf("refused %+v, want %+v", got, test.want)
				}
			})
		}
	}
}

// A call does not end when the credential does that it began with.
func TestAllocationOutlivesCredential(t *testing.T) {
	relay := startRelay(t, nil)
	end := time.Now().Add(1500 * time.Millisecond)
	c := dialRaw(t, relay, usernameOf(end, "ana"), end)
	c.want(stun.MethodAllocate, 0, transportUDP)
	for time.Now().Unix() < end.Unix() {
		c.want(stun.MethodRefresh, 0)
		<-time.After(50 * time.Millisecond)
	}
	c.want(stun.MethodRefresh, 0)
	c.want(stun.MethodCreatePermission, 0, peerAt("127.0.0.1:9"))
	dialRaw(t, relay, usernameOf(end, "ana"), end).want(stun.MethodAllocate, stun.CodeUnauthorized, transportUDP)
}

func TestAllocationLife(t *testing.T) {
	relay := startRelay(t, func(c *ice.RelayConfig) { c.MaxAllocationLife = 300 * time.Millisecond })
	end := time.Now().Add(time.Hour)
	c := dialRaw(t, relay, usernameOf(end, "ana"), end)
	c.want(stun.MethodAllocate, 0, transportUDP)
	until(t, func() bool { return relay.Counters().Open == 0 })
}

// TestRevoked: a user whose access was taken back loses its allocations, and gets no others; others keep theirs.
func TestRevoked(t *testing.T) {
	var gone atomic.Value // A user.
	gone.Store("")
	relay := startRelay(t, func(c *ice.RelayConfig) { c.Revoked = func(user string) bool { return user == gone.Load() } })
	end := time.Now().Add(time.Hour)
	ana, bob := dialRaw(t, relay, usernameOf(end, "ana"), end), dialRaw(t, relay, usernameOf(end, "bob"), end)
	ana.want(stun.MethodAllocate, 0, transportUDP)
	bob.want(stun.MethodAllocate, 0, transportUDP)
	if _, err := allocate(t, relay, "tcp", "ana"); err != nil {
		t.Fatal(err)
	}
	if !relay.Serves("ana") || relay.Serves("cleo") {
		t.Errorf("it serves ana: %v, cleo: %v", relay.Serves("ana"), relay.Serves("cleo"))
	}
	relay.EndRevoked()
	if open := relay.Counters().Open; open != 3 {
		t.Errorf("nobody was revoked, and %d allocations are open", open)
	}

	gone.Store("ana")
	relay.EndRevoked()
	if open := relay.Counters().Open; open != 1 || relay.Serves("ana") || !relay.Serves("bob") {
		t.Errorf("%d allocations are open; it serves ana: %v, bob: %v", open, relay.Serves("ana"), relay.Serves("bob"))
	}
	if _, err := allocate(t, relay, "udp", "ana"); err == nil || relay.Counters().Refused.Revoked == 0 {
		t.Errorf("a new allocation: %v, %d refused", err, relay.Counters().Refused.Revoked)
	}
	ana.want(stun.MethodAllocate, stun.CodeUnauthorized, transportUDP)
	ana.want(stun.MethodRefresh, stun.CodeUnauthorized)
	bob.want(stun.MethodRefresh, 0)
}

// TestRevokedMeanwhile: an allocation of a user who is revoked while it is made does not stay.
func TestRevokedMeanwhile(t *testing.T) {
	asked := 0
	relay := startRelay(t, func(c *ice.RelayConfig) {
		c.Revoked = func(string) bool { // Called by the one reader of UDP.
			asked++
			return asked > 1 // Once the request was authenticated.
		}
	})
	if _, err := allocate(t, relay, "udp", "ana"); err == nil {
		t.Error("it was made")
	}
	if c := relay.Counters(); c.Open != 0 || c.Refused.Revoked != 1 {
		t.Errorf("%d allocations are open, %d were refused", c.Open, c.Refused.Revoked)
	}
}

// until waits for what the relay does in its own time.
func until(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !done(); <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not come to pass within 5 s")
		}
	}
}

func TestQuota(t *testing.T) {
	tests := []struct {
		name   string
		change func(*ice.RelayConfig)
		users  []string // The last one's allocation is refused, others are not.
		want   ice.Refused
		code   string
	}{
		{"of a user", func(c *ice.RelayConfig) { c.MaxUserAllocations = 2 }, []string{"ana", "ben", "ana", "ana"}, ice.Refused{UserQuota: 1}, "486"},
		{
			"of an identity, over all its sessions", func(c *ice.RelayConfig) { c.MaxUserAllocations = 2 },
			[]string{ice.UserOf("1", "ana"), ice.UserOf("2", "ana"), ice.UserOf("3", "ben"), ice.UserOf("4", "ana")}, ice.Refused{UserQuota: 1}, "486",
		},
		{"in all", func(c *ice.RelayConfig) { c.MaxAllocations = 3 }, []string{"ana", "ben", "cleo", "dan"}, ice.Refused{TotalQuota: 1}, "486"},
		{"of ports", func(c *ice.RelayConfig) { c.MinPort, c.MaxPort = 65432, 65433 }, []string{"ana", "ben", "cleo"}, ice.Refused{NoPort: 1}, "508"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			relay := startRelay(t, test.change)
			networks := []string{"udp", "tcp"} // They share the quota.
			last := len(test.users) - 1
			var conns []net.PacketConn
			for i, user := range test.users[:last] {
				conn, err := allocate(t, relay, networks[i%2], user)
				if err != nil {
					t.Fatalf("allocation %d, for %s: %v", i+1, user, err)
				}
				conns = append(conns, conn)
			}
			if _, err := allocate(t, relay, "udp", test.users[last]); err == nil || !strings.Contains(err.Error(), test.code) {
				t.Errorf("allocation beyond the quota: %v, want %s", err, test.code)
			}
			if got := relay.Counters(); got.Refused != test.want || got.Open != last {
				t.Errorf("refused %+v with %d open, want %+v with %d", got.Refused, got.Open, test.want, last)
			}
			// Whoever gives one back may have another.
			conns[0].Close() // Does not wait for the relay.
			until(t, func() bool { return relay.Counters().Open < last })
			if _, err := allocate(t, relay, "tcp", test.users[0]); err != nil {
				t.Errorf("allocation after another was given back: %v", err)
			}
		})
	}
}

func TestRate(t *testing.T) {
	for name, change := range map[string]func(*ice.RelayConfig){
		"of a user": func(c *ice.RelayConfig) { c.UserBytesPerSecond = 64 << 10 },
		"in all":    func(c *ice.RelayConfig) { c.BytesPerSecond = 64 << 10 },
	} {
		t.Run(name, func(t *testing.T) {
			relay := startRelay(t, change)
			server := issue(t, relay, "ana")
			client := newClient(t, relay, "tcp", server.Username, server.Credential)
			conn, err := client.Allocate()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			sink, err := net.ListenPacket("udp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer sink.Close()
			began := time.Now()
			for range 500 { // Half a megabyte.
				if _, err := conn.WriteTo(make([]byte, 1000), sink.LocalAddr()); err != nil {
					t.Fatal(err)
				}
			}
			// Answered when all before it was handled.
			if err := client.CreatePermission(&net.UDPAddr{IP: net.IPv4(127, 0, 0, 2), Port: 9}); err != nil {
				t.Fatal(err)
			}
			c := relay.Counters()
			most := uint64(64<<10) * (2 + uint64(time.Since(began)/time.Second))
			if c.BytesToPeers > most || c.Refused.OverRate == 0 {
				t.Errorf("relayed %d bytes, want at most %d; %d datagrams were over the rate", c.BytesToPeers, most, c.Refused.OverRate)
			}
		})
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	relay := startRelay(t, func(c *ice.RelayConfig) { c.MaxConnections = 1 })
	if _, err := allocate(t, relay, "tcp", "ana"); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", relay.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the second connection was not closed: %v", err)
	}
	if got, want := relay.Counters().Refused, (ice.Refused{TooManyConnections: 1}); got != want {
		t.Errorf("refused %+v, want %+v", got, want)
	}
}

// A connection ends that has no allocation, or has none any more; one that has an allocation does not.
func TestIdleConnections(t *testing.T) {
	for _, network := range []string{"tcp", "tls"} {
		t.Run(network, func(t *testing.T) {
			const timeout = 300 * time.Millisecond
			relay := startRelay(t, func(c *ice.RelayConfig) {
				c.HandshakeTimeout = timeout
				if network == "tls" {
					c.TLSAddr, c.TLS = "127.0.0.1:0", serverTLS(t)
				}
			})
			conn, err := allocate(t, relay, network, "ana")
			if err != nil {
				t.Fatal(err)
			}
			silent, err := net.Dial("tcp", tcpAddr(relay, network))
			if err != nil {
				t.Fatal(err)
			}
			defer silent.Close()
			silent.SetReadDeadline(time.Now().Add(5 * time.Second))
			if _, err := silent.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the silent connection did not end: %v", err)
			}
			until(t, func() bool { return relay.Counters().Connections < 2 })
			if c := relay.Counters(); c.Connections != 1 || c.Open != 1 {
				t.Errorf("%d connections and %d allocations are left, want one of each", c.Connections, c.Open)
			}
			conn.Close()
			until(t, func() bool { return relay.Counters().Connections == 0 })
		})
	}
}

// What is no STUN ends its connection, and only that.
func TestGarbage(t *testing.T) {
	relay := startRelay(t, nil)
	for _, garbage := range []string{
		"GET / HTTP/1.1\r\n\r\n",
		"\x00\x01\xff\xff" + strings.Repeat("x", 100),                   // Too long a message.
		"\x40\x00\xff\xff" + strings.Repeat("x", 100),                   // Too much channel data.
		"\x00\x01\x00\x08\x21\x12\xa4\x43" + strings.Repeat("\xff", 20), // An attribute beyond the end.
	} {
		conn, err := net.Dial("tcp", relay.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, garbage)
		conn.(*net.TCPConn).CloseWrite()
		conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := conn.Read(make([]byte, 100)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%.20q: %v, want the end of the connection", garbage, err)
		}
		conn.Close()
		packets := dial(t, relay, "udp")
		packets.WriteTo([]byte(garbage), net.UDPAddrFromAddrPort(relay.Addr()))
	}
	if _, err := allocate(t, relay, "udp", "ana"); err != nil {
		t.Errorf("Allocate: %v", err)
	}
}

func TestBinding(t *testing.T) {
	relay := startRelay(t, nil)
	for _, network := range []string{"udp", "tcp"} {
		mapped, err := newClient(t, relay, network, "", "").SendBindingRequestTo(net.UDPAddrFromAddrPort(relay.Addr()))
		if err != nil || !strings.HasPrefix(mapped.String(), "127.0.0.1:") {
			t.Errorf("%s: the client is told to be at %v, %v", network, mapped, err)
		}
	}
}

// raw is a client that does not hold to the rules.
type raw struct {
	t          *testing.T
	conn       net.Conn
	username   string
	credential string
	nonce      stun.Nonce
}

// usernameOf returns the username of a credential that is valid until end.
func usernameOf(end time.Time, user string) string { return fmt.Sprintf("%d:%s", end.Unix(), user) }

// dialRaw returns a client over UDP with a credential that is valid until end.
func dialRaw(t *testing.T, relay *ice.Relay, username string, end time.Time) *raw {
	t.Helper()
	servers, err := ice.NewServers(ice.Config{
		Servers: []ice.Server{{URLs: relay.URLs(""), Secrets: []ice.Secret{secret}}}, TTL: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	_, user, _ := strings.Cut(username, ":")
	server := servers.Issue(user, end.Add(-time.Hour))[0]
	if server.Username != username {
		t.Fatalf("the username is %q, want %q", server.Username, username)
	}
	conn, err := net.Dial("udp", relay.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &raw{t: t, conn: conn, username: username, credential: server.Credential}
}

// want sends a request and checks the error code of its response, 0 for success. It returns the response.
func (c *raw) want(method stun.Method, code stun.ErrorCode, attributes ...stun.Setter) *stun.Message {
	c.t.Helper()
	for {
		setters := []stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest)}
		setters = append(setters, attributes...)
		first := len(c.nonce) == 0
		if !first {
			setters = append(setters, stun.NewUsername(c.username), stun.NewRealm("beckon"), c.nonce,
				stun.NewLongTermIntegrity(c.username, "beckon", c.credential), stun.Fingerprint)
		}
		request := stun.MustBuild(setters...)
		if _, err := c.conn.Write(request.Raw); err != nil {
			c.t.Fatal(err)
		}
		response := c.read()
		for response.TransactionID != request.TransactionID {
			response = c.read()
		}
		var got stun.ErrorCodeAttribute
		if response.Type.Class == stun.ClassErrorResponse {
			if err := got.GetFrom(response); err != nil {
				c.t.Fatal(err)
			}
		}
		if first {
			if err := c.nonce.GetFrom(response); err != nil || got.Code != stun.CodeUnauthorized {
				c.t.Fatalf("%s without a credential: %v, %v; want 401 and a nonce", method, got, err)
			}
			continue
		}
		if got.Code != code {
			c.t.Errorf("%s: %d, want %d", method, got.Code, code)
		}
		return response
	}
}

// read returns the next message.
func (c *raw) read() *stun.Message {
	c.t.Helper()
	c.conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	buffer := make([]byte, 1500)
	n, err := c.conn.Read(buffer)
	if err != nil {
		c.t.Fatal(err)
	}
	m := &stun.Message{Raw: buffer[:n]}
	if err := m.Decode(); err != nil {
		c.t.Fatal(err)
	}
	return m
}

// send sends data to a peer in a Send indication.
func (c *raw) send(peer attribute, data string) {
	c.t.Helper()
	m := stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodSend, stun.ClassIndication),
		peer, attribute{stun.AttrData, []byte(data)})
	if _, err := c.conn.Write(m.Raw); err != nil {
		c.t.Fatal(err)
	}
}

// An attribute is one of a STUN message, as it is on the wire.
type attribute struct {
	kind  stun.AttrType
	value []byte
}

func (a attribute) AddTo(m *stun.Message) error {
	value := append([]byte(nil), a.value...)
	if a.kind == stun.AttrXORPeerAddress { // RFC 8489, section 14.2
		key := m.Raw[4:20]
		value[2] ^= key[0]
		value[3] ^= key[1]
		for i := range value[4:] {
			value[4+i] ^= key[i]
		}
	}
	m.Add(a.kind, value)
	return nil
}

// peerAt returns an XOR-PEER-ADDRESS with the address in the form that it is written in.
func peerAt(s string) attribute {
	peer := netip.MustParseAddrPort(s)
	family := byte(1)
	if peer.Addr().Is6() {
		family = 2
	}
	value := binary.BigEndian.AppendUint16([]byte{0, family}, peer.Port())
	return attribute{stun.AttrXORPeerAddress, append(value, peer.Addr().AsSlice()...)}
}

var (
	transportUDP = attribute{stun.AttrRequestedTransport, []byte{17, 0, 0, 0}}
	transportTCP = attribute{stun.AttrRequestedTransport, []byte{6, 0, 0, 0}}
	channel      = attribute{stun.AttrChannelNumber, []byte{0x40, 1, 0, 0}}
	evenPort     = attribute{stun.AttrEvenPort, []byte{0x80}}
)

func TestForbiddenPeers(t *testing.T) {
	var own []string
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if ip := a.(*net.IPNet).IP.To4(); ip != nil {
			own = append(own, ip.String()+":9")
		}
	}
	public := "203.0.113.9"
	relay := startRelay(t, func(c *ice.RelayConfig) {
		c.AllowPrivate = false
		c.PublicIP = netip.MustParseAddr(public)
	})
	end := time.Now().Add(time.Hour)
	c := dialRaw(t, relay, usernameOf(end, "ana"), end)
	c.want(stun.MethodAllocate, 0, transportUDP)

	forbidden := append(own,
		"127.0.0.1:9", "127.255.255.254:9", // Loopback
		"0.0.0.0:9", "0.1.2.3:9", // This network
		"10.0.0.1:9", "172.16.0.1:9", "172.31.255.255:9", "192.168.1.1:9", // RFC 1918
		"100.64.0.1:9", "100.127.255.255:9", // RFC 6598
		"169.254.169.254:9", // Link-local, where clouds keep secrets
		"224.0.0.1:9", "239.255.255.255:9", "240.0.0.1:9", "255.255.255.255:9",
		"198.18.0.1:9", "192.0.0.8:9",
		"[::ffff:127.0.0.1]:9", "[::ffff:10.0.0.1]:9", "[::ffff:169.254.169.254]:9", // IPv4-mapped
	)
	for _, peer := range forbidden {
		t.Run(peer, func(t *testing.T) {
			c.t = t
			c.want(stun.MethodCreatePermission, stun.CodeForbidden, peerAt(peer))
			c.want(stun.MethodChannelBind, stun.CodeUnauthorized, channel, peerAt(peer)) // The library's code for forbidden.
			c.send(peerAt(peer), "into the dark")
		})
	}
	c.t = t
	// One of several suffices.
	c.want(stun.MethodCreatePermission, stun.CodeForbidden, peerAt("198.51.100.1:9"), peerAt("127.0.0.1:9"))
	if got := relay.Counters(); got.Refused.Peer != uint64(2*len(forbidden)+1) || got.BytesToPeers != 0 {
		t.Errorf("%d peers were refused, want %d; %d bytes were sent", got.Refused.Peer, 2*len(forbidden)+1, got.BytesToPeers)
	}

	// Of the relay's own address only the ports of allocations can be reached.
	other := dialRaw(t, relay, usernameOf(end, "ben"), end)
	var relayed stun.XORMappedAddress
	if err := relayed.GetFromAs(other.want(stun.MethodAllocate, 0, transportUDP), stun.AttrXORRelayedAddress); err != nil {
		t.Fatal(err)
	}
	other.want(stun.MethodCreatePermission, 0, peerAt(public+":9"))
	c.want(stun.MethodCreatePermission, 0, peerAt(public+":9"))
	listening := fmt.Sprintf("%s:%d", public, relay.Addr().Port())
	c.send(peerAt(listening), "to the relay itself")
	c.send(peerAt(fmt.Sprintf("%s:%d", public, relayed.Port)), "to the other")
	var data stun.RawAttribute
	for _, a := range other.read().Attributes {
		if a.Type == stun.AttrData {
			data = a
		}
	}
	if string(data.Value) != "to the other" {
		t.Errorf("the other allocation received %q", data.Value)
	}
	if got := relay.Counters(); got.Refused.Send != 1 || got.BytesToPeers != uint64(len("to the other")) {
		t.Errorf("%d datagrams were refused, want 1; %d bytes were sent", got.Refused.Send, got.BytesToPeers)
	}
}

// Even if the relay may relay to private addresses, some are no peers.
func TestNoPeersAtAll(t *testing.T) {
	relay := startRelay(t, nil)
	end := time.Now().Add(time.Hour)
	c := dialRaw(t, relay, usernameOf(end, "ana"), end)
	c.want(stun.MethodAllocate, 0, transportUDP)
	for _, peer := range []string{"0.0.0.0:9", "224.0.0.1:9", "255.255.255.255:9", "[::ffff:0.0.0.0]:9"} {
		c.want(stun.MethodCreatePermission, stun.CodeForbidden, peerAt(peer))
	}
	c.want(stun.MethodCreatePermission, 0, peerAt("127.0.0.1:9"))
}

// The relay's own address, even a private one, is for allocations, and not for what else this machine has there.
func TestPrivateRelayAddress(t *testing.T) {
	relay := startRelay(t, func(c *ice.RelayConfig) { c.AllowPrivate = false })
	end := time.Now().Add(time.Hour)
	c := dialRaw(t, relay, usernameOf(end, "ana"), end)
	c.want(stun.MethodAllocate, 0, transportUDP)
	c.want(stun.MethodCreatePermission, 0, peerAt("127.0.0.1:9"))
	c.want(stun.MethodCreatePermission, stun.CodeForbidden, peerAt("127.0.0.2:9"))
	c.want(stun.MethodCreatePermission, stun.CodeForbidden, peerAt("10.0.0.1:9"))
	c.want(stun.MethodCreatePermission, 0, peerAt("198.51.100.1:9"))
}

func TestPermissionsAreBounded(t *testing.T) {
	relay := startRelay(t, nil)
	end := time.Now().Add(time.Hour)
	c := dialRaw(t, relay, usernameOf(end, "ana"), end)
	c.want(stun.MethodAllocate, 0, transportUDP)
	const most = 128
	for i := range most {
		c.want(stun.MethodCreatePermission, 0, peerAt(fmt.Sprintf("127.0.1.%d:9", i)))
	}
	c.want(stun.MethodCreatePermission, stun.CodeForbidden, peerAt("127.0.2.1:9"))
	c.want(stun.MethodCreatePermission, 0, peerAt("127.0.1.0:10")) // The same address again.
	if got, want := relay.Counters().Refused, (ice.Refused{TooManyPermissions: 1}); got != want {
		t.Errorf("refused %+v, want %+v", got, want)
	}
}

func TestUnsupported(t *testing.T) {
	relay := startRelay(t, nil)
	end := time.Now().Add(time.Hour)
	c := dialRaw(t, relay, usernameOf(end, "ana"), end)
	ipv6 := attribute{stun.AttrRequestedAddressFamily, []byte{2, 0, 0, 0}}
	c.want(stun.MethodAllocate, stun.CodeInsufficientCapacity, transportTCP)
	c.want(stun.MethodAllocate, stun.CodeInsufficientCapacity, transportUDP, evenPort)
	c.want(stun.MethodAllocate, stun.CodeInsufficientCapacity, transportUDP, ipv6)
	c.want(stun.MethodAllocate, 0, transportUDP)
	c.want(stun.MethodConnect, stun.CodeConnTimeoutOrFailure, peerAt("127.0.0.1:9"))
	if got, want := relay.Counters().Refused, (ice.Refused{Unsupported: 4}); got != want {
		t.Errorf("refused %+v, want %+v", got, want)
	}
}

// Nobody but a peer with a permission is relayed to the client.
func TestStrangers(t *testing.T) {
	relay := startRelay(t, func(c *ice.RelayConfig) { c.RelayIP = netip.MustParseAddr("127.0.0.1") })
	end := time.Now().Add(time.Hour)
	c := dialRaw(t, relay, usernameOf(end, "ana"), end)
	var relayed stun.XORMappedAddress
	if err := relayed.GetFromAs(c.want(stun.MethodAllocate, 0, transportUDP), stun.AttrXORRelayedAddress); err != nil {
		t.Fatal(err)
	}
	c.want(stun.MethodCreatePermission, 0, peerAt("127.0.0.2:9"))
	for _, from := range []string{"127.0.0.3", "127.0.0.2"} {
		conn, err := net.DialUDP("udp", &net.UDPAddr{IP: net.ParseIP(from)}, &net.UDPAddr{IP: relayed.IP, Port: relayed.Port})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprint(conn, "from ", from)
	}
	data, err := c.read().Get(stun.AttrData)
	if err != nil || string(data) != "from 127.0.0.2" {
		t.Errorf("the client received %q, %v", data, err)
	}
	if got, want := relay.Counters().Refused, (ice.Refused{Stranger: 1}); got != want {
		t.Errorf("refused %+v, want %+v", got, want)
	}
}

// Close ends what is going on: clients with and without an allocation, over every transport.
func TestCloseEndsEverything(t *testing.T) {
	for _, transport := range []string{"udp", "tcp", "tls"} {
		t.Run(transport, func(t *testing.T) {
			relay := startRelay(t, func(c *ice.RelayConfig) {
				if transport == "tls" {
					c.TLSAddr, c.TLS = "127.0.0.1:0", serverTLS(t)
				}
			})
			for range 3 {
				if _, err := allocate(t, relay, transport, "ana"); err != nil {
					t.Fatal(err)
				}
			}
			silent, err := net.Dial("tcp", tcpAddr(relay, transport))
			if err != nil {
				t.Fatal(err)
			}
			defer silent.Close()
			until(t, func() bool { return relay.Counters().Connections > 0 })
			if err := relay.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
			checkNothingRuns(t)
			if err := relay.Close(); err != nil {
				t.Errorf("Close again: %v", err)
			}
			silent.SetReadDeadline(time.Now().Add(5 * time.Second))
			if _, err := silent.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the connection is open still: %v", err)
			}
		})
	}
}
