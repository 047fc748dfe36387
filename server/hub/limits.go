package hub

import (
	"cmp"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/time/rate"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// burst is how many seconds' worth of messages a session may send at once.
const burst = 10

// limited returns the error of a stream that is one too many.
func limited(format string, args ...any) *Error { return &Error{Limit, fmt.Sprintf(format, args...)} }

// sourceOf returns what counts as one source of sessions: an IPv4 address, or an IPv6 network, of which one client may
// have all addresses.
func sourceOf(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // Fails for an invalid address only, whose prefix is invalid.
	return p
}

// admit adds a session, unless there are too many.
func (h *Hub) admit(s *Session, from netip.Prefix) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.admitLocked(s, from)
}

// admitLocked is admit. h.mu must be held.
func (h *Hub) admitLocked(s *Session, from netip.Prefix) error {
	if most := h.cfg.MaxSessionsPerIP; most > 0 && from.IsValid() && h.sources[from] >= most {
		return limited("there are %d sessions from %s, as many as may be", most, from)
	}
	g := s.grant.Load()
	if h.isRevokedLocked(g) {
		return errKicked
	}
	if most := g.MaxSessions; most > 0 && h.owners[g.Identity] >= most {
		return limited("%q has %d sessions, as many as its access allows", g.Identity, most)
	}
	return h.addLocked(s, from)
}

// addLocked adds a session wherever it comes from, unless there are too many in all. h.mu must be held.
func (h *Hub) addLocked(s *Session, from netip.Prefix) error {
	if most := h.cfg.MaxSessions; most > 0 && len(h.sessions) >= most {
		return limited("the server has %d sessions, as many as it may have", most)
	}
	h.sessions[s.id] = s
	if g := s.grant.Load(); g.Identity != "" {
		h.owners[g.Identity]++
	}
	h.countLocked(s, from)
	return nil
}

// countLocked counts s where it comes from now. h.mu must be held.
func (h *Hub) countLocked(s *Session, from netip.Prefix) {
	if s.source.IsValid() {
		if h.sources[s.source]--; h.sources[s.source] == 0 {
			delete(h.sources, s.source)
		}
	}
	if s.source = from; from.IsValid() {
		h.sources[from]++
	}
}

// dismiss removes a session.
func (h *Hub) dismiss(s *Session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sessions[s.id] != s { // It was never admitted.
		return
	}
	h.removeLocked(s)
	if h.revivesLocked() {
		h.ended[s.id] = struct{}{}
	}
}

// removeLocked takes a session out of the lists. h.mu must be held.
func (h *Hub) removeLocked(s *Session) {
	delete(h.sessions, s.id)
	if identity := s.grant.Load().Identity; identity != "" {
		if h.owners[identity]--; h.owners[identity] == 0 {
			delete(h.owners, identity)
		}
	}
	h.countLocked(s, netip.Prefix{})
}

// budget is what a session may send. The zero value bounds nothing.
type budget struct {
	messages, bytes *rate.Limiter
	// What was refused, in messages. Who goes on in spite of refusals uses it up. Nil: nothing was.
	patience *rate.Limiter
	// How many messages' worth a byte is.
	perByte float64
}

// newBudget returns the budget of a session.
func newBudget(cfg Config) budget {
	b := budget{messages: limiter(cfg.MaxMessagesPerSecond, 0), bytes: limiter(cfg.MaxBytesPerSecond, 2*cfg.MaxMessageBytes)}
	b.perByte = 1
	if b.messages != nil {
		b.perByte = float64(cfg.MaxMessagesPerSecond) / float64(max(cfg.MaxBytesPerSecond, 1<<20))
	}
	return b
}

// limiter returns a token bucket, nil if there is no bound.
func limiter(perSecond, least int) *rate.Limiter {
	if perSecond <= 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(perSecond), max(perSecond*burst, least))
}

// spend takes a message of that size from the budget. It returns a failure if the budget does not allow it, and an error
// if that was so too often.
func (b *budget) spend(now time.Time, size int) (*failure, error) {
	var f *failure
	switch {
	case b.messages != nil && !b.messages.AllowN(now, 1):
		f = fail(beckonv1.FailureCode_FAILURE_CODE_RATE_LIMITED, "", "too many messages: expected no more than %.0f per second, and %d at once", b.messages.Limit(), b.messages.Burst())
	case b.bytes != nil && !b.bytes.AllowN(now, size):
		f = fail(beckonv1.FailureCode_FAILURE_CODE_RATE_LIMITED, "", "too many bytes: expected no more than %.0f per second, and %d at once", b.bytes.Limit(), b.bytes.Burst())
	default:
		return nil, nil
	}
	if b.patience == nil {
		counted := cmp.Or(b.messages, b.bytes)
		b.patience = rate.NewLimiter(counted.Limit(), counted.Burst())
	}
	if !b.patience.AllowN(now, 1+int(float64(size)*b.perByte)) {
		return nil, limited("the client goes on sending far more than it may: %s", f.detail)
	}
	return f, nil
}
