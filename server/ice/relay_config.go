package ice

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// RelayConfig is how a Relay runs. Secrets must be set, and PublicIP if Addr names no single address.
//
// Of the bounds, 0 stands for the default and a negative number for no bound.
type RelayConfig struct {
	// Where clients come, as "host:port", over UDP and TCP alike. Default: ":3478".
	Addr string
	// Where clients come over TLS, as "host:port", and how they are served there. Default: nowhere.
	TLSAddr string
	TLS     *tls.Config
	// Where peers come: the address of this machine on which relayed ports are opened. Default: the host of Addr.
	RelayIP netip.Addr
	// What clients and peers are told is RelayIP: another address if there is NAT in between. All allocations are of its
	// family. Default: RelayIP, if that is one address.
	PublicIP netip.Addr
	// The first and the last relayed port. Default: 49152 to 65535.
	MinPort, MaxPort uint16

	// Default: "beckon".
	Realm string
	// What credentials are made with; each verifies. At least one.
	Secrets []Secret

	// Whether to relay to addresses that are not public: private, of loopback, of the link, of a carrier's NAT, or this
	// machine's own. Whoever has a credential can then reach what this machine can reach. Default: no.
	AllowPrivate bool

	// Whether a user's access was taken back: such a user is served no longer. It may be called concurrently, and must not
	// call the relay. Default: nobody's was.
	Revoked func(user string) bool

	// How long an allocation may last, refreshed or not. A credential that expires ends none. Default: 12 h.
	MaxAllocationLife time.Duration
	// Allocations at one time. Default: 4,096.
	MaxAllocations int
	// Allocations of one user at one time. A call takes one for each TURN URL and network interface. Default: 64.
	MaxUserAllocations int
	// TCP connections at one time; more are closed as they come. Default: 8,192.
	MaxConnections int
	// How long a TCP connection may be without an allocation. Default: 10 s. There is no doing without a bound.
	HandshakeTimeout time.Duration
	// What the allocations of one user may relay, in bytes per second, both ways together; more is dropped. A second's
	// worth may come at once. Default: 4 MiB. Must be at least 64 KiB.
	UserBytesPerSecond int
	// What all allocations may relay. Default: no bound. Must be at least 64 KiB.
	BytesPerSecond int

	// Default: slog.Default(). What clients do wrong is told at the debug level; Counters has the sums.
	Logger *slog.Logger
}

// defaultRelay is what the zero RelayConfig stands for, but for Logger.
var defaultRelay = RelayConfig{
	Addr:    ":3478",
	MinPort: 49152, // As RFC 8656, section 5 advises.
	MaxPort: 65535,
	Realm:   "beckon",

	MaxAllocationLife:  12 * time.Hour,
	MaxAllocations:     4096,
	MaxUserAllocations: 64,
	MaxConnections:     8192,
	HandshakeTimeout:   10 * time.Second,
	UserBytesPerSecond: 4 << 20,
	BytesPerSecond:     -1,
}

// maxBound is the highest bound that may be set.
const maxBound = math.MaxInt32

// withDefaults returns c with its defaults filled in and 0 for bounds that are none, or an error that tells which field is
// wrong.
func (c RelayConfig) withDefaults() (RelayConfig, error) {
	d := defaultRelay
	c.Addr = cmp.Or(c.Addr, d.Addr)
	c.Realm = cmp.Or(c.Realm, d.Realm)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	c.MinPort = cmp.Or(c.MinPort, d.MinPort)
	c.MaxPort = cmp.Or(c.MaxPort, d.MaxPort)
	if c.MinPort > c.MaxPort {
		return c, fmt.Errorf("MinPort is %d and MaxPort is %d: expected MinPort to be no higher, or 0 for the defaults of %d and %d", c.MinPort, c.MaxPort, d.MinPort, d.MaxPort)
	}
	if len(c.Realm) > 128 || strings.ContainsFunc(c.Realm, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
		return c, fmt.Errorf("the field Realm is %q: expected at most 128 characters of ASCII without quotes and backslashes", c.Realm)
	}
	if len(c.Secrets) == 0 {
		return c, errors.New("the field Secrets has none: expected those that the credentials of clients are made with")
	}
	if err := checkSecrets(c.Secrets); err != nil {
		return c, fmt.Errorf("the field Secrets: %w", err)
	}
	c.Secrets = slices.Clone(c.Secrets)
	if c.Revoked == nil {
		c.Revoked = func(string) bool { return false }
	}
	if err := c.resolve(); err != nil {
		return c, err
	}
	if (c.TLSAddr == "") != (c.TLS == nil) {
		return c, errors.New("one of TLSAddr and TLS is set: expected both, or none")
	}

	c.MaxAllocationLife = cmp.Or(c.MaxAllocationLife, d.MaxAllocationLife)
	if c.MaxAllocationLife < 0 {
		c.MaxAllocationLife = 0
	}
	if c.HandshakeTimeout = cmp.Or(c.HandshakeTimeout, d.HandshakeTimeout); c.HandshakeTimeout < 0 {
		return c, fmt.Errorf("HandshakeTimeout is %s: expected it to be above 0, or 0 for the default of %s", c.HandshakeTimeout, d.HandshakeTimeout)
	}
	const leastRate = 64 << 10 // The largest datagram must fit into a second.
	for _, b := range []struct {
		name         string
		v            *int
		usual, least int
	}{
		{"MaxAllocations", &c.MaxAllocations, d.MaxAllocations, 1},
		{"MaxUserAllocations", &c.MaxUserAllocations, d.MaxUserAllocations, 1},
		{"MaxConnections", &c.MaxConnections, d.MaxConnections, 1},
		{"UserBytesPerSecond", &c.UserBytesPerSecond, d.UserBytesPerSecond, leastRate},
		{"BytesPerSecond", &c.BytesPerSecond, d.BytesPerSecond, leastRate},
	} {
		switch v := cmp.Or(*b.v, b.usual); {
		case v < 0:
			*b.v = 0
		case v < b.least || v > maxBound:
			return c, fmt.Errorf("%s is %d: expected %d to %d, 0 for the default, or a negative number for no bound", b.name, v, b.least, maxBound)
		default:
			*b.v = v
		}
	}
	return c, nil
}

// resolve replaces the host of Addr by its address, and fills in RelayIP and PublicIP.
func (c *RelayConfig) resolve() error {
	udp, err := net.ResolveUDPAddr("udp", c.Addr)
	if err != nil {
		return fmt.Errorf(`Addr is %q: expected "host:port", such as %q: %w`, c.Addr, defaultRelay.Addr, err)
	}
	listen, _ := netip.AddrFromSlice(udp.IP) // Not valid if no host is given: all addresses of both families.
	if listen = listen.Unmap(); listen.IsValid() {
		c.Addr = netip.AddrPortFrom(listen, udp.AddrPort().Port()).String() // A name may have several.
	}
	if !c.RelayIP.IsValid() {
		switch c.RelayIP = listen; {
		case listen.IsValid():
		case c.PublicIP.Is6() && !c.PublicIP.Is4In6():
			c.RelayIP = netip.IPv6Unspecified()
		default:
			c.RelayIP = netip.IPv4Unspecified()
		}
	}
	c.RelayIP, c.PublicIP = c.RelayIP.Unmap(), c.PublicIP.Unmap()
	if !c.PublicIP.IsValid() {
		if c.RelayIP.IsUnspecified() {
			return fmt.Errorf("Addr is %q, which is every address of this machine: set PublicIP to the one that clients and peers reach it by", c.Addr)
		}
		c.PublicIP = c.RelayIP
	}
	switch {
	case c.PublicIP.IsUnspecified() || c.PublicIP.IsMulticast() || c.PublicIP.Zone() != "":
		return fmt.Errorf("PublicIP is %s: expected the address of one machine, without a zone", c.PublicIP)
	case c.PublicIP.Is4() != c.RelayIP.Is4():
		return fmt.Errorf("PublicIP is %s and RelayIP is %s: expected both to be of IPv4 or both of IPv6", c.PublicIP, c.RelayIP)
	}
	return nil
}
