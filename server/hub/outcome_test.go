package hub

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/beckonrtc/beckon/server/roomlog"
)

// TestUnrecorded: what the log does not take fails as the contract has it, in words that are the log's own.
func TestUnrecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &faultyLog{}
		h := startFaulty(t, log)
		ana := open(t, h)
		ana.join("lobby", none)
		ana.take()
		for _, c := range []struct {
			is   error
			want string
		}{
			{roomlog.ErrTooLarge, "TOO_LARGE"},
			{roomlog.ErrFull, "UNAVAILABLE"},
			{roomlog.ErrUnavailable, "UNAVAILABLE"},
		} {
			log.beforeAppend = func(roomlog.Record) error { return fmt.Errorf("%w: as a store says it", c.is) }
			ana.ask(data(0, "", "lobby", "hello"))
			events := ana.take()
			if got := strings.Join(failures(events), " "); got != c.want || !strings.Contains(events[0].GetFailure().GetDetail(), c.is.Error()) {
				t.Errorf("%v: %v, want %s", c.is, events, c.want)
			}
		}
	})
}
