package server

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/beckonrtc/beckon/server/auth"
)

// decider is an Authenticator that answers as it is told, and counts the questions.
type decider struct {
	answer func(context.Context) (*auth.Grant, error)
	asked  int
}

// Authenticate implements auth.Authenticator.
func (d *decider) Authenticate(ctx context.Context, _ auth.Request) (*auth.Grant, error) {
	d.asked++
	return d.answer(ctx)
}

// reasonOf returns the reason of an *auth.Error, "" if err is none.
func reasonOf(err error) auth.Reason {
	if refused, ok := errors.AsType[*auth.Error](err); ok {
		return refused.Reason
	}
	return ""
}

// from is a request from an address.
func from(address string) auth.Request {
	return auth.Request{Remote: netip.AddrPortFrom(netip.MustParseAddr(address), 40000)}
}

// TestFailedTries: nobody is asked about a client any more from whose address too many tries have failed. What is not the
// client's doing does not count.
func TestFailedTries(t *testing.T) {
	for reason, counts := range map[auth.Reason]bool{
		"": false, auth.Unavailable: false, // A grant, and no answer.
		auth.NoToken: true, auth.BadToken: true, auth.TokenExpired: true, auth.NotAllowed: true, auth.Kicked: true,
	} {
		synctest.Test(t, func(t *testing.T) {
			a := &access{failures: newBuckets(5, 20)}
			d := &decider{answer: func(context.Context) (*auth.Grant, error) {
				if reason == "" {
					return &auth.Grant{}, nil
				}
				return nil, &auth.Error{Reason: reason}
			}}
			for i := range 100 {
				_, err := a.try(t.Context(), d, from("192.0.2.1"))
				want := reason
				if counts && i >= 20 {
					want = limit
				}
				if got := reasonOf(err); got != want {
					t.Fatalf("try %d of %q: %q, want %q", i+1, reason, got, want)
				}
			}
			if !counts {
				return
			}
			if d.asked != 20 {
				t.Errorf("%q: asked %d times, want 20", reason, d.asked)
			}
			if _, err := a.try(t.Context(), d, from("192.0.2.2")); reasonOf(err) != reason {
				t.Errorf("from another address: %v", err)
			}
			time.Sleep(time.Second)
			for range 100 {
				_, _ = a.try(t.Context(), d, from("192.0.2.1"))
			}
			if d.asked != 26 {
				t.Errorf("%q: a second later asked %d times, want 26", reason, d.asked)
			}
		})
	}
}

// TestAbandonedTries: who goes before there is an answer has cost as much as who fails.
func TestAbandonedTries(t *testing.T) {
	a := &access{failures: newBuckets(5, 20)}
	d := &decider{answer: func(ctx context.Context) (*auth.Grant, error) {
		<-ctx.Done()
		return nil, &auth.Error{Reason: auth.Unavailable}
	}}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 {
		_, _ = a.try(ctx, d, from("192.0.2.1"))
	}
	if d.asked < 20 || d.asked > 30 { // A few more may be due by now.
		t.Errorf("asked %d times, want 20", d.asked)
	}
}

// TestTurns: no more than so many questions are asked for one address at a time. Others wait for their turn, but not for
// ever, and another address has turns of its own.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &access{asking: newTurns(2)}
		answer := make(chan struct{})
		asking := 0
		d := &decider{answer: func(context.Context) (*auth.Grant, error) {
			asking++ // Under the bubble's own order: the others are blocked.
			<-answer
			return &auth.Grant{}, nil
		}}
		ended := make(chan error, 10)
		try := func(ctx context.Context, address string) {
			go func() {
				_, err := a.try(ctx, d, from(address))
				ended <- err
			}()
			synctest.Wait()
		}
		expect := func(want int) {
			t.Helper()
			if asking != want {
				t.Fatalf("%d were asked about, want %d", asking, want)
			}
		}
		for range 3 {
			try(t.Context(), "192.0.2.1")
		}
		expect(2)
		try(t.Context(), "192.0.2.2")
		expect(3)

		answer <- struct{}{}
		synctest.Wait()
		expect(4) // The one that waited.
		if err := <-ended; err != nil {
			t.Error(err)
		}

		began := time.Now()
		try(t.Context(), "192.0.2.1")
		if err := <-ended; reasonOf(err) != limit || time.Since(began) != askingPatience {
			t.Errorf("after %s: %v, want LIMIT after %s", time.Since(began), err, askingPatience)
		}
		ctx, cancel := context.WithCancel(t.Context())
		try(ctx, "192.0.2.1")
		cancel()
		if err := <-ended; reasonOf(err) != auth.Unavailable {
			t.Errorf("given up: %v", err)
		}
		expect(4)

		close(answer)
		for range 3 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		synctest.Wait()
		if len(a.asking.of) != 0 {
			t.Errorf("%d queues are left", len(a.asking.of))
		}
	})
}

// TestWebhookTurns: a server with a webhook asks it no more than maxAsking questions for one address at a time.
func TestWebhookTurns(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(strings.Repeat("w", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		cfg, err := Config{AuthWebhook: "http://127.0.0.1:1", AuthWebhookKeyFile: secret, Logger: slog.New(slog.DiscardHandler)}.withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		a, err := newAccess(t.Context(), cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		for range maxAsking {
			leave, err := a.asking.enter(t.Context(), sourceOf(from("192.0.2.1").Remote.Addr()))
			if err != nil {
				t.Fatal(err)
			}
			defer leave()
		}
		if _, err := a.try(t.Context(), a.authenticator, from("192.0.2.1")); reasonOf(err) != limit {
			t.Errorf("one more: %v, want LIMIT", err)
		}
		// Another address has its own: nobody answers there, so it is asked.
		if _, err := a.try(t.Context(), a.authenticator, from("192.0.2.2")); reasonOf(err) != auth.Unavailable {
			t.Errorf("from another address: %v, want UNAVAILABLE", err)
		}
	})
}
