package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// network is the way between clients and a server, as a proxy that can fail. Its address stays the same.
type network struct {
	// Immutable.
	addr  string // Where clients connect.
	proxy *toxiproxy.Proxy
}

// upstream is the direction from the clients to the server, downstream the other.
const (
	upstream   = "upstream"
	downstream = "downstream"
)

// toxic is one way to fail, as toxiproxy describes it.
type toxic struct {
	Type       string         `json:"type"`
	Stream     string         `json:"stream"`
	Attributes map[string]int `json:"attributes"`
}

// newNetwork opens a way to the server at addr, which the end of the test closes.
func newNetwork(t *testing.T, addr string) *network {
	t.Helper()
	api := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	n := &network{proxy: toxiproxy.NewProxy(api, t.Name(), "127.0.0.1:0", addr)}
	n.open(t)
	n.addr = n.proxy.Listen
	t.Cleanup(n.proxy.Stop)
	return n
}

// open lets connections be made again after cut.
func (n *network) open(t *testing.T) {
	t.Helper()
	if err := n.proxy.Start(); err != nil {
		t.Fatal(err)
	}
}

// cut closes all connections and refuses new ones.
func (n *network) cut() { n.proxy.Stop() }

// poison has connections, those that there are and new ones, fail in some ways at once.
func (n *network) poison(t *testing.T, toxics ...toxic) {
	t.Helper()
	for _, each := range toxics {
		description, err := json.Marshal(each)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.proxy.Toxics.AddToxicJson(bytes.NewReader(description)); err != nil {
			t.Fatalf("%s: %v", description, err)
		}
	}
}

// heal ends what poison began.
func (n *network) heal() { n.proxy.Toxics.ResetToxics(context.Background()) }

func init() {
	zerolog.SetGlobalLevel(zerolog.Disabled) // Some toxics log whatever the proxy's logger is.
}
