// Package ice gives clients what they need for ICE (RFC 8445).
//
// Servers tells them which STUN and TURN servers to use, with credentials that last for a time. Relay is such a server
// within this process, for those who have no other. Policy takes out of descriptions and candidates what would show a
// peer more of the other than a room allows.
//
// The package knows no rooms and no sessions: who is told what, and when, is for its callers to say.
package ice
