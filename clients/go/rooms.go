package beckon

import (
	"maps"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// rooms follows what the user is in: how each room would be joined anew, and whom the application knows to be there. All
// events go through it into the queue. After [Resynced] it keeps users who are no longer listed in the picture that the
// application has, for as long as they may come back.
type rooms struct {
	// Immutable.
	self   string // The user's own id.
	events *queue

	mu sync.Mutex
	// Guarded by mu, which is held until the event that a change brings is in the queue: they get there in one order.
	rooms   map[string]*room
	stopped bool        // The session has ended.
	until   time.Time   // From when on users who are missing are gone.
	timeout *time.Timer // Ends the waiting for them; nil: there was none yet.
}

// room is what is known of one.
type room struct {
	join    *Join // As it would be joined now; nil: no join has had its outcome.
	epoch   string
	users   []*User // Whom the server has told of, in the order of its list.
	missing []*User // Who is in the application's picture alone, as UserAway.
	old     bool    // A list is to come that tells what has changed while there was no stream.
	unsure  bool    // That list is the first after a Resynced.
}

func newRooms(self string, events *queue) *rooms {
	return &rooms{self: self, events: events, rooms: make(map[string]*room)}
}

// change takes down what a join or an update that was recorded has changed.
func (r *rooms) change(request *ConnectRequest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if join := request.GetJoin(); join != nil {
		known := r.roomLocked(join.Room)
		if known.join == nil {
			known.join = &Join{Room: join.Room}
		}
		known.join.Presence = join.Presence
		merge(known.join, join.Name, join.Attributes)
	}
	if update := request.GetUpdate(); update != nil {
		if known := r.rooms[update.Room]; known != nil && known.join != nil {
			merge(known.join, update.Name, update.Attributes)
		}
	}
}

// merge changes how a room would be joined, as the server does: an empty value removes an attribute.
func merge(join *Join, name *string, attributes map[string]string) {
	if name != nil {
		join.Name = name
	}
	if join.Attributes == nil {
		join.Attributes = make(map[string]string)
	}
	maps.Copy(join.Attributes, attributes)
	maps.DeleteFunc(join.Attributes, func(_, value string) bool { return value == "" })
}

// forget takes down that the user is no longer in a room.
func (r *rooms) forget(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.rooms, name)
}

// rejoin gives a join for each room that the user is in and is not about to leave.
func (r *rooms) rejoin(leaves map[string]bool) []*Join {
	r.mu.Lock()
	defer r.mu.Unlock()
	var joins []*Join
	for _, name := range slices.Sorted(maps.Keys(r.rooms)) {
		if join := r.rooms[name].join; join != nil && !leaves[name] {
			joins = append(joins, proto.CloneOf(join))
		}
	}
	return joins
}

// lose takes down that the stream has ended.
func (r *rooms) lose() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, known := range r.rooms {
		known.old = true
	}
}

// resync takes down that something was lost: for as long as window users may come back who are in no list.
func (r *rooms) resync(window time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, known := range r.rooms {
		known.unsure = true
	}
	r.stopLocked()
	r.until = time.Now().Add(window)
	r.timeout = time.AfterFunc(window, r.conclude)
}

// stop ends the waiting for users who are missing.
func (r *rooms) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	r.stopLocked()
}

func (r *rooms) stopLocked() {
	if r.timeout != nil {
		r.timeout.Stop()
	}
}

// conclude tells that users who are still missing are gone, but for rooms of which a list is to come: that will tell.
func (r *rooms) conclude() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped || time.Now().Before(r.until) {
		return
	}
	for name, known := range r.rooms {
		meta := Meta{Room: name}
		if known.old || len(known.missing) == 0 {
			continue
		}
		if known.join.GetPresence() == PresenceDelta {
			for _, user := range known.missing {
				left := &beckonv1.UserLeft{User: user, Reason: LeaveLost}
				r.events.put(&UserLeft{meta, left})
			}
		} else {
			list := &beckonv1.JoinedUsers{Users: slices.Clone(known.users), Epoch: known.epoch}
			r.events.put(&JoinedUsers{meta, list})
		}
		known.missing = nil
	}
}

// arrive queues an event from the server, in the way in which it fits into the application's picture.
func (r *rooms) arrive(event Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events.put(r.fitLocked(event))
}

func (r *rooms) fitLocked(event Event) Event {
	name := event.About().Room
	switch e := event.(type) {
	case *JoinedUsers:
		r.listLocked(r.roomLocked(name), e.JoinedUsers)
	case *UserJoined:
		if known := r.rooms[name]; known != nil && known.add(e.User) {
			return &UserUpdated{e.Meta, &beckonv1.UserUpdated{User: e.User}}
		}
	case *UserUpdated:
		if known := r.rooms[name]; known != nil {
			known.add(e.User)
		}
	case *UserLeft:
		if e.User.GetId() == r.self {
			delete(r.rooms, name)
		} else if known := r.rooms[name]; known != nil {
			known.remove(e.User.GetId())
		}
	}
	return event
}

// listLocked takes a list over, and adds those to it who are missing in it.
func (r *rooms) listLocked(known *room, list *beckonv1.JoinedUsers) {
	expected := known.missing
	if known.unsure {
		expected = append(known.users, known.missing...)
	}
	known.old, known.unsure, known.missing = false, false, nil
	known.epoch, known.users = list.Epoch, slices.Clone(list.Users)
	// Who asked to hear of nobody is listed alone.
	if known.join.GetPresence() == PresenceNone || !time.Now().Before(r.until) {
		return
	}
	listed := make(map[string]bool, len(list.Users))
	for _, user := range list.Users {
		listed[user.Id] = true
	}
	for _, user := range expected {
		if !listed[user.Id] {
			away := proto.CloneOf(user)
			away.Status = UserAway
			known.missing = append(known.missing, away)
		}
	}
	list.Users = append(list.Users, known.missing...)
}

// roomLocked gives the room of that name, which may be new. The caller holds mu.
func (r *rooms) roomLocked(name string) *room {
	known := r.rooms[name]
	if known == nil {
		known = &room{}
		r.rooms[name] = known
	}
	return known
}

// add takes over who came or changed; true: the application knows the user to be there.
func (known *room) add(user *User) bool {
	if user == nil {
		return false
	}
	if i := place(known.users, user.GetId()); i >= 0 {
		known.users[i] = user
		return true
	}
	known.users = append(known.users, user)
	i := place(known.missing, user.GetId())
	if i >= 0 {
		known.missing = slices.Delete(known.missing, i, i+1)
	}
	return i >= 0
}

// remove takes out who left.
func (known *room) remove(id string) {
	for _, users := range []*[]*User{&known.users, &known.missing} {
		if i := place(*users, id); i >= 0 {
			*users = slices.Delete(*users, i, i+1)
		}
	}
}

// place is where in users one is, -1 if nowhere.
func place(users []*User, id string) int {
	return slices.IndexFunc(users, func(user *User) bool { return user.Id == id })
}
