package hub

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/beckonrtc/beckon/server/roomlog"
)

// own is the log of one session: of what came back to it. In the room log it is a room whose only user the session is. In a log that
// processes share it tells which of them has the session, and begins with it. Else it begins with what comes back first: to most
// sessions nothing does.
type own struct {
	feed
	lock  sync.Mutex // feed.mu.
	epoch string     // Set before the first stream is welcomed.
	// The ownership record; 0: it is not known. Guarded by Session.mu.
	owner roomlog.Seq
}

// ownPrefix begins the name of a session's own log. No room's name has control characters.
const ownPrefix = "\x00"

// name returns the name of the own log of s.
func (o *own) name(s *Session) string { return ownName(s.id) }

// ownName returns the name of the own log of the session of that id.
func ownName(id string) string { return ownPrefix + id }

// ownerOf returns whose own log has that name, if it is one.
func ownerOf(log string) (id string, own bool) { return strings.CutPrefix(log, ownPrefix) }

// record takes the log's next record.
func (o *own) record(rec *roomlog.Record) {
	if rec.Kind == roomlog.Message {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.sendLocked(rec.Seq, event(rec))
	}
}

// cut ends what is sent.
func (o *own) cut() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cutLocked()
}

// found records a new session, if others are to know of it. s.mu must be held.
func (s *Session) found(ctx context.Context) (err error) {
	s.sure = time.Since(s.hub.started)
	if s.hub.shared != nil {
		s.own.owner, err = s.hub.cfg.Log.Append(ctx, s.hub.ownJoin(s.id))
	}
	if err == nil {
		s.founded = true
		err = s.readEpoch(ctx)
	}
	if err != nil {
		return &Error{NoLog, "the session could not be recorded: " + err.Error()}
	}
	return nil
}

// readEpoch reads in which epoch the session's own log counts. s.mu must be held.
func (s *Session) readEpoch(ctx context.Context) error {
	q := roomlog.Query{Room: s.own.name(s), User: s.id, After: s.own.owner, AtLeast: s.own.owner, Limit: 1}
	page, err := s.hub.cfg.Log.Read(ctx, q)
	s.own.epoch = page.Epoch
	return err
}

// ownJoin returns what an own log begins with.
func (h *Hub) ownJoin(id string) roomlog.Record {
	return roomlog.Record{Kind: roomlog.Join, Room: ownName(id), From: id, Node: h.cfg.Node}
}

// beginOwn begins the own log of a session, unless it has begun meanwhile, and records something there, of which it returns the error.
// No other process may share the log.
func (h *Hub) beginOwn(ctx context.Context, id string, record func() error) error {
	join := h.ownJoin(id)
	join.Expect = roomlog.Expect{User: id} // Is not in it.
	owner, err := h.cfg.Log.Append(ctx, join)
	if err != nil && !isConflict(err) {
		return err
	}
	err = record()
	if owner > 0 && !h.has(id) { // It has ended meanwhile, perhaps without seeing that there was something to end.
		h.leaveOwn(ctx, id, owner)
	}
	return err
}

// has reports whether there is a session of that id.
func (h *Hub) has(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sessions[id] != nil
}

// endOwn ends the session's own log, if that is this process's to end. s.mu must be held.
func (s *Session) endOwn(ctx context.Context) {
	owner := s.own.owner
	if owner == 0 { // It may have begun late, or it was to be taken from another process, and what came of that was not told.
		page, err := s.hub.cfg.Log.Read(ctx, roomlog.Query{Room: s.own.name(s)})
		if err != nil {
			s.hub.log.ErrorContext(ctx, "it cannot be seen where the session is: if it is here, others end it once this node is gone", "session", s.id, "err", err)
			return
		}
		var node string
		if owner, node, _ = ownRecords(page.Records, s.id); owner == 0 || node != s.hub.cfg.Node {
			return
		}
	}
	s.hub.leaveOwn(ctx, s.id, owner)
}

// leaveOwn ends the own log of a session, whose ownership record is the one of that number.
func (h *Hub) leaveOwn(ctx context.Context, id string, owner roomlog.Seq) {
	leave := roomlog.Record{Kind: roomlog.Leave, Room: ownName(id), From: id, Expect: roomlog.Expect{User: id, Seq: owner}}
	_, err := h.cfg.Log.Append(ctx, leave)
	if err != nil && !isConflict(err) { // Else it is elsewhere, or has ended.
		h.log.ErrorContext(ctx, "cannot end the session's log", "session", id, "err", err)
		h.owe(leave)
	}
}
