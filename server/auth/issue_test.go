package auth

import (
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
)

// TestSign: what is signed with a key is taken with it, and says what it was to say.
func TestSign(t *testing.T) {
	noon := time.Date(2100, 1, 1, 12, 0, 0, 0, time.UTC)
	all := Claims{
		Issuer: "https://id.example.org", Audience: []string{"beckon", "mail"}, NotBefore: time.Unix(1700000000, 0).UTC(), Expires: noon,
		Grant: Grant{
			Identity: "ana", Name: "Ana", Attributes: map[string]string{"role": "guest"}, Rooms: []string{"lobby", "team-*"},
			Withheld: Data | UpdateName, Admin: true, MaxSessions: 2, Duplicates: ReplaceDuplicates,
			TokenID: "7", Issued: time.Unix(1700000000, 0).UTC(), Expires: noon,
		},
	}
	few := Claims{Issuer: "https://id.example.org", Audience: []string{"beckon"}, Expires: noon, Grant: Grant{Identity: "bob", Expires: noon}}
	sets := jwks(t, "1", []byte(secret), "2", edKey())
	for _, tt := range []struct{ name, private, public, keyID, wantAlgorithm, wantKeyID string }{
		{"secret", secret, secret, "", "HS256", ""},
		{"secret with a kid", secret, jwks(t, "a", []byte(secret), "b", []byte(secret+secret)), "a", "HS256", "a"},
		{"RSA", privatePEM(rsaKey()), publicPEM(rsaKey()), "", "RS256", ""},
		{"ECDSA", privatePEM(ecKey()), publicPEM(ecKey()), "", "ES256", ""},
		{"Ed25519", privatePEM(edKey()), publicPEM(edKey()), "", "EdDSA", ""},
		{"a set", sets, jwks(t, "1", []byte(secret), "2", edKey().Public()), "2", "EdDSA", "2"},
		{"a set of one", jwks(t, "2", edKey()), publicPEM(edKey()), "", "EdDSA", "2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			signer, err := NewSigner(tempFile(t, tt.private), tt.keyID)
			if err != nil {
				t.Fatal(err)
			}
			tokens := newTokens(t, strict, tt.public)
			for _, want := range []Claims{all, few} {
				signed, err := signer.Sign(want)
				if err != nil {
					t.Fatal(err)
				}
				grant, err := tokens.Authenticate(t.Context(), Request{Token: signed})
				if err != nil || grant.Identity != want.Grant.Identity {
					t.Errorf("granted %+v, error %v", grant, err)
				}
				got, err := Inspect(signed)
				if err != nil {
					t.Fatal(err)
				}
				want.Algorithm, want.KeyID = tt.wantAlgorithm, tt.wantKeyID
				if diff := cmp.Diff(want, *got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			}
		})
	}
}

func TestSignRefuses(t *testing.T) {
	soon := time.Now().Add(time.Hour)
	for _, tt := range []struct {
		name, key, keyID string
		claims           Claims
		want             string
	}{
		{"public key", publicPEM(edKey()), "", Claims{}, "it is a public key"},
		{"no kid", jwks(t, "1", []byte(secret), "2", edKey()), "", Claims{}, `of ["1" "2"]`},
		{"another kid", jwks(t, "1", []byte(secret)), "3", Claims{}, `of ["1"]`},
		{"bad kid", secret, "a\nb", Claims{}, "U+000A"},
		{"no subject", secret, "", Claims{Expires: soon}, "sub is empty"},
		{"no end", secret, "", Claims{Grant: Grant{Identity: "ana"}}, "no exp"},
		{"bad room", secret, "", Claims{Expires: soon, Grant: Grant{Identity: "ana", Rooms: []string{"a*b"}}}, `rooms has "a*b"`},
		{"too large", secret, "", Claims{Expires: soon, Audience: []string{strings.Repeat("a", 8<<10)}, Grant: Grant{Identity: "ana"}}, "at most 8192"},
	} {
		signer, err := NewSigner(tempFile(t, tt.key), tt.keyID)
		if err == nil {
			_, err = signer.Sign(tt.claims)
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want …%s…", tt.name, err, tt.want)
		}
	}
}

// TestInspectChecksNoSignature: it is for people.
func TestInspectChecksNoSignature(t *testing.T) {
	got, err := Inspect(token(`{"alg":"ES256","kid":"x"}`, claims("exp", "1"), fixed(make([]byte, 64))))
	if err != nil || got.Grant.Identity != "ana" || got.Algorithm != string(jose.ES256) || got.KeyID != "x" {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := Inspect("a.b.c"); err == nil {
		t.Errorf("got %+v of no token", got)
	}
	refused := Rules{}.Check(got)
	expectRefused(t, nil, refused, TokenExpired, "1970")
	got.Expires = time.Now().Add(time.Minute)
	if err := (Rules{}).Check(got); err != nil {
		t.Errorf("a good one: %v", err)
	}
}
