//go:build unix

package ice_test

import (
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/beckonrtc/beckon/server/ice"
)

// A relay serves TCP and TLS beside each other. Of two connections from one port of a client, one to each, the second is
// refused: their requests could not be told apart.
func TestTLSBesideTCP(t *testing.T) {
	relay := startRelay(t, func(c *ice.RelayConfig) { c.TLSAddr, c.TLS = "127.0.0.1:0", serverTLS(t) })
	for _, network := range []string{"tcp", "tls", "udp"} {
		if _, err := allocate(t, relay, network, network); err != nil {
			t.Errorf("%s: %v", network, err)
		}
	}

	from := net.Dialer{Control: func(_, _ string, c syscall.RawConn) (err error) {
		return errors.Join(c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1) }), err)
	}}
	var first, second net.Conn
	for tries := 1; second == nil; tries++ {
		from.LocalAddr = nil
		var err error
		if first, err = from.Dial("tcp", relay.Addr().String()); err != nil {
			t.Fatal(err)
		}
		defer first.Close()
		until(t, func() bool { return relay.Counters().Connections == 3 })
		from.LocalAddr = first.LocalAddr()
		second, err = from.Dial("tcp", relay.TLSAddr().String())
		switch {
		case errors.Is(err, syscall.EADDRINUSE) && tries < 10: // By another program.
			first.Close()
			until(t, func() bool { return relay.Counters().Connections == 2 })
		case err != nil:
			t.Fatal(err)
		}
	}
	defer second.Close()
	second.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := second.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the second connection was not closed: %v", err)
	}
	if c := relay.Counters(); c.Refused != (ice.Refused{TooManyConnections: 1}) || c.Connections != 3 || c.Open != 3 {
		t.Errorf("%+v", c)
	}
}
