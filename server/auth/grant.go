package auth

import (
	"fmt"
	"strings"
	"time"
)

// A Grant is what one session may do, and under which name. The zero Grant lets nobody in particular do everything. A Grant
// does not change once it is made.
type Grant struct {
	// Who it is: the token's subject. Empty without authentication.
	Identity string
	// What others see, unless the client chooses another name. May be empty.
	Name string
	// What others see, too. The client cannot set these keys; one with an empty value stays unset.
	Attributes map[string]string

	// The rooms that may be entered: each a name, or the beginning of names and then "*". None: every room.
	Rooms []string
	// What may not be done.
	Withheld Permission
	// Whether the session may look after the server and others' sessions.
	Admin bool

	// How many sessions the identity may have at one time. 0: no bound.
	MaxSessions int
	// What becomes of a second session of the identity in a room.
	Duplicates Duplicates

	// Which token it was (jti), so that it can be revoked. May be empty.
	TokenID string
	// When it was issued; zero if it does not tell.
	Issued time.Time
	// When it ceases to be good, the clock skew that is allowed included. Zero: never.
	Expires time.Time

	// For the client's RTCConfiguration, instead of the server's own. May be nil.
	ICEServers []ICEServer
}

// An ICEServer is a STUN or TURN server: the dictionary RTCIceServer of W3C WebRTC 1.0, and an expiry.
type ICEServer struct {
	URLs                 []string
	Username, Credential string
	Expires              time.Time // Zero: never.
}

// MayJoin reports whether the session may enter that room.
func (g *Grant) MayJoin(room string) bool {
	if len(g.Rooms) == 0 {
		return true
	}
	for _, pattern := range g.Rooms {
		prefix, open := strings.CutSuffix(pattern, "*")
		if pattern == room || open && strings.HasPrefix(room, prefix) {
			return true
		}
	}
	return false
}

// HasExpired reports whether the grant is no longer good at that time.
func (g *Grant) HasExpired(now time.Time) bool { return !g.Expires.IsZero() && !g.Expires.After(now) }

// May reports whether the session may do all of p.
func (g *Grant) May(p Permission) bool { return g.Withheld&p == 0 }

// A Permission is a set of things that a session may do.
type Permission uint8

const (
	// Enter rooms.
	Join Permission = 1 << iota
	// Call somebody: offer. Who is called may always answer, and end a call.
	Call
	// Send to everybody else in a room.
	Broadcast
	// Send data.
	Data
	// Choose another name than the granted one.
	UpdateName

	everything = Join | Call | Broadcast | Data | UpdateName
)

// permissionWords are the words of the claim "may", in the order of the bits.
var permissionWords = []string{"join", "call", "broadcast", "data", "update_name"}

// ParsePermissions returns the set that the words stand for.
func ParsePermissions(words []string) (Permission, error) {
	var set Permission
next:
	for _, word := range words {
		for i, known := range permissionWords {
			if word == known {
				set |= 1 << i
				continue next
			}
		}
		return 0, fmt.Errorf("%s is no permission: expected some of %s", shown(word), strings.Join(permissionWords, ", "))
	}
	return set, nil
}

// Words returns the words that stand for the set.
func (p Permission) Words() []string {
	words := []string{}
	for i, word := range permissionWords {
		if p&(1<<i) != 0 {
			words = append(words, word)
		}
	}
	return words
}

// Duplicates tells what becomes of a second session of the same identity in the same room.
type Duplicates uint8

const (
	// Both are there.
	AllowDuplicates Duplicates = iota
	// The first one leaves the room.
	ReplaceDuplicates
	// The second one does not get in.
	RejectDuplicates
)

// DuplicatesWords are the words of the claim "duplicates", in the order of the constants.
var DuplicatesWords = []string{"allow", "replace", "reject"}

func (d Duplicates) String() string { return DuplicatesWords[d] }

// ParseDuplicates returns what the word stands for.
func ParseDuplicates(word string) (Duplicates, error) {
	for i, known := range DuplicatesWords {
		if word == known {
			return Duplicates(i), nil
		}
	}
	return 0, fmt.Errorf("%s is no way to treat duplicates: expected %s", shown(word), strings.Join(DuplicatesWords, ", "))
}
