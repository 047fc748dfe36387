package auth

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	jose "github.com/go-jose/go-jose/v4"
)

// maxToken is the size of an access token, in bytes.
const maxToken = 8 << 10

// algorithms are those that a token may be signed with. Each belongs to one type of key.
var algorithms = []jose.SignatureAlgorithm{jose.HS256, jose.RS256, jose.ES256, jose.EdDSA}

// A compact is a JSON Web Signature in compact serialization (RFC 7515, section 7.1) whose signature nobody has checked.
type compact struct {
	token     string
	algorithm jose.SignatureAlgorithm
	keyID     string // Empty if the header has none.
	payload   []byte
}

// parseCompact takes a token apart. Its errors tell nothing that the client does not know.
func parseCompact(token string) (*compact, *Error) {
	if token == "" {
		return nil, &Error{Reason: NoToken, Detail: `there is no access token: expected the metadata "authorization: Bearer TOKEN"`}
	}
	if len(token) > maxToken {
		return nil, bad("the token has %d bytes: expected at most %d", len(token), maxToken)
	}
	parts := strings.Split(token, ".")
	switch {
	case len(parts) == 5:
		return nil, bad("the token is encrypted (a JWE): expected a signed one (a JWS)")
	case token[0] == '{':
		return nil, bad("the token is JSON: expected the compact form, three parts in base64url with a dot between them")
	case len(parts) != 3:
		return nil, bad("the token has %d parts: expected three in base64url with a dot between them", len(parts))
	case parts[2] == "":
		return nil, bad("the token has no signature")
	}
	var decoded [3][]byte
	for i, part := range parts {
		var err error
		// The decoder passes over line breaks, and without Strict over bits that belong to nothing.
		if decoded[i], err = base64.RawURLEncoding.Strict().DecodeString(part); err != nil || strings.ContainsAny(part, "\r\n") {
			return nil, bad("the token's part %d is not base64url without padding", i+1)
		}
	}
	c := &compact{token: token, payload: decoded[1]}
	if err := c.parseHeader(decoded[0]); err != nil {
		return nil, bad("the token's header: %s", err)
	}
	return c, nil
}

// parseHeader reads the parameters of RFC 7515, section 4.1. The server's keys are its own business: a token that brings
// its own key, or says where to find it, is refused and not just ignored, so that whoever issues it notices.
func (c *compact) parseHeader(data []byte) error {
	header, err := parseMembers("", data)
	if err != nil {
		return err
	}
	for _, name := range []string{"jwk", "jku", "x5u", "x5c"} {
		if header.has(name) {
			return fmt.Errorf("%s brings a key of its own: expected a kid, or nothing", name)
		}
	}
	for _, name := range []string{"crit", "b64", "zip", "enc", "cty"} {
		if header.has(name) {
			return fmt.Errorf("%s is not supported: expected alg, typ and kid", name)
		}
	}
	algorithm, err := header.text("alg")
	if err != nil {
		return err
	}
	c.algorithm = jose.SignatureAlgorithm(algorithm)
	if !slices.Contains(algorithms, c.algorithm) {
		return fmt.Errorf("alg is %s: expected HS256, RS256, ES256 or EdDSA", shown(algorithm))
	}
	typ, err := header.text("typ")
	if err != nil {
		return err
	}
	// Other types of JWT, such as those for logging out, may have claims that look the same (RFC 8725, section 3.11).
	if header.has("typ") && !slices.Contains([]string{"jwt", "at+jwt"}, strings.TrimPrefix(strings.ToLower(typ), "application/")) {
		return fmt.Errorf("typ is %s: expected JWT or at+jwt", shown(typ))
	}
	if c.keyID, err = header.text("kid"); err == nil && header.has("kid") {
		err = checkName("kid", c.keyID)
	}
	return err
}

// verify returns the payload if key has signed it.
func (c *compact) verify(key verificationKey) ([]byte, *Error) {
	signed, err := jose.ParseSignedCompact(c.token, []jose.SignatureAlgorithm{key.algorithm})
	if err != nil {
		return nil, bad("the token is no JSON Web Signature")
	}
	payload, err := signed.Verify(key.key)
	if err != nil {
		return nil, bad("the token's signature is wrong: it was signed with another key, or changed since")
	}
	return payload, nil
}
