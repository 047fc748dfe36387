package hub

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestNews: in a room of many, changes that come soon after one another are told of together. Yet a member that is sent
// something else has been told of all that came before, and who comes has a list instead.
func TestNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startHub(t, Config{})
		pause := func() { time.Sleep(time.Second) }
		members := make([]*client, 100)
		for i := range members {
			members[i] = open(t, h)
			members[i].join("hall", delta)
		}
		pause()
		spokenTo, silent := members[0], members[1]
		heard := func(c *client) (all []string) {
			for _, e := range c.take() {
				switch {
				case e.GetUserJoined() != nil:
					all = append(all, "joined "+e.GetUserJoined().GetUser().GetId())
				case e.GetUserLeft() != nil:
					all = append(all, "left "+e.GetUserLeft().GetUser().GetId())
				case e.GetDataReceived() != nil:
					all = append(all, "data "+e.GetDataReceived().GetSender().GetId())
				case e.GetJoinedUsers() != nil:
					all = append(all, fmt.Sprint("list ", len(e.GetJoinedUsers().GetUsers())))
				}
			}
			return all
		}
		check := func(who string, c *client, want ...string) {
			t.Helper()
			if got := heard(c); !slices.Equal(got, want) {
				t.Errorf("%s has heard %q, want %q", who, got, want)
			}
		}
		heard(spokenTo)
		heard(silent)

		first, second, third := open(t, h), open(t, h), open(t, h)
		first.join("hall", delta)
		second.join("hall", delta)
		check("the second", second, "list 102")
		third.join("hall", delta)
		second.ask(data(1, spokenTo.ID(), "hall", "hello"))
		check("who is spoken to", spokenTo, "joined "+first.ID(), "joined "+second.ID(), "joined "+third.ID(), "data "+second.ID())
		check("who is not", silent, "joined "+first.ID())
		first.Leave()
		pause()
		check("who was spoken to, later,", spokenTo, "left "+first.ID())
		check("who was not, later,", silent, "joined "+second.ID(), "joined "+third.ID(), "left "+first.ID())
		check("the second, later,", second, "joined "+third.ID(), "left "+first.ID())
		if err := checkConsistency(h); err != nil {
			t.Error(err)
		}
	})
}
