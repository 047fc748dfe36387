package hub

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/roomlog/memlog"
)

// faultyLog is a log on which things go wrong, as they do on one that has to cross a network.
type faultyLog struct {
	roomlog.Log
	// Called before each Append and each Read of a room; the error, if there is one, is the outcome.
	beforeAppend func(roomlog.Record) error
	beforeRead   func() error
	beforeOwn    func(roomlog.Record) error // The same before each Append to a session's own log.
	// What followers are told waits for this; nil: nothing waits.
	told chan struct{}
}

func (l *faultyLog) Append(ctx context.Context, r roomlog.Record) (roomlog.Seq, error) {
	before := l.beforeAppend
	if _, own := ownerOf(r.Room); own {
		before = l.beforeOwn
	}
	if before != nil {
		if err := before(r); err != nil {
			return 0, err
		}
	}
	return l.Log.Append(ctx, r)
}

func (l *faultyLog) Read(ctx context.Context, q roomlog.Query) (roomlog.Page, error) {
	if _, own := ownerOf(q.Room); l.beforeRead != nil && !own {
		if err := l.beforeRead(); err != nil {
			return roomlog.Page{}, err
		}
	}
	return l.Log.Read(ctx, q)
}

// Follow tells h later than the log does.
func (l *faultyLog) Follow(ctx context.Context, node string, h func(roomlog.Event)) error {
	if l.told == nil {
		return l.Log.Follow(ctx, node, h)
	}
	events := make(chan roomlog.Event, 1000)
	go func() {
		for e := range events {
			if e.Record != nil {
				<-l.told
			}
			h(e)
		}
	}()
	defer close(events)
	return l.Log.Follow(ctx, node, func(e roomlog.Event) { events <- e })
}

// startFaulty starts a hub on a faulty log.
func startFaulty(t *testing.T, log *faultyLog) *Hub {
	log.Log = memlog.New(memlog.Options{})
	h, err := Start(t.Context(), Config{Log: log, Node: "here", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close(); log.Close() })
	return h
}

// failures returns the failures among events.
func failures(events []*beckonv1.ConnectResponse) (codes []string) {
	for _, e := range events {
		if f := e.GetFailure(); f != nil {
			codes = append(codes, codeName(f.GetCode()))
		}
	}
	return codes
}

// TestConflict: when the target of a message leaves or joins anew between look-up and Append, the message goes to who is
// there, or fails.
func TestConflict(t *testing.T) {
	for _, comesBack := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			log := &faultyLog{}
			h := startFaulty(t, log)
			ana, bob := open(t, h), open(t, h)
			ana.join("lobby", none)
			bob.join("lobby", none)
			ana.take()
			bob.take()
			once := sync.OnceFunc(func() {
				bob.ask(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Leave{Leave: &beckonv1.Leave{Room: "lobby"}}})
				if comesBack {
					bob.join("lobby", none)
				}
			})
			log.beforeAppend = func(r roomlog.Record) error {
				if r.Kind == roomlog.Message {
					once()
				}
				return nil
			}
			ana.ask(data(1, bob.ID(), "lobby", "hello"))
			events := ana.take()
			received := 0
			for _, e := range bob.take() {
				if e.GetDataReceived() != nil {
					received++
				}
			}
			if comesBack && (received != 1 || len(events) != 1 || events[0].GetAck() == nil) {
				t.Errorf("bob, who came back, got %d messages; ana: %v", received, events)
			}
			if !comesBack && (received != 0 || strings.Join(failures(events), " ") != "NO_SUCH_USER") {
				t.Errorf("bob, who left, got %d messages; ana: %v", received, events)
			}
			if err := checkConsistency(h); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestUnknownOutcome: a log that does not answer makes messages fail, and leaves nobody behind in a room.
func TestUnknownOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &faultyLog{}
		h := startFaulty(t, log)
		ana := open(t, h)
		ana.join("lobby", none)
		ana.take()
		var stored, answers atomic.Bool // Whether what fails is stored all the same, and whether nothing fails.
		log.beforeAppend = func(r roomlog.Record) error {
			if r.Kind == roomlog.Leave || answers.Load() {
				return nil
			}
			if stored.Load() {
				if _, err := log.Log.Append(t.Context(), r); err != nil {
					t.Error(err)
				}
			}
			return roomlog.ErrUnknown
		}
		join := func(id uint64) {
			ana.ask(&beckonv1.ConnectRequest{RequestId: id, Message: &beckonv1.ConnectRequest_Join{Join: &beckonv1.Join{Room: "side", Presence: none}}})
		}
		for i, is := range []bool{false, true} {
			stored.Store(is)
			answers.Store(false)
			join(uint64(i + 1))
			ana.ask(data(0, "", "lobby", "hello"))
			if got := strings.Join(failures(ana.take()), " "); got != "UNAVAILABLE UNAVAILABLE" {
				t.Errorf("stored: %v: %s, want UNAVAILABLE twice", is, got)
			}
			answers.Store(true)
			time.Sleep(2 * firstRetry) // Virtual.
			page, err := log.Log.Read(t.Context(), roomlog.Query{Room: "side"})
			if err != nil || len(page.Records) > 0 {
				t.Errorf("stored: %v: somebody was left behind: %v %v", is, page.Records, err)
			}
			if err := checkConsistency(h); err != nil {
				t.Error(err)
			}
		}
		join(3)
		if events := ana.take(); len(events) != 2 || events[0].GetJoinedUsers() == nil {
			t.Errorf("once the log answers, a join gets %v", events)
		}
	})
}

// TestJoinTakenBack: a join of which it is not known what has become is taken back when the log answers, but not one that has
// succeeded elsewhere since.
func TestJoinTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &faultyLog{}
		h := startFaulty(t, log)
		ana := open(t, h)
		ana.join("lobby", none)
		ana.take()
		var answers atomic.Bool
		log.beforeAppend = func(roomlog.Record) error {
			if answers.Load() {
				return nil
			}
			return roomlog.ErrUnknown
		}
		ana.join("side", none)
		if got := strings.Join(failures(ana.take()), " "); got != "UNAVAILABLE" {
			t.Errorf("a join that may have been recorded: %q, want UNAVAILABLE", got)
		}
		there := roomlog.Record{Kind: roomlog.Join, Room: "side", From: ana.ID(), Node: "there", Expect: roomlog.Expect{User: ana.ID()}}
		if _, err := log.Log.Append(t.Context(), there); err != nil {
			t.Fatal(err)
		}
		answers.Store(true)
		time.Sleep(2 * firstRetry) // Virtual.
		page, err := log.Log.Read(t.Context(), roomlog.Query{Room: "side"})
		if err != nil || len(page.Records) != 1 || page.Records[0].Node != "there" {
			t.Errorf("who has joined elsewhere is not in the room: %v %v", page.Records, err)
		}
	})
}

// TestUnknownMessage: a message that was recorded or not, nobody knows, has no outcome before it is repeated, and then arrives
// once.
func TestUnknownMessage(t *testing.T) {
	for _, stored := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			log := &faultyLog{Log: keepingLog()}
			h := startKeeping(t, Config{Log: log})
			ana, bob := call(t, h), call(t, h)
			ana.enter("lobby", "ana", none)
			bob.enter("lobby", "bob", none)
			ana.read()
			failing := func(r roomlog.Record) error {
				if stored {
					if _, err := log.Log.Append(t.Context(), r); err != nil {
						t.Error(err)
					}
				}
				return roomlog.ErrUnknown
			}
			for i, to := range []string{bob.ID(), ""} {
				id := uint64(i + 1)
				bob.got, log.beforeAppend = nil, failing
				err := ana.say(data(id, to, "lobby", "hello"))
				if e, ok := errors.AsType[*Error](err); !ok || e.Reason != NoLog {
					t.Fatalf("stored: %v: %v, want the stream to end for %s", stored, err, NoLog)
				}
				if events := ana.read(); len(events) > 0 {
					t.Errorf("stored: %v: the message was answered: %v", stored, events)
				}
				log.beforeAppend = nil
				ana.cut()
				ana.comeBack()
				ana.read()
				ana.ask(data(id, to, "lobby", "hello"))
				if events := ana.read(); len(events) != 1 || events[0].GetAck() == nil {
					t.Errorf("stored: %v: the message that was repeated got %v", stored, events)
				}
				bob.read()
				if strings.Join(bob.got, " ") != "hello" {
					t.Errorf("stored: %v: bob got %q, want one message", stored, bob.got)
				}
			}
		})
	}
}

// TestUndeliveredLater: what was not delivered comes back even if the log cannot be reached at first.
func TestUndeliveredLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &faultyLog{Log: keepingLog()}
		h := startKeeping(t, Config{Log: log})
		ana, bob := call(t, h), call(t, h)
		ana.enter("lobby", "ana", none)
		bob.enter("lobby", "bob", none)
		ana.read()
		bob.read()
		bob.freeze()
		ana.ask(data(1, bob.ID(), "lobby", "one"))
		ana.ask(data(2, bob.ID(), "lobby", "two"))
		ana.read()
		ana.got = nil
		tries := 0 // By the hub's one goroutine.
		log.beforeOwn = func(r roomlog.Record) error {
			if r.Kind != roomlog.Message {
				return nil
			}
			if tries++; tries <= 5 {
				return roomlog.ErrUnavailable
			}
			return nil
		}
		bob.cut()
		time.Sleep(window + time.Second)
		ana.read()
		if len(ana.got) > 0 {
			t.Fatalf("ana got %q though the log could not be reached", ana.got)
		}
		time.Sleep(10 * firstRetry)
		ana.read()
		slices.Sort(ana.got)
		if got := strings.Join(ana.got, ", "); got != "UNDELIVERED 1, UNDELIVERED 2" {
			t.Errorf("ana got %q, want both messages back", got)
		}
	})
}

// TestLeaveFails: a session that ends while the log does not answer is gone from the hub all the same.
func TestLeaveFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &faultyLog{}
		h := startFaulty(t, log)
		ana, bob := open(t, h), open(t, h)
		ana.join("lobby", none)
		bob.join("lobby", none)
		bob.take()
		log.beforeAppend = func(r roomlog.Record) error {
			if r.Kind == roomlog.Leave {
				return roomlog.ErrUnknown
			}
			return nil
		}
		bob.End(beckonv1.LeaveReason_LEAVE_REASON_LOST)
		ana.ask(data(0, "", "lobby", "hello"))
		if events := bob.take(); len(events) > 0 || h.Sessions() != 1 {
			t.Errorf("an ended session was sent %v; %d sessions are left", events, h.Sessions())
		}
		ana.End(beckonv1.LeaveReason_LEAVE_REASON_LOST)
		if h.Rooms() != 0 {
			t.Errorf("%d rooms are left", h.Rooms())
		}
	})
}

// TestUnreadableRoom: a room that cannot be read fails for who enters it then, and for nobody later.
func TestUnreadableRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &faultyLog{}
		h := startFaulty(t, log)
		release := make(chan struct{})
		var reads atomic.Int32
		log.beforeRead = func() error {
			if reads.Add(1) > 1 {
				return nil
			}
			<-release
			return errors.New("the disk is on fire")
		}
		var all sync.WaitGroup
		clients := make([]*client, 5)
		for i := range clients {
			clients[i] = open(t, h)
			all.Go(func() { clients[i].join("lobby", none) })
		}
		synctest.Wait()
		close(release)
		all.Wait()
		for i, c := range clients {
			if got := strings.Join(failures(c.take()), " "); got != "UNAVAILABLE" {
				t.Errorf("client %d: %q, want UNAVAILABLE", i, got)
			}
		}
		clients[0].join("lobby", none)
		if events := clients[0].take(); len(events) != 1 || events[0].GetJoinedUsers() == nil {
			t.Errorf("a later join gets %v", events)
		}
		if err := checkConsistency(h); err != nil {
			t.Error(err)
		}
	})
}

// TestLateFollower: a log that tells of records long after they were appended makes everything late, and nothing wrong.
func TestLateFollower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &faultyLog{told: make(chan struct{})}
		h := startFaulty(t, log)
		ana, bob := open(t, h), open(t, h)
		ana.join("lobby", delta)
		bob.join("lobby", delta)
		ana.ask(data(1, bob.ID(), "lobby", "too early")) // ana's node has not heard of bob.
		if got := strings.Join(failures(ana.take()), " "); got != "NO_SUCH_USER" {
			t.Errorf("before anybody is known: %q, want NO_SUCH_USER", got)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				select {
				case log.told <- struct{}{}:
				case <-time.After(time.Second): // Virtual: nothing is left to tell.
					return
				}
			}
		}()
		<-done
		if views := viewsOf(t, append(ana.take(), bob.take()...)); len(views["lobby"]) != 2 {
			t.Errorf("in the end the lobby looks like %v", views)
		}
		ana.ask(data(2, bob.ID(), "lobby", "hello"))
		log.told <- struct{}{}
		if events := bob.take(); len(events) != 1 || string(events[0].GetDataReceived().GetPayload()) != "hello" {
			t.Errorf("bob was sent %v", events)
		}
		close(log.told)
		if err := checkConsistency(h); err != nil {
			t.Error(err)
		}
	})
}
