package auth

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/time/rate"
)

const (
	fetchTimeout = 5 * time.Second
	maxKeySet    = 1 << 20 // Bytes.

	// unknownInterval is how often an unknown kid may lead to a fetch: any client can make one up.
	unknownInterval = 10 * time.Second
)

// remoteKeys are the keys of a JWK Set elsewhere. Once they were fetched, they stay in force for as long as it cannot be
// reached.
type remoteKeys struct {
	// Immutable.
	url     string
	refresh time.Duration
	client  *http.Client
	logger  *slog.Logger
	unknown *rate.Limiter
	asked   chan struct{} // Of size 1: a fetch is wanted before its time.

	set atomic.Pointer[keySet] // Nil until it was fetched.

	mu sync.Mutex
	// Guarded by mu.
	fetching chan struct{} // Closed when the fetch that is under way, or about to be, has ended; else nil.
}

// newRemoteKeys returns the keys at url, which run has to fetch.
func newRemoteKeys(url string, refresh time.Duration, logger *slog.Logger) (*remoteKeys, error) {
	if err := checkURL(url); err != nil {
		return nil, fmt.Errorf("address of the JWK Set: %w", err)
	}
	if refresh < time.Second {
		return nil, fmt.Errorf("the JWK Set is to be fetched every %s: expected at least 1s", refresh)
	}
	return &remoteKeys{
		url:      url,
		refresh:  refresh,
		client:   newClient(1),
		logger:   logger,
		unknown:  rate.NewLimiter(rate.Every(unknownInterval), 1),
		asked:    make(chan struct{}, 1),
		fetching: make(chan struct{}),
	}, nil
}

// run fetches the keys at once, then regularly and when asked to, until ctx ends.
func (r *remoteKeys) run(ctx context.Context) {
	defer r.client.CloseIdleConnections()
	retry := &backoff.ExponentialBackOff{
		InitialInterval: time.Second, Multiplier: 2, RandomizationFactor: 0.2, MaxInterval: min(30*time.Second, r.refresh),
	}
	retry.Reset()
	for {
		wait := r.refresh
		if err := r.fetch(ctx); err == nil {
			retry.Reset()
		} else if ctx.Err() == nil {
			wait = retry.NextBackOff()
			r.logger.Error("cannot fetch the JWK Set; the former keys stay in force",
				"error", err, "keys", r.set.Load().size(), "next_try_in", wait)
		}
		r.fetched()

		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-r.asked:
			timer.Stop()
		case <-timer.C:
			r.begin()
		}
	}
}

func (r *remoteKeys) fetch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url, nil)
	if err != nil {
		return err
	}
	request.Close = true // The next one is minutes away.
	request.Header.Set("Accept", "application/jwk-set+json, application/json")
	answer, err := r.client.Do(request)
	if err != nil {
		return withoutURL(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the answer is %s: expected 200", answer.Status)
	}
	data, err := readAnswer(answer, maxKeySet)
	if err != nil {
		return withoutURL(err)
	}
	keys, rejected, err := parseKeySet(data)
	if err != nil {
		return err
	}
	set := make(keySet, 0, len(keys))
	for _, k := range keys {
		if _, secret := k.public.([]byte); secret {
			rejected = append(rejected, fmt.Errorf("a secret (kid %s) is not for everybody to fetch", shown(k.id)))
			continue
		}
		set = append(set, k)
	}
	if r.set.Swap(&set).size() != len(set) {
		r.logger.Info("fetched the JWK Set", "keys", len(set), "not_usable", len(rejected))
	}
	if len(set) == 0 && len(rejected) > 0 {
		r.logger.Warn("no key of the JWK Set can be used: every token will be refused", "not_usable", len(rejected), "first", rejected[0])
	}
	for _, err := range rejected {
		r.logger.Debug("left out of the JWK Set", "error", err)
	}
	return nil
}

// size is -1 of a set that was never there.
func (s *keySet) size() int {
	if s == nil {
		return -1
	}
	return len(*s)
}

// begin marks a fetch as about to be.
func (r *remoteKeys) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fetching == nil {
		r.fetching = make(chan struct{})
	}
}

// fetched ends the waiting for a fetch.
func (r *remoteKeys) fetched() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fetching != nil {
		close(r.fetching)
		r.fetching = nil
	}
}

// again returns what is closed when a fetch has ended: the one that is under way, else a new one if it is time for one,
// else nil.
func (r *remoteKeys) again() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fetching == nil && r.unknown.Allow() {
		r.fetching = make(chan struct{})
		select {
		case r.asked <- struct{}{}:
		default:
		}
	}
	return r.fetching
}

func (r *remoteKeys) now() *keySet { return r.set.Load() }

func (r *remoteKeys) find(ctx context.Context, c *compact) (verificationKey, *Error) {
	// The fetch that is under way may have begun before there was the key; so there are up to two.
	for range 2 {
		if k, found, refused := r.look(c); found {
			return k, refused
		}
		fetched := r.again()
		if fetched == nil {
			break
		}
		select {
		case <-fetched:
		case <-ctx.Done():
			return verificationKey{}, &Error{Reason: Unavailable, Detail: "the keys for tokens did not come in time", Err: ctx.Err()}
		}
	}
	k, _, refused := r.look(c)
	return k, refused
}

func (r *remoteKeys) look(c *compact) (k verificationKey, found bool, refused *Error) {
	set := r.set.Load()
	if set == nil {
		return k, false, &Error{Reason: Unavailable, Detail: "the keys for tokens cannot be reached at present: try again later"}
	}
	return set.find(c)
}
