package auth

import (
	"context"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestParseRevocation(t *testing.T) {
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		text string
		want Revocation
	}{
		{"jti:9f2c", Revocation{TokenID: "9f2c"}},
		{"sub:ana", Revocation{Subject: "ana"}},
		{"sub:spiffe://example.org/ana", Revocation{Subject: "spiffe://example.org/ana"}},
		{"sub:ana#1 of 2", Revocation{Subject: "ana#1 of 2"}},
		{"  sub:ana before 2026-11-22T12:00:00Z  ", Revocation{Subject: "ana", Before: noon}},
		{"sub:ana before 2026-11-22T13:00:00+01:00", Revocation{Subject: "ana", Before: noon}},
		{`sub:"ana before 2026-11-22T13:00:00+01:00"`, Revocation{Subject: "ana before 2026-11-22T13:00:00+01:00"}},
		{`sub:"ana before noon" before 2026-11-22T12:00:00Z`, Revocation{Subject: "ana before noon", Before: noon}},
		{`sub:"\"ana\""`, Revocation{Subject: `"ana"`}},
	} {
		got, err := ParseRevocation(tt.text)
		if err != nil || got.TokenID != tt.want.TokenID || got.Subject != tt.want.Subject || !got.Before.Equal(tt.want.Before) {
			t.Errorf("%q: got %+v, %v; want %+v", tt.text, got, err, tt.want)
		}
	}
	for _, text := range []string{"", "ana", "jti:", "sub: before 2026-11-22T12:00:00Z", "sub:ana before noon", "SUB:ana", "sub:an\x00a",
		"sub:" + strings.Repeat("a", 129), `sub:"ana`, `sub:"ana"bob`, `sub:"ana" before noon`} {
		if got, err := ParseRevocation(text); err == nil {
			t.Errorf("%q: got %+v, want an error", text, got)
		}
	}
}

func TestRevoked(t *testing.T) {
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	r, err := NewRevocations(t.Context(), tempFile(t, `
# Lost devices
jti:1
  jti:2
sub:bob
sub:eve before 2026-11-22T12:00:00Z
sub:eve before 2026-11-22T11:00:00Z
sub:dan before 2026-11-22T12:00:00Z
sub:dan`), quiet)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		grant Grant
		want  bool
	}{
		{"nobody", Grant{}, false},
		{"another", Grant{Identity: "ana", TokenID: "3"}, false},
		{"the token", Grant{Identity: "ana", TokenID: "1"}, true},
		{"the token, in an indented line", Grant{Identity: "ana", TokenID: "2"}, true},
		{"a subject called like a token", Grant{Identity: "1", TokenID: "bob"}, false},
		{"the subject", Grant{Identity: "bob", TokenID: "3", Issued: noon}, true},
		{"the subject's name in other letters", Grant{Identity: "Bob"}, false},
		{"issued before", Grant{Identity: "eve", Issued: noon.Add(-time.Second)}, true},
		{"issued just then", Grant{Identity: "eve", Issued: noon}, true},
		{"issued after", Grant{Identity: "eve", Issued: noon.Add(time.Second)}, false},
		{"issued at no known time", Grant{Identity: "eve"}, true},
		{"for good, whatever else is said", Grant{Identity: "dan", Issued: noon.Add(time.Hour)}, true},
	} {
		if got := r.Revoked(&tt.grant); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestRevocationFile: what is added to the file is revoked within a second, and whoever waits is told.
func TestRevocationFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := tempFile(t, "sub:bob\n")
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		r, err := NewRevocations(ctx, path, quiet)
		if err != nil {
			t.Fatal(err)
		}
		expect := func(step string, want string) {
			t.Helper()
			var got []string
			for _, who := range []string{"ana", "bob", "eve"} {
				if r.Revoked(&Grant{Identity: who}) {
					got = append(got, who)
				}
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%s: revoked are %q, want %q", step, got, want)
			}
		}
		expect("at the start", "bob")

		changed := r.Changed()
		replaceFile(t, path, "sub:bob\nsub:ana\n")
		began := time.Now()
		<-changed
		if took := time.Since(began); took >= time.Second {
			t.Errorf("told after %s", took)
		}
		expect("with another line", "ana bob")

		changed = r.Changed()
		time.Sleep(time.Minute)
		select {
		case <-changed:
			t.Error("told of a change that there was not")
		default:
		}

		changed = r.Changed()
		replaceFile(t, path, "sub:eve\nsbu:dan\n")
		<-changed
		expect("with a mistake", "ana bob eve")

		os.Remove(path)
		time.Sleep(time.Minute)
		expect("without the file", "ana bob eve")

		changed = r.Changed()
		replaceFile(t, path, "# none but\nsub:eve\n")
		<-changed
		expect("with fewer lines", "eve")

		changed = r.Changed()
		r.Revoke(Revocation{Subject: "ana", Before: time.Now()})
		<-changed
		expect("by an operator", "ana eve")
		replaceFile(t, path, "")
		time.Sleep(time.Second)
		expect("with an empty file", "ana")
		if r.Revoked(&Grant{Identity: "ana", Issued: time.Now()}) {
			t.Error("what was issued after an operator's revocation is revoked")
		}
	})
}

func TestBadRevocationFile(t *testing.T) {
	if _, err := NewRevocations(t.Context(), "missing.txt", quiet); err == nil {
		t.Error("a missing file is no error")
	}
	_, err := NewRevocations(t.Context(), tempFile(t, "sub:ana\nbob\n\neve\n"), quiet)
	if err == nil || !strings.Contains(err.Error(), `2 lines are wrong, the first is line 2: "bob": expected jti:ID`) {
		t.Errorf("the error is %v", err)
	}
}

func TestGuard(t *testing.T) {
	r, err := NewRevocations(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	guarded := r.Guard(newTokens(t, Rules{}, secret))
	signed := token(`{"alg":"HS256"}`, claims("jti", `"7"`), hs(secret))
	if _, err := guarded.Authenticate(t.Context(), Request{Token: signed}); err != nil {
		t.Errorf("before: %v", err)
	}
	r.Revoke(Revocation{TokenID: "7"})
	grant, err := guarded.Authenticate(t.Context(), Request{Token: signed})
	expectRefused(t, grant, err, Kicked, "revoked")
	grant, err = guarded.Authenticate(t.Context(), Request{Token: signed + "x"})
	expectRefused(t, grant, err, BadToken, "")
}

func FuzzParseRevocations(f *testing.F) {
	f.Add("# comment\njti:1\nsub:ana before 2026-11-22T10:00:00Z\r\nsub:bob")
	f.Fuzz(func(t *testing.T, text string) {
		list, _ := ParseRevocations([]byte(text))
		for _, v := range list {
			if (v.TokenID == "") == (v.Subject == "") || checkName("name", v.TokenID+v.Subject) != nil {
				t.Errorf("%q: got %+v", text, v)
			}
		}
	})
}
