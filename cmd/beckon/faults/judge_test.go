package faults

import (
	"errors"
	"strings"
	"testing"
	"time"

	beckon "github.com/beckonrtc/beckon/clients/go"
	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// TestJudge shows that whatever must not be is found: each row is a story in which all is well, but for one thing.
func TestJudge(t *testing.T) {
	const room = "hall"
	calls := lane{room, "ana", "bob"}
	user := func(name string) *beckon.User { return &beckon.User{Id: "id of " + name, Name: name} }
	in := beckon.Meta{Room: room}
	left := func(name string) beckon.Event {
		return &beckon.UserLeft{Meta: in, UserLeft: &beckonv1.UserLeft{User: user(name)}}
	}
	list := func(names ...string) beckon.Event {
		list := &beckonv1.JoinedUsers{}
		for _, name := range names {
			list.Users = append(list.Users, user(name))
		}
		return &beckon.JoinedUsers{Meta: in, JoinedUsers: list}
	}
	call := func(n int) beckon.Event {
		return &beckon.CallMade{Meta: in, CallMade: &beckonv1.CallMade{
			Sender: &beckon.Sender{Id: "id of ana", Name: "ana"}, CallId: calls.text(n),
		}}
	}
	back := func(n int) beckon.Event {
		return &beckon.Failure{Code: beckon.Undelivered, To: "id of bob", CallID: calls.text(n)}
	}
	dataBack := &beckon.Failure{Code: beckon.Undelivered, To: "id of bob"}
	fate := func(n int, is fate) func(*story) {
		return func(s *story) { s.sent[calls][n].fate, s.sent[calls][n].why = is, errors.New("why") }
	}
	all := []beckon.Event{call(0), call(1), call(2)}
	restarted := func(s *story) { s.forgets = true }
	killed := func(s *story) { s.forgets, s.dies = true, true }
	unreachable := func(s *story) { // By a log that others share.
		s.dies, s.sent[calls][2].fate, s.sent[calls][2].why = true, refused, &beckon.Failure{Code: beckon.Unavailable}
	}
	bobGone := func(s *story) { s.gone["bob"] = true }
	noteAna := func(events ...beckon.Event) func(*story) {
		return func(s *story) {
			for _, event := range events {
				s.people["ana"].note(event)
			}
		}
	}

	for _, tt := range []struct {
		name   string
		bob    []beckon.Event // What bob sees after the list.
		change []func(*story)
		want   string // A part of the one fault; empty: none.
	}{
		{"all is well", all, nil, ""},
		{"lost", []beckon.Event{call(0), call(2)}, nil, "bob: hall/ana/bob/1 did not arrive"},
		{"the last lost", []beckon.Event{call(0), call(1)}, nil, "bob: hall/ana/bob/2 did not arrive"},
		{"twice", append(all, call(2)), nil, "hall/ana/bob/2 arrived twice"},
		{"out of order", []beckon.Event{call(0), call(2), call(1)}, nil, "hall/ana/bob/1 arrived after 2"},
		{"never sent", append(all, call(3)), nil, "hall/ana/bob/3 arrived although it was never sent"},
		{"refused", all[:2], []func(*story){fate(2, refused)}, "hall/ana/bob/2 was refused"},
		{"refused, and arrived", all, []func(*story){restarted, fate(2, refused)}, "arrived although it was refused"},
		{"not recorded", all[:2], []func(*story){unreachable}, ""},
		{"not recorded, and arrived", all, []func(*story){unreachable}, "arrived although it was refused"},
		{"unsure", all, []func(*story){fate(2, unknown)}, "may have been recorded or not"},
		{"unsure after a restart in order", all, []func(*story){restarted, fate(2, unknown)}, "may have been recorded or not"},
		{"unsure after a kill", all, []func(*story){killed, fate(2, unknown)}, ""},
		{"no outcome", all, []func(*story){fate(2, pending)}, "hall/ana/bob/2 has no outcome"},
		{"to another", append(all, &beckon.CallMade{Meta: in, CallMade: &beckonv1.CallMade{
			Sender: &beckon.Sender{Id: "id of eva", Name: "eva"}, CallId: "hall/ana/eva/0",
		}}), nil, "arrived in room hall from eva"},

		{"came back to who is there", all, []func(*story){noteAna(back(1))}, "hall/ana/bob/1 came back 1 times"},
		{"data came back to who is there", all, []func(*story){noteAna(dataBack)}, "1 data to bob came back"},

		{"resumed", append([]beckon.Event{&beckon.Reconnecting{}, &beckon.Resumed{}}, all...), nil, ""},
		{"cut in the end", append(all, &beckon.Reconnecting{}), nil, "was cut 1 times and came back 0 times"},
		{"resynced", append([]beckon.Event{&beckon.Reconnecting{}, &beckon.Resynced{}, list("ana", "bob")}, all...), nil,
			"bob: was resynced"},
		{"forgotten in a restart", []beckon.Event{call(0), &beckon.Reconnecting{}, &beckon.Resynced{}, list("ana", "bob")},
			[]func(*story){restarted}, ""},
		{"lost after a restart", []beckon.Event{call(0), &beckon.Reconnecting{}, &beckon.Resynced{}, list("ana", "bob")},
			[]func(*story){restarted, func(s *story) { s.sent[calls][2].begun = time.Now().Add(time.Minute) }},
			"hall/ana/bob/2 did not arrive"},
		{"twice, with a restart in between",
			append([]beckon.Event{call(0), &beckon.Reconnecting{}, &beckon.Resynced{}, list("ana", "bob")}, all...),
			[]func(*story){killed}, "hall/ana/bob/0 arrived twice"},
		{"the session ended", all, []func(*story){func(s *story) { s.people["bob"].end = errors.New("SILENT") }},
			"the session ended: SILENT"},

		{"seen leaving", append(all, left("ana"), list("ana", "bob")), nil, "saw ana, who came back, leave hall 1 times"},
		{"missing in one list", append(all, list("bob"), list("ana", "bob")), nil, "saw ana, who came back, leave hall 1 times"},
		{"came twice", append(all, &beckon.UserJoined{Meta: in, UserJoined: &beckonv1.UserJoined{User: user("ana")}}), nil,
			"ana came to hall and had not left"},
		{"away in the end", append(all, &beckon.UserUpdated{Meta: in, UserUpdated: &beckonv1.UserUpdated{
			User: &beckon.User{Id: "id of ana", Name: "ana", Status: beckon.UserAway},
		}}), nil, "bob: ana is away in hall"},
		{"a stranger", append(all, list("ana", "bob", "eva")), nil, "somebody unknown is in hall: id of eva"},

		{"gone", all[:1], []func(*story){bobGone, noteAna(left("bob"), back(1), dataBack)}, ""},
		{"gone, and a call is lost", all[:1], []func(*story){bobGone, noteAna(left("bob"), dataBack)},
			"hall/ana/bob/1 neither arrived nor came back"},
		{"gone, and data is lost", all[:1], []func(*story){bobGone, noteAna(left("bob"), back(1))},
			"of 1 data that bob did not get, 0 came back"},
		{"gone, and a call came back twice", all[:1], []func(*story){bobGone, noteAna(left("bob"), back(1), back(1), dataBack)},
			"hall/ana/bob/1 came back 2 times"},
		{"gone, not known to have received", all, []func(*story){bobGone, noteAna(left("bob"), back(1))}, ""},
		{"gone and still there", all, []func(*story){bobGone}, "ana: bob is still in hall"},
		{"gone, seen leaving twice", all, []func(*story){bobGone, noteAna(left("bob"), left("bob"))},
			"saw bob leave hall 2 times"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := story{
				people: map[string]*history{
					"ana": newHistory("ana", "id of ana"),
					"bob": newHistory("bob", "id of bob"),
				},
				members: map[string][]string{room: {"ana", "bob"}},
				sent:    map[lane][]letter{calls: {{fate: recorded}, {fate: recorded}, {fate: recorded, isData: true}}},
				gone:    make(map[string]bool),
			}
			for name, h := range s.people {
				h.note(list("ana", "bob"))
				if name == "bob" {
					for _, event := range tt.bob {
						h.note(event)
					}
				}
			}
			for _, change := range tt.change {
				change(&s)
			}
			got := judge(s).faults
			switch {
			case tt.want == "" && len(got) > 0:
				t.Errorf("judge found %q, want nothing", got)
			case tt.want != "" && (len(got) != 1 || !strings.Contains(got[0], tt.want)):
				t.Errorf("judge found %q, want one that says %q", got, tt.want)
			}
		})
	}
}
