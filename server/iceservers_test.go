package server_test

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pion/logging"
	"github.com/pion/turn/v5"
	"google.golang.org/protobuf/testing/protocmp"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server"
	"github.com/beckonrtc/beckon/server/transcript"
)

// TestICEServersFile: with what `welcome` tells of a TURN server elsewhere, which has one user and one password, clients get
// in there. It never changes, so there is nothing to renew.
func TestICEServersFile(t *testing.T) {
	at := foreignTURN(t, "everybody", "hush hush")
	file := fileOf(t, "- urls: [turn:"+at+"?transport=udp]\n  username: everybody\n  credential: hush hush\n- urls: stun:other.example.org\n")
	s := start(t, server.Config{ICEServers: []string{"stun:stun.example.org"}, ICEServersFile: file}, listen(t))
	for name, dial := range transports {
		t.Run(name, func(t *testing.T) {
			ana := call(t, dial(s), "lobby", none)
			want := []*beckonv1.IceServer{
				{Urls: []string{"stun:stun.example.org"}},
				{Urls: []string{"turn:" + at + "?transport=udp"}, Username: "everybody", Credential: "hush hush"},
				{Urls: []string{"stun:other.example.org"}},
			}
			told := ana.welcome.GetIceServers()
			if diff := cmp.Diff(want, told, protocmp.Transform()); diff != "" {
				t.Fatalf("welcome (-want +got):\n%s", diff)
			}
			if err := allocateAt(t, at, told[1].GetUsername(), told[1].GetCredential()); err != nil {
				t.Errorf("the TURN server refuses what welcome tells: %v", err)
			}
			if err := allocateAt(t, at, told[1].GetUsername(), "another"); err == nil {
				t.Error("the TURN server takes anything")
			}
		})
	}

	// Beside those that share a secret, which do change.
	s = start(t, server.Config{
		ICEServers: []string{"turn:turn.example.org"}, TURNSecretFile: fileOf(t, strings.Repeat("s", 32)), ICEServersFile: file,
	}, listen(t))
	told := call(t, transcript.Stubs(s.dial()), "lobby", none).welcome.GetIceServers()
	if len(told) != 3 || told[0].GetExpires() == nil || told[1].GetUsername() != "everybody" || told[1].GetExpires() != nil {
		t.Errorf("welcome tells of %v", told)
	}
}

// foreignTURN runs a TURN server that is not this project's, and has one user. It returns its address.
func foreignTURN(t *testing.T, user, password string) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	quiet := logging.NewDefaultLoggerFactory()
	quiet.Writer = io.Discard
	relay, err := turn.NewServer(turn.ServerConfig{
		Realm: "example.org",
		AuthHandler: func(r *turn.RequestAttributes) (string, []byte, bool) {
			return r.Username, turn.GenerateAuthKey(r.Username, r.Realm, password), r.Username == user
		},
		PacketConnConfigs: []turn.PacketConnConfig{{
			PacketConn:            conn,
			RelayAddressGenerator: &turn.RelayAddressGeneratorStatic{RelayAddress: net.IPv4(127, 0, 0, 1), Address: "127.0.0.1"},
		}},
		LoggerFactory: quiet,
	})
	if err != nil {
		t.Fatal(errors.Join(err, conn.Close()))
	}
	t.Cleanup(func() {
		if err := relay.Close(); err != nil {
			t.Error(err)
		}
	})
	return netip.MustParseAddrPort(conn.LocalAddr().String()).String()
}

// allocateAt makes an allocation at a TURN server, over UDP.
func allocateAt(t *testing.T, at, username, credential string) error {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return allocateOver(t, conn, at, username, credential)
}

// allocateOver makes an allocation at a TURN server over a connection to it, and gives it back. The connection is closed.
func allocateOver(t *testing.T, conn net.PacketConn, at, username, credential string) error {
	t.Helper()
	defer conn.Close()
	quiet := logging.NewDefaultLoggerFactory()
	quiet.Writer = io.Discard
	client, err := turn.NewClient(&turn.ClientConfig{
		TURNServerAddr: at, Username: username, Password: credential, Conn: conn, LoggerFactory: quiet, RTO: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Listen(); err != nil {
		t.Fatal(err)
	}
	allocation, err := client.Allocate()
	if err != nil {
		return err
	}
	return allocation.Close()
}
