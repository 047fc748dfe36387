package broker_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/beckonrtc/beckon/server/broker"
	"github.com/beckonrtc/beckon/server/starting"
)

// address returns a free one.
func address(t *testing.T) string {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer lis.Close()
	return lis.Addr().String()
}

// file returns the path of a file with that text.
func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// use makes a stream on so many servers.
func use(t *testing.T, b *broker.Broker, replicas int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := b.WaitForLeader(ctx); err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(b.Conn())
	if err != nil {
		t.Fatal(err)
	}
	for {
		_, err = js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: "s", Subjects: []string{"s"}, Replicas: replicas})
		if err == nil || ctx.Err() != nil {
			break
		}
		time.Sleep(100 * time.Millisecond) // Not all servers are there.
	}
	if err == nil {
		_, err = js.Publish(ctx, "s", []byte("kept"))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestInside: a server inside the process keeps what it has over a restart, and lets nobody else in.
func TestInside(t *testing.T) {
	cfg := broker.Config{Name: "alone", Dir: t.TempDir(), MaxPayload: 3 << 20, Logger: slog.New(slog.DiscardHandler)}
	b, err := broker.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if takes := b.Conn().MaxPayload(); takes != 3<<20 {
		t.Errorf("it takes messages of %d bytes, want %d", takes, 3<<20)
	}
	use(t, b, 1)
	b.Close()
	heard := make(chan string, 1000)
	cfg.Logger = slog.New(slog.NewTextHandler(lines(heard), &slog.HandlerOptions{Level: slog.LevelDebug}))
	if b, err = broker.Open(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	js, err := jetstream.New(b.Conn())
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), "s")
	if err != nil || stream.CachedInfo().State.Msgs != 1 {
		t.Errorf("after a restart: %v", err)
	}
	addr := ""
	for addr == "" { // It was logged, since the server is ready.
		line := <-heard
		if strings.Contains(line, "password") {
			t.Errorf("it warns: %s", line)
		}
		_, addr, _ = strings.Cut(line, "Listening for client connections on ")
	}
	addr = strings.TrimRight(addr, "\"\n")
	_, err = broker.Open(t.Context(), broker.Config{Name: "stranger", URLs: []string{"nats://" + addr}, Logger: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "Authorization Violation") {
		t.Errorf("to a stranger at %s it says %v", addr, err)
	}
}

// TestCluster: three nodes' servers find each other if they share a secret.
func TestCluster(t *testing.T) {
	use(t, newGroup(t, "a", "b", "c").open("a", "b", "c")["a"], 3)
}

// postOffice returns the address of a server that speaks first, and not as NATS does.
func postOffice(t *testing.T) string {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lis.Close() })
	go func() {
		for {
			conn, err := lis.Accept()
			if err != nil {
				return
			}
			io.WriteString(conn, "220 mail.example.org ESMTP\r\n")
		}
	}()
	return lis.Addr().String()
}

// TestOpen: what cannot be is told.
func TestOpen(t *testing.T) {
	elsewhere, err := natsserver.NewServer(&natsserver.Options{Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, Username: "ana", Password: "secret", NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	elsewhere.Start()
	defer elsewhere.Shutdown()
	if !elsewhere.ReadyForConnections(10 * time.Second) {
		t.Fatal("NATS is not ready")
	}
	host := strings.TrimPrefix(elsewhere.ClientURL(), "nats://")
	website := httptest.NewTLSServer(nil) // For its certificate.
	defer website.Close()
	secured, err := natsserver.NewServer(&natsserver.Options{
		Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, TLSConfig: website.TLS, TLSTimeout: 10, NoLog: true, NoSigs: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	secured.Start()
	defer secured.Shutdown()
	if !secured.ReadyForConnections(10 * time.Second) {
		t.Fatal("NATS is not ready")
	}
	dir := t.TempDir()
	for name, c := range map[string]struct {
		cfg  broker.Config
		want string // Empty: it works.
	}{
		"elsewhere":                        {broker.Config{URLs: []string{"nats://ana:secret@" + host}}, ""},
		"a wrong password":                 {broker.Config{URLs: []string{"nats://ana:guess@" + host}}, "Authorization Violation: expected credentials"},
		"one there of two":                 {broker.Config{URLs: []string{"nats://" + address(t), "nats://ana:secret@" + host}}, ""},
		"one of two with a wrong password": {broker.Config{URLs: []string{"nats://" + address(t), "nats://ana:guess@" + host}}, "expected credentials"},
		"TLS where there is none":          {broker.Config{URLs: []string{"tls://ana:secret@" + host}}, "expected servers with TLS"},
		"a certificate of nobody":          {broker.Config{URLs: []string{secured.ClientURL()}}, "expected servers with a certificate of authorities"},
		"something else there":             {broker.Config{URLs: []string{"nats://ana:guess@" + postOffice(t)}}, "expected the address at which NATS takes clients"},
		"no address":                       {broker.Config{URLs: []string{"nats://ana:guess@127.0.0.1:none"}}, "address 1 of NATS: invalid port"},
		"no port there":                    {broker.Config{URLs: []string{"nats://ana:guess@127.0.0.1:99999"}}, "invalid port"},
		"no credentials":                   {broker.Config{URLs: []string{elsewhere.ClientURL()}, CredsFile: "/nowhere"}, "credentials for NATS"},
		"no authorities":                   {broker.Config{URLs: []string{elsewhere.ClientURL()}, CAFile: file(t, "none")}, "expected certificates in PEM"},
		"no secret":                        {broker.Config{Dir: dir, ClusterAddr: "0.0.0.0:6222", Peers: []string{"10.0.0.1:6222"}}, "expected a secret that the servers share"},
		"a short secret":                   {broker.Config{Dir: dir, ClusterAddr: "127.0.0.1:6222", SecretFile: file(t, "short")}, "has 5 bytes: expected 32 or more"},
		"no port":                          {broker.Config{Dir: dir, ClusterAddr: "127.0.0.1"}, "missing port"},
		"half of a TLS":                    {broker.Config{Dir: dir, ClusterAddr: "127.0.0.1:6222", CertFile: file(t, "none"), KeyFile: file(t, "none")}, "certificate for NATS"},
	} {
		c.cfg.Name, c.cfg.Logger = "node", slog.New(slog.DiscardHandler)
		b, err := broker.Open(t.Context(), c.cfg)
		if err == nil {
			b.Close()
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "guess") {
			t.Errorf("%s: the error shows a password: %v", name, err)
		}
	}
}

// TestOpenWaits: servers elsewhere that are not there are waited for, which is told.
func TestOpenWaits(t *testing.T) {
	heard := make(chan string, 100)
	cfg := broker.Config{Name: "node", URLs: []string{"nats://ana:secret@" + address(t)}, Logger: slog.New(slog.NewTextHandler(lines(heard), nil))}
	cfg.Waiting = starting.New(cfg.Logger)
	type opened struct {
		*broker.Broker
		error
	}
	done := make(chan opened, 1)
	open := func(ctx context.Context) {
		b, err := broker.Open(ctx, cfg)
		done <- opened{b, err}
	}
	expect := func(want string) {
		t.Helper()
		timeout := time.After(10 * time.Second)
		for {
			select {
			case line := <-heard:
				if strings.Contains(line, want) {
					return
				}
			case o := <-done:
				t.Fatalf("Open returned %v", o.error)
			case <-timeout:
				t.Fatalf("%q is not logged in 10 s", want)
			}
		}
	}

	// Until it is no longer wanted.
	ctx, cancel := context.WithCancelCause(t.Context())
	go open(ctx)
	expect("waiting for NATS at nats://ana:xxxxx@127.0.0.1")
	if told := cfg.Waiting.String(); !strings.Contains(told, "waiting for NATS at nats://ana:xxxxx@127.0.0.1") || !strings.Contains(told, "no servers available") {
		t.Errorf("what is waited for is told as %q", told)
	}
	enough := errors.New("enough")
	cancel(enough)
	if o := <-done; !errors.Is(o.error, enough) {
		t.Errorf("Open returned %v, want %v", o.error, enough)
	}

	// Until it is there.
	cfg.Waiting = starting.New(cfg.Logger)
	go open(t.Context())
	expect("waiting for NATS")
	_, port, err := net.SplitHostPort(strings.TrimPrefix(cfg.URLs[0], "nats://ana:secret@"))
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	late, err := natsserver.NewServer(&natsserver.Options{Host: "127.0.0.1", Port: number, Username: "ana", Password: "secret", NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	late.Start()
	defer late.Shutdown()
	o := <-done
	if o.error != nil {
		t.Fatal(o.error)
	}
	defer o.Close()
	if told := cfg.Waiting.String(); told != "" {
		t.Errorf("in the end it is told that %q", told)
	}
	expect("no longer waiting for NATS")
}

// lines is a writer that hands on each line of a log.
type lines chan<- string

func (l lines) Write(line []byte) (int, error) {
	l <- string(line)
	return len(line), nil
}
