package server

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/beckonrtc/beckon/server/auth"
)

// TestRevokeAcrossNodes: what one node of a cluster is asked to revoke is revoked on all.
func TestRevokeAcrossNodes(t *testing.T) {
	broker, key := startBroker(t), clusterKey(t)
	var nodes []*Server
	for n := range 3 {
		nc, err := nats.Connect(broker.ClientURL(), nats.MaxReconnects(-1), nats.ReconnectBufSize(-1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		s, err := New(Config{
			SessionKeyFile: key, TokenKeyFile: key, Logger: slog.New(slog.DiscardHandler),
			Cluster: &Cluster{NATS: nc, Node: fmt.Sprint("node", n), Shards: 1},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Shutdown(t.Context()) })
		nodes = append(nodes, s)
	}
	for deadline := time.Now().Add(10 * time.Second); len(nodes[0].cluster.Local().Nodes) < len(nodes); {
		if time.Now().After(deadline) {
			t.Fatal("the first node does not know the others in 10 s")
		}
		<-time.After(10 * time.Millisecond)
	}
	w := httptest.NewRecorder()
	nodes[0].revoke(w, httptest.NewRequest("POST", "/revoke", strings.NewReader("# lost\nsub:ana\njti:7\n")))
	if want := "revoked 2 here and on 2 other nodes"; w.Code != http.StatusOK || !strings.HasPrefix(w.Body.String(), want) {
		t.Errorf("%d %q, want %q", w.Code, w.Body, want)
	}
	for n, s := range nodes {
		if !s.access.revocations.Revoked(&auth.Grant{Identity: "ana"}) || !s.access.revocations.Revoked(&auth.Grant{Identity: "bob", TokenID: "7"}) {
			t.Errorf("on node %d not everything is revoked", n)
		}
	}
	w = httptest.NewRecorder()
	nodes[0].revoke(w, httptest.NewRequest("POST", "/revoke", strings.NewReader("nobody")))
	if w.Code != http.StatusBadRequest {
		t.Errorf("nonsense: %d, want %d", w.Code, http.StatusBadRequest)
	}
}
