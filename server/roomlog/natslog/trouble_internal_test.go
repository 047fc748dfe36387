package natslog

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestWarn: what goes wrong many times a second is logged at once, and then every 15 s, of each stream; and so is what is
// then wrong instead.
func TestWarn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		l := &Log{opts: Options{Logger: slog.New(slog.NewTextHandler(&text, nil))}}
		passing := errors.New("no answer")
		for range 400 {
			l.warn(slog.LevelWarn, "s-0", "interrupted", passing)
			l.warn(slog.LevelWarn, "s-1", "interrupted", passing)
			time.Sleep(100 * time.Millisecond)
		}
		l.warn(slog.LevelWarn, "s-1", "interrupted", fmt.Errorf("again: %w", errMissing))
		for words, want := range map[string]int{"stream=s-0": 3, "stream=s-1": 4, "a stream is missing": 1} {
			if n := strings.Count(text.String(), words); n != want {
				t.Errorf("%s is logged %d times in 40 s, want %d", words, n, want)
			}
		}
	})
}
