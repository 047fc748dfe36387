package hub

import (
	"context"
	"sync/atomic"
	"time"
)

// touch is whether this process can reach the log that it shares with others.
//
// When it cannot, they may take it for dead, and end its sessions once those have had the resume window to come back in. So
// well before that it sends its clients away: perhaps it is cut off alone, and they are better off elsewhere. If nobody can
// reach the log, nobody ends anything: then its sessions wait until it can be reached again, and have the window then.
type touch struct {
	since atomic.Pointer[time.Time] // From when it has been in touch. Nil: it is not, and its clients were sent away.
}

// touchTick is how often it is seen whether the log can be reached.
const touchTick = 200 * time.Millisecond

// isLost reports whether the clients were sent away.
func (t *touch) isLost() bool { return t.since.Load() == nil }

// found notes that the log can be reached, from now on if it could not be.
func (t *touch) found() {
	if t.isLost() {
		now := time.Now()
		t.since.Store(&now)
	}
}

// watchTouch sees whether the shared log can be reached, until ctx ends.
func (h *Hub) watchTouch(ctx context.Context) {
	tick := time.NewTicker(touchTick)
	defer tick.Stop()
	var lost time.Time // Since when it cannot.
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := h.shared.Healthy()
		switch {
		case err == nil:
			lost = time.Time{}
			h.touch.found()
		case lost.IsZero():
			lost = time.Now()
		case time.Since(lost) >= h.cfg.ResumeWindow/2 && !h.touch.isLost():
			h.touch.since.Store(nil)
			h.sendAway(err)
		}
	}
}

// sendAway ends all streams. Their sessions wait to be taken up.
func (h *Hub) sendAway(why error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.conns {
		c.ends.add(OutOfTouch)
	}
	h.log.Warn("clients are sent to other nodes, since the room log cannot be reached", "streams", len(h.conns), "err", why)
}

// OutOfTouch reports whether clients are better off with another process, since this one cannot reach the log that it shares.
func (h *Hub) OutOfTouch() bool { return h.touch.isLost() }

// errOutOfTouch refuses a session, new or old, while the log cannot be reached.
var errOutOfTouch = &Error{NoLog, "the server is out of touch with the cluster: try another node"}
