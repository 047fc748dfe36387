package hub

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/roomlog/memlog"
)

const window = 30 * time.Second

// startKeeping starts a hub whose sessions can be taken up.
func startKeeping(t *testing.T, cfg Config) *Hub {
	t.Helper()
	if cfg.Log == nil {
		cfg.Log = keepingLog()
	}
	cfg.Node, cfg.ResumeWindow = "here", window
	cfg.Logger = slog.New(slog.DiscardHandler)
	h, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close(); cfg.Log.Close() })
	return h
}

// keepingLog returns a log that keeps what was sent.
func keepingLog() roomlog.Log { return memlog.New(memlog.Options{Retention: time.Hour}) }

// phone is a client that loses its stream and comes back.
type phone struct {
	*client
	hub     *Hub
	welcome *beckonv1.Welcome
	cursors map[string]*beckonv1.Cursor
	view    map[string][]string // The names of who is in each room; of somebody away in brackets.
	got     []string            // The payloads of data, and what came back.
}

// call opens a session with a phone.
func call(t *testing.T, h *Hub) *phone {
	p := &phone{client: open(t, h), hub: h, cursors: map[string]*beckonv1.Cursor{}, view: map[string][]string{}}
	p.read()
	return p
}

// read takes what was sent to the phone.
func (p *phone) read() []*beckonv1.ConnectResponse {
	events := p.take()
	for _, e := range events {
		room := e.GetRoom()
		if e.GetSeq() > 0 {
			c := p.cursors[room]
			if l := e.GetJoinedUsers(); c == nil || l != nil && l.GetEpoch() != c.GetEpoch() {
				c = &beckonv1.Cursor{Room: room, Epoch: l.GetEpoch()}
				p.cursors[room] = c
			}
			if e.GetSeq() < c.Seq {
				p.tb.Errorf("in room %q, record %d came after %d", room, e.GetSeq(), c.Seq)
			}
			c.Seq = e.GetSeq()
		}
		switch {
		case e.GetWelcome() != nil:
			p.welcome = e.GetWelcome()
			p.cursors[""] = &beckonv1.Cursor{Epoch: p.welcome.GetEpoch()}
		case e.GetJoinedUsers() != nil:
			p.view[room] = nil
			for _, u := range e.GetJoinedUsers().GetUsers() {
				name := u.GetName()
				if u.GetStatus() == beckonv1.UserStatus_USER_STATUS_AWAY {
					name = "(" + name + ")"
				}
				p.view[room] = append(p.view[room], name)
			}
		case e.GetDataReceived() != nil:
			p.got = append(p.got, string(e.GetDataReceived().GetPayload()))
		case e.GetFailure() != nil:
			p.got = append(p.got, fmt.Sprint(codeName(e.GetFailure().GetCode()), " ", e.GetRequestId()))
		}
	}
	return events
}

// enter joins a room under a name.
func (p *phone) enter(room, name string, mode beckonv1.Presence) {
	p.ask(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Join{Join: &beckonv1.Join{Room: room, Name: &name, Presence: mode}}})
}

// resume returns what a phone says first when it comes back.
func (p *phone) resume(rejoin ...*beckonv1.Join) *beckonv1.ConnectRequest {
	r := &beckonv1.Resume{ResumeToken: p.welcome.GetResumeToken(), Rejoin: rejoin}
	for _, c := range p.cursors {
		r.Cursors = append(r.Cursors, proto.CloneOf(c))
	}
	return &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Resume{Resume: r}}
}

// comeBack takes the session up on another stream.
func (p *phone) comeBack(rejoin ...*beckonv1.Join) {
	p.tb.Helper()
	p.client = listen(p.tb, p.hub)
	p.ask(p.resume(rejoin...))
}

// TestResume: who comes back in time has missed nothing, and was not missed.
func TestResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startKeeping(t, Config{})
		ana, bob := call(t, h), call(t, h)
		for _, p := range []*phone{ana, bob} {
			p.enter("lobby", p.ID(), full)
			p.enter("den", p.ID(), delta)
			p.read()
		}
		id := bob.ID()
		ana.ask(data(1, id, "lobby", "one"))
		bob.read()
		bob.Lose()
		ana.ask(data(2, id, "lobby", "two"))
		ana.ask(data(3, id, "den", "three"))
		ana.ask(data(4, "", "lobby", "four"))
		time.Sleep(10 * time.Second)
		ana.ask(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Offer{Offer: &beckonv1.Offer{To: id, Room: "lobby", CallId: "c", Sdp: "o"}}})
		time.Sleep(5 * time.Second)
		ana.read()
		if want := []string{ana.ID(), "(" + id + ")"}; strings.Join(ana.view["lobby"], " ") != strings.Join(want, " ") {
			t.Errorf("ana sees %v, want %v", ana.view["lobby"], want)
		}
		bob.comeBack()
		events := bob.read()
		if events[0].GetWelcome().GetResumption() != beckonv1.Resumption_RESUMPTION_RESUMED || bob.ID() != id {
			t.Errorf("bob is welcomed with %v", events[0])
		}
		if strings.Join(bob.got, " ") != "one two four three" {
			t.Errorf("bob got %q", bob.got)
		}
		for _, e := range events {
			if c := e.GetCallMade(); c != nil && (c.GetAgeMs() != 5000 || c.GetSdp() != "o" || c.GetSender().GetId() != ana.ID()) {
				t.Errorf("the call: %v", c)
			}
		}
		ana.read()
		for _, p := range []*phone{ana, bob} {
			if strings.Join(p.view["lobby"], " ") != ana.ID()+" "+id {
				t.Errorf("after the return the lobby looks like %v", p.view["lobby"])
			}
		}
		if err := checkConsistency(h); err != nil {
			t.Error(err)
		}
		bob.ask(data(1, ana.ID(), "den", "hello"))
		ana.read()
		if strings.Join(ana.got, " ") != "hello" {
			t.Errorf("ana got %v", ana.got)
		}
	})
}

// TestLostForGood: who does not come back leaves once, and what was sent to it comes back.
func TestLostForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startKeeping(t, Config{})
		ana, bob := call(t, h), call(t, h)
		ana.enter("lobby", "ana", delta)
		bob.enter("lobby", "bob", full)
		bob.read()
		id := bob.ID()
		ana.ask(data(1, id, "lobby", "read"))
		bob.read()
		bob.Lose()
		ana.ask(data(2, id, "lobby", "unread"))
		ana.ask(data(3, "", "lobby", "to all"))
		ana.read()
		start := time.Now()
		for {
			time.Sleep(time.Second)
			left := 0
			for _, e := range ana.read() {
				if e.GetUserLeft() != nil {
					left++
				}
			}
			if left > 0 {
				break
			}
		}
		if gone := time.Since(start); gone < window || gone > window+time.Second {
			t.Errorf("bob was seen leaving after %s", gone)
		}
		time.Sleep(time.Minute)
		ana.read()
		if strings.Join(ana.got, ", ") != "UNDELIVERED 2" {
			t.Errorf("ana got %v", ana.got)
		}
		bob.client = listen(t, h)
		if err := bob.say(bob.resume()); reasonOf(err) != NoSuchSession {
			t.Errorf("bob came back: %v", err)
		}
	})
}

// TestTakenOver: the newest stream has the session; the end of the older one ends nothing.
func TestTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startKeeping(t, Config{})
		bob := call(t, h)
		bob.enter("lobby", "bob", full)
		bob.read()
		old := bob.client
		bob.comeBack()
		if old.MustEnd() != TakenUp {
			t.Error("the older stream goes on")
		}
		if err := old.say(data(0, "", "lobby", "hello")); reasonOf(err) != TakenOver {
			t.Errorf("a message on the older stream: %v", err)
		}
		old.Leave()
		if old.take(); h.Sessions() != 1 {
			t.Error("the end of the older stream ended the session")
		}
		bob.read()
		bob.ask(data(5, "", "lobby", "hello"))
		if events := bob.read(); len(events) != 1 || events[0].GetAck() == nil {
			t.Errorf("on the newer stream: %v", events)
		}
		if err := checkConsistency(h); err != nil {
			t.Error(err)
		}
	})
}

// TestRevived: a hub that was started anew takes up the sessions of the former, if it has its key.
func TestRevived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := []byte(strings.Repeat("k", 32))
		before := startKeeping(t, Config{SessionKey: key})
		ana, bob := call(t, before), call(t, before)
		ana.enter("lobby", "ana", full)
		bob.enter("lobby", "bob", full)
		ana.read()
		bob.read()
		ids := []string{ana.ID(), bob.ID()}
		before.Closing()
		ana.Lose()
		bob.Lose()
		after := startKeeping(t, Config{SessionKey: key})
		for i, p := range []*phone{ana, bob} {
			p.hub = after
			name := []string{"ana", "bob"}[i]
			p.comeBack(&beckonv1.Join{Room: "lobby", Name: &name})
			p.read()
			if p.ID() != ids[i] || p.welcome.GetResumption() != beckonv1.Resumption_RESUMPTION_RESYNCED {
				t.Errorf("%s is welcomed with %v", ids[i], p.welcome)
			}
		}
		ana.read()
		if strings.Join(ana.view["lobby"], " ") != "ana bob" {
			t.Errorf("the lobby looks like %v", ana.view["lobby"])
		}
		bob.Leave()
		bob.client = listen(t, after)
		if err := bob.say(bob.resume()); reasonOf(err) != NoSuchSession {
			t.Errorf("bob, who left, came back: %v", err)
		}
		if err := checkConsistency(after); err != nil {
			t.Error(err)
		}
		time.Sleep(window)
		stranger := listen(t, after)
		err := stranger.say(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Resume{Resume: &beckonv1.Resume{ResumeToken: after.token("nobody", "")}}})
		if reasonOf(err) != NoSuchSession {
			t.Errorf("long after the start: %v", err)
		}
	})
}

// TestLeaveEnds: once a client's leave is acknowledged its session has ended, whatever comes on another stream.
func TestLeaveEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startKeeping(t, Config{})
		bob := call(t, h)
		old := bob.client
		if err := old.say(&beckonv1.ConnectRequest{RequestId: 1, Message: &beckonv1.ConnectRequest_Leave{Leave: &beckonv1.Leave{}}}); !errors.Is(err, ErrLeft) {
			t.Errorf("a leave of the session: %v", err)
		}
		bob.client = listen(t, h)
		if err := bob.say(bob.resume()); reasonOf(err) != NoSuchSession {
			t.Errorf("a resume after it: %v", err)
		}
		if events := old.take(); len(events) != 1 || events[0].GetAck() == nil {
			t.Errorf("the leave came to %v", events)
		}
		old.Leave()
		bob.Lose()
		if h.Sessions() > 0 || len(h.conns) > 0 {
			t.Errorf("%d sessions and %d streams are left", h.Sessions(), len(h.conns))
		}
	})
}

// TestPadded: a message that would decode to far more than it has bytes is refused unread.
func TestPadded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startKeeping(t, Config{MaxRooms: 8})
		bob := call(t, h)
		many := make([]*beckonv1.Cursor, 1000)
		for i := range many {
			many[i] = new(beckonv1.Cursor)
		}
		for _, m := range []*beckonv1.ConnectRequest{
			{Message: &beckonv1.ConnectRequest_Received{Received: &beckonv1.Received{Cursors: many}}},
			{Message: &beckonv1.ConnectRequest_Ping{Ping: &beckonv1.Ping{Received: many}}},
			{Message: &beckonv1.ConnectRequest_Resume{Resume: &beckonv1.Resume{ResumeToken: bob.welcome.GetResumeToken(), Cursors: many}}},
		} {
			stranger := listen(t, h)
			if err := stranger.say(m); reasonOf(err) != Undecodable {
				t.Errorf("a message with 1,000 cursors: %v", err)
			}
			stranger.Lose()
		}
		beyond := bob.resume()
		beyond.GetResume().Cursors = append(beyond.GetResume().GetCursors(), &beckonv1.Cursor{Epoch: bob.welcome.GetEpoch(), Seq: 1 << 60})
		bob.cut()
		bob.client = listen(t, h)
		bob.ask(beyond)
		if bob.read(); bob.welcome.GetResumption() != beckonv1.Resumption_RESUMPTION_RESYNCED {
			t.Errorf("a cursor beyond what there is: %v", bob.welcome)
		}
	})
}

// TestResumeAtExpiry: a resume that meets the end of its session's window does not have it, and hides from no sender that
// its message did not arrive.
func TestResumeAtExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &faultyLog{Log: memlog.New(memlog.Options{Retention: time.Hour})}
		h, err := Start(t.Context(), Config{Log: log, Node: "here", Logger: slog.New(slog.DiscardHandler), ResumeWindow: window})
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		defer h.Close()
		ana, bob := call(t, h), call(t, h)
		ana.enter("lobby", "ana", none)
		bob.enter("lobby", "bob", none)
		bob.read()
		bob.ask(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Received{Received: &beckonv1.Received{
			Cursors: []*beckonv1.Cursor{bob.cursors["lobby"]},
		}}})
		ana.ask(data(1, bob.ID(), "lobby", "hello"))
		bob.read() // It was written, and is not told to have arrived.
		late := make(chan error, 1)
		session, resume := bob.state(), bob.resume()
		log.beforeAppend = func(r roomlog.Record) error {
			if r.Kind == roomlog.Leave && r.From == bob.ID() {
				again := listen(t, h)
				go func() { late <- again.say(resume) }()
				for session.conn.Load() == nil { // Then it waits for the session, which is about to end.
					runtime.Gosched()
				}
			}
			return nil
		}
		bob.cut()
		if err := <-late; reasonOf(err) != NoSuchSession {
			t.Errorf("the resume: %v, want NO_SUCH_SESSION", err)
		}
		if ana.read(); strings.Join(ana.got, " ") != "UNDELIVERED 1" {
			t.Errorf("ana got %q, want UNDELIVERED 1", ana.got)
		}
	})
}

// TestStuckResume: a client that resumes and reads nothing of what it missed is let go, and may come back.
func TestStuckResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startKeeping(t, Config{MaxOutboxBytes: 8 << 10})
		ana, bob := call(t, h), call(t, h)
		ana.enter("lobby", "ana", none)
		bob.enter("lobby", "bob", none)
		bob.read()
		bob.cut()
		for i := range 30 {
			ana.ask(data(0, bob.ID(), "lobby", fmt.Sprint(i, strings.Repeat(".", 1000))))
		}
		bob.client = listen(t, h)
		bob.freeze()
		start := time.Now()
		if err := bob.say(bob.resume()); reasonOf(err) != SlowConsumer {
			t.Errorf("a resume of which nothing is read: %v, want SLOW_CONSUMER", err)
		}
		if took := time.Since(start); took < resumePatience || took > resumePatience+time.Second {
			t.Errorf("it was let go after %s", took)
		}
		bob.cut()
		bob.comeBack()
		if bob.read(); len(bob.got) != 30 {
			t.Errorf("bob, back again, got %d messages of 30", len(bob.got))
		}
	})
}
