package auth

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
)

// maxToken is the size of an access token, in bytes.
const maxToken = 8 << 10

// methods are how a token may be signed. Each belongs to one type of key. They look at the signature alone: the header was
// read before, and more strictly than a library does.
var methods = map[jose.SignatureAlgorithm]jwt.SigningMethod{
	jose.HS256: jwt.SigningMethodHS256, jose.RS256: jwt.SigningMethodRS256, jose.ES256: jwt.SigningMethodES256, jose.EdDSA: jwt.SigningMethodEdDSA,
}

// A compact is a JSON Web Signature in compact serialization (RFC 7515, section 7.1) whose signature nobody has checked.
type compact struct {
	algorithm jose.SignatureAlgorithm
	keyID     string // Empty if the header has none.
	payload   string
	signed    string // The header and the payload, as the token has them.
	signature []byte
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
	c := &compact{payload: string(decoded[1]), signed: token[:len(parts[0])+1+len(parts[1])], signature: decoded[2]}
	if err := c.parseHeader(string(decoded[0])); err != nil {
		return nil, bad("the token's header: %s", err)
	}
	return c, nil
}

// parseHeader reads the parameters of RFC 7515, section 4.1. The server's keys are its own business: a token that brings
// its own key, or says where to find it, is refused and not just ignored, so that whoever issues it notices.
func (c *compact) parseHeader(data string) error {
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
	if methods[c.algorithm] == nil {
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

// verify returns nil if key has signed the token.
func (c *compact) verify(key verificationKey) *Error {
	if c.algorithm != key.algorithm { // Whatever the key would make of it.
		return bad("the token's signature is wrong: alg is %s, and the key is for %s", c.algorithm, key.algorithm)
	}
	if err := methods[key.algorithm].Verify(c.signed, c.signature, key.key); err != nil {
		return bad("the token's signature is wrong: it was signed with another key, or changed since")
	}
	return nil
}
