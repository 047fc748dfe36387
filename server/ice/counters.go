package ice

import "sync/atomic"

// Counters is what a Relay has done since it began, but for Open and Connections, which are as they are now.
type Counters struct {
	// Allocations and TCP connections that there are.
	Open, Connections int
	// Allocations that were made.
	Allocations uint64
	// Bytes relayed to peers and from them, without headers.
	BytesToPeers, BytesFromPeers uint64
	// What was refused, by reason.
	Refused Refused
}

// Refused is what a Relay has refused, by reason.
type Refused struct {
	// Requests with a credential that no secret has made, and allocations asked for with one that has expired.
	BadCredential, Expired uint64
	// Requests and allocations of users whose access was taken back.
	Revoked uint64
	// Allocations beyond MaxUserAllocations and MaxAllocations, and those for which no port was free.
	UserQuota, TotalQuota, NoPort uint64
	// Allocations of TCP, of another address family, or with an even port.
	Unsupported uint64
	// Permissions for a peer at an address that is not relayed to, and beyond what an allocation may have.
	Peer, TooManyPermissions uint64
	// Datagrams to a peer at an address and port that is not relayed to.
	Send uint64
	// Datagrams from a peer that the allocation has no permission for.
	Stranger uint64
	// Datagrams beyond UserBytesPerSecond or BytesPerSecond.
	OverRate uint64
	// Connections beyond MaxConnections, and those from where the same client has one to the other port.
	TooManyConnections uint64
}

// counts is Counters as it is counted.
type counts struct {
	allocated, fromPeers, toPeers                atomic.Uint64
	badCredential, expired, revoked              atomic.Uint64
	userQuota, totalQuota, noPort, unsupported   atomic.Uint64
	peer, tooManyPermissions, tooManyConnections atomic.Uint64
	sendForbidden, strangers, overRate           atomic.Uint64
}

// A refusal is why something is not done.
type refusal int

const (
	granted refusal = iota
	revoked
	userQuota
	totalQuota
	noPort
	unsupported
	peerForbidden
	tooManyPermissions
	tooManyConnections
	closed // Not counted.
)

// count counts a refusal, and reports whether it is none.
func (r *Relay) count(why refusal) bool {
	switch why {
	case revoked:
		r.counts.revoked.Add(1)
	case userQuota:
		r.counts.userQuota.Add(1)
	case totalQuota:
		r.counts.totalQuota.Add(1)
	case noPort:
		r.counts.noPort.Add(1)
	case unsupported:
		r.counts.unsupported.Add(1)
	case peerForbidden:
		r.counts.peer.Add(1)
	case tooManyPermissions:
		r.counts.tooManyPermissions.Add(1)
	case tooManyConnections:
		r.counts.tooManyConnections.Add(1)
	}
	return why == granted
}

// Counters returns the counters as they are now. They are read one by one, while the relay goes on.
func (r *Relay) Counters() Counters {
	r.mu.RLock()
	open, connections := len(r.allocations), len(r.connections)
	r.mu.RUnlock()
	c := &r.counts
	return Counters{
		Open:           open,
		Connections:    connections,
		Allocations:    c.allocated.Load(),
		BytesToPeers:   c.toPeers.Load(),
		BytesFromPeers: c.fromPeers.Load(),
		Refused: Refused{
			BadCredential:      c.badCredential.Load(),
			Expired:            c.expired.Load(),
			Revoked:            c.revoked.Load(),
			UserQuota:          c.userQuota.Load(),
			TotalQuota:         c.totalQuota.Load(),
			NoPort:             c.noPort.Load(),
			Unsupported:        c.unsupported.Load(),
			Peer:               c.peer.Load(),
			TooManyPermissions: c.tooManyPermissions.Load(),
			Send:               c.sendForbidden.Load(),
			Stranger:           c.strangers.Load(),
			OverRate:           c.overRate.Load(),
			TooManyConnections: c.tooManyConnections.Load(),
		},
	}
}
