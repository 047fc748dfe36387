package auth

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	webhookTimeout = 3 * time.Second // For all tries together.
	webhookTries   = 3
	webhookConns   = 64
	maxQuestion    = 64 << 10 // Bytes.
	maxAnswer      = 64 << 10
)

// Webhook is the Authenticator that asks a service of the application's own, once for each stream: a POST of
//
//	{"token": "…", "remote": "192.0.2.7:40312", "room": "lobby", "metadata": {"user-agent": ["…"]}, "certificate": "…"}
//
// whose answer has the status 200 and is
//
//	{"allow": true, "identity": "ana", "name": "Ana", "rooms": ["lobby", "team-*"], "may": ["join", "call"],
//	 "attributes": {"role": "guest"}, "max_sessions": 2, "duplicates": "replace", "admin": false,
//	 "expires": "2026-11-22T11:00:00Z",
//	 "ice_servers": [{"urls": ["turn:turn.example.org"], "username": "…", "credential": "…", "expires": "…"}]}
//
// with identity needed and the others as in a token, or {"allow": false, "reason": "for the person at the client"}. The
// certificate's name is there if there is a certificate, token and room may be empty. admin has no effect: the admin port
// takes tokens that the server checks by itself, and no others.
//
// The room is that of the stream's first message, and no promise: a session may join others later, and one that is resumed
// without rejoin asks for none, though it is in some. So what is allowed is told by rooms in the answer. It counts until
// expires, or until the client resumes; ice_servers are passed on as they are, and not asked for again on a stream that goes
// on. So their credentials should not run out before expires, at which the stream ends with TOKEN_EXPIRED. A client is told
// so a minute before, to resume: then a later expires extends its access, for the same token, too.
//
// A question is signed as Standard Webhooks says (standardwebhooks.com), for which there are libraries in many languages:
// the header webhook-id is the same for all tries of one question, webhook-timestamp has the seconds since 1970, and
// webhook-signature is "v1," and the base64 of the HMAC-SHA256, with the secret, of id, timestamp and body with a dot
// between them. A service should refuse timestamps that are more than some minutes away.
//
// A status of 500 and above, 429, or no connection lead to two more tries, all within 3 s. Redirects are not followed.
// Without an answer that can be understood nobody gets in.
type Webhook struct {
	// Immutable.
	url    string
	secret []byte
	client *http.Client
}

// NewWebhook returns a Webhook at url, which is https, or http on this machine. The file has the secret: "whsec_" and at
// least 32 bytes in base64, or at least 32 bytes as they are.
func NewWebhook(url, secretFile string) (*Webhook, error) {
	if err := checkURL(url); err != nil {
		return nil, fmt.Errorf("address of the webhook: %w", err)
	}
	data, err := readFile(secretFile)
	if err != nil {
		return nil, fmt.Errorf("secret of the webhook: %w", err)
	}
	secret := bytes.TrimRight(data, "\r\n")
	if encoded, ok := bytes.CutPrefix(secret, []byte("whsec_")); ok {
		if secret, err = base64.StdEncoding.DecodeString(string(encoded)); err != nil {
			return nil, fmt.Errorf("secret of the webhook: %s: expected base64 after whsec_", secretFile)
		}
	}
	if len(secret) < minSecret {
		return nil, fmt.Errorf("secret of the webhook: %s: it has %d bytes: expected at least %d random ones", secretFile, len(secret), minSecret)
	}
	return &Webhook{url, secret, newClient(webhookConns)}, nil
}

// question is what the service is asked.
type question struct {
	Token       string              `json:"token"`
	Remote      string              `json:"remote"`
	Room        string              `json:"room"`
	Metadata    map[string][]string `json:"metadata"`
	Certificate string              `json:"certificate,omitempty"`
}

func newQuestion(r Request) ([]byte, *Error) {
	q := question{Token: r.Token, Room: r.Room, Metadata: map[string][]string{}}
	if len(r.Token) > maxToken {
		return nil, bad("the token has %d bytes: expected at most %d", len(r.Token), maxToken)
	}
	if r.Remote.IsValid() {
		q.Remote = r.Remote.String()
	}
	for key, values := range r.Metadata {
		if !strings.EqualFold(key, "authorization") { // The token is there already.
			q.Metadata[key] = values
		}
	}
	if r.Certificate != nil {
		q.Certificate = CertificateName(r.Certificate)
	}
	body, err := json.Marshal(q)
	if err != nil {
		return nil, &Error{Reason: Unavailable, Detail: "the question to the webhook cannot be written", Err: err}
	}
	if len(body) > maxQuestion {
		return nil, bad("the stream's metadata are too large: the question to the webhook would have %d bytes, at most %d are possible",
			len(body), maxQuestion)
	}
	return body, nil
}

// Authenticate grants what the service says.
func (w *Webhook) Authenticate(ctx context.Context, r Request) (*Grant, error) {
	body, refused := newQuestion(r)
	if refused != nil {
		return nil, refused
	}
	ctx, cancel := context.WithTimeout(ctx, webhookTimeout)
	defer cancel()
	id := "msg_" + rand.Text()
	wait := &backoff.ExponentialBackOff{
		InitialInterval: 100 * time.Millisecond, Multiplier: 3, RandomizationFactor: 0.5, MaxInterval: time.Second,
	}
	data, err := backoff.Retry(ctx, func() ([]byte, error) { return w.ask(ctx, id, body) },
		backoff.WithBackOff(wait), backoff.WithMaxTries(webhookTries), backoff.WithMaxElapsedTime(webhookTimeout))
	if err != nil {
		return nil, unanswered(withoutURL(err))
	}
	grant, refused, err := parseAnswer(data)
	switch {
	case err != nil:
		return nil, unanswered(fmt.Errorf("the answer: %w", err))
	case refused != nil:
		return nil, refused
	case !grant.Expires.IsZero() && !grant.Expires.After(time.Now()):
		return nil, &Error{Reason: TokenExpired, Detail: "the access expired at " + date(grant.Expires)}
	}
	return grant, nil
}

// ask is one try. An error that another try cannot mend is permanent.
func (w *Webhook) ask(ctx context.Context, id string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return nil, backoff.Permanent(err)
	}
	timestamp := strconv.FormatInt(time.Now().Unix(), 10)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("webhook-id", id)
	request.Header.Set("webhook-timestamp", timestamp)
	request.Header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(sign(w.secret, id, timestamp, body)))
	answer, err := w.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	switch status := answer.StatusCode; {
	case status == http.StatusOK:
		data, err := readAnswer(answer, maxAnswer)
		if errors.Is(err, errTooLarge) {
			err = backoff.Permanent(err)
		}
		return data, err
	case status >= 500 || status == http.StatusTooManyRequests:
		io.CopyN(io.Discard, answer.Body, maxAnswer) // So that the connection can be used again.
		return nil, fmt.Errorf("the answer is %s: expected 200", answer.Status)
	default:
		return nil, backoff.Permanent(fmt.Errorf("the answer is %s: expected 200, also to refuse", answer.Status))
	}
}

// sign is the signature of Standard Webhooks, version 1.
func sign(secret []byte, id, timestamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(id + "." + timestamp + ".")) // Never fails.
	mac.Write(body)
	return mac.Sum(nil)
}

func unanswered(err error) *Error {
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("no answer within %s", webhookTimeout)
	}
	return &Error{
		Reason: Unavailable,
		Detail: "the service that decides on sessions cannot be asked at present: try again later",
		Err:    fmt.Errorf("webhook: %w", err),
	}
}
