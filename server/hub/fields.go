package hub

import (
	"maps"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/auth"
)

const (
	// maxName is the size of a room, a name, a call id and the like, in bytes.
	maxName = 128

	// The bounds of a user's attributes: their number, and their keys' and values' bytes.
	maxAttributes     = 32
	maxAttributeBytes = 4 << 10
)

// checkName checks the value of a field that holds a name of some sort. That it is UTF-8 was checked with the encoding.
func checkName[T string | []byte](field string, v T) *failure {
	const rule = "expected 1 to 128 bytes of UTF-8 without control characters"
	switch {
	case len(v) == 0:
		return invalid(field, "%s is empty: %s", field, rule)
	case len(v) > maxName:
		return invalid(field, "%s has %d bytes: %s", field, len(v), rule)
	}
	for i := range len(v) {
		// Those of the second block are C2 80 to C2 9F.
		if c := v[i]; c < 0x20 || c == 0x7f || c == 0xc2 && v[i+1] < 0xa0 {
			return invalid(field, "%s %q has a control character: %s", field, v, rule)
		}
	}
	return nil
}

// dress returns u with another name, if there is one, and with attributes merged in, as far as g lets the user choose.
func dress(u *beckonv1.User, g *auth.Grant, name *string, attributes map[string]string) (*beckonv1.User, *failure) {
	dressed := &beckonv1.User{Id: u.GetId(), Name: u.GetName(), Identity: u.GetIdentity(), Status: u.GetStatus(), Attributes: u.GetAttributes()}
	if name != nil {
		if f := checkName("name", *name); f != nil {
			return nil, f
		}
		if *name != g.Name && !g.May(auth.UpdateName) {
			return nil, denied("name", "your access does not let you choose a name: expected %q, or none", g.Name)
		}
		dressed.Name = *name
	}
	if len(attributes) == 0 {
		return dressed, nil
	}
	merged := maps.Clone(dressed.GetAttributes())
	if merged == nil {
		merged = make(map[string]string, len(attributes))
	}
	for k, v := range attributes {
		if f := checkName("attributes", k); f != nil {
			f.detail = "a key of attributes: " + f.detail
			return nil, f
		}
		if fixed, ok := g.Attributes[k]; ok && v != fixed {
			return nil, denied("attributes", "your access fixes the attribute %q: expected it to be left out", k)
		}
		if v == "" {
			delete(merged, k)
		} else {
			merged[k] = v
		}
	}
	bytes := 0
	for k, v := range merged {
		bytes += len(k) + len(v)
	}
	if len(merged) > maxAttributes || bytes > maxAttributeBytes {
		return nil, invalid("attributes", "there would be %d attributes of %d bytes: expected at most %d of %d bytes, keys and values together",
			len(merged), bytes, maxAttributes, maxAttributeBytes)
	}
	dressed.Attributes = merged
	return dressed, nil
}
