package auth

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	jose "github.com/go-jose/go-jose/v4"
)

// A Signer makes tokens.
type Signer struct {
	key    key
	signer jose.Signer
}

// NewSigner returns a Signer with the key of a file: a secret of at least 32 bytes, a private key in PEM, or a JWK Set. Of
// several keys keyID tells which. A key that has no id of its own has keyID in its tokens.
func NewSigner(file, keyID string) (*Signer, error) {
	data, err := readFile(file)
	if err != nil {
		return nil, err
	}
	keys, err := parseKeys(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	k, err := chooseKey(keys, keyID)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	options := new(jose.SignerOptions).WithType("JWT")
	if k.id != "" {
		options = options.WithHeader("kid", k.id)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: k.algorithm, Key: k.private}, options)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &Signer{k, signer}, nil
}

// chooseKey returns the key with that id, or the only one there is.
func chooseKey(keys []key, id string) (key, error) {
	i := slices.IndexFunc(keys, func(k key) bool { return id != "" && k.id == id })
	if i < 0 && len(keys) == 1 && (id == "" || keys[0].id == "") {
		i = 0
	}
	if i < 0 {
		var ids []string
		for _, k := range keys {
			ids = append(ids, k.id)
		}
		return key{}, fmt.Errorf("expected the kid of the key that is to sign, of %q", ids)
	}
	k := keys[i]
	if k.private == nil {
		return key{}, errors.New("it is a public key: expected the private one, or a secret")
	}
	if k.id = cmp.Or(k.id, id); k.id == "" {
		return k, nil
	}
	return k, checkName("kid", k.id)
}

// Sign returns a token with these claims. It refuses what no server would take. Algorithm and KeyID are the key's.
func (s *Signer) Sign(c Claims) (string, error) {
	payload, err := json.Marshal(c.members())
	if err != nil {
		return "", err
	}
	if err := new(Claims).parse(string(payload)); err != nil {
		return "", err
	}
	signed, err := s.signer.Sign(payload)
	if err != nil {
		return "", err
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		return "", err
	}
	if len(token) > maxToken {
		return "", fmt.Errorf("the token would have %d bytes: expected at most %d", len(token), maxToken)
	}
	return token, nil
}

// members is the claims set as JSON has it.
func (c Claims) members() map[string]any {
	g := c.Grant
	all := map[string]any{"sub": g.Identity}
	own := map[string]any{}
	for name, value := range map[string]string{"iss": c.Issuer, "name": g.Name, "jti": g.TokenID} {
		if value != "" {
			all[name] = value
		}
	}
	if len(c.Audience) == 1 {
		all["aud"] = c.Audience[0]
	} else if len(c.Audience) > 1 {
		all["aud"] = c.Audience
	}
	if !c.NotBefore.IsZero() {
		all["nbf"] = c.NotBefore.Unix()
	}
	if !c.Expires.IsZero() {
		all["exp"] = c.Expires.Unix()
	}
	if !g.Issued.IsZero() {
		all["iat"] = g.Issued.Unix()
	}
	if len(g.Rooms) > 0 {
		own["rooms"] = g.Rooms
	}
	if g.Withheld != 0 {
		own["may"] = (everything &^ g.Withheld).Words()
	}
	if g.MaxSessions != 0 {
		own["max_sessions"] = g.MaxSessions
	}
	if len(g.Attributes) > 0 {
		own["attributes"] = g.Attributes
	}
	if g.Admin {
		own["admin"] = true
	}
	if g.Duplicates != AllowDuplicates {
		own["duplicates"] = g.Duplicates.String()
	}
	if len(own) > 0 {
		all["beckon"] = own
	}
	return all
}
