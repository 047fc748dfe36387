package hub

import (
	"maps"
	"slices"
	"sync"
	"time"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/wire"
)

// gone are the nodes that are not there any more and whose users have yet to come back, or to be ended. They are shown to be
// away, as those of a lost stream are. It is in no record: each process shows it by itself.
type gone struct {
	mu    sync.Mutex
	nodes map[string]struct{} // Guarded by mu.
}

func (g *gone) add(node string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.nodes == nil {
		g.nodes = map[string]struct{}{}
	}
	g.nodes[node] = struct{}{}
}

func (g *gone) remove(node string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.nodes, node)
}

// all returns the nodes.
func (g *gone) all() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Collect(maps.Keys(g.nodes))
}

// showGone shows everybody that the users of a node that has gone are away, if they have not come back by then.
func (h *Hub) showGone(node string) {
	select {
	case <-time.After(awayAfter):
	case <-h.following.Done():
		return
	}
	h.roomsMu.RLock()
	rooms := slices.Collect(maps.Values(h.rooms))
	h.roomsMu.RUnlock()
	for _, r := range rooms {
		r.showAway(node)
	}
}

// showAway shows the room's members that those of a node are away.
func (r *room) showAway(node string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	former := r.version
	for _, u := range r.order {
		if u.node != node {
			continue
		}
		shown := userOf(u.entry)
		if shown == nil || shown.GetStatus() == beckonv1.UserStatus_USER_STATUS_AWAY {
			continue
		}
		shown.Status = beckonv1.UserStatus_USER_STATUS_AWAY
		told := wire.Event(&beckonv1.ConnectResponse{
			Room:  r.name,
			Event: &beckonv1.ConnectResponse_UserUpdated{UserUpdated: &beckonv1.UserUpdated{User: shown}},
		})
		r.reenterLocked(u, wire.Entry(told))
		r.tellLocked(u, told)
	}
	if r.version != former {
		r.relistLocked()
	}
}
