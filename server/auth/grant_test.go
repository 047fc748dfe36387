package auth

import (
	"strings"
	"testing"
)

func TestMayJoin(t *testing.T) {
	for _, tt := range []struct {
		patterns, room string
		want           bool
	}{
		{"", "lobby", true},
		{"lobby", "lobby", true},
		{"lobby", "lobby2", false},
		{"lobby", "lobb", false},
		{"lobby", "Lobby", false},
		{"team-*", "team-1", true},
		{"team-*", "team-", true},
		{"team-*", "team", false},
		{"team-*", "a-team-1", false},
		{"*", "anything", true},
		{"lobby team-*", "team-1", true},
		{"lobby team-*", "hall", false},
		{"lobby", "", false},
	} {
		grant := Grant{Rooms: strings.Fields(tt.patterns)}
		if got := grant.MayJoin(tt.room); got != tt.want {
			t.Errorf("rooms %q: may join %q: %v, want %v", tt.patterns, tt.room, got, tt.want)
		}
	}
}

func TestMay(t *testing.T) {
	joinAndCall := Grant{Withheld: everything &^ (Join | Call)}
	for _, tt := range []struct {
		grant *Grant
		p     Permission
		want  bool
	}{
		{&Grant{}, everything, true},
		{&joinAndCall, Join, true},
		{&joinAndCall, Join | Call, true},
		{&joinAndCall, Call | Data, false},
		{&joinAndCall, UpdateName, false},
	} {
		if got := tt.grant.May(tt.p); got != tt.want {
			t.Errorf("withheld %q: may %q: %v, want %v", tt.grant.Withheld.Words(), tt.p.Words(), got, tt.want)
		}
	}
}

func TestOpen(t *testing.T) {
	grant, err := Open.Authenticate(t.Context(), Request{Token: "anything"})
	if err != nil || grant.Identity != "" || !grant.MayJoin("lobby") || !grant.May(everything) || grant.Admin {
		t.Errorf("granted %+v, error %v", grant, err)
	}
}
