package server

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// TestBuckets: each source has a bucket of its own, which fills again; what counts as one source is told by the address.
func TestBuckets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBuckets(2, 3)
		takes := func(address string, want int) {
			t.Helper()
			source := sourceOf(netip.MustParseAddr(address))
			n := 0
			for n < 10 && b.has(source) && b.take(source) {
				n++
			}
			if n != want || b.take(source) {
				t.Errorf("%s took %d, want %d and no more", address, n, want)
			}
		}
		takes("192.0.2.1", 3)
		takes("::ffff:192.0.2.1", 0)
		takes("192.0.2.2", 3)
		takes("2001:db8:1:2::1", 3)
		takes("2001:db8:1:2:ffff::2", 0)
		takes("2001:db8:1:3::1", 3)
		time.Sleep(time.Second)
		takes("192.0.2.1", 2)
		time.Sleep(time.Hour)
		takes("192.0.2.1", 3)

		var none *buckets
		nowhere := sourceOf(netip.Addr{})
		for range 10 {
			if !b.has(nowhere) || !b.take(nowhere) {
				t.Fatal("there is a bound for an address that is none")
			}
			if source := sourceOf(netip.MustParseAddr("192.0.2.1")); !none.has(source) || !none.take(source) {
				t.Fatal("there is a bound where there is to be none")
			}
		}
	})
}

// TestBucketsForgotten: however many sources there are in the course of time, only those that are not full are kept.
func TestBucketsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBuckets(1, 4)
		const perSecond = 1000 // Full again after 1 s.
		a, most := netip.MustParseAddr("10.0.0.0"), 0
		for range 30 {
			for range perSecond {
				a = a.Next()
				b.take(sourceOf(a))
				most = max(most, len(b.of))
			}
			time.Sleep(time.Second)
		}
		if most > 2*leastBuckets {
			t.Errorf("there were %d buckets at one time, want at most %d", most, 2*leastBuckets)
		}

		// One that is not full is not forgotten.
		busy := sourceOf(netip.MustParseAddr("192.0.2.1"))
		for range 4 {
			b.take(busy)
		}
		b.mu.Lock()
		b.forgetLocked()
		b.mu.Unlock()
		if b.has(busy) {
			t.Error("a bucket was forgotten that is not full")
		}
	})
}
