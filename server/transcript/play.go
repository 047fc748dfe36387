package transcript

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
)

// Play plays the transcript on streams that dial opens. The error is of the first line that did not go as written: its
// place, what it wants, what came, and what else is unread. When Play returns its streams are closed.
//
// It waits for what a line wants to see up to five seconds. In a synctest bubble that takes no time.
func (t *Transcript) Play(ctx context.Context, dial Dial) error {
	ctx, stop := context.WithCancel(ctx)
	var receivers sync.WaitGroup
	defer receivers.Wait()
	defer stop()

	values := maps.Clone(t.texts)
	var streams []*stream // In the order in which they were opened.
	byName := map[string]*stream{}
	for _, l := range t.lines {
		s := byName[l.who]
		if s == nil {
			opened, err := open(ctx, l.who, dial, &receivers)
			if err != nil {
				return t.report(ctx, l, err, streams)
			}
			s = opened
			byName[l.who] = s
			streams = append(streams, s)
		}
		if err := l.action.play(ctx, s, values); err != nil {
			return t.report(ctx, l, err, streams)
		}
	}
	for _, s := range streams {
		if s.done {
			continue
		}
		if err := s.nothingLeft(ctx); err != nil {
			last := t.lines[len(t.lines)-1]
			return t.report(ctx, line{number: last.number, text: "the end"}, err, streams)
		}
	}
	return nil
}

// report returns the error of line l, with the events that nobody has read.
func (t *Transcript) report(ctx context.Context, l line, err error, streams []*stream) error {
	var b strings.Builder
	for _, s := range streams {
		s.gather(ctx)
		for _, event := range s.unread {
			fmt.Fprintf(&b, "\nunread: %s", notation(s.name, event))
		}
		if s.end != nil && !s.done && !errors.Is(err, s.end) {
			fmt.Fprintf(&b, "\nunread: %s< end %s", s.name, s.end.notation())
		}
	}
	return fmt.Errorf("%s:%d: %s\n%w%s", t.file, l.number, shorten(l.text), err, &b)
}
