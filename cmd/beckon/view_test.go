package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	beckon "github.com/beckonrtc/beckon/clients/go"
	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

func TestView(t *testing.T) {
	ana := &beckon.User{Id: "u1", Name: "ana"}
	bob := &beckon.User{Id: "u2", Name: "bob", Attributes: map[string]string{"role": "host", "mic": "off"}}
	eve := &beckon.User{Id: "u3", Name: "\x1b[31meve"}
	anaToo := &beckon.User{Id: "u4", Name: "ana", Identity: "ana@example.org"}
	nameless := &beckon.User{Id: "u5"}
	bobAway := &beckon.User{Id: "u2", Name: "bob", Status: beckon.UserAway}
	robAway := &beckon.User{Id: "u2", Name: "rob", Status: beckon.UserAway}
	rob := &beckon.User{Id: "u2", Name: "rob"}

	fromBob := &beckon.Sender{Id: "u2", Name: "bob"}
	fromRob := &beckon.Sender{Id: "u2", Name: "rob"}
	fromAna := &beckon.Sender{Id: "u4", Name: "ana"}
	fromEve := &beckon.Sender{Id: "u3", Name: "\x1b[31meve"}

	v := newView("lobby", "u1")
	for _, step := range []struct {
		event beckon.Event
		want  string
	}{
		{joined(bob, ana), "* 2 in lobby:\n*   ana (u1), that is you\n*   bob (u2), mic=off role=host"},
		{joined(bob, ana), ""}, // Nothing has changed.
		{joined(bob, ana, eve, nameless), "* \\x1b[31meve (u3) came\n* u5 came"},
		{joined(ana, bob, anaToo), "* ana (u4) came, identity ana@example.org\n* u5 left\n* \\x1b[31meve (u3) left"},
		{updated(bobAway), "* bob (u2) changed: no attributes\n* bob (u2) is away"},
		{updated(robAway), "* bob (u2) is now called rob"},
		{updated(rob), "* rob (u2) is back"},
		{came(eve), "* \\x1b[31meve (u3) came"},
		{left(eve, beckon.LeaveLost), "* \\x1b[31meve (u3) left: lost"},
		{came(nameless), "* u5 came"},
		{left(nameless, beckon.LeaveLeft), "* u5 left"},

		{said(fromBob, "text/plain", "hello"), "<bob> hello"},
		{said(fromAna, "", "which ana am I?"), "<ana (u4)> which ana am I?"}, // There are two.
		{said(&beckon.Sender{Id: "u5"}, "", "no name"), "<u5> no name"},
		{said(fromEve, "text/plain", "\x1b]0;title\a\r\n* ana (u1) left"), `<\x1b[31meve> \x1b]0;title\a\r\n* ana (u1) left`},
		{said(fromBob, "application/json", `{"muted":true}`), `<bob> [application/json] {"muted":true}`},
		{said(fromBob, "\x07", "\xff\x00\x01"), `<bob> [\a] 3 B`},
		{said(fromBob, "", strings.Repeat("ä", 4096)), "<bob> " + strings.Repeat("ä", 2048) + "… (8.0 KiB)"},

		{
			&beckon.CallMade{CallMade: &beckonv1.CallMade{Sender: fromRob, CallId: "c1", Sdp: "v=0\r\n"}},
			"* rob calls: call c1, 5 B",
		},
		{
			&beckon.AnswerMade{AnswerMade: &beckonv1.AnswerMade{Sender: fromRob, CallId: "c\x001", Sdp: "v=0\r\n"}},
			`* rob answers: call c\x001, 5 B`,
		},
		{
			&beckon.AnswerMade{AnswerMade: &beckonv1.AnswerMade{Sender: fromRob, CallId: "c1", Provisional: true}},
			`* rob answers provisionally: call c1, 0 B`,
		},
		{
			&beckon.CandidateReceived{CandidateReceived: &beckonv1.CandidateReceived{Sender: fromRob, CallId: "c1",
				Candidates: []*beckon.IceCandidate{{Candidate: "candidate:1 1 udp 1 192.0.2.1 9 typ host"}, {}}}},
			"* rob has a candidate: call c1, candidate:1 1 udp 1 192.0.2.1 9 typ host\n" +
				"* rob has a candidate: call c1, there are no more",
		},
		{
			&beckon.CallRejected{CallRejected: &beckonv1.CallRejected{Sender: fromRob, CallId: "c1",
				Reason: beckon.RejectNoAnswer, Detail: "\x1b[2J"}},
			`* rob declines call c1: no answer, \x1b[2J`,
		},
		{
			&beckon.CallRejected{CallRejected: &beckonv1.CallRejected{Sender: fromRob, CallId: "c1", Reason: 99}},
			"* rob declines call c1: 99",
		},
		{
			&beckon.CallEnded{CallEnded: &beckonv1.CallEnded{Sender: fromRob, CallId: "c1", Detail: "bye"}},
			"* rob ends call c1: bye",
		},
		{
			&beckon.Failure{Code: beckon.Undelivered, Detail: "bob went\n"},
			`! UNDELIVERED: bob went\n`,
		},
		{&beckon.Draining{Draining: &beckonv1.Draining{}}, "* the server is about to stop"},
		{
			&beckon.Reconnecting{Cause: &beckon.EndError{Reason: beckon.ShuttingDown, Detail: "for now\n"}, Attempt: 1},
			`* the connection is lost: shutting down, for now\n; trying to come back`,
		},
		{
			&beckon.Reconnecting{Cause: &beckon.EndError{Detail: "no route to host"}, Attempt: 2},
			"* not back yet: no route to host; trying again",
		},
		{&beckon.Resumed{}, "* back, nothing was missed"},
		{&beckon.Resynced{}, "* back, something may have been missed"},
		{&beckon.IceServersChanged{IceServersChanged: &beckonv1.IceServersChanged{}}, "* there are new ICE servers"},
	} {
		got := strings.Join(v.lines(step.event), "\n")
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("after %+v (-want +got):\n%s", step.event, diff)
		}
	}
}

func joined(users ...*beckon.User) beckon.Event {
	return &beckon.JoinedUsers{JoinedUsers: &beckonv1.JoinedUsers{Users: users}}
}

func came(user *beckon.User) beckon.Event {
	return &beckon.UserJoined{UserJoined: &beckonv1.UserJoined{User: user}}
}

func updated(user *beckon.User) beckon.Event {
	return &beckon.UserUpdated{UserUpdated: &beckonv1.UserUpdated{User: user}}
}

func left(user *beckon.User, reason beckon.LeaveReason) beckon.Event {
	return &beckon.UserLeft{UserLeft: &beckonv1.UserLeft{User: user, Reason: reason}}
}

func said(sender *beckon.Sender, kind, text string) beckon.Event {
	return &beckon.DataReceived{DataReceived: &beckonv1.DataReceived{Sender: sender, Type: kind, Payload: []byte(text)}}
}

func TestFind(t *testing.T) {
	v := &view{users: map[string]*beckon.User{
		"u1": {Id: "u1", Name: "ana"},
		"u2": {Id: "u2", Name: "bob"},
		"u3": {Id: "u3", Name: "bob"},
		"u4": {Id: "u4", Name: "u1"}, // Called like another's id.
	}}
	for _, tt := range []struct{ who, id, err string }{
		{"ana", "u1", ""},
		{"u2", "u2", ""},
		{"u1", "u1", ""},
		{"zoe", "zoe", ""}, // Taken for an id; the server knows better.
		{"bob", "", "several users are called bob: choose one of the ids u2, u3"},
	} {
		id, err := v.find(tt.who)
		if id != tt.id || (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
			t.Errorf("find(%q) = %q, %v; want %q, %s", tt.who, id, err, tt.id, tt.err)
		}
	}
}

func TestCutWho(t *testing.T) {
	for _, tt := range []struct{ text, who, rest string }{
		{"ana hello there", "ana", "hello there"},
		{`"ana maria"  hello "you"`, "ana maria", `hello "you"`},
		{`"ana \"a\" maria" hello`, `ana "a" maria`, "hello"},
		{"ana", "ana", ""},
		{"", "", ""},
		{`"ana hello`, `"ana`, "hello"}, // The quote stands open.
	} {
		if who, rest := cutWho(tt.text); who != tt.who || rest != tt.rest {
			t.Errorf("cutWho(%q) = %q, %q; want %q, %q", tt.text, who, rest, tt.who, tt.rest)
		}
	}
}
