package auth

import (
	"crypto/hmac"
	"crypto/x509"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// newHook makes a Webhook with a service, both within one bubble.
func newHook(t *testing.T, handler http.HandlerFunc) (*Webhook, *service) {
	t.Helper()
	hook, err := NewWebhook("http://localhost/beckon", tempFile(t, secret+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	return hook, serve(t, hook.client, handler)
}

// TestWebhookQuestion: the service is told all it needs, and can tell who asks.
func TestWebhookQuestion(t *testing.T) {
	var body []byte
	var header http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		header = r.Header
		says(200, `{"allow":true,"identity":"ana"}`)(w, r)
	}))
	defer server.Close()
	hook, err := NewWebhook(server.URL+"/beckon?key=1", tempFile(t, "whsec_"+base64.StdEncoding.EncodeToString([]byte(secret))))
	if err != nil {
		t.Fatal(err)
	}
	grant, err := hook.Authenticate(t.Context(), Request{
		Token: "opaque", Remote: netip.MustParseAddrPort("192.0.2.7:40312"), Room: "lobby",
		Metadata:    map[string][]string{"user-agent": {"test"}, "authorization": {"Bearer opaque"}},
		Certificate: &x509.Certificate{DNSNames: []string{"ana.example.org"}},
	})
	if err != nil || grant.Identity != "ana" {
		t.Fatalf("granted %+v, error %v", grant, err)
	}
	const want = `{"token":"opaque","remote":"192.0.2.7:40312","room":"lobby","metadata":{"user-agent":["test"]},"certificate":"ana.example.org"}`
	if string(body) != want {
		t.Errorf("asked %s\nwant  %s", body, want)
	}
	if got := header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type is %s", got)
	}
	id, timestamp := header.Get("webhook-id"), header.Get("webhook-timestamp")
	signature, ok := strings.CutPrefix(header.Get("webhook-signature"), "v1,")
	mac := hs(secret)(id + "." + timestamp + "." + string(body))
	if got := must(base64.StdEncoding.DecodeString(signature)); !ok || len(id) < 20 || !hmac.Equal(got, mac) {
		t.Errorf("the signature %s of %s at %s is wrong", signature, id, timestamp)
	}
}

// TestWebhookSignature has the example of the specification of Standard Webhooks.
func TestWebhookSignature(t *testing.T) {
	key := must(base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
	got := sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`))
	if want := "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; base64.StdEncoding.EncodeToString(got) != want {
		t.Errorf("got %s, want %s", base64.StdEncoding.EncodeToString(got), want)
	}
}

func TestWebhookGrant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hook, _ := newHook(t, says(200, `{
			"allow": true, "identity": "ana", "name": "Ana", "attributes": {"role": "guest"}, "rooms": ["lobby", "team-*"],
			"may": ["join", "call"], "max_sessions": 2, "duplicates": "replace", "admin": true, "expires": "2026-11-22T12:00:00+01:00",
			"ice_servers": [
				{"urls": "stun:stun.example.org"},
				{"urls": ["turn:turn.example.org", "turns:turn.example.org:5349?transport=tcp"], "username": "7", "credential": "x",
				 "expires": "2026-11-22T11:00:00Z"}
			]}`))
		grant, err := hook.Authenticate(t.Context(), Request{})
		if err != nil {
			t.Fatal(err)
		}
		eleven := time.Date(2026, 11, 22, 11, 0, 0, 0, time.UTC)
		want := Grant{
			Identity: "ana", Name: "Ana", Attributes: map[string]string{"role": "guest"}, Rooms: []string{"lobby", "team-*"},
			Withheld: Broadcast | Data | UpdateName, Admin: true, MaxSessions: 2, Duplicates: ReplaceDuplicates, Expires: eleven,
			Issued: time.Now(), // What was revoked before is not this grant.
			ICEServers: []ICEServer{
				{URLs: []string{"stun:stun.example.org"}},
				{URLs: []string{"turn:turn.example.org", "turns:turn.example.org:5349?transport=tcp"}, Username: "7", Credential: "x", Expires: eleven},
			},
		}
		if diff := cmp.Diff(want, *grant); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// TestWebhookRefuses: whatever is no clear yes is a no.
func TestWebhookRefuses(t *testing.T) {
	for _, tt := range []struct {
		name    string
		handler http.HandlerFunc
		asked   int
		reason  Reason
		detail  string // For the client.
		log     string // For the operator.
	}{
		{"no", says(200, `{"allow":false,"reason":"the lesson is over"}`), 1, NotAllowed, "the lesson is over", ""},
		{"no, without a reason", says(200, `{"allow":false}`), 1, NotAllowed, "does not allow it", ""},
		{"no, with a reason that is not for people", says(200, `{"allow":false,"reason":"\u001b[2J"}`), 1, NotAllowed, "does not allow it", ""},
		{"no, at length", says(200, `{"allow":false,"reason":"`+strings.Repeat("é", 9999)+`"}`), 1, NotAllowed, "é…", ""},
		{"yes, but in the past", says(200, `{"allow":true,"identity":"ana","expires":"1999-12-31T23:59:59Z"}`), 1, TokenExpired, "1999-12-31T23:59:59Z", ""},

		{"nothing", says(200, ``), 1, Unavailable, "cannot be asked", "not a JSON object"},
		{"garbage", says(200, "<html>yes</html>"), 1, Unavailable, "cannot be asked", "not a JSON object"},
		{"not UTF-8", says(200, "{\"allow\":true,\"identity\":\"\xff\"}"), 1, Unavailable, "", "not UTF-8"},
		{"yes and no", says(200, `{"allow":false,"allow":true,"identity":"ana"}`), 1, Unavailable, "", "comes twice"},
		{"no allow", says(200, `{"identity":"ana"}`), 1, Unavailable, "", "there is no allow"},
		{"allow a string", says(200, `{"allow":"false","identity":"ana"}`), 1, Unavailable, "", "expected true or false"},
		{"allow null", says(200, `{"allow":null,"identity":"ana"}`), 1, Unavailable, "", "allow is null"},
		{"nobody", says(200, `{"allow":true}`), 1, Unavailable, "", "no identity"},
		{"identity with a control character", says(200, `{"allow":true,"identity":"a\n"}`), 1, Unavailable, "", "U+000A"},
		{"a misspelt word", says(200, `{"allow":true,"identity":"ana","room":["lobby"]}`), 1, Unavailable, "", "room is unknown"},
		{"an empty list of rooms", says(200, `{"allow":true,"identity":"ana","rooms":[]}`), 1, Unavailable, "", "rooms is an empty list"},
		{"expires a number", says(200, `{"allow":true,"identity":"ana","expires":4102444800}`), 1, Unavailable, "", "expected a string"},
		{"expires some time", says(200, `{"allow":true,"identity":"ana","expires":"tomorrow"}`), 1, Unavailable, "", "expected a time"},
		{"ICE servers of another kind", says(200, `{"allow":true,"identity":"ana","ice_servers":[{"urls":["javascript:alert(1)"]}]}`), 1,
			Unavailable, "", "entry 1: urls has"},
		{"ICE servers without urls", says(200, `{"allow":true,"identity":"ana","ice_servers":[{}]}`), 1, Unavailable, "", "urls: expected 1 to 8"},
		{"too many ICE servers", says(200, `{"allow":true,"identity":"ana","ice_servers":[{}`+strings.Repeat(",{}", 16)+`]}`), 1,
			Unavailable, "", "at most 16"},
		{"too much", says(200, `{"allow":true,"identity":"ana"}`+strings.Repeat(" ", maxAnswer)), 1, Unavailable, "", "more than 65536 bytes"},

		{"302", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/yes", http.StatusFound) }, 1, Unavailable, "", "302 Found"},
		{"307", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/yes", http.StatusTemporaryRedirect)
		}, 1,
			Unavailable, "", "307"},
		{"201 with a yes", says(201, `{"allow":true,"identity":"ana"}`), 1, Unavailable, "", "201 Created: expected 200"},
		{"403 with a yes", says(403, `{"allow":true,"identity":"ana"}`), 1, Unavailable, "", "403 Forbidden: expected 200"},
		{"500 with a yes", says(500, `{"allow":true,"identity":"ana"}`), 3, Unavailable, "", "500 Internal Server Error"},
		{"429", says(429, ``), 3, Unavailable, "", "429"},
		{"no connection", nil, 3, Unavailable, "cannot be asked", "dial"},
		{"no answer", silent, 1, Unavailable, "", "no answer"},
		{"an answer that stops", func(w http.ResponseWriter, r *http.Request) {
			w.Write([]byte(`{"allow":true,"identity":"ana",`))
			w.(http.Flusher).Flush()
			silent(w, r)
		}, 1, Unavailable, "", "no answer"},
		{"an answer that breaks off", func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }, 3, Unavailable, "", "EOF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hook, s := newHook(t, tt.handler)
				began := time.Now()
				grant, err := hook.Authenticate(t.Context(), Request{Token: secret})
				expectRefused(t, grant, err, tt.reason, tt.detail)
				if !strings.Contains(err.Error(), tt.log) {
					t.Errorf("the error is %v, want one with %q", err, tt.log)
				}
				if strings.Contains(err.Error(), "localhost") {
					t.Errorf("the error has the address, whose query may be secret: %v", err)
				}
				if n := s.count(); n != tt.asked {
					t.Errorf("asked %d times, want %d", n, tt.asked)
				}
				if took := time.Since(began); took > webhookTimeout {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

// TestWebhookRetry: a service that comes back in time is asked the same again.
func TestWebhookRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tries atomic.Int32
		ids := make(chan string, 3)
		hook, _ := newHook(t, func(w http.ResponseWriter, r *http.Request) {
			ids <- r.Header.Get("webhook-id")
			if tries.Add(1) < 3 {
				says(503, "")(w, r)
				return
			}
			says(200, `{"allow":true,"identity":"ana"}`)(w, r)
		})
		if grant, err := hook.Authenticate(t.Context(), Request{}); err != nil || grant.Identity != "ana" {
			t.Errorf("granted %v, error %v", grant, err)
		}
		if a, b, c := <-ids, <-ids, <-ids; a != b || b != c {
			t.Errorf("one question has the ids %s, %s and %s", a, b, c)
		}
	})
}

func TestWebhookLargeQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hook, s := newHook(t, says(200, `{"allow":true,"identity":"ana"}`))
		grant, err := hook.Authenticate(t.Context(), Request{Token: strings.Repeat("a", maxToken+1)})
		expectRefused(t, grant, err, BadToken, "8193 bytes")
		grant, err = hook.Authenticate(t.Context(), Request{Metadata: map[string][]string{"x": {strings.Repeat("a", maxQuestion)}}})
		expectRefused(t, grant, err, BadToken, "metadata are too large")
		if n := s.count(); n != 0 {
			t.Errorf("asked %d times", n)
		}
	})
}

func TestBadWebhook(t *testing.T) {
	long := tempFile(t, secret)
	for _, tt := range []struct{ url, file, want string }{
		{"http://hooks.example.org", long, "expected https"},
		{"https://ana:pass@hooks.example.org", long, "without a password"},
		{"https://hooks.example.org", "missing", "no such file"},
		{"https://hooks.example.org", tempFile(t, "short"), "it has 5 bytes: expected at least 32"},
		{"https://hooks.example.org", tempFile(t, "whsec_c2hvcnQ="), "it has 5 bytes"},
		{"https://hooks.example.org", tempFile(t, "whsec_!"), "expected base64 after whsec_"},
	} {
		if _, err := NewWebhook(tt.url, tt.file); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got  %v\nwant …%s…", err, tt.want)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"allow":false,"reason":"no"}`))
	f.Add([]byte(`{"allow":true,"identity":"ana","rooms":["a*"],"expires":"2026-11-22T11:00:00Z","ice_servers":[{"urls":"stun:a"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		grant, refused, err := parseAnswer(data)
		switch {
		case err != nil || refused != nil:
		case grant.Identity == "" || grant.check() != nil || grant.Rooms != nil && checkRooms(grant.Rooms) != nil:
			t.Errorf("%q: granted %+v", data, grant)
		}
	})
}
