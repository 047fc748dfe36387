package server

import (
	"sync"
	"time"

	"github.com/beckonrtc/beckon/server/auth"
)

// holders are the users that were given credentials of the relay, with what their sessions were granted last: the relay
// knows users, revocations know grants. All methods may be called concurrently.
type holders struct {
	// Immutable.
	ttl     time.Duration // How long a credential is good.
	revokes func(*auth.Grant) bool

	mu   sync.Mutex
	of   map[string]holder // Guarded by mu. By user.
	most int               // Guarded by mu. With so many, those who need no longer be known are looked for.
}

// A holder is one user.
type holder struct {
	grant *auth.Grant
	until time.Time // The end of the latest credential.
}

// leastHolders is how many holders there are before it is looked for those who need no longer be known.
const leastHolders = 1024

// newHolders returns holders of credentials that are good for ttl. revokes tells whether a grant was revoked.
func newHolders(ttl time.Duration, revokes func(*auth.Grant) bool) *holders {
	return &holders{ttl: ttl, revokes: revokes, of: make(map[string]holder), most: leastHolders}
}

// add makes known that a user is given a credential. Users whose credentials have run out are forgotten in time, unless
// served tells that they still have something at the relay.
func (h *holders) add(user string, g *auth.Grant, now time.Time, served func(user string) bool) {
	if g.Identity == "" { // There is nothing to revoke.
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, known := h.of[user]; !known && len(h.of) >= h.most {
		for u, one := range h.of {
			if now.After(one.until) && !served(u) {
				delete(h.of, u)
			}
		}
		h.most = max(leastHolders, 2*len(h.of)) // So that each look is paid for by as many new holders.
	}
	h.of[user] = holder{g, now.Add(h.ttl)}
}

// revoked reports whether a user's grant was revoked. One that is not known, as that of another process, is not.
func (h *holders) revoked(user string) bool {
	h.mu.Lock()
	one, known := h.of[user]
	h.mu.Unlock()
	return known && h.revokes(one.grant)
}
