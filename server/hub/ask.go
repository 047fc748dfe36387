package hub

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/beckonrtc/beckon/server/roomlog"
)

// What one process of a cluster asks another: a byte that tells what, and the question.
const (
	askState   = 's' // A session's id: what does it have that is in no log?
	askForward = 'f' // A message of the transports' own.
)

// stateTimeout is how long a session that is to be taken up waits for the process that had it. That may be no more.
const stateTimeout = 500 * time.Millisecond

// state is what a session has that is in no log, as it goes from one process to another.
type state struct {
	Rooms    []byte         `json:"rooms"` // A note.
	Receives bool           `json:"receives"`
	Last     uint64         `json:"last"`
	Outcomes []knownOutcome `json:"outcomes"`
}

// knownOutcome is an outcome in a state.
type knownOutcome struct {
	ID    uint64 `json:"id"`
	Event []byte `json:"event"`
}

// answer answers another process.
func (h *Hub) answer(ctx context.Context, question []byte) []byte {
	if len(question) == 0 {
		return nil
	}
	switch what, rest := question[0], question[1:]; {
	case what == askState:
		return h.answerState(string(rest))
	case what == askForward && h.cfg.Forwarded != nil:
		return h.cfg.Forwarded(ctx, rest)
	}
	return nil
}

// answerState tells what a session has that is in no log. It waits for what is being handled.
func (h *Hub) answerState(id string) []byte {
	h.mu.Lock()
	s := h.sessions[id]
	h.mu.Unlock()
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil
	}
	st := state{Rooms: note(s.rooms(), len(s.unmoved) == 0), Receives: s.receives.Load(), Last: s.outcomes.last}
	n := len(s.outcomes.recent)
	for i := range n {
		o := s.outcomes.recent[(s.outcomes.start+i)%n]
		st.Outcomes = append(st.Outcomes, knownOutcome{o.id, o.event})
	}
	answer, err := json.Marshal(st)
	if err != nil { // It can be encoded.
		return nil
	}
	return answer
}

// stateFrom asks the process that has the session for what is in no log. It returns nil if that does not tell.
func (s *Session) stateFrom(ctx context.Context, node string) *state {
	ctx, cancel := context.WithTimeout(ctx, stateTimeout)
	defer cancel()
	answer, err := s.hub.shared.Ask(ctx, node, append([]byte{askState}, s.id...))
	if err != nil || len(answer) == 0 {
		return nil
	}
	st := new(state)
	if json.Unmarshal(answer, st) != nil {
		return nil
	}
	return st
}

// continueFrom makes the session go on from st. s.mu must be held.
func (s *Session) continueFrom(st *state) {
	s.receives.Store(st.Receives)
	s.outcomes = outcomes{}
	for _, o := range st.Outcomes {
		s.outcomes.add(o.ID, o.Event)
	}
	s.outcomes.last = st.Last
}

// ForwardTo hands a message of the transports' own to a node of the cluster, and returns what Config.Forwarded returns there.
func (h *Hub) ForwardTo(ctx context.Context, node string, message []byte) ([]byte, error) {
	return h.shared.Ask(ctx, node, bytes.Join([][]byte{{askForward}, message}, nil))
}

// ErrNotForwarded: no other process has the session.
var ErrNotForwarded = errors.New("no other node has the session")

// Forward hands a message of the transports' own to the process that has the session of that token, and returns what
// Config.Forwarded returns there. It returns ErrNotForwarded if no other has it.
func (h *Hub) Forward(ctx context.Context, token string, message []byte) ([]byte, error) {
	if h.shared == nil {
		return nil, ErrNotForwarded
	}
	id, _, _ := strings.Cut(token, ".")
	page, err := h.cfg.Log.Read(ctx, roomlog.Query{Room: ownPrefix + id})
	if err != nil {
		return nil, err
	}
	for _, rec := range page.Records {
		if rec.Kind.Owns() && rec.From == id && rec.Node != h.cfg.Node {
			return h.ForwardTo(ctx, rec.Node, message)
		}
	}
	return nil, ErrNotForwarded
}
