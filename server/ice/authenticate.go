package ice

import (
	"net"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
)

// authenticate returns the user of a request and the key that the request must have been made with: what it was made with
// in truth is for the TURN server to check.
func (r *Relay) authenticate(request *turn.RequestAttributes) (user string, key []byte, ok bool) {
	end, user, ok := parseUsername(request.Username)
	if !ok || request.Realm != r.config.Realm {
		r.counts.badCredential.Add(1)
		return "", nil, false
	}
	if r.config.Revoked(user) {
		r.count(revoked)
		return "", nil, false
	}
	// Other requests need an allocation that the same user has made when the credential was valid.
	if request.Method == stun.MethodAllocate && !time.Now().Before(end) {
		r.counts.expired.Add(1)
		return "", nil, false
	}
	keyOf := func(s Secret) []byte {
		return turn.GenerateAuthKey(request.Username, request.Realm, sign(s, request.Username))
	}
	// The first unless another one fits.
	key = keyOf(r.config.Secrets[0])
	if len(r.config.Secrets) == 1 {
		return user, key, true
	}
	message := &stun.Message{Raw: r.latest(request.SrcAddr)}
	if message.Decode() == nil {
		for _, s := range r.config.Secrets {
			if k := keyOf(s); stun.MessageIntegrity(k).Check(message) == nil {
				key = k
			}
		}
	}
	return user, key, true
}

// latest returns a copy of the message from a client that the TURN server is handling. That is the latest to be read, for
// the server handles one before it reads the next from the same socket, and it calls authenticate meanwhile.
func (r *Relay) latest(from net.Addr) []byte {
	var message []byte
	switch from := from.(type) {
	case *net.UDPAddr:
		message = r.udp.message
	case *net.TCPAddr:
		r.mu.RLock()
		c := r.connections[addrPort(from)]
		r.mu.RUnlock()
		if c != nil {
			message = c.frame
		}
	}
	return append([]byte(nil), message...)
}

// authenticated counts requests that were made with another key than authenticate has named.
func (r *Relay) authenticated(_, _ net.Addr, _, _, _, _ string, verdict bool) {
	if !verdict {
		r.counts.badCredential.Add(1)
	}
}
