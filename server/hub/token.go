package hub

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// token returns what a client shows to be the one of the session with that id: the id, and its HMAC, which only who
// knows Config.SessionKey can make.
func (h *Hub) token(id string) string {
	mac := hmac.New(sha256.New, h.cfg.SessionKey)
	mac.Write([]byte(id)) // Never fails.
	return id + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Session returns the session whose token that is, nil if it is none or if the session has ended.
func (h *Hub) Session(token string) *Session {
	id, _, _ := strings.Cut(token, ".")
	if !hmac.Equal([]byte(token), []byte(h.token(id))) { // Takes as long for any token of that length.
		return nil
	}
	h.sessionsMu.Lock()
	defer h.sessionsMu.Unlock()
	return h.sessions[id]
}
