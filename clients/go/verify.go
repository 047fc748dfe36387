package beckon

import (
	"bytes"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	verificationSalt       = "beckon call verification 1"
	verificationIterations = 100_000
	verificationGroups     = 6 // Of five digits, each made of five bytes.
)

// VerificationCode is what two people compare, by voice or on another way, to know that nobody sits between them in a
// call: six groups of five digits. Both sides get the same one if each has the other's certificate; a server that has put
// its own in the place of theirs shows each another code.
//
// local and remote are the session descriptions of a PeerConnection as they were last applied, SDP of RFC 8866. The code is
// made of the fingerprints of the two certificates in them (RFC 8122), whose order does not matter. A description that has
// not exactly one fingerprint, of SHA-256, is an error, which tells what was found: of several one may be that of somebody
// in between. One that is not there yet, and so empty, is such an error, too. The code says nothing before the connection
// is there, since only then the certificates have been checked against the fingerprints (RFC 8827, section 6.5). It takes
// a while to make, 100,000 hashes, so that trying many certificates takes for ever.
func VerificationCode(local, remote string) (string, error) {
	a, err := fingerprint(local)
	if err != nil {
		return "", fmt.Errorf("beckon: the local description has %w", err)
	}
	b, err := fingerprint(remote)
	if err != nil {
		return "", fmt.Errorf("beckon: the remote description has %w", err)
	}
	if bytes.Compare(a, b) > 0 {
		a, b = b, a
	}
	const group = 5
	password, salt := string(a)+string(b), []byte(verificationSalt)
	key, err := pbkdf2.Key(sha256.New, password, salt, verificationIterations, verificationGroups*group)
	if err != nil { // Of a key that is too long.
		return "", fmt.Errorf("beckon: %w", err)
	}
	groups := make([]string, verificationGroups)
	for i := range groups {
		number := uint64(0)
		for _, b := range key[i*group : (i+1)*group] {
			number = number<<8 | uint64(b)
		}
		groups[i] = fmt.Sprintf("%05d", number%100_000)
	}
	return strings.Join(groups, " "), nil
}

// fingerprint returns the one fingerprint of a description. Its error goes on after "has".
func fingerprint(sdp string) ([]byte, error) {
	var all []string // In lower case, each once.
	for line := range strings.FieldsFuncSeq(sdp, func(r rune) bool { return r == '\r' || r == '\n' }) {
		value, ok := strings.CutPrefix(line, "a=fingerprint:")
		if value = strings.ToLower(value); ok && !slices.Contains(all, value) {
			all = append(all, value)
		}
	}
	switch {
	case len(all) == 0:
		return nil, fmt.Errorf("no fingerprint: %w", errFingerprint)
	case len(all) > 1:
		return nil, fmt.Errorf("%d different fingerprints (%q): %w", len(all), all, errFingerprint)
	}
	found := all[0]
	digits, ok := strings.CutPrefix(found, "sha-256 ")
	if !ok {
		return nil, fmt.Errorf("the fingerprint %q: %w", found, errFingerprint)
	}
	pairs := strings.Split(digits, ":")
	sum, err := hex.DecodeString(strings.Join(pairs, ""))
	if err != nil || len(sum) != len(pairs) {
		return nil, fmt.Errorf("the fingerprint %q, which cannot be read: %w", found, errFingerprint)
	}
	if len(sum) != sha256.Size {
		return nil, fmt.Errorf("a fingerprint of %d bytes: %w", len(sum), errFingerprint)
	}
	return sum, nil
}

var errFingerprint = errors.New("expected one fingerprint, of sha-256 and 32 bytes")
