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
