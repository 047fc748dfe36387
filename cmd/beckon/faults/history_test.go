package faults

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	beckon "github.com/beckonrtc/beckon/clients/go"
)

// lane is what one person says to another in a room, or, with to empty, to everybody else there. Its messages are
// numbered from 0 on. People go by their names.
type lane struct {
	room, from, to string
}

// text is the n-th message of the lane, in words that it is known by wherever it turns up.
func (l lane) text(n int) string {
	return strings.Join([]string{l.room, l.from, l.to, strconv.Itoa(n)}, "/")
}

// parse is the opposite of text.
func parse(text string) (l lane, n int, err error) {
	parts := strings.Split(text, "/")
	if len(parts) != 4 {
		return lane{}, 0, fmt.Errorf("%q is no text of a lane", text)
	}
	n, err = strconv.Atoi(parts[3])
	return lane{parts[0], parts[1], parts[2]}, n, err
}

// place is a user in a room.
type place struct {
	room, id string
}

// history is what one client has seen.
type history struct {
	name string
	id   string // The user id.

	arrived  map[lane][]int                          // Numbers of messages, in the order of their arrival.
	failed   map[string]*beckon.Failure              // By text: messages whose outcome came as an event.
	returned map[string]int                          // By text: how often a message came back as UNDELIVERED.
	unnamed  map[string]int                          // By user id: the same of data, of which only the target is told.
	present  map[string]map[string]beckon.UserStatus // By room and user id: who is there.
	left     map[place]int                           // How often a user was seen leaving.
	listed   map[string]time.Time                    // By room: when the first list came since the last resync.
	odd      []string                                // What must not be, whatever the scenario.
	frozen   bool                                    // Everybody goes home: who leaves is of no interest any more.
	alone    bool                                    // The connection is lost.
	back     time.Time                               // When it was there again, the last time.
	cuts     int
	why      []error // Each cut's cause.
	resumes  int
	resyncs  int
	end      error // Other than a clean one.
}

func newHistory(name, id string) *history {
	return &history{
		name:     name,
		id:       id,
		arrived:  make(map[lane][]int),
		failed:   make(map[string]*beckon.Failure),
		returned: make(map[string]int),
		unnamed:  make(map[string]int),
		present:  make(map[string]map[string]beckon.UserStatus),
		left:     make(map[place]int),
		listed:   make(map[string]time.Time),
	}
}

// clone copies what changes.
func (h *history) clone() *history {
	copied := *h
	copied.arrived = maps.Clone(h.arrived) // Of the numbers only more come.
	copied.failed = maps.Clone(h.failed)
	copied.returned = maps.Clone(h.returned)
	copied.unnamed = maps.Clone(h.unnamed)
	copied.present = make(map[string]map[string]beckon.UserStatus, len(h.present))
	for room, users := range h.present {
		copied.present[room] = maps.Clone(users)
	}
	copied.left = maps.Clone(h.left)
	copied.listed = maps.Clone(h.listed)
	copied.odd = slices.Clone(h.odd)
	copied.why = slices.Clone(h.why)
	return &copied
}

// note takes an event down.
func (h *history) note(event beckon.Event) {
	room := event.About().Room
	switch e := event.(type) {
	case *beckon.Reconnecting:
		if !h.alone {
			h.alone = true
			h.cuts++
			h.why = append(h.why, e.Cause)
		}
	case *beckon.Resumed:
		h.alone, h.back = false, time.Now()
		h.resumes++
	case *beckon.Resynced:
		h.alone, h.back = false, time.Now()
		h.resyncs++
		clear(h.listed)
	case *beckon.CallMade:
		h.arrive(room, e.Sender, e.CallId)
	case *beckon.AnswerMade:
		h.arrive(room, e.Sender, e.CallId)
	case *beckon.CandidateReceived:
		h.arrive(room, e.Sender, e.CallId)
	case *beckon.DataReceived:
		h.arrive(room, e.Sender, string(e.Payload))
	case *beckon.Failure:
		h.fail(e)
	case *beckon.JoinedUsers:
		h.list(room, e.Users)
	case *beckon.UserJoined:
		if _, there := h.present[room][e.User.Id]; there {
			h.wonder("%s came to %s and had not left", e.User.Name, room)
		}
		h.show(room, e.User)
	case *beckon.UserUpdated:
		h.show(room, e.User)
	case *beckon.UserLeft:
		h.leave(room, e.User.Id)
	}
}

func (h *history) wonder(format string, args ...any) {
	h.odd = append(h.odd, fmt.Sprintf(format, args...))
}

func (h *history) arrive(room string, sender *beckon.Sender, text string) {
	l, n, err := parse(text)
	switch {
	case err != nil:
		h.wonder("%v", err)
	case l.room != room || l.from != sender.GetName() || l.to != "" && l.to != h.name:
		h.wonder("%s arrived in room %s from %s", text, room, sender.GetName())
	}
	h.arrived[l] = append(h.arrived[l], n)
}

func (h *history) fail(f *beckon.Failure) {
	switch {
	case errors.Is(f, beckon.Undelivered) && f.CallID == "":
		h.unnamed[f.To]++
	case errors.Is(f, beckon.Undelivered):
		h.returned[f.CallID]++
	case f.CallID == "":
		h.wonder("a failure came as an event: %v", f)
	default:
		h.failed[f.CallID] = f
	}
}

func (h *history) list(room string, users []*beckon.User) {
	if h.frozen {
		return
	}
	former := h.present[room]
	h.present[room] = make(map[string]beckon.UserStatus)
	for _, user := range users {
		h.show(room, user)
	}
	for id := range former {
		if _, there := h.present[room][id]; !there {
			h.leave(room, id)
		}
	}
	if h.listed[room].IsZero() {
		h.listed[room] = time.Now()
	}
}

func (h *history) show(room string, user *beckon.User) {
	if h.present[room] == nil {
		h.wonder("%s was told of in %s before the list", user.Name, room)
		return
	}
	h.present[room][user.Id] = user.Status
}

func (h *history) leave(room, id string) {
	if h.frozen {
		return
	}
	delete(h.present[room], id)
	h.left[place{room, id}]++
}
