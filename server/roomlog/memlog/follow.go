package memlog

import (
	"context"
	"slices"

	"github.com/beckonrtc/beckon/server/roomlog"
)

// follower is one call of Follow.
type follower struct {
	node   string
	handle func(roomlog.Event)
}

// Follow implements roomlog.Log.
func (l *Log) Follow(ctx context.Context, node string, h func(roomlog.Event)) error {
	f := &follower{node: node, handle: h}
	l.changeFollowers(func(others []*follower) []*follower {
		for _, o := range others {
			o.handle(roomlog.Event{Node: node, Up: true})
			h(roomlog.Event{Node: o.node, Up: true})
		}
		return append(others, f)
	})
	h(roomlog.Event{Node: node, Up: true})
	select {
	case <-ctx.Done():
	case <-l.closed.Done():
	}
	l.changeFollowers(func(all []*follower) []*follower {
		all = slices.DeleteFunc(all, func(o *follower) bool { return o == f })
		for _, o := range all {
			o.handle(roomlog.Event{Node: node})
		}
		return all
	})
	return ctx.Err()
}

// changeFollowers replaces the list of followers by what change makes of a copy of it.
func (l *Log) changeFollowers(change func([]*follower) []*follower) {
	l.following.Lock()
	defer l.following.Unlock()
	changed := change(slices.Clone(*l.followers.Load()))
	l.followers.Store(&changed)
}

// tell gives e, which is about a user on node, to the followers of node. With everyone, the others are told of its record
// too. The mutex of the record's room must be held.
func (l *Log) tell(e roomlog.Event, node string, everyone bool) {
	told := false
	for _, f := range *l.followers.Load() {
		if f.node != node && !everyone {
			continue
		}
		own := e
		if f.node != node {
			own.GivenUp = nil
		}
		if told && e.Record != nil { // Only one follower may append to the data.
			again := *e.Record
			again.Data = slices.Clip(again.Data)
			own.Record = &again
		}
		told = true
		f.handle(own)
	}
}
