package memlog

import "iter"

// users are those who are in a room. The zero value is nobody.
type users struct {
	// Most rooms have few users, and a map would be most of what such a room takes up.
	few  []*user
	many map[string]*user // In place of few, from when they were more than maxFew.
}

const maxFew = 8

// len returns how many they are.
func (us *users) len() int { return len(us.few) + len(us.many) }

// get returns the user of that id, nil if there is none.
func (us *users) get(id string) *user {
	for _, u := range us.few {
		if u.id() == id {
			return u
		}
	}
	return us.many[id]
}

// add adds u, who is not among them.
func (us *users) add(u *user) {
	if us.many == nil && len(us.few) < maxFew {
		us.few = append(us.few, u)
		return
	}
	if us.many == nil {
		us.many = make(map[string]*user, 2*maxFew)
		for _, u := range us.few {
			us.many[u.id()] = u
		}
		us.few = nil
	}
	us.many[u.id()] = u
}

// remove removes u, who is among them.
func (us *users) remove(u *user) {
	delete(us.many, u.id())
	for i, other := range us.few {
		if other == u {
			last := len(us.few) - 1
			us.few[i], us.few[last] = us.few[last], nil
			us.few = us.few[:last]
			return
		}
	}
}

// all yields each of them, in no order.
func (us *users) all() iter.Seq[*user] {
	return func(yield func(*user) bool) {
		for _, u := range us.few {
			if !yield(u) {
				return
			}
		}
		for _, u := range us.many {
			if !yield(u) {
				return
			}
		}
	}
}
