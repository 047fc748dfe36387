package hub

import (
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/proto"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/roomlog"
)

const (
	// awayAfter is how long a session may be without a stream before others see it.
	awayAfter = 2 * time.Second
	// awayRate is how many sessions per second may be shown to be away: it is only a hint, and when a network has failed
	// there is more to do.
	awayRate = 500
)

// lose tells that c has ended. If it was the session's stream, the session waits to be taken up.
func (s *Session) lose(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.conn.CompareAndSwap(c, nil) || s.ended {
		return
	}
	s.detach()
	s.traceSession(context.Background(), SessionEvent{What: SessionLost})
	if s.hub.closing.Load() {
		return
	}
	s.lostAt = time.Now()
	s.wait(min(awayAfter, s.hub.cfg.ResumeWindow))
}

// detach ends what the session's stream is sent. s.mu must be held.
func (s *Session) detach() {
	s.out = nil
	s.own.cut()
	for _, m := range s.members {
		m.room.cut(m)
	}
}

// wait has late called in d. s.mu must be held.
func (s *Session) wait(d time.Duration) {
	switch {
	case d <= 0:
		s.end(beckonv1.LeaveReason_LEAVE_REASON_LOST)
	case s.overdue == nil:
		s.overdue = time.AfterFunc(d, s.late)
	default:
		s.overdue.Reset(d)
	}
}

// late shows others that the session has no stream, and ends it when its time is up.
func (s *Session) late() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn.Load() != nil || s.ended || s.hub.closing.Load() {
		return
	}
	if !s.hub.inTouch() { // Its client cannot come back here, and where it can the session will be taken from here.
		s.wait(time.Second)
		return
	}
	if since := s.reachableSince(); since.After(s.lostAt) {
		s.lostAt = since
	}
	left := s.hub.cfg.ResumeWindow - time.Since(s.lostAt)
	if early := awayAfter - time.Since(s.lostAt); early > 0 && left > early { // It was set off for an earlier loss.
		s.wait(early)
		return
	}
	if left > 0 && !s.away {
		if s.away = s.hub.away.Allow(); !s.away {
			s.wait(min(time.Second, left))
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
		defer cancel()
		s.show(ctx, beckonv1.UserStatus_USER_STATUS_AWAY)
		left = s.hub.cfg.ResumeWindow - time.Since(s.lostAt)
	}
	if left <= 0 && s.hub.shared != nil && s.own.owner != 0 {
		ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
		defer cancel()
		if err := s.makeSureBy(ctx, s.note()); errors.Is(err, errTakenOver) {
			return
		} else if errors.Is(err, roomlog.ErrUnavailable) || errors.Is(err, roomlog.ErrUnknown) { // Nobody could take it up.
			left = time.Second
		}
	}
	s.wait(left)
}

// reachableSince returns from when the logs that the session needs to be taken up can be reached, as far as this process has seen.
func (s *Session) reachableSince() time.Time {
	since := s.hub.touch.sinceWhen()
	if s.hub.shared == nil {
		return since
	}
	latest := func(room string) {
		if at := s.hub.shared.Outage(room); at.After(since) {
			since = at
		}
	}
	latest(s.own.name(s))
	for _, m := range s.members {
		latest(m.room.name)
	}
	for _, j := range s.unmoved {
		latest(j.GetRoom())
	}
	return since
}

// show shows others whether the session is on a stream. It is a hint: what cannot be recorded is left out. s.mu must be
// held.
func (s *Session) show(ctx context.Context, status beckonv1.UserStatus) {
	for _, m := range s.members {
		if m.shown.GetStatus() == status {
			continue
		}
		shown := proto.CloneOf(m.shown)
		shown.Status = status
		if _, err := s.appear(ctx, m, shown, 0); err != nil {
			s.hub.log.WarnContext(ctx, "cannot show whether a user is away", "session", s.id, "room", m.room.name, "err", err)
		}
	}
}
