package auth

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Claims are what a token says (RFC 7519, section 4).
type Claims struct {
	// From the header.
	Algorithm, KeyID string

	Issuer    string
	Audience  []string
	NotBefore time.Time // Zero if there is none.
	Expires   time.Time

	// What it grants, if it is good. Expires is that of the claim.
	Grant Grant
}

// Inspect reads a token without a look at its signature and at the time: it is for people and tools, and proves nothing.
func Inspect(token string) (*Claims, error) {
	c, refused := parseCompact(token)
	if refused != nil {
		return nil, refused
	}
	claims, refused := c.claims()
	if refused != nil {
		return nil, refused
	}
	return claims, nil
}

func (c *compact) claims() (*Claims, *Error) {
	claims := &Claims{Algorithm: string(c.algorithm), KeyID: c.keyID}
	if err := claims.parse(c.payload); err != nil {
		return nil, bad("the token's claims: %s", err)
	}
	return claims, nil
}

func (c *Claims) parse(payload string) error {
	m, err := parseMembers("", payload)
	if err != nil {
		return err
	}
	var errs [8]error
	c.Issuer, errs[0] = m.text("iss")
	c.Audience, errs[1] = m.textOrTexts("aud")
	c.NotBefore, errs[2] = m.seconds("nbf")
	c.Expires, errs[3] = m.seconds("exp")
	c.Grant.Issued, errs[4] = m.seconds("iat")
	c.Grant.Identity, errs[5] = m.text("sub")
	c.Grant.Name, errs[6] = m.text("name")
	c.Grant.TokenID, errs[7] = m.text("jti")
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	switch {
	case !m.has("sub"):
		return errors.New("there is no sub: expected who the token is for")
	case !m.has("exp"):
		return errors.New("there is no exp: expected when the token expires, in whole seconds since 1970")
	}
	c.Grant.Expires = c.Expires
	if m.has("jti") {
		if err := checkName("jti", c.Grant.TokenID); err != nil {
			return err
		}
	}
	if m.has("beckon") {
		own, err := parseMembers("beckon.", m.values["beckon"].Raw)
		if err != nil {
			return fmt.Errorf("beckon: %w", err)
		}
		if err := own.only(grantMembers...); err != nil {
			return err
		}
		if err := c.Grant.parse(own); err != nil {
			return err
		}
	}
	return c.Grant.check()
}

// grantMembers are those of the claim "beckon".
var grantMembers = []string{"rooms", "may", "max_sessions", "attributes", "admin", "duplicates"}

// parse fills in what m says of grantMembers.
func (g *Grant) parse(m members) error {
	may, err := m.texts("may")
	if err != nil {
		return err
	}
	if m.has("may") {
		permitted, err := ParsePermissions(may)
		if err != nil {
			return fmt.Errorf("%smay: %w", m.of, err)
		}
		g.Withheld = everything &^ permitted
	}
	if m.has("duplicates") {
		word, err := m.text("duplicates")
		if err != nil {
			return err
		}
		if g.Duplicates, err = ParseDuplicates(word); err != nil {
			return fmt.Errorf("%sduplicates: %w", m.of, err)
		}
	}
	if g.Rooms, err = m.texts("rooms"); err != nil {
		return err
	}
	if m.has("rooms") {
		if err := checkRooms(g.Rooms); err != nil {
			return err
		}
	}
	if g.Attributes, err = m.pairs("attributes"); err != nil {
		return err
	}
	if g.Admin, err = m.flag("admin"); err != nil {
		return err
	}
	n, err := m.number("max_sessions", math.MaxInt32)
	g.MaxSessions = int(n)
	return err
}

// check checks what every grant must keep to, wherever it comes from.
func (g *Grant) check() error {
	if err := checkName("sub", g.Identity); err != nil {
		return err
	}
	if strings.TrimSpace(g.Identity) != g.Identity { // In a list of revocations nobody would see it.
		return fmt.Errorf("sub %s begins or ends with a space: expected none there", shown(g.Identity))
	}
	if g.Name != "" {
		if err := checkName("name", g.Name); err != nil {
			return err
		}
	}
	return checkAttributes(g.Attributes)
}

// Rules are what a server wants of claims, beside the signature. The zero value is ready for use.
type Rules struct {
	// Who must have issued a token (iss), and whom it must be meant for (aud). Empty: anybody. Where the keys sign tokens
	// for other services, too, Audience is needed: without it those tokens are good here.
	Issuer, Audience string
	// How far the clocks of the server and of who issues tokens may be apart. Default: 30 s. Negative: not at all.
	ClockSkew time.Duration
}

func (r Rules) skew() time.Duration {
	switch {
	case r.ClockSkew < 0:
		return 0
	case r.ClockSkew == 0:
		return 30 * time.Second
	}
	return r.ClockSkew
}

// Check tells why a token with these claims is not to be taken now. Its errors are of type *Error.
func (r Rules) Check(c *Claims) error {
	if refused := r.check(c, time.Now()); refused != nil {
		return refused
	}
	return nil
}

func (r Rules) check(c *Claims, now time.Time) *Error {
	switch {
	case r.Issuer != "" && c.Issuer != r.Issuer:
		return bad("the token's issuer (iss) is %s: expected %s", shown(c.Issuer), shown(r.Issuer))
	case r.Audience != "" && !slices.Contains(c.Audience, r.Audience):
		return bad("the token's audience (aud) is %s: expected %s", shown(strings.Join(c.Audience, ", ")), shown(r.Audience))
	}
	earliest, latest := now.Add(-r.skew()), now.Add(r.skew())
	switch {
	case !c.Expires.After(earliest):
		return &Error{Reason: TokenExpired, Detail: "the token expired at " + date(c.Expires) + ": a new one is needed"}
	case c.NotBefore.After(latest):
		return bad("the token is not good before %s (nbf)", date(c.NotBefore))
	case c.Grant.Issued.After(latest):
		return bad("the token was issued at %s (iat), which is still to come: a clock is wrong", date(c.Grant.Issued))
	}
	return nil
}

func date(t time.Time) string { return t.UTC().Format(time.RFC3339) }
