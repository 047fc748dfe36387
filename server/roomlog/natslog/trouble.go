package natslog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// What can be wrong with a stream that is no passing matter.
var (
	errFull    = errors.New("the storage of NATS is full: expected space for more, on its disks, in its limits, in the account's or the stream's")
	errSilent  = errors.New("NATS is there but does not say that what is written is stored: its log tells why, such as a disk without space, after which it has to be started anew")
	errAway    = errors.New("most of the NATS servers that keep a stream are away, so that nothing is stored: expected a majority of them")
	errMissing = errors.New("a stream is missing: it was deleted, or was in memory when NATS was started anew: restart the nodes, one after the other")
	errRemade  = errors.New("a stream was made anew after this node was started: restart the node")
)

// errNoLeader tells that nobody answers for a stream with authority.
var errNoLeader = errors.New("the stream has no leader")

const (
	// awayAfter is how long the leader of a stream has not to hear of another server before that counts as away. It hears of
	// each once a second.
	awayAfter = 3 * time.Second
	// silentFor is how long NATS has not to confirm anything before that is told: it may be about to choose a leader.
	silentFor = 5 * time.Second
	// lostPause is how long a node waits before it looks again for a stream that is missing or was made anew.
	lostPause = 2 * time.Second
	// warnEvery is how often the same is logged of the same stream.
	warnEvery = 15 * time.Second
)

// whats is all of these.
var whats = []error{errFull, errAway, errSilent, errMissing, errRemade}

// trouble is what is wrong with a stream.
type trouble struct {
	what  error // One of the above.
	why   error // As NATS says it. May be nil.
	since time.Time
}

// mayPass reports whether it is told only after a while: NATS may be about to choose a leader.
func (t trouble) mayPass() bool { return t.what == errSilent || t.what == errAway }

// troubles are what a node has found to be wrong with streams, and what it has logged of them.
type troubles struct {
	mu     sync.Mutex
	found  map[string]trouble   // Guarded by mu. By stream.
	warned map[string]time.Time // Guarded by mu. By stream and what was said.
	asking map[string]bool      // Guarded by mu. Streams that NATS is being asked about.
}

// note notes what is wrong with a stream.
func (t *troubles) note(stream string, what, why error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	since := time.Now()
	if former, ok := t.found[stream]; ok && former.what == what {
		since = former.since
	}
	if t.found == nil {
		t.found = map[string]trouble{}
	}
	t.found[stream] = trouble{what, why, since}
}

// over notes that one of those is not, or no longer, what is wrong with a stream. It reports whether it was.
func (t *troubles) over(stream string, what ...error) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !slices.Contains(what, t.found[stream].what) {
		return false
	}
	delete(t.found, stream)
	return true
}

// of returns what is wrong with a stream; what is nil if nothing is.
func (t *troubles) of(stream string) trouble {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.found[stream]
}

// isAnother returns errRemade if a stream is known not to be the one that the node knows: its numbers are others, and nobody
// whom the node knows is in it.
func (t *troubles) isAnother(stream string) error {
	if t.of(stream).what == errRemade {
		return errRemade
	}
	return nil
}

// mayAsk reports whether nobody asks NATS about a stream. Who is told so is to ask, and asked must follow.
func (t *troubles) mayAsk(stream string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.asking[stream] {
		return false
	}
	if t.asking == nil {
		t.asking = map[string]bool{}
	}
	t.asking[stream] = true
	return true
}

// asked notes that nobody asks about a stream any longer.
func (t *troubles) asked(stream string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.asking, stream)
}

// mayWarn reports whether it is time to log that of a stream. Another trouble is another matter.
func (t *troubles) mayWarn(stream, message string, err error) bool {
	key, now := stream+" "+message, time.Now()
	for _, what := range whats {
		if errors.Is(err, what) {
			key += " " + what.Error()
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if last, ok := t.warned[key]; ok && now.Sub(last) < warnEvery {
		return false
	}
	if t.warned == nil {
		t.warned = map[string]time.Time{}
	}
	t.warned[key] = now
	return true
}

// warn logs what goes wrong with a stream, or with all (""), of which it is told at each try: at once, and then once in 15 s.
func (l *Log) warn(level slog.Level, stream, message string, err error, attrs ...any) {
	if l.troubles.mayWarn(stream, message, err) {
		if stream != "" {
			attrs = append(attrs, "stream", stream)
		}
		l.opts.Logger.Log(context.Background(), level, message, append(attrs, "err", err)...)
	}
}

// Trouble returns what is wrong with the streams, as far as this node has found out, and what to do about it; nil: nothing.
func (l *Log) Trouble() error {
	l.troubles.mu.Lock()
	found := maps.Clone(l.troubles.found)
	l.troubles.mu.Unlock()
	var errs []string
	for _, what := range whats {
		var streams []string
		var why error
		for _, stream := range slices.Sorted(maps.Keys(found)) {
			if tr := found[stream]; tr.what == what && (!tr.mayPass() || time.Since(tr.since) >= silentFor) {
				streams, why = append(streams, stream), tr.why
			}
		}
		if len(streams) == 0 {
			continue
		}
		text := fmt.Sprintf("%v (%s", what, streams[0])
		if more := len(streams) - 1; more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		if why != nil {
			text += ": " + why.Error()
		}
		errs = append(errs, text+")")
	}
	if len(errs) == 0 {
		return nil
	}
	return errors.New(strings.Join(errs, "; "))
}

// stored takes what became of a message that was to be stored in a stream.
func (l *Log) stored(stream string, err error) {
	switch {
	case err == nil:
		if l.troubles.over(stream, errFull, errSilent, errAway) {
			l.opts.Logger.Info("NATS stores records again", "stream", stream)
		}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		if l.troubles.mayAsk(stream) { // Which nobody waits for.
			l.running.Go(func() { l.askWhySilent(stream) })
		}
	case isFull(err):
		l.troubles.note(stream, errFull, err)
		l.warn(slog.LevelError, stream, "a record cannot be stored", fmt.Errorf("%w: %w", errFull, err))
	}
}

// askWhySilent notes that NATS does not confirm what is written to a stream, if it answers questions about it all the same, and
// has a leader that could, with enough others or without. Else it is out of reach, which others notice. While most of those
// who keep the stream are away, it goes on to ask: who would write to it again may have gone by then.
func (l *Log) askWhySilent(stream string) {
	defer l.troubles.asked(stream)
	for again := false; !again || l.troubles.of(stream).what == errAway; again = true {
		away, all, err := l.serversAway(stream)
		switch {
		case err != nil && !again:
			return
		case err == nil && 2*len(away) >= all:
			l.noteSilent(stream, errAway, fmt.Errorf("without %s", strings.Join(away, " and ")))
		case err == nil && again:
			l.troubles.over(stream, errAway)
			return
		case err == nil:
			l.noteSilent(stream, errSilent, nil)
			return
		}
		select {
		case <-time.After(lostPause):
		case <-l.closed.Done():
			return
		}
	}
}

// noteSilent notes why NATS confirms nothing, and logs it if that has lasted.
func (l *Log) noteSilent(stream string, what, why error) {
	l.troubles.note(stream, what, why)
	if time.Since(l.troubles.of(stream).since) >= silentFor {
		l.warn(slog.LevelError, stream, "a record cannot be stored", what)
	}
}

// serversAway returns which of the servers that keep a stream are away, as its leader tells, and how many there are in all.
func (l *Log) serversAway(stream string) (away []string, all int, err error) {
	ctx, cancel := context.WithTimeout(l.closed, tryTimeout)
	defer cancel()
	found, err := l.js.Stream(ctx, stream)
	if err != nil {
		return nil, 0, err
	}
	c := found.CachedInfo().Cluster
	if c == nil {
		return nil, 1, nil
	}
	if c.Leader == "" {
		return nil, 0, errNoLeader
	}
	for _, peer := range c.Replicas {
		if peer.Offline || peer.Active > awayAfter {
			away = append(away, peer.Name)
		}
	}
	return away, len(c.Replicas) + 1, nil
}

// isFull reports whether JetStream did not take a message since there is no space for it.
func isFull(err error) bool {
	e, ok := errors.AsType[*jetstream.APIError](err)
	if !ok {
		return false
	}
	switch e.ErrorCode {
	case accountFull, noResources, memoryFull, storageFull:
		return true
	case storeFailed:
		return strings.HasPrefix(e.Description, "maximum ") // Bytes, or messages: somebody has bounded the stream.
	}
	return false
}

// isMissing reports whether there is no such stream.
func isMissing(err error) bool { return errors.Is(err, jetstream.ErrStreamNotFound) }

// found takes what became of looking for a stream, and returns it, in better words if the stream is missing.
func (l *Log) found(stream string, err error) error {
	switch {
	case err == nil:
		l.troubles.over(stream, errMissing, errRemade)
	case isMissing(err):
		l.troubles.note(stream, errMissing, nil)
		err = errMissing
	case errors.Is(err, errRemade):
		l.troubles.note(stream, errRemade, nil)
	}
	return err
}

// pauseAfter returns how long to wait after an error of following a stream.
func pauseAfter(err error) time.Duration {
	if errors.Is(err, errMissing) || errors.Is(err, errRemade) {
		return lostPause
	}
	return followPause
}
