//go:build unix

package deploy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server"
)

const (
	dashboard = "grafana/beckon.json"
	alerts    = "prometheus/alerts.yaml"
)

// TestDashboard: the dashboard and the alerts ask for what servers expose, a single one, one with a TURN server and a node of a
// cluster, and everything that Beckon counts is on the dashboard. What is misspelt is found.
func TestDashboard(t *testing.T) {
	lint := buildPromlint(t)
	scraped := scrapeServers(t)

	t.Run("as it is", func(t *testing.T) {
		if found, ok := lint(t, scraped, dashboard, alerts); !ok {
			t.Errorf("problems:\n%s", found)
		}
	})

	for _, c := range []struct {
		name, file, old, new, want string
	}{
		{"a metric that is not there", dashboard, "beckon_outbox_bytes", "beckon_outbox_size", `no metric is called "beckon_outbox_size"`},
		{"a metric of a cluster that is not there", dashboard, "beckon_log_lag", "beckon_log_lags", `no metric is called "beckon_log_lags"`},
		{"a part of a histogram that is not there", dashboard, "beckon_relay_seconds_bucket", "beckon_relay_seconds_buckets", "no metric is called"},
		{"a label that is not there", dashboard, `{instance=~`, `{instanse=~`, `no label "instanse"`},
		{"a value that there never is", dashboard, `outcome=\"failure\"`, `outcome=\"failed\"`, "beckon_messages_total never has"},
		{"a group by nothing", dashboard, "by (kind)", "by (kin)", "groups by kin"},
		{"a legend that tells nothing", dashboard, "{{resumption}}", "{{resumptoin}}", `the legend tells the label "resumptoin"`},
		{"a rate of a gauge", dashboard, "rate(beckon_events_sent_total", "rate(beckon_sessions", "which is no counter"},
		{"no expression", dashboard, "histogram_quantile(0.5,", "histogram_quantile(0.5", "parse error"},
		{"a variable that is not there", dashboard, `=~\"$instance\"`, `=~\"$node\"`, `no variable "node"`},
		{"something that is not shown", dashboard, "beckon_rooms", "beckon_streams", "beckon_rooms is exposed"},
		{"a metric that is not there, in an alert", alerts, "beckon_ready", "beckon_readyness", `no metric is called "beckon_readyness"`},
		{"a label that is not there, in an alert", alerts, "on (job, instance)", "on (job, host)", "names labels that one side does not have"},
		{"a value that there never is, in an alert", alerts, "slow_consumer", "slowconsumer", "never has"},
		{"a text that tells nothing", alerts, "of the resumes on {{ $labels.instance }}", "of the resumes on {{ $labels.host }}", `tells the label "host"`},
		{"an alert that does not say what to do", alerts, "description: >-", "advice: >-", "it has no description"},
		{"sides that never meet", alerts, "beckon_sessions / beckon_sessions_max", "beckon_messages_total / beckon_sessions_max", "never meet"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, err := os.ReadFile(c.file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Contains(text, []byte(c.old)) {
				t.Fatalf("%s does not have %s", c.file, c.old)
			}
			changed := filepath.Join(t.TempDir(), filepath.Base(c.file))
			if err := os.WriteFile(changed, bytes.ReplaceAll(text, []byte(c.old), []byte(c.new)), 0o600); err != nil {
				t.Fatal(err)
			}
			files := map[string][]string{dashboard: {changed, alerts}, alerts: {dashboard, changed}}[c.file]
			if found, ok := lint(t, scraped, files...); ok || !strings.Contains(found, c.want) {
				t.Errorf("found %q, want %q", found, c.want)
			}
		})
	}
}

// TestMetricsDocumented: docs/observability.md has all metrics of Beckon's, and no others.
func TestMetricsDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/observability.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(beckon_[a-z_]+)`").FindAllSubmatch(text, -1) {
		documented[string(row[1])] = true
	}
	exposed := map[string]bool{}
	for _, path := range scrapeServers(t) {
		scraped, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, help := range regexp.MustCompile(`(?m)^# HELP (beckon_[a-z_]+) `).FindAllSubmatch(scraped, -1) {
			exposed[string(help[1])] = true
		}
	}
	for name := range exposed {
		if !documented[name] {
			t.Errorf("%s is not documented", name)
		}
	}
	for name := range documented {
		if !exposed[name] {
			t.Errorf("%s is documented, but no server has it", name)
		}
	}
}

// buildPromlint builds what checks. It is a module of its own, for what it depends on.
func buildPromlint(t *testing.T) (lint func(t *testing.T, scraped []string, files ...string) (problems string, ok bool)) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "promlint")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-C", "../tools/promlint", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("build promlint: %v\n%s", err, out)
	}
	return func(t *testing.T, scraped []string, files ...string) (string, bool) {
		t.Helper()
		args := []string{"-all", "beckon_"}
		for _, s := range scraped {
			args = append(args, "-metrics", s)
		}
		out, err := exec.CommandContext(t.Context(), program, append(args, files...)...).Output()
		exit, failed := errors.AsType[*exec.ExitError](err)
		if err != nil && (!failed || exit.ExitCode() != 1) {
			t.Fatalf("promlint: %v", err)
		}
		return string(out), err == nil
	}
}

// cluster is the configuration of a node that has a NATS server inside this process.
func cluster(t *testing.T) server.Config {
	t.Helper()
	broker, err := natsserver.NewServer(&natsserver.Options{
		Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	broker.Start()
	t.Cleanup(func() { broker.Shutdown(); broker.WaitForShutdown() })
	if !broker.ReadyForConnections(patience) {
		t.Fatal("NATS is not ready")
	}
	nc, err := nats.Connect(broker.ClientURL(), nats.MaxReconnects(-1), nats.ReconnectBufSize(-1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(strings.Repeat("key ", 10)), 0o600); err != nil {
		t.Fatal(err)
	}
	return server.Config{SessionKeyFile: key, Cluster: &server.Cluster{NATS: nc, Shards: 1}}
}

// scrapeServers returns files with what a server that is alone, one with a TURN server, and a node of a cluster tell Prometheus.
func scrapeServers(t *testing.T) []string {
	t.Helper()
	turn := server.Config{TURNAddr: "127.0.0.1:0"}
	return []string{scrapeServer(t, server.Config{}), scrapeServer(t, turn), scrapeServer(t, cluster(t))}
}

// scrapeServer runs a server until the test ends, lets two users call each other, and returns a file with what the admin port
// then tells Prometheus.
func scrapeServer(t *testing.T, cfg server.Config) (path string) {
	t.Helper()
	lines := make(logLines, 1000) // More than the test causes.
	cfg.Logger = slog.New(slog.NewJSONHandler(lines, nil))
	cfg.GRPCAddr, cfg.WebAddr, cfg.AdminAddr = "127.0.0.1:0", "off", "127.0.0.1:0"
	srv, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- srv.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	ports := lines.ports(t)

	conn, err := grpc.NewClient("passthrough:///"+ports["grpc"], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	ana, bob := connect(t, conn), connect(t, conn)
	ana.join("lobby")
	to := bob.join("lobby")
	ana.send(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Offer{Offer: &beckonv1.Offer{To: to, CallId: "1", Sdp: "v=0"}}})
	bob.until(func(e *beckonv1.ConnectResponse) bool { return e.GetCallMade() != nil })

	response, err := http.Get("http://" + ports["admin"] + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s %v", response.Status, err)
	}
	path = filepath.Join(t.TempDir(), "metrics")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// ports returns where a server listens, as the log has it.
func (l logLines) ports(t *testing.T) map[string]string {
	t.Helper()
	ports := map[string]string{}
	for {
		var line struct{ Msg, Port, Addr string }
		if err := json.Unmarshal(<-l, &line); err != nil {
			t.Fatal(err)
		}
		switch line.Msg {
		case "listening":
			ports[line.Port] = line.Addr
		case "ready":
			return ports
		}
	}
}
