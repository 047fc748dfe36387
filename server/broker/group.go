package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/beckonrtc/beckon/server/roomlog/natslog"
)

const (
	// awayAfter is how long the leader of the servers has not to hear of another before that counts as away. It hears of each
	// once a second.
	awayAfter = 10 * time.Second
	// groupTimeout is how long the leader of the servers may take to tell of them.
	groupTimeout = 2 * time.Second
	// forgetTimeout is how long most of them may take to agree that one is no longer among them.
	forgetTimeout = 10 * time.Second
)

// Group returns the servers that the nodes have inside, as their leader sees them; nil if they are elsewhere, or there is but
// one. If no leader answers, it is how this node's own sees them.
func (b *Broker) Group(ctx context.Context) *natslog.Group {
	if b.server == nil || b.server.operator == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, groupTimeout)
	defer cancel()
	var told server.ServerAPIJszResponse
	asked, _ := json.Marshal(server.JSzOptions{LeaderOnly: true}) // Never fails.
	reply, err := b.server.operator.RequestWithContext(ctx, "$SYS.REQ.SERVER.PING.JSZ", asked)
	if err == nil && json.Unmarshal(reply.Data, &told) == nil && told.Data != nil && told.Data.Meta != nil {
		return groupOf(told.Data.Meta, true)
	}
	own, err := b.server.Jsz(nil)
	if err != nil || own.Meta == nil {
		return &natslog.Group{}
	}
	group := groupOf(own.Meta, false)
	group.Leader = "" // It does not answer.
	return group
}

// groupOf puts what NATS tells of the servers into the words of the status. Only their leader hears of all.
func groupOf(meta *server.MetaClusterInfo, byLeader bool) *natslog.Group {
	g := &natslog.Group{Leader: meta.Leader}
	if meta.Leader != "" {
		g.Peers = append(g.Peers, natslog.Peer{Name: meta.Leader, ID: meta.Peer, Current: true})
	}
	for _, p := range meta.Replicas {
		name := p.Name
		if strings.Contains(name, " ") { // A sentence: none of those who are there has seen it.
			name = p.Peer
		}
		unheard := byLeader && (p.Active > awayAfter || p.Active == 0 && !p.Current) // NATS itself may take minutes to notice.
		peer := natslog.Peer{Name: name, ID: p.Peer, Offline: p.Offline || unheard, Lag: p.Lag, Active: p.Active}
		peer.Current = p.Current && !peer.Offline
		g.Peers = append(g.Peers, peer)
	}
	slices.SortFunc(g.Peers, func(a, b natslog.Peer) int { return strings.Compare(a.Name, b.Name) })
	return g
}

// Forget takes a server that is gone for good, known by its name or its ID, out of those that decide together; what it kept is
// then kept on one of the others that has it not yet. A server that is there is not forgotten, nor is one while most are away.
func (b *Broker) Forget(ctx context.Context, name string) error {
	g := b.Group(ctx)
	if g == nil {
		return errors.New("the nodes have no NATS servers inside that form a group: expected --nats embedded and --nats-peer")
	}
	if g.Leader == "" {
		return errors.New("the NATS servers have no leader: expected most of them to be there, since they decide together whom they forget")
	}
	i := slices.IndexFunc(g.Peers, func(p natslog.Peer) bool { return p.Name == name || p.ID == name })
	if i < 0 {
		return fmt.Errorf("there is no NATS server %q: expected one of %s", name, strings.Join(names(g), ", "))
	}
	if !g.Peers[i].Offline {
		return fmt.Errorf("NATS server %s is there: expected one that is gone for good; stop its node first", name)
	}
	ctx, cancel := context.WithTimeout(ctx, forgetTimeout)
	defer cancel()
	request, _ := json.Marshal(server.JSApiMetaServerRemoveRequest{Server: g.Peers[i].Name, Peer: g.Peers[i].ID}) // Never fails.
	reply, err := b.server.operator.RequestWithContext(ctx, server.JSApiRemoveServer, request)
	if err != nil {
		return fmt.Errorf("forget NATS server %s: %w: look whether \"beckon cluster status\" still has it", name, err)
	}
	var answer server.JSApiMetaServerRemoveResponse
	if err := json.Unmarshal(reply.Data, &answer); err != nil {
		return fmt.Errorf("forget NATS server %s: the answer of NATS: %w", name, err)
	}
	if answer.Error != nil {
		return fmt.Errorf("forget NATS server %s: %w", name, answer.Error)
	}
	return nil
}

// names returns what the servers of a group are called.
func names(g *natslog.Group) (all []string) {
	for _, p := range g.Peers {
		all = append(all, p.Name)
	}
	return all
}
