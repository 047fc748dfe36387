package hub

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/netip"
	"strings"
	"time"

	"github.com/beckonrtc/beckon/server/auth"
)

// token returns what a client of that identity shows to be the one of the session with that id: the id, and the HMAC of
// both, which only who knows Config.SessionKey can make.
func (h *Hub) token(id, identity string) string {
	mac := hmac.New(sha256.New, h.cfg.SessionKey)
	mac.Write([]byte(id + "." + identity)) // Never fails. An id has no dot.
	return id + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// idOf returns whose token that is. It returns false if it is none of a client of that identity.
func (h *Hub) idOf(token, identity string) (id string, ok bool) {
	id, _, _ = strings.Cut(token, ".")
	return id, hmac.Equal([]byte(token), []byte(h.token(id, identity))) // Takes as long for any token of that length.
}

// Session returns the session whose token that is, nil if it is none or if the session has ended.
func (h *Hub) Session(token string) *Session {
	id, _, _ := strings.Cut(token, ".")
	h.mu.Lock()
	s := h.sessions[id]
	h.mu.Unlock()
	if s == nil {
		return nil
	}
	if _, ok := h.idOf(token, s.grant.Load().Identity); !ok {
		return nil
	}
	return s
}

// revive returns the session whose token that is, for a stream with that grant and from that source. If the hub does not know it, but an
// earlier process may have, the session goes on here.
func (h *Hub) revive(token string, g *auth.Grant, from netip.Prefix) (*Session, error) {
	id, ok := h.idOf(token, g.Identity)
	if !ok {
		return nil, errNoSession
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.isRevokedLocked(g) {
		return nil, errKicked
	}
	if s := h.sessions[id]; s != nil {
		h.countLocked(s, from)
		return s, nil
	}
	if _, ended := h.ended[id]; h.shared == nil && (ended || !h.revivesLocked()) {
		return nil, errNoSession
	}
	s := newSession(h, id, g)
	return s, h.admitLocked(s, from)
}

// revivesLocked reports whether sessions of an earlier process may be on their way. h.mu must be held.
func (h *Hub) revivesLocked() bool {
	if h.ended != nil && time.Since(h.started) >= h.cfg.ResumeWindow {
		h.ended = nil
	}
	return h.ended != nil
}

// errNoSession ends a stream whose session is not to be had.
var errNoSession = &Error{NoSuchSession, "no session has this token, or it has ended: connect anew"}
