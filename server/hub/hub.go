// Package hub is the state of the service: sessions, the rooms that they are in, and what each has yet to be sent.
//
// A [Session] is one client, from its first message until it leaves or is given up; a [Conn] is one of the streams that
// it is on in the meantime. Its messages are handed to [Conn.Handle], become records in the log of a room, and come back
// from the log to every session that they concern: each stream has an outbox, whose events a goroutine of the moment
// writes to the [Stream]. A session that has lost its stream is sent nothing; one that is taken up on another reads on
// in the log. The log decides what happened and in which order; the hub holds no opinion of its own. It knows no
// transport.
//
// Lock order: a session, then the log's room, then the hub's lists, then a room, then an outbox. Nothing is sent or
// logged, and no room's log is appended to, under a lock other than a session's.
package hub

import (
	"container/list"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/auth"
	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/wire"
)

// Config is what a hub needs. Of the bounds, 0 means none.
type Config struct {
	Log    roomlog.Log
	Node   string // This process, in the log.
	Logger *slog.Logger
	// Whether debug lines show session descriptions, candidates and payloads.
	LogPayloads bool
	// Tells what the client of a stream may do, when it has asked for its first room, which may be empty. ctx is the
	// stream's. Its errors are of type *auth.Error. Nil: everybody may do everything.
	Admit func(ctx context.Context, room string) (*auth.Grant, error)
	// Returns what changes what users of a room say of their addresses; nil: nothing. Nil: nothing is changed anywhere.
	Filter func(room string) wire.Filter
	// Returns the ICE servers for a user, and when to ask anew; zero: never. Nil: there are none.
	ICEServers func(*auth.Grant, string) ([]*beckonv1.IceServer, time.Time)

	// Nil: there are no traces.
	Tracer Tracer

	// Handles a message that another process of the cluster has forwarded. Nil: there are none.
	Forwarded func(ctx context.Context, message []byte) []byte

	// Makes the tokens of sessions; 32 random bytes or more. With that of an earlier process, sessions of that process can
	// be taken up. Empty: a key of this process.
	SessionKey []byte

	Version           string // For `welcome`.
	HeartbeatInterval time.Duration
	// How long a session whose stream was lost can be taken up. 0: not at all.
	ResumeWindow time.Duration

	MaxMessageBytes  int // Over it: TOO_LARGE.
	MaxRooms         int // Per session.
	MaxUsers         int // Per room.
	MaxSessions      int
	MaxSessionsPerIP int // From one IPv4 address, or one IPv6 network of 64 bits.
	MaxPending       int // Streams that have yet to say something.
	MaxOutboxBytes   int // Per stream, of events that are not yet written.
	// What one session may send in a second, for long; for a moment it may be burst times that.
	MaxMessagesPerSecond int
	MaxBytesPerSecond    int
}

// Hub holds the sessions of one process. All methods may be called concurrently.
type Hub struct {
	// Immutable.
	cfg     Config
	log     *slog.Logger
	started time.Time
	abandon func() // Ends what Start began.
	stop    func() // The same, and waits for it.
	// Ends with it.
	following context.Context
	clearing  sync.WaitGroup
	away      *rate.Limiter  // How often users are shown to be away.
	shared    roomlog.Shared // The log, if other processes share it; else nil.
	touch     touch
	gone      gone
	stats     stats
	// Messages that come back to their senders.
	bounces *backlog[bounce]
	// Records that are yet to be appended.
	debts *backlog[*debt]
	notes notes

	// Set once the process is about to end: sessions that are lost from then on are taken up elsewhere.
	closing atomic.Bool

	mu       sync.Mutex
	conns    map[*Conn]struct{}     // Guarded by mu. Streams.
	pending  list.List              // Guarded by mu. Those that have yet to say something, the oldest first.
	sessions map[string]*Session    // Guarded by mu. By user id.
	sources  map[netip.Prefix]int   // Guarded by mu. How many sessions come from an address.
	owners   map[string]int         // Guarded by mu. How many sessions an identity has.
	ended    map[string]struct{}    // Guarded by mu. Sessions that ended while those of an earlier process can be taken up.
	revoked  func(*auth.Grant) bool // Guarded by mu. As Revoke had it last; nil: none is.

	roomsMu sync.RWMutex
	rooms   map[string]*room // Guarded by roomsMu. The rooms that sessions of this hub are in, or are about to enter.
}

// Start returns a hub that follows its log. ctx bounds the start alone.
func Start(ctx context.Context, cfg Config) (*Hub, error) {
	h := &Hub{
		cfg:      cfg,
		log:      cfg.Logger,
		started:  time.Now(),
		away:     rate.NewLimiter(awayRate, awayRate),
		conns:    make(map[*Conn]struct{}),
		sessions: make(map[string]*Session),
		sources:  make(map[netip.Prefix]int),
		owners:   make(map[string]int),
		ended:    make(map[string]struct{}),
		rooms:    make(map[string]*room),
	}
	h.touch.found()
	h.debts = newBacklog(h, "leaves", (*debt).room, (*debt).line, h.pay)
	h.bounces = newBacklog(h, "failures of messages", bounce.log, bounce.log, h.bringBack)
	h.notes.latest = make(map[string]roomlog.Record)
	h.notes.sessions = newBacklog(h, "rooms of sessions", ownName, ownName, h.notes.write)
	if h.shared, _ = cfg.Log.(roomlog.Shared); h.shared != nil {
		h.shared.Answer(h.answer)
	}
	if len(cfg.SessionKey) == 0 {
		h.cfg.SessionKey = make([]byte, sha256.Size)
		_, _ = rand.Read(h.cfg.SessionKey) // Never fails.
		h.ended = nil                      // There are no sessions of an earlier process.
	}
	following, cancel := context.WithCancel(context.WithoutCancel(ctx))
	h.following, h.abandon = following, cancel
	up := make(chan struct{})
	started := sync.OnceFunc(func() { close(up) })
	failed := make(chan error, 1)
	var running sync.WaitGroup
	running.Go(func() {
		failed <- cfg.Log.Follow(following, cfg.Node, func(e roomlog.Event) {
			if e.Node != "" {
				h.followNode(e, started)
				return
			}
			h.follow(e)
		})
	})
	if cfg.HeartbeatInterval > 0 {
		running.Go(func() { h.beat(following) })
	}
	if h.shared != nil && cfg.ResumeWindow > 0 {
		running.Go(func() { h.watchTouch(following) })
	}
	h.stop = func() {
		cancel()
		running.Wait()
		h.clearing.Wait()
		h.debts.close()
		h.notes.sessions.close()
		h.bounces.close()
	}

	select {
	case <-up:
		return h, nil
	case err := <-failed:
		h.stop()
		return nil, fmt.Errorf("follow the room log: %w", err)
	case <-ctx.Done():
		h.stop()
		return nil, fmt.Errorf("follow the room log: %w", ctx.Err())
	}
}

// Closing tells that the process is about to end: that a session is lost from now on leaves no trace in the log, for it
// is on its way to another process, or back to this one.
func (h *Hub) Closing() { h.closing.Store(true) }

// Abandon gives up what has yet to be recorded in a log that others share, if it does not answer: what came of it they can see. The
// process has gone for them. Streams must be about to end.
func (h *Hub) Abandon() {
	if h.shared != nil {
		h.abandon()
	}
}

// Close ends the hub's own goroutines. All streams must have ended. Sessions that have not ended end with the process.
func (h *Hub) Close() {
	h.closing.Store(true)
	h.stop()
}

// Sessions returns how many sessions there are, on a stream or not.
func (h *Hub) Sessions() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.sessions)
}

// Rooms returns how many rooms sessions of this hub are in, or are about to enter.
func (h *Hub) Rooms() int {
	h.roomsMu.RLock()
	defer h.roomsMu.RUnlock()
	return len(h.rooms)
}

// follow brings what the log tells to the room or the session that it is about. The log calls it for one room at a time.
func (h *Hub) follow(e roomlog.Event) {
	rec := e.Record
	var r *room
	id, own := "", false
	if rec != nil {
		if id, own = ownerOf(rec.Room); !own {
			r = h.room(rec.Room)
		}
	}
	if r != nil {
		h.traceRecord(rec, r) // Before what comes back because of it.
	}
	if len(e.GivenUp) > 0 {
		h.giveUp(e.GivenUp, rec != nil)
	}
	switch {
	case own:
		h.followOwn(id, rec)
	case r != nil:
		r.record(rec)
	}
}

// room returns the room of that name, nil if no session of this hub is in it.
func (h *Hub) room(name string) *room {
	h.roomsMu.RLock()
	defer h.roomsMu.RUnlock()
	return h.rooms[name]
}

// enter returns the room of that name, loaded from the log. Each call must be followed by one of exit.
func (h *Hub) enter(ctx context.Context, name string) (*room, error) {
	h.roomsMu.Lock()
	r := h.rooms[name]
	first := r == nil
	if first {
		r = newRoom(name, h.cfg.Node)
		h.rooms[name] = r
	}
	r.entered++
	h.roomsMu.Unlock()

	if first {
		h.load(ctx, r)
	}
	<-r.loaded // Even if the stream is lost meanwhile: the session is not, and is to hear that it has joined.
	if err := r.loadErr; err != nil {
		h.exit(r)
		return nil, fmt.Errorf("read room %q: %w", name, err)
	}
	return r, nil
}

// load reads a room for everybody who enters it, and not only for the first, who may go in the meantime. A room that
// cannot be read is forgotten, so that who comes next tries anew.
func (h *Hub) load(ctx context.Context, r *room) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTimeout)
	defer cancel()
	defer close(r.loaded)
	if r.loadErr = r.load(ctx, h.cfg.Log); r.loadErr != nil {
		h.roomsMu.Lock()
		defer h.roomsMu.Unlock()
		if h.rooms[r.name] == r {
			delete(h.rooms, r.name)
		}
		return
	}
	for _, node := range h.gone.all() {
		r.showAway(node)
	}
}

// loadTimeout bounds how long reading a room may take.
const loadTimeout = 10 * time.Second

// exit ends what enter began. A room that nobody is in is forgotten.
func (h *Hub) exit(r *room) {
	h.roomsMu.Lock()
	defer h.roomsMu.Unlock()
	if r.entered--; r.entered == 0 && h.rooms[r.name] == r {
		delete(h.rooms, r.name)
	}
}

// limits returns what `welcome` tells of the bounds.
func (h *Hub) limits() *beckonv1.Limits {
	return &beckonv1.Limits{
		MaxMessageBytes:      uint32(h.cfg.MaxMessageBytes),
		MaxRooms:             uint32(h.cfg.MaxRooms),
		MaxMessagesPerSecond: uint32(h.cfg.MaxMessagesPerSecond),
	}
}
