package auth

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
	"github.com/tidwall/gjson"
)

const (
	minSecret = 32 // Bytes; RFC 7518, section 3.2.
	minRSA    = 2048
	maxRSA    = 8192 // Bits; larger ones only cost time.
	maxKeys   = 64   // In a set.
)

// A key is one that signs or verifies. Its type decides on the algorithm; what a token says about it does not count (RFC
// 8725, section 3.1).
type key struct {
	id        string // Empty if it has none.
	algorithm jose.SignatureAlgorithm
	private   any // A []byte secret, *rsa.PrivateKey, *ecdsa.PrivateKey or ed25519.PrivateKey; nil of a public key.
	public    any // A []byte secret, *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey.
}

// A verificationKey is what a signature is checked with.
type verificationKey struct {
	algorithm jose.SignatureAlgorithm
	key       any
}

// newKey makes a key of what a decoder has returned.
func newKey(id string, material any) (key, error) {
	k := key{id: id}
	switch material := material.(type) {
	case []byte:
		if len(material) < minSecret {
			return k, fmt.Errorf("a secret of %d bytes: expected at least %d random ones", len(material), minSecret)
		}
		k.algorithm, k.private, k.public = jose.HS256, material, material
		return k, nil
	case *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey:
		k.private, k.public = material, material.(crypto.Signer).Public()
	default:
		k.public = material
	}
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		if bits := public.N.BitLen(); bits < minRSA || bits > maxRSA {
			return k, fmt.Errorf("an RSA key of %d bits: expected %d to %d", bits, minRSA, maxRSA)
		}
		k.algorithm = jose.RS256
	case *ecdsa.PublicKey:
		if public.Curve != elliptic.P256() {
			return k, fmt.Errorf("a key on the curve %s: expected P-256", public.Curve.Params().Name)
		}
		k.algorithm = jose.ES256
	case ed25519.PublicKey:
		k.algorithm = jose.EdDSA
	default:
		return k, fmt.Errorf("a key of the type %T: expected RSA, ECDSA on P-256, or Ed25519", material)
	}
	return k, nil
}

// parseKeys reads the content of a key file. Errors have nothing of it.
func parseKeys(data []byte) ([]key, error) {
	switch {
	case bytes.Contains(data, []byte("-----BEGIN ")):
		k, err := parsePEM(data)
		return []key{k}, err
	case bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")):
		keys, rejected, err := parseKeySet(data)
		if err == nil && len(rejected) > 0 {
			err = rejected[0]
		}
		if err == nil && len(keys) == 0 {
			err = errors.New("a JWK Set without keys")
		}
		return keys, err
	default:
		secret := bytes.TrimRight(data, "\r\n")
		if what := notSecret(secret); what != "" {
			return nil, fmt.Errorf("it has %s: expected a key in PEM, a JWK Set, or at least %d random bytes as a secret", what, minSecret)
		}
		k, err := newKey("", secret)
		return []key{k}, err
	}
}

// notSecret tells what data is if it is surely meant to be something else than a secret, such as a public key in another form
// than is read here: with that as a secret, whoever knows the public key could make tokens.
func notSecret(data []byte) string {
	for _, prefix := range []string{"ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-", "---- BEGIN "} {
		if bytes.HasPrefix(data, []byte(prefix)) {
			return "a key as SSH has it"
		}
	}
	for _, mark := range []string{"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"} {
		if bytes.HasPrefix(data, []byte(mark)) {
			return "a byte order mark"
		}
	}
	if gjson.ValidBytes(data) && gjson.ParseBytes(data).IsArray() {
		return "a JSON array"
	}
	text := strings.Join(strings.Fields(string(data)), "")
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding} {
		if decoded, err := encoding.DecodeString(text); err == nil && isDER(decoded) {
			return "a key or a certificate without the BEGIN line of PEM"
		}
	}
	if isDER(data) {
		return "a key or a certificate in DER"
	}
	return ""
}

// isDER reports whether data is one sequence of ASN.1, as all keys and certificates are.
func isDER(data []byte) bool {
	var all asn1.RawValue
	rest, err := asn1.Unmarshal(data, &all)
	return err == nil && len(rest) == 0 && all.Class == asn1.ClassUniversal && all.Tag == asn1.TagSequence && all.IsCompound
}

// parsePEM reads the one key of a file in PEM: public or private, PKIX, PKCS #8, PKCS #1 or SEC 1.
func parsePEM(data []byte) (key, error) {
	const expected = "expected one key in PEM; several go into a JWK Set, which tells them apart"
	var found []any
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		var material any
		var err error
		switch block.Type {
		case "EC PARAMETERS": // openssl writes them before the key, which has them, too.
			continue
		case "PUBLIC KEY":
			material, err = x509.ParsePKIXPublicKey(block.Bytes)
		case "PRIVATE KEY":
			material, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "RSA PUBLIC KEY":
			material, err = x509.ParsePKCS1PublicKey(block.Bytes)
		case "RSA PRIVATE KEY":
			material, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			material, err = x509.ParseECPrivateKey(block.Bytes)
		default:
			return key{}, fmt.Errorf("it has a %s: %s", block.Type, expected)
		}
		if err != nil {
			return key{}, fmt.Errorf("the %s cannot be read: %s", block.Type, expected)
		}
		found = append(found, material)
	}
	if len(found) != 1 {
		return key{}, fmt.Errorf("it has %d keys: %s", len(found), expected)
	}
	return newKey("", found[0])
}

// parseKeySet reads a JWK Set (RFC 7517, section 5). Keys that cannot be used are left out, and told of in rejected; the
// section wants that of a set from elsewhere.
func parseKeySet(data []byte) (keys []key, rejected []error, err error) {
	set, err := parseMembers("", string(data))
	if err != nil {
		return nil, nil, fmt.Errorf("no JWK Set: %w", withoutContent(err))
	}
	items, ok := set.items("keys")
	if !ok {
		return nil, nil, errors.New(`no JWK Set: expected {"keys": [...]}`)
	}
	if len(items) > maxKeys {
		return nil, nil, fmt.Errorf("a JWK Set of %d keys: expected at most %d", len(items), maxKeys)
	}
	for i, item := range items {
		k, err := parseJWK([]byte(item.Raw))
		switch {
		case err != nil:
		case k.id == "" && len(items) > 1:
			err = errors.New("no kid: each of several keys needs one")
		case slices.ContainsFunc(keys, func(other key) bool { return other.id == k.id }):
			err = fmt.Errorf("the kid %s comes twice", shown(k.id))
		}
		if err != nil {
			rejected = append(rejected, fmt.Errorf("key %d of the JWK Set: %w", i+1, err))
			continue
		}
		keys = append(keys, k)
	}
	return keys, rejected, nil
}

func parseJWK(data []byte) (key, error) {
	var jwk jose.JSONWebKey
	err := json.Unmarshal(data, &jwk)
	if _, secret := jwk.Key.([]byte); err != nil || !secret && !jwk.Valid() { // No secret is valid, as it calls it.
		return key{}, errors.New("no key that can be used: expected kty oct, RSA, EC with crv P-256, or OKP with crv Ed25519")
	}
	if jwk.KeyID != "" {
		if err := checkName("kid", jwk.KeyID); err != nil {
			return key{}, err
		}
	}
	k, err := newKey(jwk.KeyID, jwk.Key)
	switch {
	case err != nil:
		return key{}, err
	case jwk.Use != "" && jwk.Use != "sig":
		return key{}, fmt.Errorf("use is %s: expected sig", shown(jwk.Use))
	case jwk.Algorithm != "" && jwk.Algorithm != string(k.algorithm):
		return key{}, fmt.Errorf("alg is %s: expected %s for a key of this type", shown(jwk.Algorithm), k.algorithm)
	}
	return k, nil
}

// withoutContent hides what a decoder's error may quote: there may be secrets in it.
func withoutContent(error) error { return errors.New("its JSON cannot be read") }

// A keySet is what tokens are checked with. It does not change.
type keySet []key

// find returns the key for a token with that header; found tells whether there is one with its kid.
func (s keySet) find(c *compact) (k verificationKey, found bool, refused *Error) {
	var match key
	switch i := slices.IndexFunc(s, func(k key) bool { return k.id != "" && k.id == c.keyID }); {
	case i >= 0:
		match = s[i]
	case len(s) == 1 && (c.keyID == "" || s[0].id == ""): // There is nothing to choose.
		match = s[0]
	case c.keyID == "" && len(s) > 0:
		return k, true, bad("the token's header has no kid: expected one that tells which of %d keys has signed it", len(s))
	default:
		return k, false, bad("the token's key (kid %s) is unknown here", shown(c.keyID))
	}
	if match.algorithm != c.algorithm {
		return k, true, bad("the token's header has the alg %s: expected %s, as the key is", c.algorithm, match.algorithm)
	}
	return verificationKey{match.algorithm, match.public}, true, nil
}
