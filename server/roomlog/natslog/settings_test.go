package natslog_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/roomlog/natslog"
)

// TestSettings: a node with other settings than those that are there is refused, unless they may differ: then the status
// tells. Those that have gone, in order or not, are not asked.
func TestSettings(t *testing.T) {
	url := startNATS(t)
	with := func(window, key string) natslog.Options {
		return natslog.Options{Shards: 1, Lease: time.Second, Settings: []natslog.Setting{{Name: "a key", Value: key}, {Name: "a window of", Value: window}}}
	}
	open := func(opts natslog.Options) error {
		log, err := natslog.Open(t.Context(), connect(t, url), opts)
		if err == nil {
			err = log.Close()
		}
		return err
	}
	nc := connect(t, url)
	warned := listenFor("a node differs")
	first := with("30s", "k")
	first.Logger = warned.logger()
	a, told, _ := follow(t, nc, "a", first)
	if err := open(with("30s", "k")); err != nil {
		t.Errorf("the same settings: %v", err)
	}
	err := open(with("5s", "k"))
	if _, differ := errors.AsType[*natslog.DifferError](err); !differ || !strings.Contains(err.Error(), " has a window of 30s, and this one 5s: expected the same") ||
		!strings.Contains(err.Error(), "node a.") || strings.Contains(err.Error(), "a key") {
		t.Errorf("another window: %v", err)
	}
	err = open(with("5s", "l"))
	if want := " has a key k, and this one l, a window of 30s, and this one 5s: expected"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("both: %v, want %q", err, want)
	}

	rolling := with("5s", "k")
	rolling.MayDiffer = true
	_, _, stop := follow(t, connect(t, url), "b", rolling)
	told.wait(t, "b comes", func(e roomlog.Event) bool { return strings.HasPrefix(e.Node, "b.") && e.Up })
	warned.wait(t)
	if s := a.Status(t.Context()); s.Nodes[0].Differs != "" || !strings.Contains(s.Nodes[1].Differs, "has a window of 5s, and this one 30s") {
		t.Errorf("the nodes are told as %+v", s.Nodes)
	}
	stop() // In order.
	if err := open(with("30s", "k")); err != nil {
		t.Errorf("after that node has gone: %v", err)
	}
	nc.Close() // As if it was killed: its lease still says that it is up.
	if err := open(with("5s", "l")); err != nil {
		t.Errorf("after all nodes have gone: %v", err)
	}
}
