package server_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server"
	"github.com/beckonrtc/beckon/server/auth"
	"github.com/beckonrtc/beckon/server/transcript"
)

// mint makes tokens.
type mint struct {
	tb     testing.TB
	file   string // Has the key.
	signer *auth.Signer
}

// newMint returns a mint with a key of its own.
func newMint(tb testing.TB, key string) *mint {
	tb.Helper()
	m := &mint{tb: tb, file: fileOf(tb, strings.Repeat(key, 32))}
	var err error
	if m.signer, err = auth.NewSigner(m.file, ""); err != nil {
		tb.Fatal(err)
	}
	return m
}

// token returns a token of that grant, good for d.
func (m *mint) token(d time.Duration, g auth.Grant) string {
	m.tb.Helper()
	g.Issued = time.Now()
	token, err := m.signer.Sign(auth.Claims{Expires: time.Now().Add(d), Grant: g})
	if err != nil {
		m.tb.Fatal(err)
	}
	return token
}

// fileOf returns the path of a file with that text.
func fileOf(tb testing.TB, text string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "file")
	replace(tb, path, text)
	return path
}

// replace replaces a file, or makes it.
func replace(tb testing.TB, path, text string) {
	tb.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		tb.Fatal(err)
	}
}

// showing opens streams with these values of the metadata authorization.
func showing(dial transcript.Dial, values ...string) transcript.Dial {
	return func(ctx context.Context) (transcript.Peer, error) {
		for _, v := range values {
			ctx = metadata.AppendToOutgoingContext(ctx, "authorization", v)
		}
		return dial(ctx)
	}
}

// bearing opens streams with a token.
func bearing(dial transcript.Dial, token string) transcript.Dial {
	return showing(dial, "Bearer "+token)
}

// outcomeOf opens a stream with a message, and returns the status with which it ends, OK if it is welcomed.
func outcomeOf(t *testing.T, dial transcript.Dial, first *beckonv1.ConnectRequest) (codes.Code, string) {
	t.Helper()
	ctx, drop := context.WithCancel(t.Context())
	t.Cleanup(drop)
	peer, err := dial(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := peer.Send(first); err != nil {
		t.Fatal(err)
	}
	e, err := peer.Recv()
	if e.GetWelcome() != nil {
		return codes.OK, ""
	}
	if err == nil {
		t.Fatalf("the first event is %v", e)
	}
	return statusOf(err)
}

// onTransports runs a test in virtual time on each transport.
func onTransports(t *testing.T, test func(t *testing.T, dial func(*service) transcript.Dial)) {
	for name, dial := range transports {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, dial) })
		})
	}
}

// TestTokens: one good token opens a session, whatever else does not.
func TestTokens(t *testing.T) {
	onTransports(t, func(t *testing.T, dial func(*service) transcript.Dial) {
		mint, other := newMint(t, "k"), newMint(t, "o")
		s := start(t, server.Config{TokenKeyFile: mint.file}, nil)
		good, old := mint.token(time.Hour, auth.Grant{Identity: "ana"}), mint.token(time.Second, auth.Grant{Identity: "ana"})
		time.Sleep(32 * time.Second) // Virtual: one second and the skew.
		for _, c := range []struct {
			about  string
			shown  []string
			code   codes.Code
			reason string
		}{
			{"nothing", nil, codes.Unauthenticated, "NO_TOKEN"},
			{"an empty token", []string{"Bearer "}, codes.Unauthenticated, "NO_TOKEN"},
			{"a scheme alone", []string{"Bearer"}, codes.Unauthenticated, "BAD_TOKEN"},
			{"another scheme", []string{"Basic " + good}, codes.Unauthenticated, "BAD_TOKEN"},
			{"no scheme", []string{good}, codes.Unauthenticated, "BAD_TOKEN"},
			{"garbage", []string{"Bearer garbage"}, codes.Unauthenticated, "BAD_TOKEN"},
			{"another's key", []string{"Bearer " + other.token(time.Hour, auth.Grant{Identity: "ana"})}, codes.Unauthenticated, "BAD_TOKEN"},
			{"two tokens", []string{"Bearer " + good, "Bearer " + good}, codes.Unauthenticated, "BAD_TOKEN"},
			{"an old token", []string{"Bearer " + old}, codes.Unauthenticated, "TOKEN_EXPIRED"},
			{"a good token", []string{"Bearer " + good}, codes.OK, ""},
			{"a scheme in small letters", []string{"bearer " + good}, codes.OK, ""},
		} {
			if code, reason := outcomeOf(t, showing(dial(s), c.shown...), joining("lobby", full)); code != c.code || reason != c.reason {
				if c.about == "an empty token" && reason == "BAD_TOKEN" { // What gRPC trims is a scheme alone.
					continue
				}
				t.Errorf("%s: %s %s, want %s %s", c.about, code, reason, c.code, c.reason)
			}
		}
	})
}

// TestTokenPermissions: what a token does not allow fails, on each transport, and reaches nobody.
func TestTokenPermissions(t *testing.T) {
	onTransports(t, func(t *testing.T, dial func(*service) transcript.Dial) {
		mint := newMint(t, "k")
		s := start(t, server.Config{TokenKeyFile: mint.file}, nil)
		bob := call(t, bearing(dial(s), mint.token(time.Hour, auth.Grant{Identity: "bob"})), "lobby", delta)
		ana := call(t, bearing(dial(s), mint.token(time.Hour, auth.Grant{
			Identity: "ana", Name: "Ana", Rooms: []string{"lobby"}, Withheld: auth.Call | auth.Broadcast | auth.UpdateName, Attributes: map[string]string{"role": "guest"},
		})), "lobby", none)
		seen := bob.next().GetUserJoined().GetUser()
		if want := (&beckonv1.User{Id: ana.id(), Identity: "ana", Name: "Ana", Attributes: map[string]string{"role": "guest"}}); !proto.Equal(seen, want) {
			t.Errorf("bob sees %v, want %v", seen, want)
		}
		name := "Eve"
		for i, c := range []struct {
			m                     *beckonv1.ConnectRequest
			field, to, call, lack string
		}{
			{offer(bob.id(), "sdp"), "", bob.id(), "1", "call"},
			{offer("", "sdp"), "", "", "1", "call, broadcast"},
			{data("", "lobby", nil), "", "", "", "broadcast"},
			{joining("den", full), "room", "", "", `"den"`},
			{&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Update{Update: &beckonv1.Update{Room: "lobby", Name: &name}}}, "name", "", "", `"Ana"`},
			{&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Update{Update: &beckonv1.Update{Room: "lobby", Attributes: map[string]string{"role": ""}}}}, "attributes", "", "", `"role"`},
		} {
			ana.send(numbered(uint64(i+1), c.m))
			f := ana.outcome(uint64(i + 1)).GetFailure()
			if f.GetCode() != beckonv1.FailureCode_FAILURE_CODE_PERMISSION_DENIED || f.GetField() != c.field || f.GetTo() != c.to || f.GetCallId() != c.call || !strings.Contains(f.GetDetail(), c.lack) {
				t.Errorf("%v: %v", c.m, f)
			}
		}
		ana.send(numbered(9, data(bob.id(), "lobby", []byte("hello"))))
		if e := bob.next(); string(e.GetDataReceived().GetPayload()) != "hello" { // And nothing before it.
			t.Errorf("bob was sent %v", e)
		}
	})
}

// TestTokenExpires: a client is told a minute before its token runs out; when it has, the stream ends, and with a new token
// the session goes on as if nothing had been.
func TestTokenExpires(t *testing.T) {
	onTransports(t, func(t *testing.T, dial func(*service) transcript.Dial) {
		mint := newMint(t, "k")
		s := start(t, server.Config{TokenKeyFile: mint.file}, nil)
		bob := call(t, bearing(transports["Connect over gRPC"](s), mint.token(time.Hour, auth.Grant{Identity: "bob"})), "lobby", delta)
		began := time.Now()
		old := mint.token(5*time.Minute, auth.Grant{Identity: "ana"})
		ana := call(t, bearing(dial(s), old), "lobby", full)
		if e := bob.next(); e.GetUserJoined() == nil {
			t.Errorf("bob was sent %v", e)
		}
		const end = 5*time.Minute + 30*time.Second // And the skew.
		near := func(what string, want time.Duration) {
			t.Helper()
			if d := time.Since(began) - want; d < -1100*time.Millisecond || d > 1100*time.Millisecond {
				t.Errorf("%s after %s, want %s", what, time.Since(began), want)
			}
		}
		if f := ana.next().GetFailure(); f.GetCode() != beckonv1.FailureCode_FAILURE_CODE_TOKEN_EXPIRING || f.GetDetail() == "" {
			t.Errorf("ana was sent %v", f)
		}
		near("told", end-time.Minute)
		bob.send(data(ana.id(), "lobby", []byte("before")))
		ana.sees("before")
		if code, reason := ana.end(); code != codes.Unauthenticated || reason != "TOKEN_EXPIRED" {
			t.Errorf("the stream ended with %s %s, want UNAUTHENTICATED TOKEN_EXPIRED", code, reason)
		}
		near("ended", end)
		bob.send(data(ana.id(), "lobby", []byte("meanwhile")))
		time.Sleep(time.Second)
		for shown, want := range map[string]string{old: "TOKEN_EXPIRED", mint.token(time.Hour, auth.Grant{Identity: "eve"}): "NO_SUCH_SESSION"} {
			if _, reason := outcomeOf(t, bearing(dial(s), shown), ana.resume()); reason != want {
				t.Errorf("a resume ends with %s, want %s", reason, want)
			}
		}
		ana.comeBack(bearing(dial(s), mint.token(time.Hour, auth.Grant{Identity: "ana"})), resumed)
		ana.sees("meanwhile")
		time.Sleep(time.Minute)
		ana.send(data(bob.id(), "lobby", []byte("still here")))
		if e := bob.next(); string(e.GetDataReceived().GetPayload()) != "still here" { // And nothing before it.
			t.Errorf("bob was sent %v", e)
		}
	})
}

// TestRenewedInTime: who resumes with a new token when it is told loses nothing, and the old one's end means nothing.
func TestRenewedInTime(t *testing.T) {
	onTransports(t, func(t *testing.T, dial func(*service) transcript.Dial) {
		mint := newMint(t, "k")
		s := start(t, server.Config{TokenKeyFile: mint.file, TokenSkew: time.Millisecond}, nil)
		bob := call(t, bearing(transports["Connect over gRPC"](s), mint.token(10*time.Hour, auth.Grant{Identity: "bob"})), "lobby", delta)
		ana := call(t, bearing(dial(s), mint.token(5*time.Minute, auth.Grant{Identity: "ana"})), "lobby", none)
		bob.next()
		told := 0
		for i := range 10 {
			for ana.next().GetFailure().GetCode() != beckonv1.FailureCode_FAILURE_CODE_TOKEN_EXPIRING {
			}
			told++
			bob.send(data(ana.id(), "lobby", fmt.Append(nil, i)))
			ana.comeBack(bearing(dial(s), mint.token(5*time.Minute, auth.Grant{Identity: "ana"})), resumed)
			ana.send(data(bob.id(), "lobby", fmt.Append(nil, i)))
			if e := bob.next(); string(e.GetDataReceived().GetPayload()) != fmt.Sprint(i) { // And nothing before it.
				t.Errorf("bob was sent %v", e)
			}
		}
		for len(ana.got) < 10 {
			ana.next()
		}
		if want := "0 1 2 3 4 5 6 7 8 9"; strings.Join(ana.got, " ") != want || told != 10 {
			t.Errorf("ana got %q, and was told %d times", ana.got, told)
		}
	})
}

// TestRevocations: a change of the file of revocations ends sessions within a second, on a stream or not, for good.
func TestRevocations(t *testing.T) {
	onTransports(t, func(t *testing.T, dial func(*service) transcript.Dial) {
		mint := newMint(t, "k")
		file := fileOf(t, "# none yet\n")
		s := start(t, server.Config{TokenKeyFile: mint.file, RevocationsFile: file}, nil)
		bob := call(t, bearing(dial(s), mint.token(time.Hour, auth.Grant{Identity: "bob"})), "lobby", delta)
		shown, another := mint.token(time.Hour, auth.Grant{Identity: "ana", TokenID: "1"}), mint.token(time.Hour, auth.Grant{Identity: "ana", TokenID: "2"})
		live, away := call(t, bearing(dial(s), shown), "lobby", none), call(t, bearing(dial(s), shown), "lobby", none)
		bob.next()
		bob.next()
		away.drop()
		time.Sleep(3 * time.Second)
		if e := bob.next(); e.GetUserUpdated() == nil {
			t.Errorf("bob was sent %v", e)
		}
		began := time.Now()
		replace(t, file, "jti:1\n")
		gone := map[string]beckonv1.LeaveReason{}
		for range 2 {
			left := bob.next().GetUserLeft()
			gone[left.GetUser().GetId()] = left.GetReason()
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %s", took)
		}
		for _, p := range []*phone{live, away} {
			if gone[p.id()] != beckonv1.LeaveReason_LEAVE_REASON_KICKED {
				t.Errorf("bob hears %v of %s", gone, p.id())
			}
		}
		if e := live.next(); e.GetUserLeft().GetUser().GetId() != live.id() || e.GetUserLeft().GetReason() != beckonv1.LeaveReason_LEAVE_REASON_KICKED {
			t.Errorf("ana was sent %v", e)
		}
		if code, reason := live.end(); code != codes.PermissionDenied || reason != "KICKED" {
			t.Errorf("the stream ended with %s %s, want PERMISSION_DENIED KICKED", code, reason)
		}
		for _, p := range []*phone{live, away} {
			if code, reason := outcomeOf(t, bearing(dial(s), shown), p.resume()); code != codes.PermissionDenied || reason != "KICKED" {
				t.Errorf("a resume: %s %s, want PERMISSION_DENIED KICKED", code, reason)
			}
			if code, reason := outcomeOf(t, bearing(dial(s), another), p.resume()); code != codes.NotFound || reason != "NO_SUCH_SESSION" {
				t.Errorf("a resume with another token: %s %s, want NOT_FOUND NO_SUCH_SESSION", code, reason)
			}
		}
		if code, reason := outcomeOf(t, bearing(dial(s), shown), joining("lobby", none)); code != codes.PermissionDenied || reason != "KICKED" {
			t.Errorf("a new session: %s %s, want PERMISSION_DENIED KICKED", code, reason)
		}
		if code, reason := outcomeOf(t, bearing(dial(s), another), joining("lobby", none)); code != codes.OK {
			t.Errorf("a new session with another token: %s %s", code, reason)
		}
	})
}

// TestMaxSessionsOfIdentity: the sessions of an identity are counted, and end to be when they do.
func TestMaxSessionsOfIdentity(t *testing.T) {
	onTransports(t, func(t *testing.T, dial func(*service) transcript.Dial) {
		mint := newMint(t, "k")
		s := start(t, server.Config{TokenKeyFile: mint.file}, nil)
		token := mint.token(time.Hour, auth.Grant{Identity: "ana", MaxSessions: 1})
		expect := func(code codes.Code, reason string) {
			t.Helper()
			if c, r := outcomeOf(t, bearing(dial(s), token), joining("lobby", none)); c != code || r != reason {
				t.Errorf("another session: %s %s, want %s %s", c, r, code, reason)
			}
		}
		ana := call(t, bearing(dial(s), token), "lobby", none)
		expect(codes.ResourceExhausted, "LIMIT")
		ana.drop()
		time.Sleep(time.Second)
		expect(codes.ResourceExhausted, "LIMIT") // It may come back.
		ana.comeBack(bearing(dial(s), token), resumed)
		if err := ana.peer.CloseSend(); err != nil {
			t.Fatal(err)
		}
		if code, _ := ana.end(); code != codes.OK {
			t.Errorf("the stream ended with %s", code)
		}
		expect(codes.OK, "")
	})
}

// TestICEServers: credentials for TURN servers come with the welcome, and new ones before they end, however long it goes on.
func TestICEServers(t *testing.T) {
	onTransports(t, func(t *testing.T, dial func(*service) transcript.Dial) {
		const ttl = 10 * time.Minute
		s := start(t, server.Config{
			ICEServers: []string{"stun:stun.example.org", "turn:turn.example.org"}, TURNSecretFile: fileOf(t, strings.Repeat("s", 32)), TURNTTL: ttl,
		}, nil)
		ana := call(t, dial(s), "lobby", none)
		check := func(servers []*beckonv1.IceServer) (end time.Time) {
			t.Helper()
			if len(servers) != 2 || servers[0].GetUsername() != "" || servers[0].GetExpires() != nil ||
				!strings.HasSuffix(servers[1].GetUsername(), ana.id()) || servers[1].GetCredential() == "" {
				t.Fatalf("ana was sent %v", servers)
			}
			end = servers[1].GetExpires().AsTime()
			if left := time.Until(end); left < ttl-2*time.Second || left > ttl {
				t.Errorf("the credentials last for %s, want %s", left, ttl)
			}
			return end
		}
		end := check(ana.welcome.GetIceServers())
		for range 20 {
			changed := ana.next().GetIceServersChanged()
			if left := time.Until(end); left < time.Minute || left > ttl/3 {
				t.Errorf("new credentials come %s before the end of the former", left)
			}
			end = check(changed.GetIceServers())
		}
		ana.comeBack(dial(s), resumed)
		end = check(ana.welcome.GetIceServers())
		for ana.next().GetIceServersChanged() == nil {
		}
		if left := time.Until(end); left < time.Minute || left > ttl/3 {
			t.Errorf("new credentials come %s before the end of the former", left)
		}
	})
}

// TestTokenSkew: a token is good for as long beyond its end as clocks may be apart, which may be not at all.
func TestTokenSkew(t *testing.T) {
	for skew, want := range map[time.Duration]codes.Code{
		0: codes.OK, 5 * time.Second: codes.OK, time.Second: codes.Unauthenticated, -1: codes.Unauthenticated,
	} {
		synctest.Test(t, func(t *testing.T) {
			mint := newMint(t, "k")
			s := start(t, server.Config{TokenKeyFile: mint.file, TokenSkew: skew}, nil)
			token := mint.token(time.Second, auth.Grant{Identity: "ana"})
			time.Sleep(3 * time.Second)
			if code, reason := outcomeOf(t, bearing(transcript.Stubs(s.dial()), token), joining("lobby", none)); code != want {
				t.Errorf("with %s: %s %s, want %s", skew, code, reason, want)
			}
		})
	}
}
