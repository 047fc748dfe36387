package server

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/beckonrtc/beckon/server/auth"
)

// TestHolders: users with credentials are known by what they were granted last, until neither a credential nor anything at
// the relay is left of them.
func TestHolders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		revoked := map[string]bool{}
		h := newHolders(time.Minute, func(g *auth.Grant) bool { return revoked[g.TokenID] })
		serves := func(user string) bool { return user == "7" }
		add := func(user, token string) {
			h.add(user, &auth.Grant{Identity: "ana", TokenID: token}, time.Now(), serves)
		}
		add("7", "old")
		revoked["old"] = true
		if !h.revoked("7") || h.revoked("8") {
			t.Errorf("user 7 is revoked: %v, and 8, who is not known: %v", h.revoked("7"), h.revoked("8"))
		}
		add("7", "new")
		if h.revoked("7") {
			t.Error("a user is revoked though it has a new token")
		}
		h.add("9", &auth.Grant{}, time.Now(), serves)
		if len(h.of) != 1 {
			t.Errorf("%d users are known, want 1: nobody can be revoked who is nobody", len(h.of))
		}

		revoked["new"] = true
		for i := range 10 * leastHolders {
			if add(fmt.Sprint("user ", i), "other"); i%leastHolders == 0 {
				time.Sleep(2 * time.Minute)
			}
		}
		if n := len(h.of); n > 2*leastHolders+2 {
			t.Errorf("%d users are known", n)
		}
		if !h.revoked("7") {
			t.Error("a user was forgotten that the relay serves")
		}
	})
}
