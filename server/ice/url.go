package ice

import (
	"errors"
	"net/netip"
	"strings"

	"github.com/pion/stun/v4"
)

// CheckURL returns an error that tells what is wrong with the URL of a STUN or TURN server, if anything is. It does not show
// the URL.
func CheckURL(raw string) error {
	_, err := parseURL(raw)
	return err
}

// IsTURN reports whether raw is the URL of a TURN server, which asks for credentials.
func IsTURN(raw string) bool {
	uri, err := parseURL(raw)
	return err == nil && isTURN(uri)
}

// parseURL reads the URL of a STUN server (RFC 7064) or a TURN server (RFC 7065).
func parseURL(raw string) (*stun.URI, error) {
	if strings.Contains(raw, "@") {
		return nil, errors.New(`there is an "@": expected a URL without a user: username and credential are told apart from it`)
	}
	uri, err := stun.ParseURI(raw)
	switch {
	case errors.Is(err, stun.ErrSchemeType):
		return nil, errors.New(`expected a URL that begins with "stun:", "stuns:", "turn:" or "turns:"`)
	case errors.Is(err, stun.ErrSTUNQuery):
		return nil, errors.New(`expected nothing after the port: a STUN server's URL has no "?"`)
	case errors.Is(err, stun.ErrInvalidQuery), errors.Is(err, stun.ErrProtoType):
		return nil, errors.New(`expected nothing after the port but "?transport=udp" or "?transport=tcp"`)
	case errors.Is(err, stun.ErrPort) || err == nil && (uri.Port < 1 || uri.Port > 65535):
		return nil, errors.New("expected a port from 1 to 65535, or none")
	case err != nil || !isHost(uri.Host) || strings.Contains(raw, "#"):
		return nil, errors.New(`expected a URL such as "stun:stun.example.org" or "turns:turn.example.org:5349?transport=tcp", with an IPv6 address in brackets`)
	}
	return uri, nil
}

// isHost reports whether s can be the name or the address of a machine.
func isHost(s string) bool {
	if addr, err := netip.ParseAddr(s); err == nil {
		return addr.Zone() == ""
	}
	return s != "" && len(s) <= 253 && strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '-' && r != '_'
	}) < 0
}

// isTURN reports whether a server at uri asks for credentials.
func isTURN(uri *stun.URI) bool {
	return uri.Scheme == stun.SchemeTypeTURN || uri.Scheme == stun.SchemeTypeTURNS
}
