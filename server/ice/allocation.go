package ice

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/turn/v5"
)

// allocator opens relayed ports for the TURN server.
type allocator struct{ *Relay }

// Errors that the TURN server passes on as 508 (Insufficient Capacity).
var (
	errUnsupported = errors.New("only UDP is relayed, of one address family, from ports that the relay chooses")
	errNoPort      = errors.New("no relayed port is free")
	errQuota       = errors.New("the quota is used up")
	errRevoked     = errors.New("the user's access was taken back")
)

// Validate has nothing to do: NewRelay did it.
func (allocator) Validate() error { return nil }

// AllocatePacketConn opens a port for an allocation. A request for an even port comes without a user.
func (r allocator) AllocatePacketConn(request turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	network := "udp6"
	if r.config.RelayIP.Is4() {
		network = "udp4"
	}
	if request.Network != network || request.RequestedPort != 0 || request.UserID == "" {
		r.count(unsupported)
		return nil, nil, errUnsupported
	}
	// Asked already, but others may have been quicker.
	account, why := r.quota.take(request.UserID)
	if !r.count(why) {
		return nil, nil, errQuota
	}
	a, err := r.open(network, request.UserID, account)
	if err != nil {
		r.quota.release(account)
		if !errors.Is(err, net.ErrClosed) {
			r.count(noPort)
		}
		return nil, nil, err
	}
	// Whoever is revoked from now on is found by EndRevoked.
	if r.config.Revoked(request.UserID) {
		a.Close()
		a.read.Do(r.readers.Done) // Nobody reads it.
		r.count(revoked)
		return nil, nil, errRevoked
	}
	return a, net.UDPAddrFromAddrPort(netip.AddrPortFrom(r.config.PublicIP, a.port)), nil
}

// AllocateListener refuses allocations of TCP (RFC 6062), which WebRTC does not use.
func (r allocator) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	r.count(unsupported)
	return nil, nil, errUnsupported
}

// AllocateConn refuses connections of allocations of TCP.
func (r allocator) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) {
	r.count(unsupported)
	return nil, errUnsupported
}

// open opens a port at random and the next ones until one is free.
func (r *Relay) open(network, user string, account *account) (*allocation, error) {
	first, n := int(r.config.MinPort), int(r.config.MaxPort)-int(r.config.MinPort)+1
	// Others on this machine may have some ports; if they have that many, looking on would hold up everybody.
	const maxFailures = 64
	failures := 0
	start := rand.IntN(n)
	for i := range n {
		port := uint16(first + (start+i)%n)
		if r.isAllocation(port) {
			continue
		}
		conn, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(netip.AddrPortFrom(r.config.RelayIP, port)))
		if err != nil {
			if failures++; failures == maxFailures {
				break
			}
			continue
		}
		a := &allocation{conn: conn, relay: r, user: user, account: account, port: port, permissions: make(map[netip.Addr]bool)}
		if !r.add(a) {
			conn.Close()
			return nil, net.ErrClosed
		}
		return a, nil
	}
	return nil, errNoPort
}

// add makes an allocation known, unless the relay is closed.
func (r *Relay) add(a *allocation) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	r.allocations[a.port] = a
	r.readers.Add(1)
	r.counts.allocated.Add(1)
	if life := r.config.MaxAllocationLife; life > 0 {
		a.end = time.AfterFunc(life, func() { a.Close() })
	}
	return true
}

// EndRevoked ends the allocations of users whose access was taken back; see RelayConfig.Revoked.
func (r *Relay) EndRevoked() {
	r.mu.RLock()
	var all []*allocation
	for _, a := range r.allocations {
		all = append(all, a)
	}
	r.mu.RUnlock()
	for _, a := range all {
		if r.config.Revoked(a.user) {
			a.Close() // The TURN server's reader of it sees the end.
		}
	}
}

// Serves reports whether a user has an allocation.
func (r *Relay) Serves(user string) bool { return r.quota.has(user) }

// allocated makes known whose an allocation is.
func (r *Relay) allocated(from, _ net.Addr, _, _, _ string, relayed net.Addr, _ int) {
	at := clientAt(from)
	r.mu.Lock()
	a := r.allocations[addrPort(relayed).Port()]
	if a != nil {
		a.client = at
		r.clients[at] = a
	}
	c := r.connectionLocked(at)
	r.mu.Unlock()
	if a != nil && c != nil {
		c.idle.Stop()
	}
}

// permitted makes a permission known to its allocation.
func (r *Relay) permitted(_, _ net.Addr, _, _, _ string, relayed net.Addr, peer net.IP) {
	r.setPermission(relayed, peer, true)
}

// forbidden takes it back.
func (r *Relay) forbidden(_, _ net.Addr, _, _, _ string, relayed net.Addr, peer net.IP) {
	r.setPermission(relayed, peer, false)
}

func (r *Relay) setPermission(relayed net.Addr, peer net.IP, has bool) {
	r.mu.RLock()
	a := r.allocations[addrPort(relayed).Port()]
	r.mu.RUnlock()
	addr, ok := netip.AddrFromSlice(peer)
	if a == nil || !ok {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if has {
		a.permissions[addr.Unmap()] = true
	} else {
		delete(a.permissions, addr.Unmap())
	}
}

// An allocation is a relayed port. The TURN server reads what peers send to it, and writes what its client sends to them.
type allocation struct {
	// Immutable.
	conn    *net.UDPConn
	relay   *Relay
	user    string
	account *account
	port    uint16
	end     *time.Timer // Nil if there is none.

	closing sync.Once
	read    sync.Once // Done when the reader has seen the end.

	// Guarded by relay.mu.
	client client

	mu sync.RWMutex
	// Guarded by mu. The TURN server has its own; these are for counting no bytes of strangers.
	permissions map[netip.Addr]bool
}

// roomFor returns why there can be no permission for addr, if so. The nil allocation has room: the TURN server knows
// better whether there is one.
func (a *allocation) roomFor(addr netip.Addr) refusal {
	if a == nil {
		return granted
	}
	a.mu.RLock()
	defer a.mu.RUnlock()
	if len(a.permissions) >= maxPermissions && !a.permissions[addr] {
		return tooManyPermissions
	}
	return granted
}

// ReadFrom returns what a peer with a permission has sent.
func (a *allocation) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		n, from, err := a.conn.ReadFromUDPAddrPort(p)
		if err != nil {
			a.read.Do(a.relay.readers.Done)
			return 0, nil, err
		}
		from = a.relay.origin(from)
		a.mu.RLock()
		permitted := a.permissions[from.Addr()]
		a.mu.RUnlock()
		switch {
		case !permitted:
			a.relay.counts.strangers.Add(1)
		case !a.relay.quota.spend(a.account, n):
			a.relay.counts.overRate.Add(1)
		default:
			a.relay.counts.fromPeers.Add(uint64(n))
			return n, net.UDPAddrFromAddrPort(from), nil
		}
	}
}

// WriteTo sends to a peer, by Send or on a channel. What may not pass is dropped, as it would be by a network.
func (a *allocation) WriteTo(p []byte, peer net.Addr) (int, error) {
	to, ok := a.relay.route(addrPort(peer))
	switch {
	case !ok:
		a.relay.counts.sendForbidden.Add(1)
		return len(p), nil
	case !a.relay.quota.spend(a.account, len(p)):
		a.relay.counts.overRate.Add(1)
		return len(p), nil
	}
	a.relay.counts.toPeers.Add(uint64(len(p)))
	return a.conn.WriteToUDPAddrPort(p, to)
}

// Close ends the allocation. It may be called again.
func (a *allocation) Close() (err error) {
	a.closing.Do(func() {
		r := a.relay
		r.mu.Lock()
		delete(r.allocations, a.port)
		var c *stream
		if r.clients[a.client] == a {
			delete(r.clients, a.client)
			c = r.connectionLocked(a.client)
		}
		r.mu.Unlock()
		if c != nil {
			c.idle.Reset(r.config.HandshakeTimeout)
		}
		if a.end != nil {
			a.end.Stop()
		}
		r.quota.release(a.account)
		err = a.conn.Close()
	})
	return err
}

// LocalAddr returns the address that the port is opened on.
func (a *allocation) LocalAddr() net.Addr { return a.conn.LocalAddr() }

// SetDeadline does what it does for the port.
func (a *allocation) SetDeadline(t time.Time) error { return a.conn.SetDeadline(t) }

// SetReadDeadline does what it does for the port.
func (a *allocation) SetReadDeadline(t time.Time) error { return a.conn.SetReadDeadline(t) }

// SetWriteDeadline does what it does for the port.
func (a *allocation) SetWriteDeadline(t time.Time) error { return a.conn.SetWriteDeadline(t) }
