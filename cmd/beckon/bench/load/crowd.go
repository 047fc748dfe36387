package load

import (
	"context"
	"fmt"
	"sync"
	"time"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// Options are what a Crowd is made of.
type Options struct {
	// The servers. Session i is on server i modulo their number, so that neighbours are on different ones.
	Targets  []Target
	Sessions int
	// How many connections the sessions share; on the web there is no sharing. 0: each has its own.
	Conns int
	// The room that a session is to be in.
	Room func(i int) string
	// Called for each event of a session's room, by one goroutine for each session; not for acks and failures. May be nil.
	Handle func(s *Session, e Event)
	// How many sessions open at one time. Default: 64.
	Opening int
	// Called now and then with how far Each or AtOnce has come. May be nil.
	Progress func(stage string, done, all int)
}

// A Crowd is a number of sessions. Close must end it.
type Crowd struct {
	// Immutable.
	Sessions []*Session
	opening  int
	progress func(stage string, done, all int)
	// Ends when one of the sessions has failed, with that as its cause, or the crowd was closed.
	ctx  context.Context
	fail context.CancelCauseFunc
	// What the streams are in. It outlives ctx, so that they can end in order.
	streams context.Context
	abandon context.CancelFunc

	keeping sync.Once
	kept    sync.WaitGroup
}

// NewCrowd returns sessions that are not open yet. The crowd's work is to be done within Context.
func NewCrowd(ctx context.Context, o Options) *Crowd {
	c := &Crowd{opening: o.Opening, progress: o.Progress}
	if c.opening == 0 {
		c.opening = 64
	}
	c.ctx, c.fail = context.WithCancelCause(ctx)
	c.streams, c.abandon = context.WithCancel(context.WithoutCancel(ctx))

	slots := make([][]*slot, len(o.Targets))
	for i := range o.Sessions {
		at, nth := i%len(o.Targets), i/len(o.Targets)
		share := (o.Conns + len(o.Targets) - 1) / len(o.Targets)
		if share > 0 {
			nth %= share
		}
		if nth == len(slots[at]) {
			slots[at] = append(slots[at], &slot{target: o.Targets[at], number: nth})
		}
		s := &Session{
			crowd:    c,
			slot:     slots[at][nth],
			Number:   i,
			room:     o.Room(i),
			welcomed: make(chan *beckonv1.Welcome, 1),
			listed:   make(chan int, 1),
			acked:    make(chan uint64, 1),
		}
		if o.Handle != nil {
			s.handle = func(e Event) { o.Handle(s, e) }
		}
		c.Sessions = append(c.Sessions, s)
	}
	return c
}

// Context ends when a session has failed, or was refused something: then the crowd is of no use any more.
func (c *Crowd) Context() context.Context { return c.ctx }

// cause returns what ended the crowd, or else err.
func (c *Crowd) cause(err error) error {
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	return err
}

// Fail ends the crowd's context.
func (c *Crowd) Fail(err error) { c.fail(err) }

// Each calls do for some of the sessions, several at a time, and returns the first error. stage is for Progress.
func (c *Crowd) Each(stage string, sessions []*Session, do func(context.Context, *Session) error) error {
	return c.each(stage, sessions, c.opening, do)
}

// AtOnce is Each for all at the same time.
func (c *Crowd) AtOnce(stage string, sessions []*Session, do func(context.Context, *Session) error) error {
	return c.each(stage, sessions, len(sessions), do)
}

func (c *Crowd) each(stage string, sessions []*Session, several int, do func(context.Context, *Session) error) error {
	var (
		all    sync.WaitGroup
		places = make(chan struct{}, max(several, 1))
		mu     sync.Mutex
		done   int // Guarded by mu.
	)
	ctx, fail := context.WithCancelCause(c.ctx)
	defer fail(nil)
	for _, s := range sessions {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		all.Go(func() {
			defer func() { <-places }()
			if err := do(ctx, s); err != nil {
				fail(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if done++; c.progress != nil && (done%64 == 0 || done == len(sessions)) {
				c.progress(stage, done, len(sessions))
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// keep has all sessions ping from now on, once in each interval or somewhat sooner, as clients do. Their pings are spread
// over it.
func (c *Crowd) keep(interval time.Duration) {
	c.keeping.Do(func() {
		c.kept.Go(func() {
			const steps = 100
			tick := time.NewTicker(interval * 9 / 10 / steps)
			defer tick.Stop()
			for step := 0; ; step++ {
				select {
				case <-tick.C:
				case <-c.ctx.Done():
					return
				}
				for i := step % steps; i < len(c.Sessions); i += steps {
					c.Sessions[i].ping()
				}
			}
		})
	})
}

// Close ends the sessions in order, and all at once if ctx ends before.
func (c *Crowd) Close(ctx context.Context) {
	c.fail(fmt.Errorf("the sessions were closed"))
	stop := context.AfterFunc(ctx, c.sever)
	defer stop()
	c.kept.Wait()
	var links []*link
	for _, s := range c.Sessions {
		s.mu.Lock()
		if l := s.link; l != nil {
			l.ending.Store(true)
			links = append(links, l)
			_ = l.stream.CloseSend() // It may have ended.
		}
		s.mu.Unlock()
	}
	for _, l := range links {
		<-l.over
	}
	c.sever()
}

// sever ends all connections, whatever goes on on them.
func (c *Crowd) sever() {
	c.abandon()
	for _, s := range c.Sessions {
		s.slot.cut()
	}
}

// A slot is the place of a connection that sessions share: when it was cut, the next one that is taken is new.
type slot struct {
	// Immutable.
	target Target
	number int

	mu   sync.Mutex
	conn conn // Guarded by mu. Nil: there is none.
}

func (s *slot) take() (conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == nil {
		var err error
		if s.conn, err = s.target.connect(s.number); err != nil {
			return nil, fmt.Errorf("connect to %s: %w", s.target.Addr, err)
		}
	}
	return s.conn, nil
}

func (s *slot) cut() {
	s.mu.Lock()
	conn := s.conn
	s.conn = nil
	s.mu.Unlock()
	if conn != nil {
		conn.cut()
	}
}
