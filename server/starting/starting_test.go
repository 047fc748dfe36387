package starting_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/beckonrtc/beckon/server/starting"
)

// TestWait: what is waited for is logged at once and every 15 s, and told at any time.
func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		w := starting.New(slog.New(slog.NewTextHandler(&log, nil)))
		w.Over() // Of nothing.
		if told := w.String(); told != "" || log.Len() > 0 {
			t.Errorf("before anything is waited for: %q, logged %q", told, &log)
		}
		since := time.Now()
		for range 40 {
			w.For("NATS", errors.New("nobody answers"))
			time.Sleep(time.Second)
		}
		for line, want := range map[string]int{`level=INFO msg="waiting for NATS"`: 1, `level=WARN msg="waiting for NATS"`: 2} {
			if n := strings.Count(log.String(), line); n != want {
				t.Errorf("logged %s %d times in 40 s, want %d", line, n, want)
			}
		}
		w.For("NATS", errors.New("it is busy"))
		if told, want := w.String(), "waiting for NATS since "+since.Format(time.RFC3339)+": it is busy"; told != want {
			t.Errorf("told %q, want %q", told, want)
		}
		w.For("another", errors.New("it is late"))
		if told, want := w.String(), "waiting for another since "+since.Add(40*time.Second).Format(time.RFC3339)+": it is late"; told != want {
			t.Errorf("told %q, want %q", told, want)
		}
		if !strings.Contains(log.String(), "it is late") {
			t.Error("something else is not logged at once")
		}
		w.Over()
		w.Over()
		if n := strings.Count(log.String(), "no longer waiting for another"); n != 1 || w.String() != "" {
			t.Errorf("after that: %q, logged %d times", w, n)
		}
	})
}
