package hub

import (
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/proto"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/auth"
	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/wire"
)

// missedPage is how many messages of a log are read at a time.
const missedPage = 256

// resume takes a session up on c: it swaps c in, reads on in each log where the client's cursor is, and lets the client
// hear of what happens now once it has been sent what it missed.
func (c *Conn) resume(ctx context.Context, req *wire.Request) error {
	r := req.Message.GetResume()
	room := ""
	if len(r.GetRejoin()) > 0 {
		room = r.GetRejoin()[0].GetRoom()
	}
	grant, err := c.hub.grantFor(ctx, room)
	if err != nil {
		return err
	}
	for {
		s, err := c.hub.revive(r.GetResumeToken(), grant, sourceOf(c.remote.Addr()))
		if err != nil {
			return err
		}
		c.speakFor(s)
		if old := s.conn.Swap(c); old != nil {
			old.takeOver(TakenUp)
		}
		if err = c.resumeSession(ctx, s, req, grant); !errors.Is(err, errGivenAway) {
			return err
		}
	}
}

// resumeSession takes s up on c, which is its newest stream. It returns errGivenAway if another process has it.
func (c *Conn) resumeSession(ctx context.Context, s *Session, req *wire.Request, grant *auth.Grant) error {
	r := req.Message.GetResume()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.givenAway:
		return errGivenAway
	case s.ended:
		return errNoSession
	case s.conn.Load() != c:
		return c.whyGone()
	}
	if _, err := s.budget.spend(time.Now(), proto.Size(req.Message)); err != nil { // It comes back again and again.
		return err
	}
	revived := !s.founded
	switch {
	case s.hub.shared != nil:
		if err := s.take(ctx, r); err != nil {
			return err
		}
		revived = false
	case revived:
		if err := s.found(ctx); err != nil {
			return err
		}
	}
	s.detach()
	if !s.renew(ctx, grant) {
		s.end(beckonv1.LeaveReason_LEAVE_REASON_KICKED)
		return errKicked
	}
	s.resumedAt = time.Now()
	s.forgetFarewells(r)
	s.attach(c)
	if err := s.moveRooms(ctx); err != nil {
		return err
	}

	missed, whole, err := s.look(ctx, r.GetCursors())
	if err != nil {
		return err
	}
	known := len(s.members)
	for _, j := range r.GetRejoin() {
		whole = whole && (s.member(j.GetRoom()) != nil || s.wasExpelled(j.GetRoom()))
	}
	resumption := beckonv1.Resumption_RESUMPTION_RESUMED
	if revived || !whole {
		resumption = beckonv1.Resumption_RESUMPTION_RESYNCED
	}
	if s.away {
		s.away = false
		s.show(ctx, beckonv1.UserStatus_USER_STATUS_UNSPECIFIED)
	}
	s.push(s.welcome(resumption, c.iceServers(s)))
	s.pushFarewells()
	sent := 0
	for _, m := range missed {
		n, err := s.catchUp(ctx, c, m)
		if err != nil {
			return err
		}
		sent += n
	}
	s.forget(ctx, r.GetCursors())
	s.pushFarewells() // Of what has happened since.
	for _, j := range r.GetRejoin() {
		if s.member(j.GetRoom()) != nil || s.wasExpelled(j.GetRoom()) {
			continue
		}
		if err := s.joinAnew(ctx, j); err != nil {
			return err
		}
	}
	switch {
	case req.ID > s.outcomes.last:
		s.settle(ctx, req, "", 0, nil)
	case req.ID > 0:
		s.repeat(req)
		fallthrough
	default:
		s.hub.stats.came(wire.Resume, nil)
	}
	s.hub.stats.resumed[resumption].Add(1)
	s.traceSession(ctx, SessionEvent{What: SessionWelcome, Resumption: resumptionName(resumption), Missed: sent})
	s.hub.stats.handshake.Observe(time.Since(c.opened))
	s.hub.log.InfoContext(ctx, "session resumed", "session", s.id, "remote", c.remoteText(), "resumption", resumptionName(resumption),
		"rooms", known, "rejoined", len(s.members)-known, "missed", sent)
	return nil
}

// joinAnew joins a room as the client was in it. It costs as much as a join, and fails as one does. s.mu must be held.
func (s *Session) joinAnew(ctx context.Context, j *beckonv1.Join) error {
	over, err := s.budget.spend(time.Now(), 0)
	if err != nil {
		return err
	}
	if over != nil {
		err = over
	} else {
		_, err = s.join(ctx, j, 0)
	}
	if err != nil {
		req := &wire.Request{Kind: wire.Join, Message: &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Join{Join: j}}}
		s.settle(ctx, req, j.GetRoom(), 0, err)
	}
	return nil
}

// missed is what a session has yet to be sent of one log.
type missed struct {
	feed   *feed
	member *member // Nil: of the session's own log.
	query  roomlog.Query
	page   roomlog.Page // The first.
}

// look finds where the client is to read on in each of its logs, and has what happens now held back. whole tells that
// everything that it missed is there. s.mu must be held.
func (s *Session) look(ctx context.Context, cursors []*beckonv1.Cursor) (all []*missed, whole bool, err error) {
	after := make(map[string]*beckonv1.Cursor, len(cursors))
	for _, c := range cursors {
		after[c.GetRoom()] = c
	}
	all = append(all, &missed{feed: &s.own.feed, query: roomlog.Query{Room: s.own.name(s)}})
	for _, m := range s.members {
		all = append(all, &missed{feed: &m.feed, member: m, query: roomlog.Query{Room: m.room.name, After: m.since}})
	}
	whole = true
	for _, m := range all {
		cursor := after[""]
		if m.member != nil {
			cursor = after[m.query.Room]
		}
		m.query.User, m.query.Limit = s.id, missedPage
		m.query.AtLeast = m.feed.hold(s.out)
		from := m.query.After
		m.query.After = max(from, roomlog.Seq(cursor.GetSeq()))
		if m.page, err = s.readOn(ctx, &m.query); err != nil {
			return nil, false, err
		}
		if cursor != nil && (cursor.GetEpoch() != m.page.Epoch || roomlog.Seq(cursor.GetSeq()) > m.page.Head) { // It means nothing.
			whole = false
			m.query.After = from
			if m.page, err = s.readOn(ctx, &m.query); err != nil {
				return nil, false, err
			}
		}
		whole = whole && !m.page.Dropped
	}
	return all, whole, nil
}

// readOn reads the next page.
func (s *Session) readOn(ctx context.Context, q *roomlog.Query) (roomlog.Page, error) {
	page, err := s.hub.cfg.Log.Read(ctx, *q)
	if err != nil {
		return page, &Error{NoLog, "what was missed cannot be read: " + err.Error()}
	}
	q.After = page.Head
	return page, nil
}

// catchUp sends what was missed of one log, no faster than the client reads it, then the room as it is, and then what
// happens in it. It returns how many messages were missed. s.mu must be held.
func (s *Session) catchUp(ctx context.Context, c *Conn, m *missed) (sent int, err error) {
	for page := m.page; ; {
		for i := range page.Records {
			rec := &page.Records[i]
			if err := c.makeSpace(ctx, len(rec.Data)); err != nil {
				return sent, err
			}
			again := wire.Aged(rec.Data, time.Since(rec.Time))
			c.out.put(frame{event: wire.AppendSeq(again, uint64(rec.Seq)), seq: uint64(rec.Seq), written: &m.feed.written})
		}
		sent += len(page.Records)
		if !page.More {
			break
		}
		if page, err = s.readOn(ctx, &m.query); err != nil {
			return sent, err
		}
		if page.Dropped {
			return sent, &Error{SlowConsumer, "what was missed is no longer kept: the client has read it too slowly"}
		}
	}
	if m.member == nil {
		m.feed.release(m.query.After)
	} else {
		m.member.room.release(m.member, m.query.After)
	}
	return sent, nil
}

const (
	// resumePatience is how long a client that resumes may read nothing of what it missed.
	resumePatience = 30 * time.Second
	// spacePause is how often it is seen whether it has.
	spacePause = 50 * time.Millisecond
)

// makeSpace waits until n bytes more are no more than half of what may wait in c's outbox, or nothing waits in it.
func (c *Conn) makeSpace(ctx context.Context, n int) error {
	sent, since := c.Sent(), time.Now()
	for c.out.limit > 0 && c.out.bytes.Load() > 0 && int(c.out.bytes.Load())+n > c.out.limit/2 {
		select {
		case <-c.out.written():
		case <-time.After(spacePause):
		case <-ctx.Done():
			return ctx.Err()
		}
		switch {
		case c.ends.has(TakenUp | Revoked | Outlived):
			return c.whyGone()
		case c.stopped.Load():
			return errStopped
		}
		if now := c.Sent(); now != sent {
			sent, since = now, time.Now()
		}
		if c.out.isClosed() || time.Since(since) > resumePatience {
			return &Error{SlowConsumer, "the client reads more slowly than events come for it"}
		}
	}
	return nil
}
