package ice

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/pion/sdp/v3"
)

// errDescription does not show the description, which is private.
var errDescription = errors.New("the session description cannot be read: expected one of RFC 8866, as RTCSessionDescription has it")

// discardPort stands for no port (RFC 8840, section 4.1.1).
const discardPort = 9

// Description applies the policy to a session description (RFC 8866): to its candidates, and to the other lines that name
// an address. Lines are kept in order, and those that name none as they are. One that a policy cannot read is an error.
//
// The addresses of default candidates, in c= and a=rtcp, stay only if they are those of candidates that pass. That of o=
// has no other use than to tell sessions apart, and is replaced as RFC 9429, section 5.2.1 advises. The lines
// a=remote-candidates and a=altc, which WebRTC does not use, do not pass.
func (p Policy) Description(description string) (string, error) {
	if p == ShowAll {
		return description, nil
	}
	if !isText(description) {
		return "", errDescription
	}
	if !strings.HasSuffix(description, "\n") {
		description += "\r\n"
	}
	var d sdp.SessionDescription
	// One that ends before its time is no error to the parser.
	if err := d.UnmarshalString(description); err != nil || len(d.TimeDescriptions) == 0 {
		return "", errDescription
	}

	// Which addresses may be shown is known only when all candidates are: under BUNDLE (RFC 9143) one media section has
	// the candidates of all.
	shown := make(addresses)
	var err error
	if d.Attributes, err = p.keep(d.Attributes, shown); err != nil {
		return "", err
	}
	for i, m := range d.MediaDescriptions {
		if m.Attributes, err = p.keep(m.Attributes, shown); err != nil {
			return "", fmt.Errorf("media section %d: %w", i+1, err)
		}
	}

	if addr, err := netip.ParseAddr(d.Origin.UnicastAddress); err != nil || !addr.IsLoopback() && !addr.IsUnspecified() {
		d.Origin.UnicastAddress = unspecified(d.Origin.AddressType == "IP4")
	}
	sessionHidden := shown.hideConnection(d.ConnectionInformation)
	shown.hideRTCP(d.Attributes)
	for _, m := range d.MediaDescriptions {
		hidden := shown.hideConnection(m.ConnectionInformation) || m.ConnectionInformation == nil && sessionHidden
		if hidden && m.MediaName.Port.Value != 0 { // A port of 0 rejects or bundles the section.
			m.MediaName.Port = sdp.RangedPort{Value: discardPort}
		}
		shown.hideRTCP(m.Attributes)
	}
	out, err := d.Marshal()
	if err != nil {
		return "", errDescription
	}
	return string(out), nil
}

// isText reports whether s has no control characters but tabs and the ends of lines. With others, readers would not agree
// on where a line ends.
func isText(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\r' && (i+1 == len(s) || s[i+1] != '\n'), c == 0x7f:
			return false
		case c < ' ' && c != '\r' && c != '\n' && c != '\t':
			return false
		}
	}
	return !strings.HasSuffix(s, "\r")
}

// keep returns the attributes that pass, the candidates among them as the policy has them, whose addresses it adds to
// shown. It reuses the array of attributes.
func (p Policy) keep(attributes []sdp.Attribute, shown addresses) ([]sdp.Attribute, error) {
	kept := attributes[:0]
	for _, a := range attributes {
		// Some readers are lenient with case and space.
		name := strings.ToLower(strings.TrimSpace(a.Key))
		switch {
		case name == "remote-candidates", name == "altc":
			continue
		case strings.HasPrefix(name, "candidate"):
			if a.Key != "candidate" {
				return nil, errCandidate
			}
			value, addr, pass, err := p.filter(a.Value)
			if err != nil {
				return nil, err
			}
			if !pass {
				continue
			}
			a.Value = value
			shown[addr] = true
		}
		kept = append(kept, a)
	}
	return kept, nil
}

// addresses is a set of those that a description may show.
type addresses map[netip.Addr]bool

// has reports whether an address is in the set, or is none.
func (s addresses) has(address string) bool {
	addr, err := netip.ParseAddr(address)
	return err == nil && (s[addr.Unmap()] || addr.IsUnspecified())
}

// hideConnection replaces the address of a c= line, if there is one and it may not be shown. It reports whether it did.
func (s addresses) hideConnection(c *sdp.ConnectionInformation) bool {
	if c == nil || c.Address != nil && s.has(c.Address.Address) {
		return false
	}
	c.Address = &sdp.Address{Address: unspecified(c.AddressType == "IP4")}
	return true
}

// hideRTCP replaces the addresses of a=rtcp lines (RFC 3605) that may not be shown.
func (s addresses) hideRTCP(attributes []sdp.Attribute) {
	for i, a := range attributes {
		if !strings.EqualFold(strings.TrimSpace(a.Key), "rtcp") {
			continue
		}
		// A port, and perhaps a network, a type and an address.
		if f := strings.Fields(a.Value); len(f) > 1 && (len(f) != 4 || !s.has(f[3])) {
			attributes[i] = sdp.Attribute{Key: "rtcp", Value: fmt.Sprintf("%d IN IP4 %s", discardPort, unspecified(true))}
		}
	}
}
