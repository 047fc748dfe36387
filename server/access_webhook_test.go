package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server"
	"github.com/beckonrtc/beckon/server/transcript"
)

// TestWebhook: a service decides on each session, with its first room; what it says of ICE servers is in the welcome.
func TestWebhook(t *testing.T) {
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q struct{ Token, Room, Remote string }
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil || r.Header.Get("webhook-signature") == "" || !strings.HasPrefix(q.Remote, "127.0.0.1:") {
			t.Errorf("the question %+v: %v", q, err)
		}
		switch {
		case q.Token == "broken":
			w.WriteHeader(http.StatusTeapot)
		case q.Room == "den" && q.Token == "secret":
			fmt.Fprint(w, `{"allow": false, "reason": "not in this room"}`)
		case q.Token == "secret":
			fmt.Fprint(w, `{"allow": true, "identity": "ana", "rooms": ["lobby"], "ice_servers": [{"urls": ["turn:turn.example.org"], "username": "u", "credential": "c"}]}`)
		default:
			fmt.Fprint(w, `{"allow": false, "reason": "who are you?"}`)
		}
	}))
	t.Cleanup(hook.Close)
	s := start(t, server.Config{AuthWebhook: hook.URL, AuthWebhookKeyFile: fileOf(t, strings.Repeat("w", 32)), ICEServers: []string{"stun:stun.example.org"}}, listen(t))
	for name, dial := range transports {
		t.Run(name, func(t *testing.T) {
			ana := call(t, bearing(dial(s), "secret"), "lobby", full)
			if servers := ana.welcome.GetIceServers(); len(servers) != 1 || servers[0].GetUrls()[0] != "turn:turn.example.org" || servers[0].GetUsername() != "u" || servers[0].GetCredential() != "c" {
				t.Errorf("the ICE servers are %v", servers)
			}
			ana.drop()
			ana.comeBack(bearing(dial(s), "secret"), resumed)
			for _, c := range []struct {
				dial   transcript.Dial
				room   string
				code   codes.Code
				reason string
			}{
				{dial(s), "lobby", codes.PermissionDenied, "NOT_ALLOWED"},
				{bearing(dial(s), "secret"), "den", codes.PermissionDenied, "NOT_ALLOWED"},
				{bearing(dial(s), "broken"), "lobby", codes.Unavailable, "UNAVAILABLE"},
			} {
				if code, reason := outcomeOf(t, c.dial, joining(c.room, full)); code != c.code || reason != c.reason {
					t.Errorf("%s: %s %s, want %s %s", c.room, code, reason, c.code, c.reason)
				}
			}
			peer, err := dial(s)(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := peer.Send(joining("lobby", full)); err != nil {
				t.Fatal(err)
			}
			if _, err := peer.Recv(); status.Convert(err).Message() != "who are you?" {
				t.Errorf("the reason is %q", status.Convert(err).Message())
			}
		})
	}
}

// TestWebhookRights: what is refused for want of rights is told in words that hold without a token, too.
func TestWebhookRights(t *testing.T) {
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"allow": true, "identity": "ana", "name": "Ana", "rooms": ["lobby"], "may": ["join"], "attributes": {"role": "guest"}}`)
	}))
	t.Cleanup(hook.Close)
	s := start(t, server.Config{AuthWebhook: hook.URL, AuthWebhookKeyFile: fileOf(t, strings.Repeat("w", 32))}, listen(t))
	ana := call(t, transcript.Stubs(s.dial()), "lobby", none)
	for _, c := range []struct {
		m    *beckonv1.ConnectRequest
		want string
	}{
		{joining("den", none), `your access does not allow room "den": it allows lobby`},
		{data("", "lobby", []byte("hello")), `your access does not allow this data: it lacks broadcast, data`},
		{offer("bob", "v=0"), `your access does not allow this offer: it lacks call`},
		{&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Update{Update: &beckonv1.Update{Room: "lobby", Name: new("Bob")}}}, `your access does not let you choose a name: expected "Ana", or none`},
		{&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Update{Update: &beckonv1.Update{Room: "lobby", Attributes: map[string]string{"role": "host"}}}}, `your access fixes the attribute "role": expected it to be left out`},
	} {
		ana.send(c.m)
		f := ana.next().GetFailure()
		if f.GetCode() != beckonv1.FailureCode_FAILURE_CODE_PERMISSION_DENIED || f.GetDetail() != c.want {
			t.Errorf("got  %s %s\nwant %s", f.GetCode(), f.GetDetail(), c.want)
		}
	}
}
