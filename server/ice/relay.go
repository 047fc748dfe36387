package ice

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/pion/turn/v5"
)

// A Relay is a STUN server (RFC 8489) and a TURN server (RFC 8656) for clients with credentials as Servers issues them. It
// relays UDP; clients reach it over UDP, and over TCP or TLS. All methods may be called concurrently.
//
// A credential counts when an allocation is made. An allocation goes on when its credential has expired, as with coturn,
// for a client has no way to put another in its place; MaxAllocationLife ends it, and so does EndRevoked.
//
// It relays to public addresses, AllowPrivate aside, and between its own allocations, which is how two peers meet that show
// each other nothing but relay candidates. No other port of its own machine can be reached through it.
type Relay struct {
	// Immutable.
	config  RelayConfig
	turn    *turn.Server
	udp     *datagrams
	secure  net.Listener  // Of TCP, for TLS. Nil: there is none.
	port    uint16        // That clients come to without TLS.
	inner   netip.Addr    // How allocations reach each other on this machine.
	closing chan struct{} // Closed by Close.

	// With locks of their own.
	peers  *peers
	quota  *quota
	counts counts

	// Goroutines of the TURN server, each until it has seen the end of what it reads.
	readers sync.WaitGroup

	// mu is never held while another lock is taken, nor while anything is written or closed.
	mu sync.RWMutex
	// Guarded by mu.
	closed      bool
	allocations map[uint16]*allocation     // By relayed port.
	clients     map[client]*allocation     // By where its client is.
	connections map[netip.AddrPort]*stream // By where its client is.
}

// A client is where a client is, as the relay sees it.
type client struct {
	network string // "udp" or "tcp".
	addr    netip.AddrPort
}

// clientAt returns the client at an address that the TURN server has from one of our listeners.
func clientAt(addr net.Addr) client {
	return client{addr.Network(), addrPort(addr)}
}

// addrPort returns the address and port of a UDP or TCP address.
func addrPort(addr net.Addr) netip.AddrPort {
	var ap netip.AddrPort
	switch a := addr.(type) {
	case *net.UDPAddr:
		ap = a.AddrPort()
	case *net.TCPAddr:
		ap = a.AddrPort()
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// NewRelay returns a Relay that listens, or an error that tells what in c is wrong, or why it cannot listen.
func NewRelay(c RelayConfig) (*Relay, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("TURN relay: %w", err)
	}
	peers, err := newPeers(c)
	if err != nil {
		return nil, fmt.Errorf("TURN relay: %w", err)
	}
	r := &Relay{
		config:      c,
		inner:       c.RelayIP,
		closing:     make(chan struct{}),
		peers:       peers,
		quota:       newQuota(c),
		allocations: make(map[uint16]*allocation),
		clients:     make(map[client]*allocation),
		connections: make(map[netip.AddrPort]*stream),
	}
	if r.inner.IsUnspecified() {
		r.inner = netip.MustParseAddr("127.0.0.1")
		if c.RelayIP.Is6() {
			r.inner = netip.IPv6Loopback()
		}
	}

	udp, tcp, err := listen(c.Addr)
	if err != nil {
		return nil, &ListenError{Err: err}
	}
	if c.TLSAddr != "" {
		if r.secure, err = net.Listen("tcp", c.TLSAddr); err != nil {
			return nil, errors.Join(&ListenError{TLS: true, Err: err}, udp.Close(), tcp.Close())
		}
	}
	r.port = udp.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	r.udp = &datagrams{UDPConn: udp, relay: r}
	listeners := []turn.ListenerConfig{{
		Listener:              &streams{Listener: tcp, relay: r},
		RelayAddressGenerator: allocator{r},
		PermissionHandler:     r.permit,
	}}
	if r.secure != nil {
		listeners = append(listeners, turn.ListenerConfig{
			Listener:              &streams{Listener: r.secure, relay: r, tls: c.TLS},
			RelayAddressGenerator: allocator{r},
			PermissionHandler:     r.permit,
		})
	}
	r.readers.Add(1 + len(listeners)) // The other one is of UDP.
	r.turn, err = turn.NewServer(turn.ServerConfig{
		PacketConnConfigs: []turn.PacketConnConfig{{
			PacketConn:            r.udp,
			RelayAddressGenerator: allocator{r},
			PermissionHandler:     r.permit,
		}},
		ListenerConfigs: listeners,
		LoggerFactory:   loggerFactory{c.Logger},
		Realm:           c.Realm,
		AuthHandler:     r.authenticate,
		QuotaHandler:    func(user, _ string, _ net.Addr) bool { return r.count(r.quota.check(user)) },
		EventHandler: turn.EventHandler{
			OnAuth:              r.authenticated,
			OnAllocationCreated: r.allocated,
			OnPermissionCreated: r.permitted,
			OnPermissionDeleted: r.forbidden,
		},
		InboundMTU: maxFrame,
		// A client that names no family gets the one that there is.
		StrictAddressFamily: c.PublicIP.Is4(),
	})
	if err != nil {
		err = errors.Join(fmt.Errorf("TURN relay: %w", err), udp.Close())
		for _, l := range listeners {
			err = errors.Join(err, l.Listener.Close())
		}
		return nil, err
	}
	return r, nil
}

// ListenError tells that a port that clients come to could not be opened.
type ListenError struct {
	TLS bool // It is the one for TLS.
	Err error
}

// Error tells why.
func (e *ListenError) Error() string { return "TURN relay: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *ListenError) Unwrap() error { return e.Err }

// listen opens a UDP port and the TCP port of the same number.
func listen(addr string) (*net.UDPConn, *net.TCPListener, error) {
	for try := 1; ; try++ {
		packets, err := net.ListenPacket("udp", addr)
		if err != nil {
			return nil, nil, err
		}
		udp := packets.(*net.UDPConn)
		host, _, _ := net.SplitHostPort(addr) // It was resolved already.
		tcp, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(udp.LocalAddr().(*net.UDPAddr).Port)))
		if err == nil {
			return udp, tcp.(*net.TCPListener), nil
		}
		udp.Close()
		// With port 0 the system has chosen the UDP port; its namesake may be taken.
		if _, port, _ := net.SplitHostPort(addr); port != "0" || try == 10 {
			return nil, nil, err
		}
	}
}

// Addr returns where the relay listens over UDP and TCP.
func (r *Relay) Addr() netip.AddrPort {
	return addrPort(r.udp.LocalAddr())
}

// TLSAddr returns where the relay listens over TLS; not valid: nowhere.
func (r *Relay) TLSAddr() netip.AddrPort {
	if r.secure == nil {
		return netip.AddrPort{}
	}
	return addrPort(r.secure.Addr())
}

// URLs returns the URLs for a Server: those of UDP and TCP, and of TLS if it is served. The host is the name by which clients
// reach the relay, which TLS needs to be one of its certificate; if it is empty, PublicIP.
func (r *Relay) URLs(host string) []string {
	if host == "" {
		host = r.config.PublicIP.String()
	}
	hostport := net.JoinHostPort(host, strconv.Itoa(int(r.port)))
	urls := []string{"turn:" + hostport + "?transport=udp", "turn:" + hostport + "?transport=tcp"}
	if at := r.TLSAddr(); at.IsValid() {
		urls = append(urls, "turns:"+net.JoinHostPort(host, strconv.Itoa(int(at.Port())))+"?transport=tcp")
	}
	return urls
}

// Close ends all allocations and connections, and waits until nothing runs any more. A second Close does nothing.
func (r *Relay) Close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		r.readers.Wait()
		return nil
	}
	r.closed = true
	var allocations []*allocation
	for _, a := range r.allocations {
		allocations = append(allocations, a)
	}
	var connections []*stream
	for _, c := range r.connections {
		connections = append(connections, c)
	}
	r.mu.Unlock()

	close(r.closing)
	err := r.turn.Close()
	for _, a := range allocations {
		a.Close()
	}
	for _, c := range connections {
		c.abort()
	}
	r.readers.Wait()
	if err != nil {
		return fmt.Errorf("TURN relay: close: %w", err)
	}
	return nil
}

// pause waits after an error that may pass, and reports whether to go on.
func (r *Relay) pause() bool {
	select {
	case <-r.closing:
		return false
	case <-time.After(50 * time.Millisecond):
		return true
	}
}
