package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"
)

// TestHostileTokens: none of these gets in, and each is told why.
func TestHostileTokens(t *testing.T) {
	const hsHeader = `{"alg":"HS256","kid":"hs"}`
	good := token(hsHeader, claims(), hs(secret))
	signedPart, goodSignature := good[:strings.LastIndexByte(good, '.')], good[strings.LastIndexByte(good, '.')+1:]
	other := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	stranger := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	unix := func(d time.Duration) string { return fmt.Sprint(time.Now().Add(d).Unix()) }
	// header and payload sign one with the secret.
	header := func(h string) string { return token(h, claims(), hs(secret)) }
	payload := func(p string) string { return token(hsHeader, p, hs(secret)) }
	claim := func(changes ...string) string { return payload(claims(changes...)) }
	beckon := func(own string) string { return claim("beckon", own) }

	for _, tt := range []struct {
		name, token string
		keys        string // Of the file; all of them by default.
		reason      Reason // BadToken by default.
		detail      string
	}{
		// The algorithm.
		{name: "alg none", token: token(`{"alg":"none"}`, claims(), fixed(nil)), detail: "no signature"},
		{name: "alg none with a signature", token: header(`{"alg":"none","kid":"hs"}`), detail: `alg is "none"`},
		{name: "alg None", token: header(`{"alg":"None","kid":"hs"}`), detail: `alg is "None"`},
		{name: "alg NONE", token: header(`{"alg":"NONE","kid":"hs"}`), detail: `alg is "NONE"`},
		{name: "alg nOnE", token: header(`{"alg":"nOnE","kid":"hs"}`), detail: `alg is "nOnE"`},
		{name: "alg empty", token: header(`{"alg":"","kid":"hs"}`), detail: `alg is ""`},
		{name: "alg missing", token: header(`{"kid":"hs"}`), detail: `alg is ""`},
		{name: "alg null", token: header(`{"alg":null,"kid":"hs"}`), detail: "alg is null: expected a string"},
		{name: "alg a list", token: header(`{"alg":["HS256"],"kid":"hs"}`), detail: "expected a string"},
		{name: "alg in lower case", token: header(`{"alg":"hs256","kid":"hs"}`), detail: `alg is "hs256"`},
		{name: "Alg is not alg", token: header(`{"Alg":"HS256","kid":"hs"}`), detail: `alg is ""`},
		{name: "HS512", token: header(`{"alg":"HS512","kid":"hs"}`), detail: `alg is "HS512"`},
		{name: "RS1", token: header(`{"alg":"RS1","kid":"rs"}`), detail: `alg is "RS1"`},
		{name: "PEM of the public key as secret", keys: publicPEM(rsaKey()),
			token: token(`{"alg":"HS256"}`, claims(), hs(publicPEM(rsaKey()))), detail: "expected RS256, as the key is"},
		{name: "the same without the last line break", keys: publicPEM(rsaKey()),
			token: token(`{"alg":"HS256"}`, claims(), hs(strings.TrimSpace(publicPEM(rsaKey())))), detail: "expected RS256"},
		{name: "public Ed25519 key as secret",
			token: token(`{"alg":"HS256","kid":"ed"}`, claims(), hs(string(edKey()[32:]))), detail: "expected EdDSA"},
		{name: "RS256 with the secret's kid", token: token(`{"alg":"RS256","kid":"hs"}`, claims(), rs(rsaKey())), detail: "expected HS256"},
		{name: "ES256 with the RSA key's kid", token: token(`{"alg":"ES256","kid":"rs"}`, claims(), es(ecKey())), detail: "expected RS256"},

		// The key.
		{name: "unknown kid", token: header(`{"alg":"HS256","kid":"old"}`), detail: `key (kid "old") is unknown`},
		{name: "no kid, several keys", token: header(`{"alg":"HS256"}`), detail: "no kid"},
		{name: "empty kid", token: header(`{"alg":"HS256","kid":""}`), detail: "kid is empty"},
		{name: "kid a number", token: header(`{"alg":"HS256","kid":7}`), detail: "expected a string"},
		{name: "kid a path", token: header(`{"alg":"HS256","kid":"../../../../dev/null"}`), detail: "is unknown"},
		{name: "kid with SQL", token: header(`{"alg":"HS256","kid":"x' UNION SELECT 'a"}`), detail: "is unknown"},
		{name: "kid with a null byte", token: header(`{"alg":"HS256","kid":"hs\u0000"}`), detail: "U+0000"},
		{name: "kid of 10,000 bytes is over the size", token: header(`{"alg":"HS256","kid":"` + strings.Repeat("a", 10000) + `"}`),
			detail: "expected at most 8192"},
		{name: "kid of 200 bytes", token: header(`{"alg":"HS256","kid":"` + strings.Repeat("a", 200) + `"}`), detail: "kid has 200 bytes"},
		{name: "embedded jwk", token: token(`{"alg":"ES256","jwk":`+jwk(t, stranger)+`}`, claims(), es(stranger)), detail: "jwk brings a key"},
		{name: "jku", token: header(`{"alg":"HS256","kid":"hs","jku":"http://127.0.0.1/keys"}`), detail: "jku brings a key"},
		{name: "x5u", token: header(`{"alg":"HS256","kid":"hs","x5u":"http://127.0.0.1/cert"}`), detail: "x5u brings a key"},
		{name: "x5c", token: header(`{"alg":"HS256","kid":"hs","x5c":["MIIB"]}`), detail: "x5c brings a key"},

		// The rest of the header.
		{name: "crit", token: header(`{"alg":"HS256","kid":"hs","crit":["exp"],"exp":1}`), detail: "crit is not supported"},
		{name: "crit empty", token: header(`{"alg":"HS256","kid":"hs","crit":[]}`), detail: "crit is not supported"},
		{name: "b64 false", token: header(`{"alg":"HS256","kid":"hs","b64":false}`), detail: "b64 is not supported"},
		{name: "zip", token: header(`{"alg":"HS256","kid":"hs","zip":"DEF"}`), detail: "zip is not supported"},
		{name: "nested", token: header(`{"alg":"HS256","kid":"hs","cty":"JWT"}`), detail: "cty is not supported"},
		{name: "typ of a logout token", token: header(`{"alg":"HS256","kid":"hs","typ":"logout+jwt"}`), detail: `typ is "logout+jwt"`},
		{name: "typ a number", token: header(`{"alg":"HS256","kid":"hs","typ":1}`), detail: "typ is 1: expected a string"},
		{name: "duplicate alg", token: header(`{"alg":"none","alg":"HS256","kid":"hs"}`), detail: "comes twice"},
		{name: "duplicate kid", token: header(`{"alg":"HS256","kid":"rs","kid":"hs"}`), detail: "comes twice"},
		{name: "duplicate kid with an escape", token: header(`{"alg":"HS256","kid":"rs","\u006bid":"hs"}`), detail: "comes twice"},
		{name: "header a list", token: header(`[{"alg":"HS256"}]`), detail: "not a JSON object"},
		{name: "header null", token: header(`null`), detail: "not a JSON object"},
		{name: "header not JSON", token: header(`alg=HS256`), detail: "not a JSON object"},
		{name: "header with more behind", token: header(hsHeader + `{}`), detail: "header"},
		{name: "header not UTF-8", token: header("{\"alg\":\"HS256\",\"kid\":\"hs\",\"x\":\"\xff\"}"), detail: "not UTF-8"},

		// The form.
		{name: "nothing", token: "", reason: NoToken, detail: "authorization: Bearer"},
		{name: "one word", token: "letmein", detail: "1 parts"},
		{name: "only dots", token: "..", detail: "no signature"},
		{name: "two dots too many: a JWE", token: good + ".AA.AA", detail: "encrypted"},
		{name: "a dot too many", token: good + ".AA", detail: "4 parts"},
		{name: "a dot at the end", token: good + ".", detail: "4 parts"},
		{name: "JSON serialization", token: fmt.Sprintf(`{"payload":%q,"protected":%q,"signature":%q}`,
			strings.Split(good, ".")[1], strings.Split(good, ".")[0], goodSignature), detail: "is JSON"},
		{name: "general JSON serialization", token: `{"payload":"","signatures":[{}]}`, detail: "is JSON"},
		{name: "huge", token: claim("name", `"`+strings.Repeat("a", 8<<10)+`"`), detail: "expected at most 8192"},
		{name: "of a megabyte", token: strings.Repeat("a", 1<<20), detail: "1048576 bytes"},
		{name: "many dots", token: strings.Repeat(".", 8<<10), detail: "8193 parts"},
		{name: "padding", token: signedPart + "." + goodSignature + "=", detail: "part 3 is not base64url"},
		{name: "padding of the header", token: strings.Replace(good, ".", "==.", 1), detail: "part 1 is not base64url"},
		{name: "standard base64", token: signedPart + ".+" + goodSignature[1:], detail: "part 3 is not base64url"},
		{name: "not base64", token: signedPart + ".%" + goodSignature[1:], detail: "part 3 is not base64url"},
		{name: "a line break within", token: signedPart + ".\n" + goodSignature, detail: "part 3 is not base64url"},
		{name: "a null byte within", token: signedPart + ".\x00" + goodSignature, detail: "part 3 is not base64url"},
		{name: "blanks around", token: " " + good + " ", detail: "part 1 is not base64url"},
		{name: "bits that belong to nothing", token: good[:len(good)-1] + nextLetter(good[len(good)-1]), detail: "part 3 is not base64url"},

		// The signature.
		{name: "empty signature", token: signedPart + ".", detail: "no signature"},
		{name: "truncated signature", token: signedPart + "." + goodSignature[:20], detail: "signature is wrong"},
		{name: "signature of one byte", token: signedPart + ".AA", detail: "signature is wrong"},
		{name: "another secret", token: token(hsHeader, claims(), hs(secret+"!")), detail: "signature is wrong"},
		{name: "an empty secret", token: token(hsHeader, claims(), hs("")), detail: "signature is wrong"},
		{name: "changed payload", token: strings.Join([]string{strings.Split(good, ".")[0],
			b64.EncodeToString([]byte(claims("sub", `"root"`))), goodSignature}, "."), detail: "signature is wrong"},
		{name: "changed header", token: b64.EncodeToString([]byte(`{"kid":"hs","alg":"HS256"}`)) + good[strings.IndexByte(good, '.'):],
			detail: "signature is wrong"},
		{name: "RS256 of zeros", token: token(`{"alg":"RS256","kid":"rs"}`, claims(), fixed(make([]byte, 256))), detail: "signature is wrong"},
		{name: "ES256, r = s = 0", token: token(`{"alg":"ES256","kid":"es"}`, claims(), fixed(make([]byte, 64))), detail: "signature is wrong"},
		{name: "ES256, r = s = n", token: token(`{"alg":"ES256","kid":"es"}`, claims(),
			fixed(jointly(elliptic.P256().Params().N, elliptic.P256().Params().N, 32))), detail: "signature is wrong"},
		{name: "ES256, r = 1, s = 0", token: token(`{"alg":"ES256","kid":"es"}`, claims(),
			fixed(jointly(big.NewInt(1), new(big.Int), 32))), detail: "signature is wrong"},
		{name: "ES256 with a key on P-384", token: token(`{"alg":"ES256","kid":"es"}`, claims(), es(other)), detail: "signature is wrong"},
		{name: "ES384", token: token(`{"alg":"ES384","kid":"es"}`, claims(), es(other)), detail: `alg is "ES384"`},
		{name: "ES256 of somebody else", token: token(`{"alg":"ES256","kid":"es"}`, claims(), es(stranger)), detail: "signature is wrong"},
		{name: "EdDSA of zeros", token: token(`{"alg":"EdDSA","kid":"ed"}`, claims(), fixed(make([]byte, 64))), detail: "signature is wrong"},

		// Times.
		{name: "expired", token: claim("exp", unix(-time.Minute)), reason: TokenExpired, detail: "expired at 20"},
		{name: "expired in 1970", token: claim("exp", "1"), reason: TokenExpired, detail: "expired at 1970-01-01T00:00:01Z"},
		{name: "no exp", token: claim("exp", ""), detail: "no exp"},
		{name: "exp a string", token: claim("exp", `"`+unix(time.Hour)+`"`), detail: "exp is \""},
		{name: "exp a float", token: claim("exp", unix(time.Hour)+".5"), detail: "expected a time, in whole seconds"},
		{name: "exp with an exponent", token: claim("exp", "9e9"), detail: "exp is 9e9"},
		{name: "exp huge", token: claim("exp", "99999999999999999999999999"), detail: "exp is 9999"},
		{name: "exp at the end of int64", token: claim("exp", "9223372036854775807"), detail: "exp is 9223372036854775807"},
		{name: "exp in milliseconds", token: claim("exp", unix(time.Hour)+"000"), detail: "expected a time, in whole seconds"},
		{name: "exp negative", token: claim("exp", "-1"), detail: "exp is -1"},
		{name: "exp 0", token: claim("exp", "0"), detail: "exp is 0"},
		{name: "exp null", token: claim("exp", "null"), detail: "exp is null"},
		{name: "exp true", token: claim("exp", "true"), detail: "exp is true"},
		{name: "exp twice", token: claim("exp", unix(time.Hour)+`,"exp":`+unix(time.Hour)), detail: "comes twice"},
		{name: "not yet good", token: claim("nbf", unix(time.Hour)), detail: "not good before"},
		{name: "nbf a string", token: claim("nbf", `"now"`), detail: `nbf is "now"`},
		{name: "iat in the far future", token: claim("iat", "4102444800"), detail: "issued at 2100-01-01T00:00:00Z (iat)"},
		{name: "iat an object", token: claim("iat", "{}"), detail: "iat is {}"},

		// Who.
		{name: "no sub", token: claim("sub", ""), detail: "no sub"},
		{name: "Sub is not sub", token: claim("sub", "", "Sub", `"ana"`), detail: "no sub"},
		{name: "sub empty", token: claim("sub", `""`), detail: "sub is empty"},
		{name: "sub of 129 bytes", token: claim("sub", `"`+strings.Repeat("a", 129)+`"`), detail: "sub has 129 bytes"},
		{name: "sub a number", token: claim("sub", "7"), detail: "sub is 7: expected a string"},
		{name: "sub a list", token: claim("sub", `["ana"]`), detail: "expected a string"},
		{name: "sub null", token: claim("sub", "null"), detail: "sub is null"},
		{name: "sub with a null byte", token: claim("sub", `"ana\u0000"`), detail: "U+0000"},
		{name: "sub with a line break", token: claim("sub", `"ana\nroot"`), detail: "U+000A"},
		{name: "sub with a C1 control", token: claim("sub", `"ana\u0085"`), detail: "U+0085"},
		{name: "sub not UTF-8", token: claim("sub", "\"an\xe1\""), detail: "not UTF-8"},
		{name: "sub with half a surrogate pair", token: claim("sub", `"ana\ud800"`), detail: "U+FFFD"},
		{name: "sub twice", token: claim("sub", `"ana","sub":"root"`), detail: "comes twice"},
		{name: "name with an escape", token: claim("name", `"\u001b[2J"`), detail: "U+001B"},
		{name: "name of 129 bytes", token: claim("name", `"`+strings.Repeat("é", 64)+`x"`), detail: "name has 129 bytes"},
		{name: "name an object", token: claim("name", `{"first":"Ana"}`), detail: "expected a string"},
		{name: "jti a number", token: claim("jti", "5"), detail: "jti is 5"},
		{name: "jti empty", token: claim("jti", `""`), detail: "jti is empty"},
		{name: "wrong iss", token: claim("iss", `"https://evil.example.org"`), detail: `expected "https://id.example.org"`},
		{name: "iss with a slash too many", token: claim("iss", `"https://id.example.org/"`), detail: "issuer (iss)"},
		{name: "no iss", token: claim("iss", ""), detail: `issuer (iss) is ""`},
		{name: "iss a list", token: claim("iss", `["https://id.example.org"]`), detail: "iss is ["},
		{name: "wrong aud", token: claim("aud", `"billing"`), detail: `audience (aud) is "billing"`},
		{name: "aud a list without it", token: claim("aud", `["billing","mail"]`), detail: `"billing, mail"`},
		{name: "aud a list with a number", token: claim("aud", `["beckon",1]`), detail: "aud is ["},
		{name: "aud an empty list", token: claim("aud", `[]`), detail: `audience (aud) is ""`},
		{name: "no aud", token: claim("aud", ""), detail: `audience (aud) is ""`},
		{name: "aud an object", token: claim("aud", `{"beckon":true}`), detail: "aud is {"},

		// The payload.
		{name: "claims null", token: payload(`null`), detail: "not a JSON object"},
		{name: "claims a list", token: payload(`[` + claims() + `]`), detail: "not a JSON object"},
		{name: "claims empty", token: payload(``), detail: "not a JSON object"},
		{name: "claims cut off", token: payload(claims()[:40]), detail: "claims"},
		{name: "claims with more behind", token: payload(claims() + claims()), detail: "claims"},
		{name: "deeply nested list", token: payload(strings.Repeat(`[`, 5000)), detail: "not a JSON object"},
		{name: "deeply nested claim", token: claim("beckon", strings.Repeat(`{"a":`, 700)+`1`+strings.Repeat(`}`, 700)), detail: "beckon.a is unknown"},

		// What may be done.
		{name: "beckon a string", token: beckon(`"all"`), detail: "beckon: it is not a JSON object"},
		{name: "beckon null", token: beckon(`null`), detail: "beckon: it is not a JSON object"},
		{name: "beckon with a misspelt word", token: beckon(`{"room":["lobby"]}`), detail: "beckon.room is unknown"},
		{name: "beckon twice", token: claim("beckon", `{},"beckon":{"admin":true}`), detail: "comes twice"},
		{name: "rooms a string", token: beckon(`{"rooms":"lobby"}`), detail: "beckon.rooms is \"lobby\": expected a list"},
		{name: "rooms null", token: beckon(`{"rooms":null}`), detail: "beckon.rooms is null"},
		{name: "rooms empty", token: beckon(`{"rooms":[]}`), detail: "rooms is an empty list"},
		{name: "rooms with a number", token: beckon(`{"rooms":["lobby",1]}`), detail: "expected a list of strings"},
		{name: "rooms with null", token: beckon(`{"rooms":[null]}`), detail: "expected a list of strings"},
		{name: "rooms with an empty one", token: beckon(`{"rooms":[""]}`), detail: "an entry of rooms is empty"},
		{name: "rooms with a star within", token: beckon(`{"rooms":["*-team"]}`), detail: `rooms has "*-team"`},
		{name: "rooms with two stars", token: beckon(`{"rooms":["**"]}`), detail: `rooms has "**"`},
		{name: "rooms: too many", token: beckon(`{"rooms":["a"` + strings.Repeat(`,"a"`, 256) + `]}`), detail: "rooms has 257 entries"},
		{name: "may a string", token: beckon(`{"may":"join"}`), detail: "beckon.may is"},
		{name: "may unknown", token: beckon(`{"may":["join","fly"]}`), detail: `"fly" is no permission`},
		{name: "may in capitals", token: beckon(`{"may":["JOIN"]}`), detail: `"JOIN" is no permission`},
		{name: "may null", token: beckon(`{"may":null}`), detail: "beckon.may is null"},
		{name: "max_sessions negative", token: beckon(`{"max_sessions":-1}`), detail: "max_sessions is -1"},
		{name: "max_sessions a float", token: beckon(`{"max_sessions":1.5}`), detail: "max_sessions is 1.5"},
		{name: "max_sessions huge", token: beckon(`{"max_sessions":4294967296}`), detail: "max_sessions is 4294967296"},
		{name: "max_sessions a string", token: beckon(`{"max_sessions":"2"}`), detail: "max_sessions is"},
		{name: "attributes a list", token: beckon(`{"attributes":["role"]}`), detail: "attributes is"},
		{name: "attributes not strings", token: beckon(`{"attributes":{"level":7}}`), detail: "an object of strings"},
		{name: "attributes nested", token: beckon(`{"attributes":{"a":{"b":"c"}}}`), detail: "an object of strings"},
		{name: "attributes null", token: beckon(`{"attributes":{"a":null}}`), detail: "an object of strings"},
		{name: "attributes: a key twice", token: beckon(`{"attributes":{"a":"1","a":"2"}}`), detail: "no key twice"},
		{name: "attributes: an empty key", token: beckon(`{"attributes":{"":"x"}}`), detail: "a key of attributes is empty"},
		{name: "attributes: a control character", token: beckon(`{"attributes":{"a":"\u0007"}}`), detail: "U+0007"},
		{name: "attributes: too many", token: beckon(`{"attributes":` + manyAttributes(33, 1) + `}`), detail: "33 attributes"},
		{name: "attributes: too large", token: beckon(`{"attributes":` + manyAttributes(4, 1100) + `}`), detail: "4 attributes of 4408 bytes"},
		{name: "admin a string", token: beckon(`{"admin":"true"}`), detail: "beckon.admin is"},
		{name: "admin a number", token: beckon(`{"admin":1}`), detail: "beckon.admin is 1"},
		{name: "duplicates unknown", token: beckon(`{"duplicates":"kick"}`), detail: `"kick" is no way`},
		{name: "duplicates true", token: beckon(`{"duplicates":true}`), detail: "duplicates is true"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.keys == "" {
				tt.keys = allKeys(t)
			}
			if tt.reason == "" {
				tt.reason = BadToken
			}
			grant, err := newTokens(t, strict, tt.keys).Authenticate(t.Context(), Request{Token: tt.token})
			expectRefused(t, grant, err, tt.reason, tt.detail)
		})
	}
	if grant, err := newTokens(t, strict, allKeys(t)).Authenticate(t.Context(), Request{Token: good}); err != nil || grant.Identity != "ana" {
		t.Errorf("the good one that these were made of: %v, %v", grant, err)
	}
}

// jwk is a public key as a header would bring it.
func jwk(t *testing.T, key *ecdsa.PrivateKey) string {
	set := jwks(t, "x", key.Public())
	return set[len(`{"keys":[`) : len(set)-len(`]}`)]
}

// nextLetter is the letter of base64url that comes next: it differs in the last bit alone.
func nextLetter(letter byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, letter)+1])
}

func manyAttributes(n, size int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`"k%d":"%s"`, i, strings.Repeat("v", size)))
	}
	return "{" + strings.Join(list, ",") + "}"
}
