package server

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// sourceOf returns what counts as one source of connections, as it does for sessions: an IPv4 address, or an IPv6 network
// of 64 bits. The prefix of an invalid address is invalid.
func sourceOf(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // Fails for an invalid address only.
	return p
}

// buckets are a token bucket for each source. A bucket that is full again is as good as none, and is forgotten: there are
// no more of them than sources that have taken something of late, give or take half. Of the nil buckets, and for a source
// that is invalid, everything may be taken. All methods may be called concurrently.
type buckets struct {
	// Immutable.
	perSecond rate.Limit
	burst     int

	mu   sync.Mutex
	of   map[netip.Prefix]*rate.Limiter // Guarded by mu.
	most int                            // Guarded by mu. With so many, the full ones are looked for.
}

// leastBuckets is how many buckets there are before full ones are looked for.
const leastBuckets = 1024

// newBuckets returns buckets that fill with so many tokens per second until they have burst of them; nil if perSecond is 0.
func newBuckets(perSecond, burst int) *buckets {
	if perSecond == 0 {
		return nil
	}
	return &buckets{perSecond: rate.Limit(perSecond), burst: burst, of: make(map[netip.Prefix]*rate.Limiter), most: leastBuckets}
}

// has reports whether there is a token for the source.
func (b *buckets) has(source netip.Prefix) bool {
	if b == nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.of[source]
	return l == nil || l.Tokens() >= 1
}

// take takes a token of the source, if there is one.
func (b *buckets) take(source netip.Prefix) bool {
	if b == nil || !source.IsValid() {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.of[source]
	if l == nil {
		if len(b.of) >= b.most {
			b.forgetLocked()
		}
		l = rate.NewLimiter(b.perSecond, b.burst)
		b.of[source] = l
	}
	return l.Allow()
}

// forgetLocked forgets the buckets that are full. b.mu must be held.
func (b *buckets) forgetLocked() {
	now := time.Now()
	for source, l := range b.of {
		if l.TokensAt(now) >= float64(b.burst) {
			delete(b.of, source)
		}
	}
	b.most = max(leastBuckets, 2*len(b.of)) // So that each look is paid for by as many new buckets.
}
