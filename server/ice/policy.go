package ice

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	pionice "github.com/pion/ice/v4"
)

// A Policy is what peers may learn of each other's addresses. It goes by what a client says of its own candidates: it
// keeps browsers from showing too much, not a client from telling its own address if it wants to.
type Policy int

// The policies.
const (
	// Everything passes, unread.
	ShowAll Policy = iota
	// No host candidates pass, and so no mDNS names, nor the addresses that other candidates were found from, nor those that a
	// STUN server in the same network has seen.
	HideHost
	// Only relay candidates pass, without the addresses that they were found from.
	RelayOnly
)

var policyNames = [...]string{ShowAll: "SHOW_ALL", HideHost: "HIDE_HOST", RelayOnly: "RELAY_ONLY"}

// String returns the policy's name, as ParsePolicy takes it.
func (p Policy) String() string {
	if p < 0 || int(p) >= len(policyNames) {
		return fmt.Sprintf("Policy(%d)", int(p))
	}
	return policyNames[p]
}

// ParsePolicy returns the policy of a name: "RELAY_ONLY", "HIDE_HOST" or "SHOW_ALL".
func ParsePolicy(name string) (Policy, error) {
	for p, n := range policyNames {
		if n == name {
			return Policy(p), nil
		}
	}
	return 0, fmt.Errorf("policy %q: expected RELAY_ONLY, HIDE_HOST or SHOW_ALL", name)
}

const candidatePrefix = "candidate:"

// errCandidate does not show the candidate, which is private.
var errCandidate = errors.New(`the candidate cannot be read: expected "candidate:<foundation> <component> <transport> <priority> <address> <port> typ <host, srflx, prflx or relay> …" (RFC 8839, section 5.1), an IP address, and single spaces`)

// Candidate applies the policy to a candidate as RTCIceCandidateInit has it. It returns the candidate, which may differ
// from the one given, and whether it may pass. An empty one, the end of candidates, always may. One that a policy cannot
// read is an error.
func (p Policy) Candidate(candidate string) (filtered string, pass bool, err error) {
	if p == ShowAll || candidate == "" {
		return candidate, true, nil
	}
	value, ok := strings.CutPrefix(candidate, candidatePrefix)
	if !ok {
		return "", false, errCandidate
	}
	value, _, pass, err = p.filter(value)
	if !pass || err != nil {
		return "", false, err
	}
	return candidatePrefix + value, true, nil
}

// Where things stand in a candidate.
const (
	addressField = 4
	typeField    = 7
)

// filter applies the policy to what follows "candidate:". It also returns the candidate's address.
//
// What passes is the text that was given, but for its related addresses, so that extensions stay as they are. The text is
// held to the strict grammar: where a lenient reader would take it for another candidate than this one does, it is
// refused.
func (p Policy) filter(value string) (filtered string, addr netip.Addr, pass bool, err error) {
	for i := range len(value) {
		if value[i] < ' ' || value[i] > '~' {
			return "", addr, false, errCandidate
		}
	}
	fields := strings.Split(value, " ")
	if len(fields) <= typeField || strings.Contains(fields[0], ":") {
		return "", addr, false, errCandidate
	}
	for i, f := range fields {
		if f == "" || i > typeField && strings.EqualFold(f, "typ") {
			return "", addr, false, errCandidate
		}
	}
	candidate, err := pionice.UnmarshalCandidate(value)
	if err != nil || candidate.Type().String() != fields[typeField] {
		return "", addr, false, errCandidate
	}

	switch candidate.Type() {
	case pionice.CandidateTypeRelay:
	case pionice.CandidateTypeServerReflexive, pionice.CandidateTypePeerReflexive:
		if p != HideHost {
			return "", addr, false, nil
		}
	default:
		return "", addr, false, nil
	}
	// What passes must name an address: a name may be one that only the sender's own network knows.
	if addr, err = netip.ParseAddr(fields[addressField]); err != nil || addr.Zone() != "" {
		return "", addr, false, errCandidate
	}
	addr = addr.Unmap()
	if candidate.Type() != pionice.CandidateTypeRelay && isInside(addr) {
		return "", addr, false, nil
	}
	hideRelated(fields[typeField+1:], addr)
	return strings.Join(fields, " "), addr, true, nil
}

// isInside reports whether addr is one of a network of its own, as that of a home, or of one machine.
func isInside(addr netip.Addr) bool {
	return addr.IsPrivate() || addr.IsLoopback() || addr.IsLinkLocalUnicast()
}

// hideRelated replaces the related address and port of a candidate by those that stand for a hidden one (RFC 8839, section
// 5.1). The grammar wants them to be there.
func hideRelated(extensions []string, addr netip.Addr) {
	for i := 0; i+1 < len(extensions); i++ {
		switch strings.ToLower(extensions[i]) {
		case "raddr":
			extensions[i+1] = unspecified(addr.Is4())
			i++
		case "rport":
			extensions[i+1] = "9"
			i++
		}
	}
}

// unspecified returns the address that stands for none.
func unspecified(ipv4 bool) string {
	if ipv4 {
		return "0.0.0.0"
	}
	return "::"
}
