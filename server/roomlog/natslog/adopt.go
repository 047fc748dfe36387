package natslog

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/roomlog/memlog"
)

// adoptTimeout bounds how long it takes to find what was sent to a user who moves here.
const adoptTimeout = 10 * time.Second

// adoptions are the users who are moving here, or were when it could not be read what had been sent to them before: the node's
// copy lacks that, even though it knows of the move.
type adoptions struct {
	mu   sync.Mutex
	open map[membership]struct{} // Guarded by mu.
}

// membership is a user in a room.
type membership struct{ room, user string }

// begin reports whether what was sent to the user whom rec moves here has to be adopted. It has not if the node's copy has followed
// all along.
func (a *adoptions) begin(t *term, rec *roomlog.Record) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	m := membership{rec.Room, rec.From}
	if _, open := a.open[m]; !open && t.shard(rec.Room).copy.OwnerOf(rec.Room, rec.From) == rec.Expect.Seq {
		return false
	}
	if a.open == nil {
		a.open = map[membership]struct{}{}
	}
	a.open[m] = struct{}{}
	return true
}

// end notes that it was adopted, or that the user is elsewhere.
func (a *adoptions) end(rec *roomlog.Record) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.open, membership{rec.Room, rec.From})
}

// adopt takes what was sent to a user who has just moved here before that from where it is. The user's ownership record is
// numbered moved.
func (t *term) adopt(ctx context.Context, room, user string, since, moved roomlog.Seq) error {
	ctx, cancel := context.WithTimeout(ctx, adoptTimeout)
	defer cancel()
	defer context.AfterFunc(t.done, cancel)() // Then the node is told of nothing more.
	for {
		err := t.tryAdopt(ctx, room, user, since, moved)
		if err == nil || ctx.Err() != nil {
			return err
		}
		t.log.counts.retries.Add(1)
		select {
		case <-time.After(followPause):
		case <-ctx.Done():
			return err
		}
	}
}

// tryAdopt is adopt, unless something cannot be read.
func (t *term) tryAdopt(ctx context.Context, room, user string, since, moved roomlog.Seq) error {
	s := t.shard(room)
	filters := []string{
		t.log.subject(s.number, messages, "*", token(room), token(user), "*", "*"),
		t.log.subject(s.number, broadcasts, token(room), "*", "*"),
	}
	found, _, err := t.log.lastOfEach(ctx, s.number, filters, uint64(moved))
	if err != nil {
		return fmt.Errorf("read what was sent before: %w", err)
	}
	received, err := t.log.receivedBy(ctx, s.number, room, user, since)
	if err != nil {
		return fmt.Errorf("read what was received: %w", err)
	}
	all, err := t.log.parseAll(found)
	if err != nil {
		return err
	}
	former := memlog.Former{Since: since}
	var overtaken []roomlog.Record
	for i := range all {
		switch rec := &all[i]; {
		case rec.Seq <= since, rec.Seq > moved: // The node is told of what is later.
		case rec.Kind == roomlog.Message:
			switch former.Passed.Pass(rec) {
			case memlog.Next:
				former.Messages = append(former.Messages, *rec)
			case memlog.Overtaken:
				overtaken = append(overtaken, *rec)
			}
		case former.Passed.Pass(rec) != memlog.Repeated && rec.From != user:
			former.Broadcasts = append(former.Broadcasts, *rec)
		}
	}
	isReceived := func(rec roomlog.Record) bool { return rec.Seq <= received }
	former.Messages, overtaken = slices.DeleteFunc(former.Messages, isReceived), slices.DeleteFunc(overtaken, isReceived)
	if err := s.reach(ctx, moved); err != nil {
		return err
	}
	givenUp := overtaken
	if !s.copy.Adopt(room, user, &former) { // It has left in the meantime.
		givenUp = append(givenUp, former.Messages...)
	}
	if len(givenUp) > 0 {
		t.handle(roomlog.Event{GivenUp: givenUp})
	}
	return nil
}
