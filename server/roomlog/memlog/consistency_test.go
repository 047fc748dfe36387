package memlog

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/beckonrtc/beckon/server/roomlog"
)

// checkConsistency returns what is wrong with the state of l, which must be at rest.
func (l *Log) checkConsistency() error {
	var bytes int64
	check := func(q *queue) error {
		var sum int64
		var array []kept
		if q.array != nil {
			array = *q.array
		}
		for i, k := range array {
			if out := i < q.out; out != (k.seq == 0) {
				return fmt.Errorf("place %d of a queue has record %d; %d were taken out", i, k.seq, q.out)
			}
			if i > q.out && k.seq <= array[i-1].seq {
				return fmt.Errorf("record %d is held after %d", k.seq, array[i-1].seq)
			}
			if k.seq != 0 {
				sum += k.size()
			}
		}
		for _, k := range array[len(array):cap(array)] {
			if k.data != nil {
				return fmt.Errorf("a queue holds on to record %d, which was taken out", k.seq)
			}
		}
		if sum != q.bytes || sum > int64(l.opts.MemberBytes) {
			return fmt.Errorf("a queue counts %d bytes, and holds %d, of at most %d", q.bytes, sum, l.opts.MemberBytes)
		}
		bytes += sum
		return nil
	}
	for name, r := range l.rooms {
		if r.dead || r.users.len() == 0 || r.name != name {
			return fmt.Errorf("room %q of %d users is listed as %q, dead %v", r.name, r.users.len(), name, r.dead)
		}
		if r.users.many != nil && r.users.few != nil {
			return fmt.Errorf("room %q has users in two places", name)
		}
		if err := check(&r.broadcasts); err != nil {
			return fmt.Errorf("broadcasts of %q: %w", name, err)
		}
		for u := range r.users.all() {
			if r.users.get(u.id()) != u {
				return fmt.Errorf("user %q of room %q is not found", u.id(), name)
			}
			if err := check(&u.inbox); err != nil {
				return fmt.Errorf("inbox of %q in %q: %w", u.id(), name, err)
			}
		}
	}
	if kept := l.bytes.Load(); kept != bytes || kept > int64(l.opts.TotalBytes) {
		return fmt.Errorf("the log counts %d bytes, and holds %d, of at most %d", kept, bytes, l.opts.TotalBytes)
	}
	return nil
}

// model knows what became of every record, by what the log was told and what it told.
type model struct {
	mu      sync.Mutex
	members map[string]*membership   // Guarded by mu. Of users "0" to "19", the even of whom are in one room.
	fate    map[roomlog.Seq][]string // Guarded by mu. Of every message: "told", then "given up".
}

// membership is what a user in a room was sent.
type membership struct {
	sent      []roomlog.Record // By others, but for messages to itself.
	forgotten roomlog.Seq
}

// roomOf returns the room of a user.
func roomOf(user string) string { return "room " + string('0'+(user[len(user)-1]-'0')%2) }

// follow is the follower of the log.
func (m *model) follow(e roomlog.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e.Record != nil {
		m.fate[e.Record.Seq] = append(m.fate[e.Record.Seq], "told")
	}
	for _, r := range e.GivenUp {
		m.fate[r.Seq] = append(m.fate[r.Seq], "given up")
	}
}

// checkFates returns what is wrong with how the messages in sent ended, which are no longer kept.
func (m *model) checkFates(of *membership, sent []roomlog.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range sent {
		fate := m.fate[r.Seq]
		switch {
		case r.Kind == roomlog.Broadcast:
		case slices.Equal(fate, []string{"told", "given up"}):
		case slices.Equal(fate, []string{"told"}) && r.Seq <= of.forgotten:
		default:
			return fmt.Errorf("message %d is not kept: %q, forgotten up to %d", r.Seq, fate, of.forgotten)
		}
	}
	return nil
}

// checkPage returns what is wrong with page, which user read after a cursor.
func (m *model) checkPage(page roomlog.Page, user string, after roomlog.Seq) error {
	of := m.members[user]
	if of == nil {
		of = new(membership)
	}
	var missing []roomlog.Record
	dropped, rest := false, page.Records
	for _, r := range of.sent {
		switch {
		case r.Seq <= after:
		case len(rest) > 0 && rest[0].Seq == r.Seq && rest[0].Kind == r.Kind && rest[0].From == r.From &&
			len(rest[0].Data) == len(r.Data):
			rest = rest[1:]
		default:
			missing = append(missing, r)
			dropped = dropped || r.Seq > of.forgotten
		}
	}
	if len(rest) > 0 {
		return fmt.Errorf("record %d is not for %q, or out of order", rest[0].Seq, user)
	}
	if page.Dropped != dropped {
		return fmt.Errorf("%q is told of dropped records: %v; %d are missing, forgotten up to %d",
			user, page.Dropped, len(missing), of.forgotten)
	}
	return m.checkFates(of, missing)
}

// run does what ops say, each of two bytes: what, and by which user.
func (m *model) run(t *testing.T, l *Log, ops []byte) {
	last := roomlog.Seq(0)
	add := func(kind roomlog.Kind, from, to string, size int) bool {
		rec := roomlog.Record{Kind: kind, Room: roomOf(from), From: from, To: to, Node: "a", Data: make([]byte, size)}
		seq, err := l.Append(t.Context(), rec)
		if err != nil {
			return false // Somebody is not there.
		}
		last, rec.Seq = seq, seq
		for user, of := range m.members {
			if user == to || kind == roomlog.Broadcast && user != from && roomOf(user) == roomOf(from) {
				of.sent = append(of.sent, rec)
			}
		}
		return true
	}
	for ; len(ops) >= 2; ops = ops[2:] {
		op, user := ops[0], fmt.Sprint(ops[1]%20)
		size := int(ops[1]) * 7 % 400
		switch op % 8 {
		case 0, 1, 2:
			add(roomlog.Message, user, fmt.Sprint((ops[1]+op/8*2)%20), size)
		case 3:
			add(roomlog.Broadcast, user, "", size)
		case 4:
			before := m.members[user]
			add(roomlog.Join, user, "", size)
			m.members[user] = new(membership)
			if before != nil {
				m.check(t, m.checkFates(before, before.sent))
			}
		case 5:
			of := m.members[user]
			if left := add(roomlog.Leave, user, "", size); left != (of != nil) {
				t.Errorf("%q left: %v", user, left)
			}
			delete(m.members, user)
			if of != nil {
				m.check(t, m.checkFates(of, of.sent))
			}
		case 6:
			upTo := last - min(last, roomlog.Seq(op/8))
			if err := l.Forget(t.Context(), roomOf(user), user, upTo); err != nil {
				t.Fatal(err)
			}
			if of := m.members[user]; of != nil {
				of.forgotten = max(of.forgotten, upTo)
			}
		case 7:
			if op/8 == 0 {
				time.Sleep(time.Duration(ops[1]) * 10 * time.Millisecond) // Virtual.
			}
		}
		synctest.Wait() // For the sweep.
		m.check(t, l.checkConsistency())
		after := last - min(last, roomlog.Seq(ops[1]/8))
		page, err := l.Read(t.Context(), roomlog.Query{Room: roomOf(user), User: user, After: after})
		m.check(t, cmp.Or(err, m.checkPage(page, user, after), l.checkConsistency()))
	}
}

// check ends the test if err is not nil.
func (m *model) check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// FuzzFate: whatever happens, a message is kept, forgotten or given up, once, and who misses something is told.
func FuzzFate(f *testing.F) {
	random := rand.NewChaCha8([32]byte{})
	for range 20 {
		var ops []byte
		for i := range 20 {
			ops = append(ops, 4, byte(i)) // All join.
		}
		more := make([]byte, 1000)
		_, _ = random.Read(more)
		f.Add(append(ops, more...))
	}
	f.Fuzz(func(t *testing.T, ops []byte) {
		synctest.Test(t, func(t *testing.T) {
			l := New(Options{Retention: 5 * time.Second, MemberBytes: 2000, TotalBytes: 8000})
			m := &model{members: make(map[string]*membership), fate: make(map[roomlog.Seq][]string)}
			var done sync.WaitGroup
			done.Go(func() { _ = l.Follow(t.Context(), "a", m.follow) })
			synctest.Wait()
			m.run(t, l, ops)
			m.check(t, l.Close())
			done.Wait()
		})
	})
}
