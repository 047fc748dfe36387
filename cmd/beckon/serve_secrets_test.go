package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"
)

// TestServeSecrets: whatever a server is told that nobody else should know is in no line of its log, though it logs all that
// it can, nor in what it answers to who shows the wrong thing.
func TestServeSecrets(t *testing.T) {
	tokenKey, otherKey, turnSecret := strings.Repeat("token key ", 4), strings.Repeat("other key ", 4), strings.Repeat("turn secret ", 4)
	adminSecret, webhookSecret, sessionKey := strings.Repeat("admin secret ", 4), strings.Repeat("webhook secret ", 4), strings.Repeat("session key ", 4)
	const fixed, fromWebhook, wrong = "fixed credential", "credential of the webhook", "wrong-secret"
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var question struct{ Token string }
		if err := json.NewDecoder(r.Body).Decode(&question); err != nil {
			t.Error(err)
		}
		if question.Token == wrong {
			fmt.Fprint(w, `{"allow": true, "identity": "ana", "ice_servers": [{"urls": ["turn:turn.example.org"], "credential": ["`+fromWebhook+`"]}]}`) // No text.
			return
		}
		fmt.Fprint(w, `{"allow": true, "identity": "ana", "ice_servers": [{"urls": ["turn:turn.example.org"], "username": "u", "credential": "`+fromWebhook+`"}]}`)
	}))
	t.Cleanup(hook.Close)

	key := writeFile(t, tokenKey)
	token := strings.TrimSpace(makeToken(t, "--key", key, "--sub", "ana"))
	forged := strings.TrimSpace(makeToken(t, "--key", writeFile(t, otherKey), "--sub", "ana"))
	fixedFile := writeFile(t, "- {urls: turn:turn.example.org, username: everybody, credential: "+fixed+"}\n")
	for _, c := range []struct {
		about    string
		args     []string
		good     string // A token that is taken.
		bad      []string
		relays   bool
		expected []string // Messages that the log has.
	}{
		{
			"tokens", []string{"--token-key-file", key, "--turn", "127.0.0.1:0", "--turn-secret-file", writeFile(t, turnSecret), "--ice-servers-file", fixedFile},
			token, []string{forged, wrong, "a.b." + wrong}, true, []string{"session opened", "session ended"},
		},
		{
			"a webhook", []string{"--auth-webhook", hook.URL, "--auth-webhook-key-file", writeFile(t, webhookSecret)},
			"a-token-for-the-webhook", []string{wrong}, false, []string{"session opened", "cannot tell what a client may do"},
		},
	} {
		t.Run(c.about, func(t *testing.T) {
			secrets := []string{tokenKey, otherKey, turnSecret, adminSecret, webhookSecret, sessionKey, fixed, fromWebhook, wrong, token, forged, c.good}
			var told strings.Builder // All that is to have no secrets.
			server := start(t, append([]string{
				"serve", "--grpc", "127.0.0.1:0", "--web", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log-format", "json", "--log-level", "debug", "--log-payloads",
				"--admin-secret-file", writeFile(t, adminSecret), "--session-key-file", writeFile(t, sessionKey),
			}, c.args...)...)
			ports := make(map[string]string)
			for entry := (struct{ Msg, Port, Addr string }{}); entry.Msg != "ready"; {
				line := server.errs.expect("")
				told.WriteString(line + "\n")
				if err := json.Unmarshal([]byte(line), &entry); err != nil {
					t.Fatalf("log line %s: %v", line, err)
				}
				ports[entry.Port] = entry.Addr
			}

			ana := start(t, "join", "lobby", "--json", "--server", ports["grpc"], "--token-file", writeFile(t, c.good))
			var event struct {
				Welcome struct {
					ResumeToken string `json:"resume_token"`
					ICEServers  []struct {
						URLs                 []string
						Username, Credential string
					} `json:"ice_servers"`
				}
			}
			if err := json.Unmarshal([]byte(ana.out.expect(`"welcome"`)), &event); err != nil {
				t.Fatal(err)
			}
			secrets = append(secrets, event.Welcome.ResumeToken)
			for _, s := range event.Welcome.ICEServers {
				secrets = append(secrets, s.Credential)
			}
			if c.relays {
				made := event.Welcome.ICEServers[0]
				at, _, _ := strings.Cut(strings.TrimPrefix(made.URLs[0], "turn:"), "?")
				if err := tryTURN(t, at, made.Username, made.Credential); err != nil {
					t.Errorf("TURN: %v", err)
				}
				if err := tryTURN(t, at, made.Username, wrong); err == nil {
					t.Error("TURN takes anything")
				}
			}
			for _, bad := range c.bad {
				refused := start(t, "join", "lobby", "--server", ports["grpc"], "--token-file", writeFile(t, bad))
				told.WriteString(refused.errs.expect("beckon: "))
				refused.expectExit(exitFailed)
			}
			admin := "http://" + ports["admin"]
			told.WriteString(askAs(t, http.MethodGet, admin+"/metrics", "", http.StatusOK))
			told.WriteString(askAs(t, http.MethodPost, admin+"/revoke", wrong, http.StatusUnauthorized))
			told.WriteString(askAs(t, http.MethodPost, admin+"/revoke", strings.TrimSpace(adminSecret), http.StatusOK))
			ana.expectExit(exitFailed) // Its access was taken back.
			server.interrupt(interruption{syscall.SIGTERM})
			server.expectExit(exitOK)
			for line := range server.errs.lines {
				told.WriteString(line + "\n")
			}

			for _, s := range secrets {
				if s = strings.TrimSpace(s); s == "" || strings.Contains(told.String(), s) {
					t.Errorf("it is told %q:\n%s", s, told.String())
				}
			}
			for _, msg := range c.expected {
				if !strings.Contains(told.String(), `"msg":"`+msg+`"`) {
					t.Errorf("no line says %q:\n%s", msg, told.String())
				}
			}
		})
	}
}

// askAs sends a request to the admin port as who knows a secret, or claims to, and returns the answer.
func askAs(t *testing.T, method, url, secret string, want int) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader("sub:ana"))
	if err != nil {
		t.Fatal(err)
	}
	if secret != "" {
		request.Header.Set("Authorization", "Bearer "+secret)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != want {
		t.Errorf("%s %s: %s %v, want %d", method, url, response.Status, err, want)
	}
	return string(body)
}

// tryTURN makes an allocation at a TURN server, and gives it back.
func tryTURN(t *testing.T, at, username, credential string) error {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	quiet := logging.NewDefaultLoggerFactory()
	quiet.Writer = io.Discard
	client, err := turn.NewClient(&turn.ClientConfig{TURNServerAddr: at, Username: username, Password: credential, Conn: conn, LoggerFactory: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Listen(); err != nil {
		t.Fatal(err)
	}
	allocation, err := client.Allocate()
	if err != nil {
		return err
	}
	return allocation.Close()
}
