package ice

import (
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

// special are the ranges that are no public addresses of a single machine and that netip.Addr has no question for. Those
// of IPv6 that carry an IPv4 address in them are refused as a whole, for a gateway may lead from them to anywhere.
var special = prefixes(
	"0.0.0.0/8",       // This network (RFC 791)
	"100.64.0.0/10",   // A carrier's NAT (RFC 6598)
	"192.0.0.0/24",    // Protocol assignments (RFC 6890)
	"192.88.99.0/24",  // 6to4 relays (RFC 7526)
	"198.18.0.0/15",   // Benchmarks (RFC 2544)
	"240.0.0.0/4",     // Reserved (RFC 1112), and broadcast
	"::/96",           // IPv4-compatible (RFC 4291), loopback, unspecified
	"::ffff:0:0:0/96", // IPv4-translated (RFC 2765)
	"64:ff9b::/96",    // NAT64 (RFC 6052)
	"64:ff9b:1::/48",  // NAT64 of a network of one's own (RFC 8215)
	"100::/64",        // Discarded (RFC 6666)
	"2001::/32",       // Teredo (RFC 4380)
	"2002::/16",       // 6to4 (RFC 3056)
	"fec0::/10",       // Site-local (RFC 3879)
)

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, s := range texts {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// isPublic reports whether addr, which is not IPv4-mapped, is one that anybody can reach.
func isPublic(addr netip.Addr) bool {
	if !isUnicast(addr) || addr.IsPrivate() || addr.IsLoopback() || addr.IsLinkLocalUnicast() || addr.Zone() != "" {
		return false
	}
	for _, p := range special {
		if p.Contains(addr) {
			return false
		}
	}
	return true
}

// isUnicast reports whether addr can be that of a single machine at all.
func isUnicast(addr netip.Addr) bool {
	return addr.IsValid() && !addr.IsUnspecified() && !addr.IsMulticast() && addr != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// peers knows which addresses may be relayed to. Its methods may be called concurrently.
type peers struct {
	// Immutable.
	allowPrivate bool
	relay        netip.Addr // The address of the allocations, as clients see it.

	// This machine's own addresses, as they were a short time ago.
	own atomic.Pointer[ownAddresses]
}

type ownAddresses struct {
	read  time.Time
	addrs map[netip.Addr]bool // With the broadcast addresses of this machine's networks, which it answers to as well.
}

// ownAddressesLast is how long the addresses of this machine are taken to be what they were.
const ownAddressesLast = 10 * time.Second

func newPeers(c RelayConfig) (*peers, error) {
	p := &peers{allowPrivate: c.AllowPrivate, relay: c.PublicIP}
	if !p.allowPrivate {
		if err := p.readOwn(); err != nil {
			return nil, fmt.Errorf("learn this machine's own addresses, which are not relayed to: %w", err)
		}
	}
	return p, nil
}

// readOwn reads this machine's addresses.
func (p *peers) readOwn() error {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return err
	}
	own := &ownAddresses{time.Now(), make(map[netip.Addr]bool)}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok {
			if addr, ok := netip.AddrFromSlice(n.IP); ok {
				own.addrs[addr.Unmap()] = true
			}
			if ip := n.IP.To4(); ip != nil && len(n.Mask) == net.IPv4len {
				var all [net.IPv4len]byte
				for i := range all {
					all[i] = ip[i] | ^n.Mask[i]
				}
				own.addrs[netip.AddrFrom4(all)] = true
			}
		}
	}
	p.own.Store(own)
	return nil
}

// permits reports whether an allocation may send to addr, which is not IPv4-mapped. Of the relay's own address it may reach
// other allocations alone, for which Relay.route looks at the port, too.
func (p *peers) permits(addr netip.Addr) bool {
	if p.allowPrivate {
		return isUnicast(addr)
	}
	if addr == p.relay { // Public or not.
		return true
	}
	if !isPublic(addr) {
		return false
	}
	own := p.own.Load()
	if time.Since(own.read) > ownAddressesLast && p.readOwn() == nil {
		own = p.own.Load()
	}
	return !own.addrs[addr]
}

// maxPermissions is how many addresses an allocation may have permissions for at one time. A peer has a handful.
const maxPermissions = 128

// permit decides whether a client may have a permission for a peer, by CreatePermission or by ChannelBind.
func (r *Relay) permit(from net.Addr, peer net.IP) bool {
	addr, _ := netip.AddrFromSlice(peer)
	addr = addr.Unmap()
	if !r.peers.permits(addr) {
		return r.count(peerForbidden)
	}
	r.mu.RLock()
	a := r.clients[clientAt(from)]
	r.mu.RUnlock()
	return r.count(a.roomFor(addr))
}

// route returns where to send what an allocation sends to a peer, and whether it may.
func (r *Relay) route(peer netip.AddrPort) (netip.AddrPort, bool) {
	if !r.peers.permits(peer.Addr()) {
		return peer, false
	}
	if peer.Addr() != r.config.PublicIP {
		return peer, true
	}
	// Through NAT the way would lead out and, with luck, in again.
	if r.isAllocation(peer.Port()) {
		return netip.AddrPortFrom(r.inner, peer.Port()), true
	}
	return peer, r.config.AllowPrivate
}

// origin returns the address by which peers know the sender of what has arrived: it undoes route.
func (r *Relay) origin(from netip.AddrPort) netip.AddrPort {
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	if from.Addr() == r.inner && r.isAllocation(from.Port()) {
		return netip.AddrPortFrom(r.config.PublicIP, from.Port())
	}
	return from
}

// isAllocation reports whether a port is that of an allocation.
func (r *Relay) isAllocation(port uint16) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.allocations[port] != nil
}
