package natslog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Setting is something that all nodes of a cluster need the same of, besides what the streams are made with.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"` // All nodes see it: no secret.
}

// DifferError tells that other nodes have other settings.
type DifferError struct {
	Differences []string // One a node, for a person.
}

// Error tells what differs.
func (e *DifferError) Error() string {
	return strings.Join(e.Differences, "; ") + ": expected the same on all nodes"
}

// difference tells in what the settings of another node are not this one's; "": in nothing, or they are not known.
func (l *Log) difference(name string, theirs []Setting) string {
	var all []string
	for _, own := range l.opts.Settings {
		i := slices.IndexFunc(theirs, func(s Setting) bool { return s.Name == own.Name })
		if i >= 0 && theirs[i].Value != own.Value {
			all = append(all, fmt.Sprintf("%s %s, and this one %s", own.Name, theirs[i].Value, own.Value))
		}
	}
	if len(all) == 0 {
		return ""
	}
	return "node " + name + " has " + strings.Join(all, ", ")
}

// compareNodes returns a DifferError if another node is up that has other settings. Of one that was killed, its lease says
// for a while that it is up; so it is waited for until it has said so again, or could be taken for dead.
func (l *Log) compareNodes(ctx context.Context) error {
	if l.opts.MayDiffer {
		return nil // It is told by the status.
	}
	first := map[string]uint64{} // The beats that were found at first.
	var since time.Time
	for {
		differ, alive := &DifferError{}, &DifferError{}
		beats, err := l.readBeats(ctx)
		if mayPass(err) && ctx.Err() == nil { // NATS went away meanwhile.
			l.opts.Waiting.For("what the other nodes say", err)
			select {
			case <-time.After(followPause):
			case <-ctx.Done():
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("read what the other nodes say: %w", err)
		}
		if since.IsZero() { // Only now: reading may have taken its time.
			since = time.Now()
			for name, b := range beats {
				first[name] = b.seq
			}
		}
		for name, b := range beats {
			what := l.difference(name, b.Settings)
			if b.State != up || what == "" {
				continue
			}
			differ.Differences = append(differ.Differences, what)
			if b.seq != first[name] {
				alive.Differences = append(alive.Differences, what)
			}
		}
		switch {
		case len(alive.Differences) > 0:
			slices.Sort(alive.Differences)
			return alive
		case len(differ.Differences) == 0, time.Since(since) > l.opts.Lease:
			l.opts.Waiting.Over()
			return nil
		}
		slices.Sort(differ.Differences)
		l.opts.Waiting.For("a word of the other nodes, or their end", differ)
		select {
		case <-time.After(l.every() / 4):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// lastBeat is a beat and its number.
type lastBeat struct {
	beat
	seq uint64
}

// readBeats returns the last beat of each node, by its name.
func (l *Log) readBeats(ctx context.Context) (map[string]lastBeat, error) {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	stream, err := l.js.Stream(ctx, l.nodes)
	if err != nil {
		return nil, err
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(">"))
	if err != nil {
		return nil, err
	}
	beats := map[string]lastBeat{}
	for subject := range info.State.Subjects {
		msg, err := stream.GetLastMsgForSubject(ctx, subject)
		if errors.Is(err, jetstream.ErrMsgNotFound) { // It was cleared just now.
			continue
		}
		if err != nil {
			return nil, err
		}
		b := lastBeat{seq: msg.Sequence}
		if json.Unmarshal(msg.Data, &b.beat) == nil { // Who follows the leases logs it.
			beats[b.Name] = b
		}
	}
	return beats, nil
}
