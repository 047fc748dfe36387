package hub

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/beckonrtc/beckon/server/roomlog"
)

// touch is whether this process can reach the log that it shares with others.
//
// When it cannot, they may take it for dead, and end its sessions once those have had the resume window to come back in. So
// well before that it sends its clients away: perhaps it is cut off alone, and they are better off elsewhere. If nobody can
// reach the log, nobody ends anything: then its sessions wait until it can be reached again, and have the window then.
type touch struct {
	out   atomic.Bool  // The log cannot be reached, as was seen.
	lost  atomic.Bool  // Nor for long, and the clients were sent away.
	since atomic.Int64 // From when it can reach the log, in nanoseconds of Unix time, or could before it could not.

	// After Hub.started, in nanoseconds.
	looked atomic.Int64 // When it was seen last whether the log can be reached.
	steady atomic.Int64 // Since when that was seen without a pause.
}

const (
	// touchTick is how often it is seen whether the log can be reached.
	touchTick = 200 * time.Millisecond
	// stoodStill is after how long without that the process is thought to have stood still. No client takes that little for the
	// loss of its stream.
	stoodStill = 500 * time.Millisecond
)

// isLost reports whether the clients were sent away.
func (t *touch) isLost() bool { return t.lost.Load() }

// found notes that the log can be reached from now on.
func (t *touch) found() {
	t.since.Store(time.Now().UnixNano())
	t.lost.Store(false)
	t.out.Store(false)
}

// sinceWhen returns from when the log can be reached.
func (t *touch) sinceWhen() time.Time { return time.Unix(0, t.since.Load()) }

// inTouch reports whether the log can be reached, as far as is known. If it can, it is known since when.
func (h *Hub) inTouch() bool {
	return !h.touch.out.Load() && (h.shared == nil || h.shared.Healthy() == nil)
}

// steadySince returns since when, after the hub's start, the process has neither stood still nor been out of touch. What the log has
// to tell of the time before it may not have heard yet.
func (h *Hub) steadySince() time.Duration {
	now := time.Since(h.started)
	if now-time.Duration(h.touch.looked.Load()) > stoodStill {
		return now
	}
	return time.Duration(h.touch.steady.Load())
}

// makeSure makes sure that the session is still this process's, if the process may have missed that it is not: of a message only
// the recipient's place is checked by the log. s.mu must be held.
func (s *Session) makeSure(ctx context.Context) error {
	if s.hub.shared == nil || s.hub.cfg.ResumeWindow <= 0 || s.sure >= s.hub.steadySince() {
		return nil
	}
	note := s.note()
	note.Tried = s.mayBeTried() // As what is to follow.
	return s.makeSureBy(ctx, note)
}

// makeSureBy makes sure by appending note. s.mu must be held.
func (s *Session) makeSureBy(ctx context.Context, note roomlog.Record) error {
	now := time.Since(s.hub.started)
	_, err := s.hub.cfg.Log.Append(ctx, note)
	if _, moved := errors.AsType[*roomlog.ConflictError](err); moved {
		s.giveAwayLocked(s.conn.Load())
		return errTakenOver
	}
	if err == nil {
		s.sure = now
	}
	return err
}

// watchTouch sees whether the shared log can be reached, until ctx ends.
func (h *Hub) watchTouch(ctx context.Context) {
	tick := time.NewTicker(touchTick)
	defer tick.Stop()
	var out time.Time // Since when it cannot.
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := time.Since(h.started)
		if before := h.touch.looked.Swap(int64(now)); now-time.Duration(before) > stoodStill {
			h.touch.steady.Store(int64(now))
		}
		err := h.shared.Healthy()
		switch {
		case err == nil && h.touch.out.Load():
			h.touch.steady.Store(int64(now))
			h.touch.found()
		case err == nil:
		case !h.touch.out.Load():
			out = time.Now()
			h.touch.out.Store(true)
		case time.Since(out) >= h.cfg.ResumeWindow/2 && !h.touch.isLost():
			h.touch.lost.Store(true)
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
