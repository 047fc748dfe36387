// Package starting tells what a node waits for before it is there.
package starting

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// tellEvery is how often is logged that something is still waited for.
const tellEvery = 15 * time.Second

// Wait is what a node waits for, one thing at a time. All methods may be called concurrently.
type Wait struct {
	// Immutable.
	log *slog.Logger

	mu    sync.Mutex
	what  string    // Guarded by mu. Empty: nothing is waited for.
	since time.Time // Guarded by mu. The first time that For was called for it.
	told  time.Time // Guarded by mu. When it was logged last.
	why   error     // Guarded by mu. Why it is not there, as it was last tried.
}

// New returns a Wait for nothing, which logs to log.
func New(log *slog.Logger) *Wait { return &Wait{log: log} }

// For tells that what is not there yet, and why. It is to be called whenever that was tried in vain: the first time is
// logged, and then once every 15 s, as a warning.
func (w *Wait) For(what string, why error) {
	w.mu.Lock()
	now := time.Now()
	if what != w.what {
		w.what, w.since, w.told = what, now, time.Time{}
	}
	w.why = why
	since, tell := w.since, now.Sub(w.told) >= tellEvery
	level := slog.LevelWarn
	if w.told.IsZero() { // It may be no more than that this node was the first.
		level = slog.LevelInfo
	}
	if tell {
		w.told = now
	}
	w.mu.Unlock()
	if tell {
		w.log.Log(context.Background(), level, "waiting for "+what, "since", since.Truncate(time.Second), "err", why)
	}
}

// Over tells that what was waited for is there.
func (w *Wait) Over() {
	w.mu.Lock()
	what, since := w.what, w.since
	w.what, w.why = "", nil
	w.mu.Unlock()
	if what != "" {
		w.log.Info("no longer waiting for "+what, "after", time.Since(since).Round(time.Millisecond))
	}
}

// String tells what is waited for, since when and why; "" if it is nothing.
func (w *Wait) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.what == "" {
		return ""
	}
	return fmt.Sprintf("waiting for %s since %s: %v", w.what, w.since.Format(time.RFC3339), w.why)
}
