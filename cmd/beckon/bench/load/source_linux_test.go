package load

import (
	"net"
	"testing"
)

// TestSources: within this machine each connection comes from an address of its own.
func TestSources(t *testing.T) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer lis.Close()
	for number, want := range map[int]string{0: "127.1.0.1", 254: "127.1.0.255", 70_000: "127.2.17.113"} {
		conn, err := dial(t.Context(), lis.Addr().String(), number)
		if err != nil {
			t.Fatal(err)
		}
		if got := conn.LocalAddr().(*net.TCPAddr).IP.String(); got != want {
			t.Errorf("connection %d comes from %s, want %s", number, got, want)
		}
		_ = conn.Close()
	}
}
