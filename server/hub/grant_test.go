package hub

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/auth"
	"github.com/beckonrtc/beckon/server/roomlog"
)

// issuer is what tells a hub in a test what the next client may do.
type issuer struct {
	grant *auth.Grant
	err   error
}

func (i *issuer) admit(context.Context, string) (*auth.Grant, error) { return i.grant, i.err }

// startGranting starts a hub whose clients may do what the issuer says.
func startGranting(t *testing.T) (*Hub, *issuer) {
	i := &issuer{grant: &auth.Grant{}}
	return startKeeping(t, Config{Admit: i.admit}), i
}

const denial = beckonv1.FailureCode_FAILURE_CODE_PERMISSION_DENIED

// relayed returns a message of each kind that goes to others.
func relayed(to, room string) map[string]*beckonv1.ConnectRequest {
	return map[string]*beckonv1.ConnectRequest{
		"offer":     {Message: &beckonv1.ConnectRequest_Offer{Offer: &beckonv1.Offer{To: to, Room: room, CallId: "c", Sdp: "o"}}},
		"answer":    {Message: &beckonv1.ConnectRequest_Answer{Answer: &beckonv1.Answer{To: to, Room: room, CallId: "c", Sdp: "a"}}},
		"candidate": {Message: &beckonv1.ConnectRequest_Candidate{Candidate: &beckonv1.Candidate{To: to, Room: room, CallId: "c", Candidates: []*beckonv1.IceCandidate{{}}}}},
		"reject":    {Message: &beckonv1.ConnectRequest_Reject{Reject: &beckonv1.Reject{To: to, Room: room, CallId: "c"}}},
		"hangup":    {Message: &beckonv1.ConnectRequest_Hangup{Hangup: &beckonv1.Hangup{To: to, Room: room, CallId: "c"}}},
		"data":      {Message: &beckonv1.ConnectRequest_Data{Data: &beckonv1.Data{To: to, Room: room, Payload: []byte("hi")}}},
	}
}

// updating returns an update of the lobby.
func updating(name *string, attributes map[string]string) *beckonv1.ConnectRequest {
	return &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Update{Update: &beckonv1.Update{Room: "lobby", Name: name, Attributes: attributes}}}
}

// joining returns a join.
func joining(room string, name *string, attributes map[string]string) *beckonv1.ConnectRequest {
	return &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Join{Join: &beckonv1.Join{Room: room, Name: name, Attributes: attributes, Presence: delta}}}
}

// kindName returns what a message is called in its failure.
func kindName(m *beckonv1.ConnectRequest) string {
	return "this " + string(m.ProtoReflect().WhichOneof(m.ProtoReflect().Descriptor().Oneofs().ByName("message")).Name())
}

// TestPermissions: with each set of permissions, each message that may not be sent fails, names all that it lacks, and
// leaves no trace; all others work.
func TestPermissions(t *testing.T) {
	all := []auth.Permission{auth.Join, auth.Call, auth.Broadcast, auth.Data, auth.UpdateName}
	for withheld := range auth.Permission(1 << len(all)) {
		synctest.Test(t, func(t *testing.T) {
			h, _ := startGranting(t)
			ana, bob := open(t, h), open(t, h)
			for _, c := range []*client{ana, bob} {
				c.join("lobby", delta)
			}
			ana.state().grant.Store(&auth.Grant{Identity: "ana", Name: "Ana", Withheld: withheld})
			ana.take()
			bob.take()
			id, newName, sameName := uint64(0), "Eve", "Ana"

			// try sends a message that needs permissions.
			try := func(what string, m *beckonv1.ConnectRequest, needed auth.Permission, field, room, to, call string) {
				t.Helper()
				id++
				m.RequestId = id
				ana.ask(m)
				events := ana.take()
				i := slices.IndexFunc(events, func(e *beckonv1.ConnectResponse) bool { return e.GetRequestId() == id })
				if i < 0 {
					t.Fatalf("%s, without %q: no outcome in %v", what, withheld.Words(), events)
				}
				lacking, f := needed&withheld, events[i].GetFailure()
				heard := bob.take()
				if lacking == 0 {
					if events[i].GetAck() == nil {
						t.Errorf("%s, without %q: %v", what, withheld.Words(), events[i])
					}
					return
				}
				if f.GetCode() != denial || f.GetField() != field || f.GetTo() != to || f.GetCallId() != call || events[i].GetRoom() != room || events[i].GetSeq() != 0 {
					t.Errorf("%s, without %q: %v", what, withheld.Words(), events[i])
				}
				for _, p := range all {
					word := p.Words()[0]
					// The detail of a name says what name it may be.
					if p != auth.UpdateName && strings.Contains(strings.ReplaceAll(f.GetDetail(), kindName(m), ""), word) != (lacking&p != 0) {
						t.Errorf("%s, without %q: the detail %q; lacking is %q", what, withheld.Words(), f.GetDetail(), lacking.Words())
					}
				}
				if len(events) > 1 || len(heard) > 0 {
					t.Errorf("%s, without %q, was recorded: ana %v, bob %v", what, withheld.Words(), events, heard)
				}
				ana.ask(m) // Again: its outcome is what it was.
				if again := ana.take(); len(again) != 1 || !proto.Equal(again[0], events[i]) {
					t.Errorf("%s again: %v, at first %v", what, again, events[i])
				}
			}
			needs := map[string]auth.Permission{"offer": auth.Call, "data": auth.Data}
			for kind, m := range relayed(bob.ID(), "lobby") {
				call := map[bool]string{true: "c"}[kind != "data"]
				try(kind+" to one", m, needs[kind], "", "lobby", bob.ID(), call)
				try(kind+" to all", relayed("", "lobby")[kind], needs[kind]|auth.Broadcast, "", "lobby", "", call)
				try(kind+" without a room", relayed(bob.ID(), "")[kind], needs[kind], "", "lobby", bob.ID(), call)
			}
			try("an attribute", updating(nil, map[string]string{"mood": "good"}), 0, "", "", "", "")
			try("the granted name", updating(&sameName, nil), 0, "", "", "", "")
			try("another name", updating(&newName, nil), auth.UpdateName, "name", "lobby", "", "")
			try("a join of the same room", joining("lobby", nil, nil), 0, "", "", "", "")
			try("a join of the same room under another name", joining("lobby", &newName, map[string]string{"mood": "bad"}), auth.UpdateName, "name", "lobby", "", "")
			try("a join", joining("den", nil, nil), auth.Join, "room", "den", "", "")
			if withheld&auth.Join == 0 {
				try("a join under another name", joining("attic", &newName, nil), auth.UpdateName, "name", "attic", "", "")
			}
			try("received", &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Received{Received: &beckonv1.Received{}}}, 0, "", "", "", "")
			try("a leave", &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Leave{Leave: &beckonv1.Leave{Room: "lobby"}}}, 0, "", "", "", "")
			ana.ask(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Ping{Ping: &beckonv1.Ping{}}})
			if events := ana.take(); len(events) != 1 || events[0].GetPong() == nil {
				t.Errorf("a ping is answered with %v", events)
			}
			if err := checkConsistency(h); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestGrantedRooms: a room that is not allowed cannot be entered, and the failure names those that are.
func TestGrantedRooms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, issuer := startGranting(t)
		issuer.grant = &auth.Grant{Identity: "ana", Rooms: []string{"lobby", "team-*"}}
		ana := open(t, h)
		ana.take()
		for i, c := range []struct {
			room string
			want bool
		}{
			{"lobby", true}, {"team-", true}, {"team-red", true}, {"lobby2", false}, {"team", false}, {"Lobby", false}, {"team-*", true}, {"*", false},
		} {
			m := joining(c.room, nil, nil)
			m.RequestId = uint64(i + 1)
			ana.ask(m)
			events := ana.take()
			f := events[len(events)-1].GetFailure()
			switch {
			case c.want && (events[0].GetAck() == nil && events[len(events)-1].GetAck() == nil):
				t.Errorf("%q: %v", c.room, events)
			case !c.want && (len(events) != 1 || f.GetCode() != denial || f.GetField() != "room" || events[0].GetRoom() != c.room || !strings.Contains(f.GetDetail(), "lobby, team-*")):
				t.Errorf("%q: %v", c.room, events)
			}
		}
		if h.Rooms() != 4 {
			t.Errorf("there are %d rooms, want 4", h.Rooms())
		}
	})
}

// TestFixedLook: what the grant fixes is seen from the first, cannot be changed, and leaves the rest to the client.
func TestFixedLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, issuer := startGranting(t)
		bob := open(t, h)
		bob.join("lobby", delta)
		bob.take()
		issuer.grant = &auth.Grant{Identity: "ana@example.org", Name: "Ana", Withheld: auth.UpdateName, Attributes: map[string]string{"role": "guest", "badge": ""}}
		ana := open(t, h)
		ana.ask(joining("lobby", nil, map[string]string{"mood": "good", "role": "guest"}))
		want := &beckonv1.User{Id: ana.ID(), Identity: "ana@example.org", Name: "Ana", Attributes: map[string]string{"role": "guest", "mood": "good"}}
		if events := bob.take(); len(events) != 1 || !proto.Equal(events[0].GetUserJoined().GetUser(), want) {
			t.Errorf("bob sees %v, want %v", events, want)
		}
		ana.take()
		for key, value := range map[string]string{"role": "host", "badge": "gold"} {
			for _, m := range []*beckonv1.ConnectRequest{
				updating(nil, map[string]string{key: value, "mood": "bad"}),
				joining("lobby", nil, map[string]string{key: value}),
				joining("den", nil, map[string]string{key: value}),
			} {
				ana.ask(m)
				events := ana.take()
				if f := events[0].GetFailure(); len(events) != 1 || f.GetCode() != denial || f.GetField() != "attributes" || !strings.Contains(f.GetDetail(), fmt.Sprintf("%q", key)) {
					t.Errorf("%v: %v", m, events)
				}
			}
		}
		ana.ask(updating(nil, map[string]string{"role": ""})) // Removes it.
		if f := ana.take()[0].GetFailure(); f.GetCode() != denial || f.GetField() != "attributes" {
			t.Errorf("a fixed attribute is removed: %v", f)
		}
		if events := bob.take(); len(events) > 0 {
			t.Errorf("bob hears %v", events)
		}
		ana.ask(updating(nil, map[string]string{"mood": "", "role": "guest", "badge": ""}))
		delete(want.Attributes, "mood")
		if events := bob.take(); len(events) != 1 || !proto.Equal(events[0].GetUserUpdated().GetUser(), want) {
			t.Errorf("bob sees %v, want %v", events, want)
		}
		ana.take()
		ana.ask(data(0, "", "lobby", "hello"))
		if s := bob.take()[0].GetDataReceived().GetSender(); s.GetId() != ana.ID() || s.GetName() != "Ana" {
			t.Errorf("bob hears %v", s)
		}
	})
}

// TestIdentity: an identity is the grant's, whatever a client says; it is in what others see at all times.
func TestIdentity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, issuer := startGranting(t)
		bob := call(t, h)
		bob.enter("lobby", "bob", delta)
		bob.read()
		issuer.grant = &auth.Grant{Identity: "ana"}
		ana := call(t, h)
		faked := joining("lobby", proto.String("bob"), map[string]string{"identity": "bob", "id": bob.ID()})
		// A User in the place of the attributes, and fields that are none.
		faked.GetJoin().ProtoReflect().SetUnknown([]byte{0x32, 3, 'b', 'o', 'b', 0x1a, 3, 'b', 'o', 'b'})
		if err := ana.say(faked); err != nil {
			faked.GetJoin().ProtoReflect().SetUnknown([]byte{0x32, 3, 'b', 'o', 'b'})
			ana.client = listen(t, h)
			ana.ask(faked)
		}
		ana.read()
		is := func(u *beckonv1.User) {
			t.Helper()
			if u.GetId() != ana.ID() || u.GetIdentity() != "ana" {
				t.Errorf("bob sees %v", u)
			}
		}
		is(bob.read()[0].GetUserJoined().GetUser())
		ana.ask(updating(proto.String("Ana"), nil))
		is(bob.read()[0].GetUserUpdated().GetUser())
		ana.read()
		ana.Lose()
		time.Sleep(3 * time.Second)
		is(bob.read()[0].GetUserUpdated().GetUser())
		ana.comeBack()
		is(bob.read()[0].GetUserUpdated().GetUser())
		ana.Leave()
		is(bob.read()[0].GetUserLeft().GetUser())
	})
}

// TestResumeAsAnother: a session is taken up by its own identity alone.
func TestResumeAsAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, issuer := startGranting(t)
		issuer.grant = &auth.Grant{Identity: "ana"}
		ana := call(t, h)
		ana.enter("lobby", "ana", full)
		ana.read()
		id := ana.ID()
		for _, identity := range []string{"eve", "", "ana ", "Ana"} {
			issuer.grant = &auth.Grant{Identity: identity}
			thief := listen(t, h)
			if err := thief.say(ana.resume()); reasonOf(err) != NoSuchSession {
				t.Errorf("%q takes up ana's session: %v", identity, err)
			}
			thief.Lose()
		}
		issuer.err = &auth.Error{Reason: auth.TokenExpired, Detail: "old"}
		if err := listen(t, h).say(ana.resume()); reasonOf(err) != Reason(auth.TokenExpired) {
			t.Errorf("without a token: %v", err)
		}
		if ana.MustEnd() != 0 {
			t.Error("ana's stream was taken over")
		}
		issuer.grant, issuer.err = &auth.Grant{Identity: "ana"}, nil
		ana.comeBack()
		if ana.read(); ana.ID() != id || ana.welcome.GetResumption() != beckonv1.Resumption_RESUMPTION_RESUMED {
			t.Errorf("ana is welcomed with %v", ana.welcome)
		}
	})
}

// TestRevivedAsAnother: nor is a session of an earlier process.
func TestRevivedAsAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := []byte(strings.Repeat("k", 32))
		i := &issuer{grant: &auth.Grant{Identity: "ana", Rooms: []string{"lobby"}}}
		before := startKeeping(t, Config{SessionKey: key, Admit: i.admit})
		ana := call(t, before)
		ana.enter("lobby", "ana", full)
		ana.read()
		before.Closing()
		ana.Lose()
		after := startKeeping(t, Config{SessionKey: key, Admit: i.admit})
		i.grant = &auth.Grant{Identity: "eve"}
		if err := listen(t, after).say(ana.resume(&beckonv1.Join{Room: "lobby"})); reasonOf(err) != NoSuchSession || after.Sessions() != 0 {
			t.Errorf("eve takes up ana's session: %v", err)
		}
		i.grant = &auth.Grant{Identity: "ana", Rooms: []string{"lobby"}}
		ana.hub = after
		ana.comeBack(&beckonv1.Join{Room: "lobby", Presence: delta}, &beckonv1.Join{Room: "den"})
		events := ana.read()
		if len(ana.view["lobby"]) != 1 || !slices.ContainsFunc(events, func(e *beckonv1.ConnectResponse) bool {
			return e.GetRoom() == "den" && e.GetFailure().GetCode() == denial && e.GetRequestId() == 0
		}) {
			t.Errorf("ana is sent %v", events)
		}
	})
}

// leaves returns why a user was said to leave a room, each time.
func leaves(events []*beckonv1.ConnectResponse, room, id string) (reasons []string) {
	for _, e := range events {
		if e.GetRoom() == room && e.GetUserLeft().GetUser().GetId() == id {
			reasons = append(reasons, reasonName(e.GetUserLeft().GetReason()))
		}
	}
	return reasons
}

// TestNarrowed: a resume with a grant that allows less leaves the rooms that are no longer allowed; others hear why, and so
// does the client.
func TestNarrowed(t *testing.T) {
	for _, live := range []bool{true, false} { // Whether the older stream is still there.
		synctest.Test(t, func(t *testing.T) {
			h, issuer := startGranting(t)
			bob := call(t, h)
			issuer.grant = &auth.Grant{Identity: "ana"}
			ana := call(t, h)
			for _, room := range []string{"lobby", "den", "attic"} {
				bob.enter(room, "bob", delta)
				ana.enter(room, "ana", delta)
			}
			ana.read()
			bob.read()
			if !live {
				ana.Lose()
			}
			issuer.grant = &auth.Grant{Identity: "ana", Rooms: []string{"lobby", "attic"}, Withheld: auth.Data}
			ana.comeBack(&beckonv1.Join{Room: "lobby"}, &beckonv1.Join{Room: "den"}, &beckonv1.Join{Room: "attic"})
			events, heard := ana.read(), bob.read()
			for _, room := range []string{"lobby", "den", "attic"} {
				want := map[string]string{"den": "EXPIRED"}[room]
				if got := strings.Join(leaves(events, room, ana.ID()), " "); got != want {
					t.Errorf("of %s ana hears %q, want %q", room, got, want)
				}
				if got := strings.Join(leaves(heard, room, ana.ID()), " "); got != want {
					t.Errorf("of %s bob hears %q, want %q", room, got, want)
				}
			}
			if ana.welcome.GetResumption() != beckonv1.Resumption_RESUMPTION_RESUMED || events[0].GetWelcome() == nil {
				t.Errorf("ana is sent %v", events)
			}
			ana.ask(data(1, bob.ID(), "lobby", "hello"))
			ana.ask(data(2, bob.ID(), "den", "hello"))
			ana.read()
			if strings.Join(ana.got, ", ") != "PERMISSION_DENIED 1, NOT_IN_ROOM 2" {
				t.Errorf("ana got %q", ana.got)
			}
			ana.Lose() // And once more: it is told once.
			ana.comeBack(&beckonv1.Join{Room: "lobby"}, &beckonv1.Join{Room: "attic"})
			delete(ana.cursors, "den")
			if again := ana.read(); len(leaves(again, "den", ana.ID())) > 0 && len(ana.cursors) > 0 {
				t.Errorf("ana is told again: %v", again)
			}
			if err := checkConsistency(h); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestNewLook: what a new grant fixes is seen in the rooms that the session is in, and what the former fixed is not.
func TestNewLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, issuer := startGranting(t)
		bob := call(t, h)
		bob.enter("lobby", "bob", delta)
		issuer.grant = &auth.Grant{Identity: "ana", Name: "Ana", Attributes: map[string]string{"role": "host", "badge": "gold"}}
		ana := call(t, h)
		ana.ask(joining("lobby", proto.String("Queen"), map[string]string{"mood": "good"}))
		ana.read()
		bob.read()
		issuer.grant = &auth.Grant{Identity: "ana", Name: "Ana", Withheld: auth.UpdateName, Attributes: map[string]string{"role": "guest"}}
		ana.comeBack()
		want := &beckonv1.User{Id: ana.ID(), Identity: "ana", Name: "Ana", Attributes: map[string]string{"role": "guest", "mood": "good"}}
		heard := bob.read()
		if len(heard) != 1 || !proto.Equal(heard[0].GetUserUpdated().GetUser(), want) {
			t.Errorf("bob hears %v, want %v", heard, want)
		}
		ana.read()
		ana.comeBack() // With the same one: nothing changes.
		if heard := bob.read(); len(heard) > 0 {
			t.Errorf("bob hears %v", heard)
		}
	})
}

// TestDuplicates: what becomes of a second session of an identity in a room is as the second one's grant says; other rooms
// and other identities do not matter.
func TestDuplicates(t *testing.T) {
	for _, mode := range []auth.Duplicates{auth.AllowDuplicates, auth.ReplaceDuplicates, auth.RejectDuplicates} {
		t.Run(mode.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, issuer := startGranting(t)
				bob := call(t, h)
				bob.enter("lobby", "bob", delta)
				issuer.grant = &auth.Grant{Identity: "ana", Duplicates: mode}
				first, second := call(t, h), call(t, h)
				issuer.grant = &auth.Grant{Identity: "eve", Duplicates: mode}
				eve := call(t, h)
				eve.enter("lobby", "eve", delta)
				second.enter("den", "ana", delta)
				first.enter("lobby", "ana", none)
				first.enter("lobby", "Ana", none) // Once more is no second session.
				for _, p := range []*phone{bob, first, second, eve} {
					p.read()
				}
				m := joining("lobby", nil, nil)
				m.RequestId = 7
				second.ask(m)
				events := second.read()
				refused := slices.ContainsFunc(events, func(e *beckonv1.ConnectResponse) bool {
					return e.GetFailure().GetCode() == denial && e.GetFailure().GetField() == "room" && strings.Contains(e.GetFailure().GetDetail(), `"ana"`) && e.GetRequestId() == 7
				})
				if refused != (mode == auth.RejectDuplicates) {
					t.Errorf("the second is sent %v", events)
				}
				want := map[bool]string{true: "REPLACED"}[mode == auth.ReplaceDuplicates]
				heard := bob.read()
				for who, got := range map[string][]string{"bob": leaves(heard, "lobby", first.ID()), "the first": leaves(first.read(), "lobby", first.ID())} {
					if strings.Join(got, " ") != want {
						t.Errorf("%s hears %q, want %q", who, got, want)
					}
				}
				if mode == auth.RejectDuplicates && len(heard) > 0 {
					t.Errorf("bob hears %v", heard)
				}
				// Who has left makes place at once.
				first.Leave()
				second.ask(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Leave{Leave: &beckonv1.Leave{Room: "lobby"}}})
				second.read()
				second.enter("lobby", "ana", delta)
				if second.read(); !slices.Contains(second.view["lobby"], "ana") {
					t.Errorf("the second sees %q", second.view["lobby"])
				}
				if err := checkConsistency(h); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestReplaced: who was replaced hears it, on its stream or when it comes back, and does not come in again by itself,
// whatever happened in between.
func TestReplaced(t *testing.T) {
	join := &beckonv1.Join{Room: "lobby", Name: proto.String("older"), Presence: delta}
	for name, c := range map[string]struct {
		before, after func(*phone, *Hub) // The older one is replaced.
	}{
		"on a stream that is then lost":     {nil, func(p *phone, _ *Hub) { p.cut() }},
		"on a stream that was dead already": {func(p *phone, _ *Hub) { p.freeze() }, func(p *phone, _ *Hub) { p.cut() }},
		"on a dead stream, having spoken since": {
			func(p *phone, _ *Hub) { p.freeze() },
			func(p *phone, _ *Hub) { p.ask(data(5, "", "lobby", "lost")); p.cut() },
		},
		"while away": {func(p *phone, _ *Hub) { p.cut() }, nil},
		"while away, having spoken since": {
			func(p *phone, _ *Hub) { p.cut() },
			func(p *phone, h *Hub) {
				m, err := proto.Marshal(data(5, "", "lobby", "lost"))
				if err != nil {
					p.tb.Fatal(err)
				}
				if lost, err := h.Session(p.welcome.GetResumeToken()).HandleLost(p.tb.Context(), m); !lost || err != nil {
					p.tb.Errorf("HandleLost: %v, %v", lost, err)
				}
			},
		},
		"while away, and its first return was lost": {
			func(p *phone, _ *Hub) { p.cut() },
			func(p *phone, _ *Hub) {
				p.client = listen(p.tb, p.hub)
				p.freeze()
				p.ask(p.resume(join))
				p.cut()
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, issuer := startGranting(t)
				issuer.grant = &auth.Grant{Identity: "ana", Duplicates: auth.ReplaceDuplicates}
				older, newer := call(t, h), call(t, h)
				older.enter("lobby", "older", delta)
				older.enter("den", "older", delta)
				older.read()
				for _, step := range []func(){
					func() {
						if c.before != nil {
							c.before(older, h)
						}
					},
					func() { newer.enter("lobby", "newer", full) },
					func() {
						if c.after != nil {
							c.after(older, h)
						}
					},
				} {
					step()
					synctest.Wait()
				}
				newer.read()
				older.comeBack(join, &beckonv1.Join{Room: "den"})
				events := older.read()
				if got := leaves(events, "lobby", older.ID()); strings.Join(got, " ") != "REPLACED" {
					t.Errorf("the older is told %q, want REPLACED once, in %v", got, events)
				}
				for _, e := range events {
					if e.GetEvent() == nil {
						t.Errorf("the older is sent the event %v", e)
					}
				}
				if older.welcome.GetResumption() != beckonv1.Resumption_RESUMPTION_RESUMED {
					t.Errorf("the older is welcomed with %v", older.welcome)
				}
				newer.read()
				if strings.Join(newer.view["lobby"], " ") != "newer" {
					t.Errorf("in the lobby is %q", newer.view["lobby"])
				}
				// What the client says of itself it means.
				older.enter("lobby", "older", full)
				older.read()
				if got := leaves(newer.read(), "lobby", newer.ID()); strings.Join(got, " ") != "REPLACED" || strings.Join(older.view["lobby"], " ") != "older" {
					t.Errorf("the newer hears %q; the older sees %q", got, older.view["lobby"])
				}
				older.cut()
				older.comeBack(join)
				if events := older.read(); len(leaves(events, "lobby", older.ID())) > 0 || len(older.view["lobby"]) != 1 {
					t.Errorf("the older, in the lobby anew, is sent %v", events)
				}
				if err := checkConsistency(h); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestReplacedHeard: who has heard that it was replaced is not told again.
func TestReplacedHeard(t *testing.T) {
	for _, named := range []bool{true, false} { // Whether the client still has a cursor for the room.
		synctest.Test(t, func(t *testing.T) {
			h, issuer := startGranting(t)
			issuer.grant = &auth.Grant{Identity: "ana", Duplicates: auth.ReplaceDuplicates}
			older, newer := call(t, h), call(t, h)
			older.enter("lobby", "older", delta)
			older.read()
			newer.enter("lobby", "newer", full)
			if got := leaves(older.read(), "lobby", older.ID()); len(got) != 1 {
				t.Errorf("the older hears %q", got)
			}
			if !named {
				delete(older.cursors, "lobby")
			}
			older.cut()
			older.comeBack()
			if events := older.read(); len(leaves(events, "lobby", older.ID())) > 0 {
				t.Errorf("with a cursor %v, the older is told again: %v", named, events)
			}
		})
	}
}

// TestConcurrentDuplicates: of sessions of one identity that enter a room at the same time one is there in the end, and the
// others know.
func TestConcurrentDuplicates(t *testing.T) {
	for _, mode := range []auth.Duplicates{auth.ReplaceDuplicates, auth.RejectDuplicates} {
		t.Run(mode.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := startFaulty(t, &faultyLog{beforeAppend: func(roomlog.Record) error {
					time.Sleep(time.Second) // So that all of them are here.
					return nil
				}})
				h.cfg.Admit = (&issuer{grant: &auth.Grant{Identity: "ana", Duplicates: mode}}).admit
				all := make([]*client, 8)
				for i := range all {
					all[i] = open(t, h)
				}
				for _, c := range all {
					c.take()
				}
				var wg sync.WaitGroup
				for _, c := range all {
					wg.Go(func() { c.ask(joining("lobby", nil, nil)) })
				}
				wg.Wait()
				in := 0
				for _, c := range all {
					is := false
					for _, e := range c.take() {
						switch {
						case e.GetJoinedUsers() != nil:
							is = true
						case e.GetUserLeft().GetUser().GetId() == c.ID(), e.GetFailure().GetCode() == denial:
							is = false
						}
					}
					if is {
						in++
					}
				}
				if r := h.room("lobby"); in != 1 || r == nil || len(r.order) != 1 {
					t.Errorf("%s: %d of %d believe to be in the room", mode, in, len(all))
				}
				if err := checkConsistency(h); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestMaxSessionsGranted: an identity has no more sessions than its grant allows, on a stream or away; one that has ended
// makes place, and a resume needs none.
func TestMaxSessionsGranted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, issuer := startGranting(t)
		issuer.grant = &auth.Grant{Identity: "ana", MaxSessions: 2}
		first, second := call(t, h), call(t, h)
		full := func(want bool) {
			t.Helper()
			c := listen(t, h)
			err := c.say(data(0, "", "lobby", "hello"))
			if (reasonOf(err) == Limit) != want {
				t.Errorf("another session: %v", err)
			}
			c.Leave()
		}
		full(true)
		issuer.grant = &auth.Grant{Identity: "eve", MaxSessions: 1}
		full(false)
		full(false)
		issuer.grant = &auth.Grant{Identity: "ana", MaxSessions: 2}
		first.Lose()
		full(true)
		first.comeBack()
		first.read()
		full(true)
		first.Leave()
		full(false)
		second.Lose()
		time.Sleep(window + time.Second)
		issuer.grant = &auth.Grant{Identity: "ana", MaxSessions: 1}
		full(false)
		if h.Sessions() != 0 || len(h.owners) != 0 {
			t.Errorf("%d sessions are left, of %v", h.Sessions(), h.owners)
		}
	})
}

// TestRevoke: a session whose grant is revoked is gone, on a stream or away, and nobody else is.
func TestRevoke(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, issuer := startGranting(t)
		bob := call(t, h)
		bob.enter("lobby", "bob", delta)
		issuer.grant = &auth.Grant{Identity: "ana", TokenID: "1"}
		live, away := call(t, h), call(t, h)
		live.enter("lobby", "live", delta)
		away.enter("lobby", "away", delta)
		issuer.grant = &auth.Grant{Identity: "ana", TokenID: "2"}
		other := call(t, h)
		for _, p := range []*phone{live, away, bob, other} {
			p.read()
		}
		ids := []string{live.ID(), away.ID()}
		away.Lose()
		time.Sleep(3 * time.Second)
		bob.read()
		h.Revoke(func(g *auth.Grant) bool { return g.TokenID == "1" })
		heard := bob.read()
		for _, id := range ids {
			if got := leaves(heard, "lobby", id); strings.Join(got, " ") != "KICKED" {
				t.Errorf("bob hears %q of %s", got, id)
			}
		}
		if live.MustEnd() != Revoked {
			t.Error("the stream goes on")
		}
		if err := live.say(data(9, "", "lobby", "still here")); reasonOf(err) != Reason(auth.Kicked) {
			t.Errorf("a message after the end: %v, want KICKED", err)
		}
		if got := leaves(live.read(), "lobby", ids[0]); strings.Join(got, " ") != "KICKED" {
			t.Errorf("live hears %q of itself", got)
		}
		live.Lose()
		for _, p := range []*phone{live, away} {
			if err := listen(t, h).say(p.resume()); reasonOf(err) != NoSuchSession {
				t.Errorf("a revoked session is taken up: %v", err)
			}
		}
		if h.Sessions() != 2 {
			t.Errorf("there are %d sessions, want 2", h.Sessions())
		}
		if err := checkConsistency(h); err != nil {
			t.Error(err)
		}
	})
}

// TestRevokedMeanwhile: a grant that is revoked after it was given and before the session is there is no good.
func TestRevokedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h *Hub
		revoked := false
		isRevoked := func(g *auth.Grant) bool { return revoked && g.TokenID == "1" }
		grant, meanwhile := &auth.Grant{Identity: "ana", TokenID: "1"}, func() {}
		h = startKeeping(t, Config{Admit: func(context.Context, string) (*auth.Grant, error) { meanwhile(); return grant, nil }})
		h.Revoke(isRevoked) // As at the start: of nobody.
		ana := call(t, h)
		grant = &auth.Grant{Identity: "bob", TokenID: "2"}
		bob := call(t, h)
		grant = &auth.Grant{Identity: "bob", TokenID: "1"}
		meanwhile = func() {
			revoked = true
			h.Revoke(isRevoked)
		}
		if err := listen(t, h).say(data(0, "", "lobby", "hello")); reasonOf(err) != Reason(auth.Kicked) {
			t.Errorf("a new session: %v, want KICKED", err)
		}
		bob.read()
		if err := listen(t, h).say(bob.resume()); reasonOf(err) != Reason(auth.Kicked) {
			t.Errorf("a resume: %v, want KICKED", err)
		}
		_ = ana
		if h.Sessions() > 1 {
			t.Errorf("there are %d sessions", h.Sessions())
		}
	})
}

// TestExpiredLost: a session on no stream whose grant has run out takes no messages.
func TestExpiredLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, issuer := startGranting(t)
		bob := call(t, h)
		bob.enter("lobby", "bob", delta)
		issuer.grant = &auth.Grant{Identity: "ana", Expires: time.Now().Add(10 * time.Second)}
		ana := call(t, h)
		ana.enter("lobby", "ana", delta)
		ana.read()
		ana.Lose()
		time.Sleep(11 * time.Second)
		bob.read()
		m, err := proto.Marshal(data(1, bob.ID(), "lobby", "late"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Session(ana.welcome.GetResumeToken()).HandleLost(t.Context(), m); reasonOf(err) != Reason(auth.TokenExpired) {
			t.Errorf("HandleLost: %v, want TOKEN_EXPIRED", err)
		}
		if events := bob.read(); len(events) > 0 {
			t.Errorf("bob hears %v", events)
		}
	})
}
