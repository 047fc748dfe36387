package natslog_test

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/beckonrtc/beckon/server/roomlog/natslog"
)

// listener closes heard when words are logged.
type listener struct {
	words string
	heard chan struct{}
	once  sync.Once
}

func listenFor(words string) *listener { return &listener{words: words, heard: make(chan struct{})} }

// logger returns what is listened to.
func (l *listener) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func (l *listener) Write(line []byte) (int, error) {
	if strings.Contains(string(line), l.words) {
		l.once.Do(func() { close(l.heard) })
	}
	return len(line), nil
}

// both is two listeners to one log.
type both [2]*listener

func (b both) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(io.MultiWriter(b[0], b[1]), nil))
}

func (l *listener) wait(t *testing.T) {
	t.Helper()
	select {
	case <-l.heard:
	case <-time.After(15 * time.Second):
		t.Fatalf("%q is not logged in 15 s", l.words)
	}
}

// TestOpenBeforeLeader: NATS servers that have no leader do not answer. Whoever has asked them asks again.
func TestOpenBeforeLeader(t *testing.T) {
	servers := newNATSCluster(t)
	begin := func(s *server.Server) {
		s.Start()
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		if !s.ReadyForConnections(10 * time.Second) {
			t.Fatal("NATS is not ready in 10 s")
		}
	}
	begin(servers[0])
	waiting := listenFor("waiting for JetStream")
	nc := connect(t, servers[0].ClientURL())
	opened := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		log, err := natslog.Open(ctx, nc, natslog.Options{Shards: 1, Replicas: 3, Logger: waiting.logger()})
		if err == nil {
			err = log.Close()
		}
		opened <- err
	}()
	waiting.wait(t)
	begin(servers[1])
	begin(servers[2])
	if err := <-opened; err != nil {
		t.Error(err)
	}
}

// TestEndWithoutJetStream: a node to which JetStream is lost, though NATS is there, notices that its feed is interrupted,
// and can end.
func TestEndWithoutJetStream(t *testing.T) {
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("NATS is not ready in 10 s")
	}
	interrupted := listenFor("the feed of the room log was interrupted")
	_, _, stop := follow(t, connect(t, s.ClientURL()), "a", natslog.Options{Shards: 1, Logger: interrupted.logger()})
	if err := s.DisableJetStream(); err != nil {
		t.Fatal(err)
	}
	interrupted.wait(t)
	stop()
}

// TestOpenRefused: what no waiting mends ends it, and is told with what was expected.
func TestOpenRefused(t *testing.T) {
	narrow := &server.Permissions{Publish: &server.SubjectPermission{Allow: []string{"other.>"}}}
	reader := &server.Permissions{Publish: &server.SubjectPermission{Allow: []string{"$JS.API.>", "_INBOX.>"}}}
	for name, c := range map[string]struct {
		opts server.Options
		want string
	}{
		"a user who may not write":   {server.Options{JetStream: true, Users: []*server.User{{Username: "ana", Password: "secret", Permissions: reader}}}, "expected permission to publish and to subscribe to b.>"},
		"no JetStream":               {server.Options{}, "NATS has no JetStream"},
		"an account without it":      {server.Options{JetStream: true, Accounts: []*server.Account{server.NewAccount("poor")}}, "an account that may use it"},
		"a user who may not publish": {server.Options{JetStream: true, Users: []*server.User{{Username: "ana", Password: "secret", Permissions: narrow}}}, "expected permission to publish and to subscribe to b.>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := c.opts
			opts.Host, opts.Port, opts.StoreDir, opts.NoSigs, opts.NoLog = "127.0.0.1", server.RANDOM_PORT, t.TempDir(), true, true
			if opts.Accounts != nil {
				opts.Users = []*server.User{{Username: "ana", Password: "secret", Account: opts.Accounts[0]}}
			}
			s, err := server.NewServer(&opts)
			if err != nil {
				t.Fatal(err)
			}
			s.Start()
			t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
			if !s.ReadyForConnections(10 * time.Second) {
				t.Fatal("NATS is not ready in 10 s")
			}
			nc, err := nats.Connect(s.ClientURL(), nats.UserInfo("ana", "secret"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(nc.Close)
			waiting := listenFor("NATS has no JetStream, or not yet")
			_, err = natslog.Open(t.Context(), nc, natslog.Options{Prefix: "b", Shards: 1, Logger: waiting.logger()})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Open: %v, want %q", err, c.want)
			}
			if !opts.JetStream {
				waiting.wait(t)
			}
		})
	}
}
