package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/beckonrtc/beckon/server/auth"
)

const testSecret = "a secret of the tests, long enough to sign\n"

// runOn runs a command line with that input.
func runOn(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(stdin), &out, &errs)
	return code, out.String(), errs.String()
}

// makeToken runs "beckon token" and returns what it prints.
func makeToken(t *testing.T, args ...string) string {
	t.Helper()
	code, stdout, stderr := runBeckon(t, append([]string{"token"}, args...)...)
	if code != exitOK || stderr != "" || strings.Count(stdout, "\n") != 1 {
		t.Fatalf("exit code %d, output %q, error %s", code, stdout, stderr)
	}
	return stdout
}

// TestToken: a server takes what is made, and reads out of it what was said.
func TestToken(t *testing.T) {
	key := writeFile(t, testSecret)
	server, err := auth.NewTokens(t.Context(), auth.TokenConfig{
		Rules: auth.Rules{Issuer: "me", Audience: "beckon", ClockSkew: -1}, KeyFile: key,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		args []string
		want auth.Grant
	}{
		{"as little as possible", []string{"--sub", "ana"}, auth.Grant{Identity: "ana"}},
		{
			"as much as possible",
			[]string{"--sub", "ana", "--name", "Ana", "--room", "lobby", "--room", "team-*", "--may", "join,call", "--may", "data",
				"--attribute", "role=guest", "--attribute", "empty=", "--max-sessions", "2", "--duplicates", "reject", "--grant-admin", "--kid", "1"},
			auth.Grant{
				Identity: "ana", Name: "Ana", Rooms: []string{"lobby", "team-*"}, Withheld: auth.Broadcast | auth.UpdateName,
				Attributes: map[string]string{"role": "guest", "empty": ""}, MaxSessions: 2, Duplicates: auth.RejectDuplicates, Admin: true,
			},
		},
		{
			"nothing", []string{"--sub", "ana", "--may", ""},
			auth.Grant{Identity: "ana", Withheld: auth.Join | auth.Call | auth.Broadcast | auth.Data | auth.UpdateName},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			began := time.Now().Truncate(time.Second)
			token := makeToken(t, append(tt.args, "--key", key, "--iss", "me", "--aud", "beckon", "--ttl", "90m")...)
			grant, err := server.Authenticate(t.Context(), auth.Request{Token: strings.TrimSpace(token)})
			if err != nil {
				t.Fatal(err)
			}
			if grant.TokenID == "" || grant.Issued.Before(began) || grant.Expires.Sub(grant.Issued) != 90*time.Minute {
				t.Errorf("id %q, issued %s, expires %s", grant.TokenID, grant.Issued, grant.Expires)
			}
			tt.want.TokenID, tt.want.Issued, tt.want.Expires = grant.TokenID, grant.Issued, grant.Expires
			if diff := cmp.Diff(tt.want, *grant); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestTokenKeys: the key decides on the algorithm, and its public half checks it.
func TestTokenKeys(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		want            string
		private, public any
	}{
		{"RS256", rsaKey, rsaKey.Public()},
		{"ES256", ecKey, ecKey.Public()},
		{"EdDSA", edKey, public},
	} {
		t.Run(tt.want, func(t *testing.T) {
			private, err := x509.MarshalPKCS8PrivateKey(tt.private)
			if err != nil {
				t.Fatal(err)
			}
			public, err := x509.MarshalPKIXPublicKey(tt.public)
			if err != nil {
				t.Fatal(err)
			}
			privateFile := writeFile(t, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
			publicFile := writeFile(t, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})))
			token := makeToken(t, "--key", privateFile, "--sub", "ana")
			for _, file := range []string{publicFile, privateFile} {
				code, stdout, stderr := runOn(t, token, "token", "inspect", "--key", file)
				if code != exitOK || !strings.Contains(stdout, "signed with  "+tt.want+"\n") || !strings.Contains(stdout, "would take it") {
					t.Errorf("exit code %d, output\n%s%s", code, stdout, stderr)
				}
			}
			code, _, stderr := runBeckon(t, "token", "--key", publicFile, "--sub", "ana")
			if code != exitUsage || !strings.Contains(stderr, "it is a public key: expected the private one, or a secret") {
				t.Errorf("with the public key: exit code %d, error %s", code, stderr)
			}
		})
	}
}

func TestTokenErrors(t *testing.T) {
	key := writeFile(t, testSecret)
	short := writeFile(t, "secret\n")
	for _, tt := range []struct{ line, want string }{
		{"token", `token: expected --key FILE; "beckon token --help" tells more`},
		{"token ana", `token: unexpected argument "ana"; "beckon token --help" tells more`},
		{"token --key KEY", `token: expected --sub, who the token is for`},
		{"token --key missing.pem --sub ana", `--key: open missing.pem: no such file or directory`},
		{"token --key SHORT --sub ana", `--key: SHORT: a secret of 6 bytes: expected at least 32 random ones`},
		{"token --key KEY --sub ana --may join,fly", `--may: "fly" is no permission: expected some of join, call, broadcast, data, update_name`},
		{"token --key KEY --sub ana --ttl 0s", `--ttl: "0s": expected a duration of at least 1s, such as 30s or 1m30s`},
		{"token --key KEY --sub ana --ttl 200y", `--ttl: "200y": expected a duration of at least 1s, such as 30s or 1m30s`},
		{"token --key KEY --sub ana --room a*b",
			`token: rooms has "a*b": expected the name of a room, or the beginning of names and then one *`},
		{"token --key KEY --sub ana --attribute role", `--attribute: "role": expected KEY=VALUE`},
		{"token --key KEY --sub ana --duplicates kick", `--duplicates: "kick": expected allow, replace or reject`},
		{"token --key KEY --sub ana --max-sessions -1", `--max-sessions: "-1": expected a whole number up to 536870911, or none`},
		{"token inspect a b", `inspect: unexpected argument; expected one token, or none and the token as input`},
		{"token inspect", `inspect: expected a token, as an argument or as input`},
		{"token inspect -", `inspect: expected a token, as an argument or as input`},
		{"token inspect x --key KEY --jwks https://id.example.org", `inspect: --key does not go with --jwks`},
	} {
		t.Run(tt.line, func(t *testing.T) {
			files := strings.NewReplacer("KEY", key, "SHORT", short)
			var args []string
			for _, word := range strings.Fields(tt.line) {
				if word == "KEY" || word == "SHORT" {
					word = files.Replace(word)
				}
				args = append(args, word)
			}
			code, stdout, stderr := runBeckon(t, args...)
			if want := "beckon: " + strings.ReplaceAll(tt.want, "SHORT", short) + "\n"; stderr != want {
				t.Errorf("got  %swant %s", stderr, want)
			}
			if code != exitUsage || stdout != "" {
				t.Errorf("exit code %d, output %q; want %d and none", code, stdout, exitUsage)
			}
		})
	}
}

func TestTokenInspect(t *testing.T) {
	key, other := writeFile(t, testSecret), writeFile(t, "another "+testSecret)
	signer, err := auth.NewSigner(key, "1")
	if err != nil {
		t.Fatal(err)
	}
	token := func(expires time.Time, name string) string {
		token, err := signer.Sign(auth.Claims{Issuer: "me", Audience: []string{"beckon"}, Expires: expires, Grant: auth.Grant{
			Identity: "ana", Name: name, Rooms: []string{"lobby", "team-*"}, Withheld: auth.Broadcast, TokenID: "7",
			Attributes: map[string]string{"role": "guest"}, MaxSessions: 2, Duplicates: auth.ReplaceDuplicates, Admin: true,
		}})
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	noon := time.Date(2126, 1, 1, 12, 0, 0, 0, time.UTC)
	good := token(noon, "Ana")
	told := []string{
		"who          ana\n", "name         Ana\n", "rooms        lobby, team-*\n", "may          join, call, data, update_name\n",
		"attribute    role=guest\n", "sessions     at most 2; a second one in a room: replace\n", "admin        may end the server",
		"until        2126-01-01T12:00:00Z, ", " from now\n", "issuer       me\n", "audience     beckon\n",
		"revoke with  jti:7\n", "signed with  HS256, kid 1\n",
	}
	for _, tt := range []struct {
		name  string
		stdin string
		args  []string
		code  int
		told  []string
		error string
	}{
		{"without a key", good + "\n", nil, exitOK, append(told, "The signature was not checked"), ""},
		{"as an argument", "", []string{good}, exitOK, told, ""},
		{"as a header has it", "Bearer " + good, []string{"-"}, exitOK, told, ""},
		{"with all settings", good, []string{"--key", key, "--iss", "me", "--aud", "beckon"}, exitOK,
			append(told, "A server with these settings would take it."), ""},
		{"with another key", good, []string{"--key", other}, exitFailed, told, "BAD_TOKEN: the token's signature is wrong"},
		{"with another issuer", good, []string{"--iss", "you"}, exitFailed, told, `issuer (iss) is "me": expected "you"`},
		{"with another audience", good, []string{"--key", key, "--aud", "mail"}, exitFailed, told, `audience (aud) is "beckon": expected "mail"`},
		{"with no key", good, []string{"--key", "missing"}, exitUsage, told, "open missing: no such file"},
		{"expired", token(time.Unix(1700000000, 0), "Ana"), nil, exitFailed,
			[]string{"until        2023-11-14T22:13:20Z, ", " ago\n"}, "a server would refuse it: TOKEN_EXPIRED: the token expired at 2023"},
		{"expired, within the skew", token(time.Now().Add(-10*time.Second), "Ana"), nil, exitOK, told[:2], ""},
		{"expired, without a skew", token(time.Now().Add(-10*time.Second), "Ana"), []string{"--skew", "0"}, exitFailed, told[:2], "TOKEN_EXPIRED"},
		{"no token", "letmein", nil, exitFailed, nil, "a server would refuse it: BAD_TOKEN: the token has 1 parts"},
		{"much", strings.Repeat("a", 1<<20), nil, exitFailed, nil, "expected at most 8192"},
		{"a name that turns the writing", token(noon, "Ana\u202e"), nil, exitOK, []string{`name         Ana\u202e`}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, stdout, stderr := runOn(t, tt.stdin, append([]string{"token", "inspect"}, tt.args...)...)
			if code != tt.code || !strings.Contains(stderr, tt.error) || tt.error == "" && stderr != "" {
				t.Errorf("exit code %d, error %s; want %d and %q", code, stderr, tt.code, tt.error)
			}
			for _, want := range tt.told {
				if !strings.Contains(stdout, want) {
					t.Errorf("the output lacks %q:\n%s", want, stdout)
				}
			}
			if tt.code != exitOK && strings.Contains(stdout, "would take it") {
				t.Errorf("it would be taken:\n%s", stdout)
			}
		})
	}
}

func TestTokenInspectJWKS(t *testing.T) {
	key := writeFile(t, testSecret)
	token := makeToken(t, "--key", key, "--sub", "ana", "--kid", "1")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"keys":[]}`)) }))
	defer server.Close()
	code, stdout, stderr := runOn(t, token, "token", "inspect", "--jwks", server.URL)
	if code != exitFailed || !strings.Contains(stderr, `the token's key (kid "1") is unknown here`) || !strings.Contains(stdout, "who") {
		t.Errorf("exit code %d, error %s, output\n%s", code, stderr, stdout)
	}
	server.Close()
	code, _, stderr = runOn(t, token, "token", "inspect", "--jwks", server.URL)
	if code != exitFailed || !strings.Contains(stderr, "the signature cannot be checked: UNAVAILABLE") {
		t.Errorf("exit code %d, error %s", code, stderr)
	}
}

func TestTokenFromEnvironment(t *testing.T) {
	t.Setenv("BECKON_KEY", writeFile(t, testSecret))
	t.Setenv("BECKON_MAY", "join,call")
	code, stdout, stderr := runOn(t, makeToken(t, "--sub", "ana"), "token", "inspect")
	if code != exitOK || !strings.Contains(stdout, "may          join, call\n") || !strings.Contains(stdout, "would take it") {
		t.Errorf("exit code %d, output\n%s%s", code, stdout, stderr)
	}
}

func TestTokenHelp(t *testing.T) {
	for _, line := range []string{"token --help", "token inspect --help"} {
		code, stdout, _ := runBeckon(t, strings.Fields(line)...)
		if code != exitOK || !strings.Contains(stdout, "Examples:") {
			t.Errorf("%s: exit code %d, output\n%s", line, code, stdout)
		}
		for text := range strings.Lines(stdout) {
			if len(text) > 121 {
				t.Errorf("%s: a line of the help is over 120 characters: %s", line, text)
			}
		}
	}
	_, stdout, _ := runBeckon(t, "__complete", "token", "--duplicates", "")
	if !strings.HasPrefix(stdout, "allow\nreplace\nreject\n") {
		t.Errorf("completion of --duplicates: %q", stdout)
	}
}
