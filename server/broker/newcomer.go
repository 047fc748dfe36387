package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/beckonrtc/beckon/server/roomlog/natslog"
)

// PeersError tells that the node's peers are not those that the other nodes have. It has left nothing with them.
type PeersError struct{ detail string }

// Error tells what differs.
func (e *PeersError) Error() string { return e.detail }

// isNewcomer reports whether the directory has nothing yet of the servers' agreements: then this server is about to become one
// of those that have to agree.
func (c Config) isNewcomer() bool {
	_, err := os.Stat(filepath.Join(c.Dir, server.JetStreamStoreDir, server.DEFAULT_SYSTEM_ACCOUNT, "_js_", "_meta_", "peers.idx"))
	return c.ClusterAddr != "" && len(c.others()) > 0 && errors.Is(err, os.ErrNotExist)
}

// findPlace returns when there is a place for the server among the others, or ctx ends. With JetStream it would take one
// merely by being there, and count from then on among those of whom most have to agree, however soon it ended. So it asks
// without JetStream first.
func (c Config) findPlace(ctx context.Context) error {
	scout, err := start(c, false)
	if err != nil {
		return err
	}
	defer scout.stop()
	tick := time.NewTicker(reconnectWait)
	defer tick.Stop()
	for {
		why := c.placeAmong(scout.ask(ctx))
		if why == nil {
			c.Waiting.Over()
			return nil
		}
		if differ, ok := errors.AsType[*PeersError](why); ok {
			return differ
		}
		c.Waiting.For("the NATS servers of the other nodes", scout.refusals.explain(why))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the NATS servers of the other nodes were not found: %w", context.Cause(ctx))
		}
	}
}

// askTimeout is how long other servers may take to tell of themselves.
const askTimeout = time.Second

// ask returns what the other servers tell of themselves.
func (in *inside) ask(ctx context.Context) (told []*server.Varz) {
	others := in.NumRemotes()
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	inbox := in.operator.NewRespInbox()
	answers, err := in.operator.SubscribeSync(inbox)
	if err != nil {
		return nil
	}
	defer answers.Unsubscribe()
	if err := in.operator.PublishMsg(&nats.Msg{Subject: "$SYS.REQ.SERVER.PING.VARZ", Reply: inbox}); err != nil {
		return nil
	}
	for len(told) < others {
		msg, err := answers.NextMsgWithContext(ctx)
		if err != nil {
			break
		}
		var answer server.ServerAPIVarzResponse
		if json.Unmarshal(msg.Data, &answer) == nil && answer.Data != nil && answer.Data.ID != in.ID() {
			told = append(told, answer.Data)
		}
	}
	return told
}

// placeAmong returns nil if there is a place for the server among those that have told of themselves; a PeersError if there
// will be none.
func (c Config) placeAmong(told []*server.Varz) error {
	if len(told) == 0 {
		return errors.New("none of them is connected")
	}
	own := len(c.others()) + 1 // One of the others may be the server itself, by another address.
	var group *natslog.Group
	leader := ""
	for _, other := range told {
		if meta := other.JetStream.Meta; meta != nil && meta.Leader != "" {
			leader = meta.Leader
			if leader == other.Name {
				group = groupOf(meta, true)
				break
			}
		}
	}
	switch {
	case group == nil && leader != "":
		return fmt.Errorf("their leader, %s, has not answered yet", leader)
	case group == nil: // They have yet to agree on anything.
		for _, other := range told {
			if theirs := len(slices.Compact(slices.Sorted(slices.Values(other.Cluster.URLs)))); theirs > own {
				return &PeersError{fmt.Sprintf("node %s has the addresses of %d NATS servers, and this one of %d: expected those of all on each node",
					other.Name, theirs, own)}
			}
		}
		return nil
	}
	there := strings.Join(names(group), ", ")
	var away []string
	for _, p := range group.Peers {
		if p.Name == c.Name {
			return nil // It is one of them, and has lost what it had.
		}
		if p.Offline {
			away = append(away, p.Name)
		}
	}
	switch {
	case len(group.Peers) < own:
		return nil
	case len(group.Peers) > own || len(away) == 0:
		return &PeersError{fmt.Sprintf("the nodes have %d NATS servers already (%s), and this node, %s, has the addresses of %d, itself included: expected those of all, and its own",
			len(group.Peers), there, c.Name, own)}
	}
	return fmt.Errorf("they are %d already (%s), of which %s is not there: if it is gone for good, \"beckon cluster forget\" makes room for this one; else expected one peer more",
		len(group.Peers), there, strings.Join(away, ", "))
}
