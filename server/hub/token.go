package hub

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/netip"
	"strings"
	"time"
)

// token returns what a client shows to be the one of the session with that id: the id, and its HMAC, which only who
// knows Config.SessionKey can make.
func (h *Hub) token(id string) string {
	mac := hmac.New(sha256.New, h.cfg.SessionKey)
	mac.Write([]byte(id)) // Never fails.
	return id + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// idOf returns whose token that is. It returns false if it is none.
func (h *Hub) idOf(token string) (id string, ok bool) {
	id, _, _ = strings.Cut(token, ".")
	return id, hmac.Equal([]byte(token), []byte(h.token(id))) // Takes as long for any token of that length.
}

// Session returns the session whose token that is, nil if it is none or if the session has ended.
func (h *Hub) Session(token string) *Session {
	id, ok := h.idOf(token)
	if !ok {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sessions[id]
}

// revive returns the session whose token that is, for a stream from that source. If the hub does not know it, but an
// earlier process may have, the session goes on here.
func (h *Hub) revive(token string, from netip.Prefix) (*Session, error) {
	id, ok := h.idOf(token)
	if !ok {
		return nil, errNoSession
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if s := h.sessions[id]; s != nil {
		h.countLocked(s, from)
		return s, nil
	}
	if _, ended := h.ended[id]; ended || !h.revivesLocked() {
		return nil, errNoSession
	}
	s := newSession(h, id)
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
