package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/dustin/go-humanize"

	beckon "github.com/beckonrtc/beckon/clients/go"
)

// maxShown is how much of one text from elsewhere is shown, in bytes.
const maxShown = 4 << 10

// A view tells in lines what happens in one room, and knows who is in it. Its lines are printable: those that begin with
// "*" tell, those with "!" are failures, and what users say begins with their name in angle brackets.
type view struct {
	room string
	self string // The user id.

	listed bool                    // The first list has come.
	users  map[string]*beckon.User // By id.
}

func newView(room, self string) *view {
	return &view{room: room, self: self, users: make(map[string]*beckon.User)}
}

// lines tells what an event brings.
func (v *view) lines(event beckon.Event) []string {
	switch e := event.(type) {
	case *beckon.JoinedUsers:
		return v.list(e.Users)
	case *beckon.UserJoined:
		return v.change(e.User)
	case *beckon.UserUpdated:
		return v.change(e.User)
	case *beckon.UserLeft:
		return v.remove(e.User, word(e.Reason, "LEAVE_REASON_"))
	case *beckon.CallMade:
		return told("%s calls: call %s, %s", v.name(e.Sender), shown(e.CallId), length(e.Sdp))
	case *beckon.AnswerMade:
		how := "answers"
		if e.Provisional {
			how = "answers provisionally"
		}
		return told("%s %s: call %s, %s", v.name(e.Sender), how, shown(e.CallId), length(e.Sdp))
	case *beckon.CandidateReceived:
		return v.candidates(e)
	case *beckon.CallRejected:
		why := reason(word(e.Reason, "REJECT_REASON_"), e.Detail)
		return told("%s declines call %s%s", v.name(e.Sender), shown(e.CallId), why)
	case *beckon.CallEnded:
		why := reason(word(e.Reason, "HANGUP_REASON_"), e.Detail)
		return told("%s ends call %s%s", v.name(e.Sender), shown(e.CallId), why)
	case *beckon.DataReceived:
		return []string{fmt.Sprintf("<%s> %s", v.name(e.Sender), data(e.Type, e.Payload))}
	case *beckon.Failure:
		return failed(e)
	case *beckon.IceServersChanged:
		return told("there are new ICE servers")
	case *beckon.Draining:
		return told("the server is about to stop")
	case *beckon.Reconnecting:
		if e.Attempt == 1 {
			return told("the connection is lost%s; trying to come back", cause(e.Cause))
		}
		return told("not back yet%s; trying again", cause(e.Cause))
	case *beckon.Resumed:
		return told("back, nothing was missed")
	case *beckon.Resynced:
		return told("back, something may have been missed")
	}
	return nil
}

// list compares a list with the last one; the first it tells whole.
func (v *view) list(users []*beckon.User) []string {
	if !v.listed {
		v.listed = true
		for _, user := range users {
			v.users[user.Id] = user
		}
		return v.who()
	}
	gone := maps.Clone(v.users)
	var lines []string
	for _, user := range users {
		delete(gone, user.Id)
		lines = append(lines, v.change(user)...)
	}
	for _, user := range sorted(gone) {
		lines = append(lines, v.remove(user, "")...)
	}
	return lines
}

// change tells how a user differs from what was known.
func (v *view) change(user *beckon.User) []string {
	before := v.users[user.Id]
	v.users[user.Id] = user
	if before == nil {
		return told("%s came%s", titled(user.Name, user.Id), details(user))
	}
	var lines []string
	if user.Name != before.Name {
		lines = append(lines, told("%s is now called %s", titled(before.Name, before.Id), shown(user.Name))...)
	}
	if !maps.Equal(user.Attributes, before.Attributes) {
		lines = append(lines, told("%s changed: %s", titled(user.Name, user.Id), attributes(user))...)
	}
	if user.Status != before.Status {
		what := "is back"
		if user.Status == beckon.UserAway {
			what = "is away"
		}
		lines = append(lines, told("%s %s", titled(user.Name, user.Id), what)...)
	}
	return lines
}

func (v *view) remove(user *beckon.User, why string) []string {
	delete(v.users, user.GetId())
	if why == "left" {
		why = ""
	}
	return told("%s left%s", titled(user.GetName(), user.GetId()), reason(why, ""))
}

// who tells who is in the room, as far as it is known.
func (v *view) who() []string {
	lines := told("%d in %s:", len(v.users), shown(v.room))
	for _, user := range sorted(v.users) {
		you := ""
		if user.Id == v.self {
			you = ", that is you"
		}
		lines = append(lines, told("  %s%s%s", titled(user.Name, user.Id), you, details(user))...)
	}
	return lines
}

// find gives the id of the user with a name; what is nobody's name counts as an id.
func (v *view) find(who string) (id string, err error) {
	var found []string
	for _, user := range sorted(v.users) {
		if user.Id == who {
			return who, nil
		}
		if user.Name == who {
			found = append(found, user.Id)
		}
	}
	switch len(found) {
	case 0:
		return who, nil
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("several users are called %s: choose one of the ids %s", who, strings.Join(found, ", "))
}

// name is what a sender is called, with the id where the name alone would not do.
func (v *view) name(sender *beckon.Sender) string {
	for id, user := range v.users {
		if user.Name == sender.GetName() && id != sender.GetId() {
			return titled(sender.GetName(), sender.GetId())
		}
	}
	return shown(cmp.Or(sender.GetName(), sender.GetId()))
}

func (v *view) candidates(e *beckon.CandidateReceived) []string {
	var lines []string
	for _, c := range e.Candidates {
		what := shown(c.Candidate)
		if c.Candidate == "" {
			what = "there are no more"
		}
		lines = append(lines, told("%s has a candidate: call %s, %s", v.name(e.Sender), shown(e.CallId), what)...)
	}
	return lines
}

func told(format string, args ...any) []string {
	return []string{"* " + fmt.Sprintf(format, args...)}
}

// failed tells of a message that was refused or came back, and of other errors.
func failed(err error) []string {
	if failure, ok := errors.AsType[*beckon.Failure](err); ok {
		return []string{fmt.Sprintf("! %v: %s", failure.Code, shown(failure.Detail))}
	}
	return []string{"! " + shown(err.Error())}
}

// titled names a user without doubt.
func titled(name, id string) string {
	if name == "" {
		return shown(id)
	}
	return fmt.Sprintf("%s (%s)", shown(name), shown(id))
}

// details is what else is known of a user, to follow the title.
func details(user *beckon.User) string {
	text := ""
	if user.Identity != "" {
		text += ", identity " + shown(user.Identity)
	}
	if len(user.Attributes) > 0 {
		text += ", " + attributes(user)
	}
	if user.Status == beckon.UserAway {
		text += ", away"
	}
	return text
}

func attributes(user *beckon.User) string {
	if len(user.Attributes) == 0 {
		return "no attributes"
	}
	var pairs []string
	for _, key := range slices.Sorted(maps.Keys(user.Attributes)) {
		pairs = append(pairs, shown(key+"="+user.Attributes[key]))
	}
	return strings.Join(pairs, " ")
}

func sorted(users map[string]*beckon.User) []*beckon.User {
	return slices.SortedFunc(maps.Values(users), func(a, b *beckon.User) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Id, b.Id))
	})
}

// data is a payload as it is if it is text, else its size.
func data(kind string, payload []byte) string {
	text := shown(string(payload))
	if !utf8.Valid(payload) {
		text = length(string(payload))
	}
	if kind == "" || kind == textPlain {
		return text
	}
	return fmt.Sprintf("[%s] %s", shown(kind), text)
}

// shown is the printable beginning of a text from elsewhere.
func shown(text string) string {
	if len(text) <= maxShown {
		return printable(text)
	}
	return printable(strings.ToValidUTF8(text[:maxShown], "")) + "… (" + length(text) + ")"
}

func length(text string) string { return humanize.IBytes(uint64(len(text))) }

// word is the name of an enum's value as words, empty for the zero value.
func word(value fmt.Stringer, prefix string) string {
	name := strings.TrimPrefix(value.String(), prefix)
	if name == "UNSPECIFIED" {
		return ""
	}
	return strings.ToLower(strings.ReplaceAll(name, "_", " "))
}

// cause tells why a connection was lost, to follow that it was.
func cause(end *beckon.EndError) string {
	return reason(strings.ToLower(strings.ReplaceAll(string(end.Reason), "_", " ")), end.Detail)
}

// reason joins what is known of why something happened, to follow what happened.
func reason(word, detail string) string {
	switch {
	case word == "" && detail == "":
		return ""
	case detail == "":
		return ": " + word
	case word == "":
		return ": " + shown(detail)
	}
	return ": " + word + ", " + shown(detail)
}
