// Package hub is the state of the service: sessions, the rooms that they are in, and what each has yet to be sent.
//
// A [Session] is one client. Its messages are handed to [Session.Handle], become records in the log of a room, and come
// back from the log to every session that they concern: each has an outbox, whose events a goroutine of the moment
// writes to the session's [Stream]. The log decides what happened and in which order; the hub holds no opinion of its
// own. It knows no transport.
//
// Lock order: the log's room, then the hub's lists, then a room, then an outbox. Nothing is sent, logged or appended
// under a lock.
package hub

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/roomlog"
)

// Config is what a hub needs. Of the bounds, 0 means none.
type Config struct {
	Log    roomlog.Log
	Node   string // This process, in the log.
	Logger *slog.Logger
	// Whether debug lines show session descriptions, candidates and payloads.
	LogPayloads bool
	// Makes the tokens of sessions; 32 random bytes. Empty: a key of this process.
	SessionKey []byte

	Version           string // For `welcome`.
	HeartbeatInterval time.Duration

	MaxMessageBytes int // Over it: TOO_LARGE.
	MaxRooms        int // Per session.
	MaxSessions     int
	MaxOutboxBytes  int // Per session, of events that are not yet written.
}

// Hub holds the sessions of one process. All methods may be called concurrently.
type Hub struct {
	// Immutable.
	cfg  Config
	log  *slog.Logger
	stop func() // Ends what Start began, and waits for it.

	// Set once the process is about to end: leaves are no longer recorded.
	closing atomic.Bool

	sessionsMu sync.Mutex
	sessions   map[string]*Session // Guarded by sessionsMu. By user id.

	roomsMu sync.RWMutex
	rooms   map[string]*room // Guarded by roomsMu. The rooms that sessions of this hub are in, or are about to enter.
}

// Start returns a hub that follows its log. ctx bounds the start alone.
func Start(ctx context.Context, cfg Config) (*Hub, error) {
	h := &Hub{
		cfg:      cfg,
		log:      cfg.Logger,
		sessions: make(map[string]*Session),
		rooms:    make(map[string]*room),
	}
	if len(cfg.SessionKey) == 0 {
		h.cfg.SessionKey = make([]byte, sha256.Size)
		_, _ = rand.Read(h.cfg.SessionKey) // Never fails.
	}
	following, cancel := context.WithCancel(context.WithoutCancel(ctx))
	up := make(chan struct{})
	failed := make(chan error, 1)
	var running sync.WaitGroup
	running.Go(func() {
		failed <- cfg.Log.Follow(following, cfg.Node, func(e roomlog.Event) {
			switch {
			case e.Record != nil:
				h.record(e.Record)
			case e.Node == cfg.Node && e.Up:
				close(up)
			}
		})
	})
	if cfg.HeartbeatInterval > 0 {
		running.Go(func() { h.beat(following) })
	}
	h.stop = func() { cancel(); running.Wait() }

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

// Closing tells that the process is about to end: sessions that end from now on leave no trace in the log.
func (h *Hub) Closing() { h.closing.Store(true) }

// Close ends the hub's own goroutines. All sessions must have ended.
func (h *Hub) Close() { h.stop() }

// Sessions returns how many sessions there are.
func (h *Hub) Sessions() int {
	h.sessionsMu.Lock()
	defer h.sessionsMu.Unlock()
	return len(h.sessions)
}

// Rooms returns how many rooms sessions of this hub are in, or are about to enter.
func (h *Hub) Rooms() int {
	h.roomsMu.RLock()
	defer h.roomsMu.RUnlock()
	return len(h.rooms)
}

// record brings a record to the room that it is about. The log calls it for one room at a time.
func (h *Hub) record(rec *roomlog.Record) {
	h.roomsMu.RLock()
	r := h.rooms[rec.Room]
	h.roomsMu.RUnlock()
	if r != nil {
		r.record(rec)
	}
}

// enter returns the room of that name, loaded from the log. Each call must be followed by one of exit.
func (h *Hub) enter(ctx context.Context, name string) (*room, error) {
	h.roomsMu.Lock()
	r := h.rooms[name]
	first := r == nil
	if first {
		r = newRoom(name)
		h.rooms[name] = r
	}
	r.entered++
	h.roomsMu.Unlock()

	if first {
		h.load(ctx, r)
	}
	var err error
	select {
	case <-r.loaded:
		err = r.loadErr
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
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
		delete(h.rooms, r.name)
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
	return &beckonv1.Limits{MaxMessageBytes: uint32(h.cfg.MaxMessageBytes), MaxRooms: uint32(h.cfg.MaxRooms)}
}
