package ice

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// quota knows what users have, and what they may have. Its methods may be called concurrently.
type quota struct {
	// Immutable. Of the bounds, 0 is none.
	maxAll, maxUser int
	userRate        int
	rate            *rate.Limiter // Nil: no bound.

	mu sync.Mutex
	// Guarded by mu.
	all      int
	accounts map[string]*account
}

// UserOf returns what a session of that identity, which may be empty, is called in its credentials. What the sessions of one
// identity have at a relay counts together, so that nobody gets more by opening several.
func UserOf(session, identity string) string {
	if identity == "" {
		return session
	}
	sum := sha256.Sum256([]byte(identity)) // Peers and other servers need not know who it is.
	return session + "." + base64.RawURLEncoding.EncodeToString(sum[:16])
}

// accountOf returns the key of a user's account.
func accountOf(user string) string {
	if _, identity, ok := strings.Cut(user, "."); ok {
		return identity
	}
	return user
}

// An account is what a user has, or all users of one identity; see UserOf.
type account struct {
	// Immutable.
	key  string
	rate *rate.Limiter // Nil: no bound.
	// Guarded by quota.mu.
	allocations int
}

func newQuota(c RelayConfig) *quota {
	return &quota{
		maxAll:   c.MaxAllocations,
		maxUser:  c.MaxUserAllocations,
		userRate: c.UserBytesPerSecond,
		rate:     limiter(c.BytesPerSecond),
		accounts: make(map[string]*account),
	}
}

// limiter returns one for so many bytes per second, of which a second's worth may come at once.
func limiter(bytesPerSecond int) *rate.Limiter {
	if bytesPerSecond == 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(bytesPerSecond), bytesPerSecond)
}

// check returns why the user may have no more allocations, if so.
func (q *quota) check(user string) refusal {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.checkLocked(user)
}

func (q *quota) checkLocked(user string) refusal {
	switch a := q.accounts[accountOf(user)]; {
	case q.maxAll > 0 && q.all >= q.maxAll:
		return totalQuota
	case q.maxUser > 0 && a != nil && a.allocations >= q.maxUser:
		return userQuota
	}
	return granted
}

// has reports whether the user, or another one of its identity, has an allocation.
func (q *quota) has(user string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	a := q.accounts[accountOf(user)]
	return a != nil && a.allocations > 0
}

// take gives the user one allocation, if it may have one. Each is given back by release.
func (q *quota) take(user string) (*account, refusal) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if why := q.checkLocked(user); why != granted {
		return nil, why
	}
	key := accountOf(user)
	a := q.accounts[key]
	if a == nil {
		a = &account{key: key, rate: limiter(q.userRate)}
		q.accounts[key] = a
	}
	a.allocations++
	q.all++
	return a, granted
}

func (q *quota) release(a *account) {
	q.mu.Lock()
	defer q.mu.Unlock()
	a.allocations--
	q.all--
	if a.allocations > 0 {
		return
	}
	// Only when its limiter has filled up again, so that a new allocation is no way around it.
	time.AfterFunc(time.Second, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if a.allocations == 0 && q.accounts[a.key] == a {
			delete(q.accounts, a.key)
		}
	})
}

// spend reports whether the account may relay n bytes now.
func (q *quota) spend(a *account, n int) bool {
	now := time.Now()
	return (a.rate == nil || a.rate.AllowN(now, n)) && (q.rate == nil || q.rate.AllowN(now, n))
}
