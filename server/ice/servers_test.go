package ice_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/ice"
)

func TestIssue(t *testing.T) {
	servers, err := ice.NewServers(ice.Config{
		Servers: []ice.Server{
			{URLs: []string{"stun:stun.example.org"}},
			{URLs: []string{"turn:fixed.example.org"}, Username: "all", Credential: "fixed"},
			{URLs: []string{"turn:a.example.org", "turns:a.example.org:443?transport=tcp"}, Secrets: []ice.Secret{"north", "south"}},
		},
		TTL: 10 * time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1700000000, 999)
	want := []*beckonv1.IceServer{
		{Urls: []string{"stun:stun.example.org"}},
		{Urls: []string{"turn:fixed.example.org"}, Username: "all", Credential: "fixed"},
		{
			Urls:     []string{"turn:a.example.org", "turns:a.example.org:443?transport=tcp"},
			Username: "1700000600:ana:1",
			// printf 1700000600:ana:1 | openssl dgst -sha1 -hmac north -binary | base64
			Credential: "L/PMLvL5gq6bOgGd9ETOE/HFUYY=",
			Expires:    &timestamppb.Timestamp{Seconds: 1700000600},
		},
	}
	if diff := cmp.Diff(want, servers.Issue("ana:1", now), protocmp.Transform()); diff != "" {
		t.Errorf("Issue (-want +got):\n%s", diff)
	}
	if got := servers.Issue("ana:1", now); &got[0].Urls[0] == &servers.Issue("ana:1", now)[0].Urls[0] {
		t.Error("two users share an array of URLs")
	}
}

func TestVerify(t *testing.T) {
	servers, err := ice.NewServers(ice.Config{Servers: []ice.Server{{URLs: []string{"turn:a.example.org"}, Secrets: []ice.Secret{"north"}}}})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1700000000, 0)
	s := servers.Issue("ana:1", now)[0]
	tests := []struct {
		name                 string
		secrets              []ice.Secret
		username, credential string
		after                time.Duration
		want                 error
	}{
		{"good", []ice.Secret{"north"}, s.Username, s.Credential, 0, nil},
		{"made with a secret that does not sign any more", []ice.Secret{"new", "north"}, s.Username, s.Credential, 0, nil},
		{"at its last", []ice.Secret{"north"}, s.Username, s.Credential, time.Hour - time.Second, nil},
		{"at its end", []ice.Secret{"north"}, s.Username, s.Credential, time.Hour, ice.ErrExpired},
		{"of another secret", []ice.Secret{"south"}, s.Username, s.Credential, 0, ice.ErrCredential},
		{"of another secret, at its end", []ice.Secret{"south"}, s.Username, s.Credential, time.Hour, ice.ErrCredential},
		{"no secrets", nil, s.Username, s.Credential, 0, ice.ErrCredential},
		{"of another user", []ice.Secret{"north"}, s.Username + "0", s.Credential, 0, ice.ErrCredential},
		{"shortened", []ice.Secret{"north"}, s.Username, s.Credential[:20], 0, ice.ErrCredential},
		{"empty", []ice.Secret{"north"}, s.Username, "", 0, ice.ErrCredential},
		{"without a time", []ice.Secret{"north"}, "ana", s.Credential, 0, ice.ErrCredential},
		{"with a sign", []ice.Secret{"north"}, "+" + s.Username, s.Credential, 0, ice.ErrCredential},
		{"without a user", []ice.Secret{"north"}, "1700003600:", s.Credential, 0, ice.ErrCredential},
		{"beyond all time", []ice.Secret{"north"}, "99999999999999999999:ana", s.Credential, 0, ice.ErrCredential},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			user, err := ice.Verify(test.secrets, test.username, test.credential, now.Add(test.after))
			if !errors.Is(err, test.want) || err == nil && user != "ana:1" || err != nil && user != "" {
				t.Errorf("Verify: %q, %v; want %v", user, err, test.want)
			}
		})
	}
}

func TestRenewAfter(t *testing.T) {
	made := ice.Server{URLs: []string{"turn:a.example.org"}, Secrets: []ice.Secret{"north"}}
	servers, err := ice.NewServers(ice.Config{Servers: []ice.Server{{URLs: []string{"stun:b.example.org"}}, made}, TTL: 1000 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	var all []time.Duration
	for range 1000 {
		all = append(all, servers.RenewAfter())
	}
	slices.Sort(all)
	if all[0] < 750*time.Second || all[999] >= 850*time.Second {
		t.Errorf("renewed after %s to %s, want 750 s to 850 s", all[0], all[999])
	}
	if all[999]-all[0] < 50*time.Second {
		t.Errorf("all renew between %s and %s", all[0], all[999])
	}

	lasting, err := ice.NewServers(ice.Config{Servers: []ice.Server{{URLs: []string{"stun:b.example.org"}}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := lasting.RenewAfter(); got != 0 {
		t.Errorf("with nothing that expires, RenewAfter is %s", got)
	}
}

func TestConfig(t *testing.T) {
	secrets := []ice.Secret{"north"}
	good := [][]string{
		{"stun:stun.example.org"}, {"stun:192.0.2.1:3478"}, {"stuns:[2001:db8::1]"}, {"stun:[2001:db8::1]:19302"},
		{"turn:turn.example.org"}, {"turn:turn.example.org?transport=udp"}, {"turns:turn.example.org:443?transport=tcp"},
		{"TURN:turn.example.org"}, {"stun:a_b.example.org", "turn:a-b.example.org:1"},
	}
	for _, urls := range good {
		s := ice.Server{URLs: urls}
		if strings.HasPrefix(strings.ToLower(urls[len(urls)-1]), "turn") {
			s.Secrets = secrets
		}
		if _, err := ice.NewServers(ice.Config{Servers: []ice.Server{s}}); err != nil {
			t.Errorf("%q: %v", urls, err)
		}
	}

	tests := []struct {
		config ice.Config
		want   string
	}{
		{ice.Config{TTL: 59 * time.Second}, "TTL is 59s: expected at least 1m0s"},
		{ice.Config{TTL: -time.Hour}, "TTL is -1h0m0s"},
		{one(ice.Server{}), "ICE server 1: it has no URLs"},
		{one(ice.Server{URLs: []string{"stun:a.example.org"}, Secrets: secrets}), "no TURN server to use them"},
		{one(ice.Server{URLs: []string{"turn:a.example.org"}}), "either a username and a credential, or a shared secret"},
		{one(ice.Server{URLs: []string{"turn:a.example.org"}, Username: "u", Credential: "hush", Secrets: secrets}), "either a username and a credential, or a shared secret"},
		{one(ice.Server{URLs: []string{"turn:a.example.org"}, Credential: "hush"}), "expected both"},
		{one(ice.Server{URLs: []string{"turn:a.example.org"}, Secrets: []ice.Secret{"hush", ""}}), "secret 2 is empty"},
		{bad("turn.example.org"), `expected a URL that begins with "stun:"`},
		{bad("https://turn.example.org"), `expected a URL that begins with "stun:"`},
		{bad(""), `expected a URL that begins with "stun:"`},
		{bad("stun:a.example.org?transport=udp"), "has no \"?\""},
		{bad("turn:a.example.org?transport=tls"), `"?transport=udp"`},
		{bad("turn:a.example.org?transport="), `"?transport=udp"`},
		{bad("turn:a.example.org?transport=udp&x=1"), `"?transport=udp"`},
		{bad("turn:a.example.org:0"), "a port from 1 to 65535"},
		{bad("turn:a.example.org:65536"), "a port from 1 to 65535"},
		{bad("turn:a.example.org:https"), `expected`},
		{bad("turn://a.example.org"), `expected a URL such as`},
		{bad("turn:"), `expected a URL such as`},
		{bad("turn:2001:db8::1"), `an IPv6 address in brackets`},
		{bad("turn:a b"), `expected a URL such as`},
		{bad("turn:a.example.org/x"), `expected a URL such as`},
		{bad("turn:a.example.org#x"), `expected a URL such as`},
		{bad("turn:ana:hush@a.example.org"), `a URL: there is an "@"`},
	}
	for _, test := range tests {
		_, err := ice.NewServers(test.config)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: error %v, want %q", test.config, err, test.want)
		} else if strings.Contains(err.Error(), "hush") {
			t.Errorf("the error shows a secret: %v", err)
		}
	}
}

func one(s ice.Server) ice.Config { return ice.Config{Servers: []ice.Server{s}} }

func bad(url string) ice.Config {
	return one(ice.Server{URLs: []string{url}, Secrets: []ice.Secret{"hush"}})
}

func TestParseSecrets(t *testing.T) {
	got, err := ice.ParseSecrets([]byte("\n north \r\n\n\tsouth east"))
	if want := []ice.Secret{"north", "south east"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("ParseSecrets: %d secrets, %v; want %d", len(got), err, len(want))
	}
	for _, empty := range []string{"", "\n \n"} {
		if _, err := ice.ParseSecrets([]byte(empty)); err == nil || !strings.Contains(err.Error(), "expected one a line") {
			t.Errorf("ParseSecrets of %q: %v", empty, err)
		}
	}
}

func TestParseServers(t *testing.T) {
	fixed := func(credential ice.Secret, urls ...string) ice.Server {
		return ice.Server{URLs: urls, Username: "beckon", Credential: credential}
	}
	good := []struct {
		file string
		want []ice.Server
	}{
		{"- urls: [turn:a.example.org, turns:a.example.org]\n  username: beckon\n  credential: hush\n", []ice.Server{fixed("hush", "turn:a.example.org", "turns:a.example.org")}},
		{"# Ours.\n- {urls: turn:a.example.org, username: beckon, credential: 0123}\n- urls: stun:b.example.org\n", []ice.Server{fixed("0123", "turn:a.example.org"), {URLs: []string{"stun:b.example.org"}}}},
		{`[{"urls": "turn:a.example.org", "username": "beckon", "credential": "*#: \"\u00e9"}]`, []ice.Server{fixed(`*#: "é`, "turn:a.example.org")}}, // JSON.
		{"- urls: turn:a.example.org\n  username: beckon\n  credential: true", []ice.Server{fixed("true", "turn:a.example.org")}},
	}
	for _, test := range good {
		got, err := ice.ParseServers([]byte(test.file))
		if diff := cmp.Diff(plainly(test.want), plainly(got)); err != nil || diff != "" {
			t.Errorf("%s\n%v (-want +got):\n%s", test.file, err, diff)
		}
	}

	const complete = "- urls: turn:a.example.org\n  username: beckon\n  credential: "
	for _, test := range []struct{ file, want string }{
		{"", "expected a list of servers"},
		{"# - urls: turn:a.example.org", "expected a list of servers"},
		{"[]", "expected a list of servers"},
		{"hush", "expected a list of servers"},
		{"urls: turn:a.example.org\nusername: beckon\ncredential: hush", "expected a list of servers"},
		{"- hush", "line 1: expected a server: urls, username and credential"},
		{complete + "*hush", "line 3: this is not YAML: expected text with characters such as *, # or : in quotation marks"},
		{complete + "hush: hush", "line 3: this is not YAML"},
		{complete + "[hush]", `line 3: "credential": expected a text`},
		{complete + "{hush: hush}", `line 3: "credential": expected a text`},
		{complete + "#hush", `line 3: "credential": expected a text`},
		{complete + "hush\n  credential: hush", `line 4: "credential" is there twice`},
		{complete + "hush\n  password: hush", `line 4: "password": expected urls, username or credential`},
		{complete + "hush\n- username: beckon\n  credential: hush", "line 4: it has no URLs"},
		{"- urls: [[turn:a.example.org]]", `line 1: "urls": expected a text`},
		{"- urls: turn:a.example.org\n  credential: hush", "line 1: it has one of username and credential: expected both"},
		{"\n- urls: turn:a.example.org", "line 2: it has a TURN URL: expected either a username and a credential"},
		{"- urls: stun:a.example.org\n  username: beckon\n  credential: hush", "line 1: it has credentials and no TURN server to use them"},
		{"- urls: turn:beckon:hush@a.example.org", `line 1: a URL: there is an "@"`},
		{"- urls: a.example.org\n  username: beckon\n  credential: hush", `line 1: URL "a.example.org": expected a URL that begins with "stun:"`},
	} {
		servers, err := ice.ParseServers([]byte(test.file))
		if err == nil || servers != nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s\n%d servers, error %v, want %q", test.file, len(servers), err, test.want)
		} else if strings.Contains(err.Error(), "hush") {
			t.Errorf("the error shows a credential: %v", err)
		}
	}
}

// plainly returns servers with what is shown of none else.
func plainly(servers []ice.Server) (out []string) {
	for _, s := range servers {
		out = append(out, fmt.Sprintf("%q %q %q", s.URLs, s.Username, string(s.Credential)))
	}
	return out
}

func TestSecretsAreHidden(t *testing.T) {
	server := ice.Server{URLs: []string{"turn:a.example.org"}, Username: "u", Credential: "hush", Secrets: []ice.Secret{"hush"}}
	var shown strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		fmt.Fprintf(&shown, verb+" "+verb+"\n", server, ice.RelayConfig{Secrets: server.Secrets}.Secrets)
	}
	slog.New(slog.NewTextHandler(&shown, nil)).Info("it", "server", server, "secret", server.Credential)
	slog.New(slog.NewJSONHandler(&shown, nil)).Info("it", "server", server, "secret", server.Credential)
	text, err := json.Marshal(server)
	if err != nil {
		t.Fatal(err)
	}
	shown.Write(text)
	if s := shown.String(); strings.Contains(s, "hush") || strings.Contains(strings.ToLower(s), "68757368") || !strings.Contains(s, "(secret)") {
		t.Errorf("it shows a secret:\n%s", s)
	}
}
