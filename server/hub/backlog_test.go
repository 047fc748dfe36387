package hub

import (
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/beckonrtc/beckon/server/roomlog"
)

// partlyOut is a log that nodes share of which one room cannot be reached.
type partlyOut struct {
	roomlog.Shared
	out string
}

func (l partlyOut) Outage(room string) time.Time {
	if room == l.out {
		return time.Now()
	}
	return time.Time{}
}

// TestBacklog: what cannot be recorded is tried again, ever more seldom, and holds up nothing else; what is in one line goes in its
// order.
func TestBacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &Hub{log: slog.New(slog.DiscardHandler), following: t.Context(), shared: partlyOut{out: "out"}}
		var mu sync.Mutex
		var done []string
		tries := 0
		first := func(s string) string { return s[:3] }
		b := newBacklog(h, "things", first, first, func(s string) error {
			mu.Lock()
			defer mu.Unlock()
			if s == "bad" {
				tries++
				return errors.New("refused")
			}
			done = append(done, s)
			return nil
		})
		b.add("out", "bad", "one 1", "one 2", "one 3")
		synctest.Wait()
		b.add("two 1")
		synctest.Wait()
		check := func(when string, want int) {
			t.Helper()
			mu.Lock()
			defer mu.Unlock()
			if all := []string{"one 1", "one 2", "one 3", "two 1"}; !slices.Equal(done, all) || tries != want {
				t.Errorf("%s %q were recorded, and what is refused was tried %d times, want %q and %d", when, done, tries, all, want)
			}
		}
		check("at once", 1)
		time.Sleep(time.Minute + time.Second) // After 1, 3, 7, 15, 31 and 47 s.
		synctest.Wait()
		check("in a minute", 7)
		b.close()
		check("until the end", 8)
	})
}
