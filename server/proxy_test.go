package server

import (
	"context"
	"net"
	"net/netip"
	"testing"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// TestLocate: a client's address is the last that a trusted proxy tells of, and nobody else is believed.
func TestLocate(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	const proxy, proxy6, client = "10.0.0.1:4000", "[fd00::1]:4000", "192.0.2.1:4000"
	for _, tt := range []struct {
		name    string
		trusted []netip.Prefix
		peer    string
		header  []string
		want    string
	}{
		{"nobody is trusted", nil, proxy, []string{"203.0.113.7"}, proxy},
		{"no proxy", trusted, client, nil, client},
		{"no proxy, a faked header", trusted, client, []string{"203.0.113.7"}, client},
		{"a proxy", trusted, proxy, []string{"203.0.113.7"}, "203.0.113.7:0"},
		{"a proxy of IPv6", trusted, proxy6, []string{"2001:db8::7"}, "[2001:db8::7]:0"},
		{"a proxy whose socket has both kinds of addresses", trusted, "[::ffff:10.0.0.1]:4000", []string{"203.0.113.7"}, "203.0.113.7:0"},
		{"a client seen by such a socket", trusted, proxy, []string{"::ffff:203.0.113.7"}, "203.0.113.7:0"},
		{"two proxies", trusted, proxy, []string{"203.0.113.7, 10.0.0.2"}, "203.0.113.7:0"},
		{"the client's own header", trusted, proxy, []string{"198.51.100.9, 203.0.113.7"}, "203.0.113.7:0"},
		{"the client's own header, and two proxies", trusted, proxy, []string{"10.9.9.9,203.0.113.7,10.0.0.2"}, "203.0.113.7:0"},
		{"a line of the client's and one of the proxy's", trusted, proxy, []string{"198.51.100.9", "203.0.113.7"}, "203.0.113.7:0"},
		{"a client that sits beside the proxy", trusted, proxy, []string{"10.0.0.9"}, proxy},
		{"the header is missing", trusted, proxy, nil, proxy},
		{"the header is empty", trusted, proxy, []string{""}, proxy},
		{"no address", trusted, proxy, []string{"203.0.113.7, unknown"}, proxy},
		{"no address, but the client's", trusted, proxy, []string{"unknown, 203.0.113.7"}, "203.0.113.7:0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			addr := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(tt.peer))
			ctx := peer.NewContext(t.Context(), &peer.Peer{Addr: addr})
			ctx = metadata.NewIncomingContext(ctx, metadata.Pairs("authorization", "Bearer abc"))
			ctx = Config{TrustedProxies: tt.trusted}.locate(ctx, tt.header)
			if got := remote(ctx).String(); got != tt.want {
				t.Errorf("the client's address is %s, want %s", got, tt.want)
			}
			if got := metadata.ValueFromIncomingContext(ctx, "authorization"); len(got) != 1 || got[0] != "Bearer abc" {
				t.Errorf("the authorization is %q, want what it was", got)
			}
		})
	}

	if got := remote(Config{TrustedProxies: trusted}.locate(context.Background(), []string{"203.0.113.7"})); got.IsValid() {
		t.Errorf("without a connection the address is %s, want none", got)
	}
}
