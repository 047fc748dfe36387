//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/shirou/gopsutil/v4/process"
	"github.com/spf13/cobra"

	"github.com/beckonrtc/beckon/cmd/beckon/bench"
)

// startsItself makes the servers that a bench starts be this test binary. With the race detector a process waits for a
// second before it ends, unless it is told not to.
func startsItself(t *testing.T) {
	t.Setenv("RUN_AS_BECKON", "1")
	t.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0")
}

// runBench runs a bench that must succeed, and returns its report.
func runBench(t *testing.T, line string) (report bench.Report) {
	t.Helper()
	startsItself(t)
	code, stdout, stderr := runBeckon(t, append([]string{"bench"}, strings.Fields(line+" --json")...)...)
	if code != exitOK {
		t.Fatalf("bench %s: exit code %d\n%s", line, code, stderr)
	}
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		t.Fatalf("bench %s: %v\n%s", line, err, stdout)
	}
	return report
}

// TestBench: in each work, on both transports, each message that was sent came once, and all was done that was asked for.
func TestBench(t *testing.T) {
	for _, c := range []struct {
		line   string
		due    uint64 // What was due in all, begun or not. 0: as often as there was time for.
		each   uint64 // Messages that come of each that was begun.
		events uint64 // 0: they are not looked at.
	}{
		{"calls --pairs 3 --duration 50ms --warm-up 10ms", 0, 0, 0},
		{"calls --pairs 4 --duration 100ms --warm-up 0s --rate 200", 20, 18, 0},
		{"relay --pairs 3 --duration 100ms --warm-up 0s --rate 200", 20, 1, 0},
		{"idle --sessions 12 --duration 10ms", 12, 0, 0},
		{"room --sessions 12", 12, 0, 12 + 12*11/2}, // To each the list, and who comes after.
		{"room --sessions 12 --presence full", 12, 0, 0},
		{"room --sessions 12 --presence none", 12, 0, 12},
		{"room --sessions 12 --joins 3", 3, 0, 3 + 9 + 10 + 11},
		{"room --sessions 12 --joins 3 --presence full", 3, 0, 0},
		{"storm --sessions 25", 22, 5, 0},                                                           // The first of each room stays.
		{"broadcast --sessions 5 --room-size 2 --duration 100ms --warm-up 0s --rate 100", 10, 1, 0}, // One is alone.
		{"broadcast --sessions 5 --duration 50ms --warm-up 0s", 0, 0, 0},
	} {
		for _, transport := range []string{"grpc", "web"} {
			t.Run(c.line+" "+transport, func(t *testing.T) {
				r := runBench(t, c.line+" --transport "+transport).Results[0]
				if r.Latency == nil || r.Latency.P50 <= 0 || r.Latency.Max < r.Latency.P50 {
					t.Fatalf("latency %+v", r.Latency)
				}
				due := uint64(r.Latency.Count)
				if r.Done == 0 || r.Done > due || c.due > 0 && due != c.due {
					t.Errorf("%d were done of %d, want %d", r.Done, due, c.due)
				}
				if r.Sent != r.Delivered || c.each > 0 && r.Sent != c.each*(due-r.Missed) {
					t.Errorf("%d messages were sent and %d delivered, for %d that were begun", r.Sent, r.Delivered, due-r.Missed)
				}
				if c.due == 0 && r.Sent == 0 {
					t.Error("nothing was sent")
				}
				if c.events > 0 && r.Events != c.events {
					t.Errorf("there were %d events, want %d", r.Events, c.events)
				}
				if r.Transport != transport || r.Work != strings.Fields(c.line)[0] || r.Server != "beckon" {
					t.Errorf("it says that it is %s on %s with %s", r.Work, r.Transport, r.Server)
				}
				if r.RSS == 0 || r.Work != "idle" && r.CPUPerDone == 0 {
					t.Errorf("the server used %d bytes, and %v µs for each", r.RSS, r.CPUPerDone)
				}
				if r.Work == "room" && math.Abs(r.CPUPerEvent*float64(r.Events)-r.CPUPerDone*float64(r.Done)) > 1 {
					t.Errorf("%v µs for each of %d events, and %v for each of %d joins", r.CPUPerEvent, r.Events, r.CPUPerDone, r.Done)
				}
			})
		}
	}
}

// TestBenchJSON: others read these names.
func TestBenchJSON(t *testing.T) {
	startsItself(t)
	code, stdout, stderr := runBeckon(t, strings.Fields("bench calls --pairs 1 --duration 300ms --warm-up 0s --rate 100 --json")...)
	if code != exitOK {
		t.Fatal(stderr)
	}
	var report map[string]any
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		t.Fatal(err)
	}
	var names []string
	var collect func(prefix string, v any)
	collect = func(prefix string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, value := range v {
				names = append(names, prefix+name)
				collect(prefix+name+".", value)
			}
		case []any:
			for _, value := range v {
				collect(prefix, value)
			}
		}
	}
	collect("", report)
	slices.Sort(names)
	want := strings.Fields(`date go machine machine.arch machine.load_before machine.memory_bytes machine.os machine.processor machine.processors
		pinned results
		results.connections results.cpu_percent results.cpu_us_per_done results.cpu_us_per_relay results.delivered results.done
		results.done_per_second results.latency results.latency.count results.latency.max_ms results.latency.mean_ms
		results.latency.p50_ms results.latency.p90_ms results.latency.p999_ms results.latency.p99_ms results.pairs results.presence
		results.rate results.relays results.relays_per_second results.room_size results.rss_bytes results.seconds results.sent
		results.server results.servers results.sessions results.transport results.work version`)
	slices.Sort(want)
	names, want = slices.DeleteFunc(names, mayLack), slices.DeleteFunc(want, mayLack)
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

// mayLack tells which names a report has on some machines, or at some times, only.
func mayLack(name string) bool { return name == "machine.processor" || name == "results.missed" }

// TestBenchTable: a person reads what was measured; nothing of the progress where there is no terminal.
func TestBenchTable(t *testing.T) {
	startsItself(t)
	code, stdout, stderr := runBeckon(t, strings.Fields("bench storm --sessions 20")...)
	if code != exitOK || stderr != "" {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	for _, want := range []string{"storm ", "beckon, grpc", "20, on 20 connections, 10 to a room", "18 in ", "90 sent, 90 delivered", "p99 ", "µs for a resume", "server memory"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("there is no %q in\n%s", want, stdout)
		}
	}
}

// TestBenchAgainst: both servers are measured in turns, neither always first.
func TestBenchAgainst(t *testing.T) {
	report := runBench(t, "--against bare --pin=false --rounds 2 --pairs 2 --sessions 20 --duration 100ms --warm-up 0s")
	var order []string
	for _, r := range report.Results {
		how := r.Work
		if r.Rate > 0 {
			how = "at a rate"
		}
		order = append(order, r.Server+" "+how)
		if r.Sent != r.Delivered {
			t.Errorf("%s: %d messages were sent and %d delivered", r.Server, r.Sent, r.Delivered)
		}
	}
	want := []string{
		"beckon calls", "bare calls", "bare calls", "beckon calls",
		"beckon at a rate", "bare at a rate", "bare at a rate", "beckon at a rate",
		"beckon idle", "bare idle", "bare idle", "beckon idle",
	}
	if diff := cmp.Diff(want, order); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	if len(report.Comparison.Rows) != 4 || report.Comparison.Rounds != 2 {
		t.Fatalf("comparison %+v", report.Comparison)
	}
	for _, row := range report.Comparison.Rows[:3] { // So few idle sessions may cost nothing that can be seen.
		if row.Rounds != 2 || row.Beckon <= 0 || row.Bare <= 0 || row.Lowest > row.Ratio || row.Highest < row.Lowest {
			t.Errorf("row %+v", row)
		}
	}
	rates := map[float64]bool{}
	for _, r := range report.Results {
		rates[r.Rate] = true
	}
	if len(rates) != 2 {
		t.Errorf("rates %v: both are to be measured at the same", rates)
	}
}

// TestBenchSecured: with TLS and an access token, as a server that is not this machine's wants them.
func TestBenchSecured(t *testing.T) {
	dir := developmentCertificate(t)
	key := writeFile(t, testSecret)
	token := writeFile(t, makeToken(t, "--key", key, "--sub", "ana"))
	_, ports := startServer(t, "--token-key-file", key, "--tls-cert-file", filepath.Join(dir, "cert.pem"), "--tls-key-file", filepath.Join(dir, "key.pem"))
	for transport, port := range map[string]string{"grpc": ports["grpc"], "web": ports["web"]} {
		line := fmt.Sprintf("calls --pairs 1 --rate 2 --duration 500ms --warm-up 0s --transport %s --server %s --pid %d --ca %s", transport, port, os.Getpid(), filepath.Join(dir, "cert.pem"))
		r := runBench(t, line+" --token-file "+token).Results[0]
		if r.Done != 1 || r.Sent != 18 || r.Delivered != 18 || r.RSS == 0 {
			t.Errorf("%s: %+v", transport, r)
		}
		code, _, stderr := runBeckon(t, append([]string{"bench"}, strings.Fields(line)...)...)
		if code != exitFailed || !strings.Contains(stderr, "there is no access token") {
			t.Errorf("%s, without a token: exit code %d, %s", transport, code, stderr)
		}
	}
}

// TestBenchServers: the sessions of a pair are on different servers, and connections are shared as asked for.
func TestBenchServers(t *testing.T) {
	first, firstPorts := startServer(t)
	second, secondPorts := startServer(t)
	startsItself(t)
	// They know nothing of each other: the offer finds nobody.
	code, _, stderr := runBeckon(t, strings.Fields("bench calls --pairs 1 --server "+firstPorts["grpc"]+" --server "+secondPorts["grpc"])...)
	if code != exitFailed || !strings.Contains(stderr, "NO_SUCH_USER") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	for _, server := range []*program{first, second} {
		server.errs.expect(`"session opened"`)
		server.errs.expect(`"session ended"`)
	}
	r := runBench(t, "idle --sessions 6 --conns 2 --duration 10ms --server "+firstPorts["grpc"]).Results[0]
	remotes := map[string]bool{}
	for range 6 {
		var entry struct{ Remote string }
		if err := json.Unmarshal([]byte(first.errs.expect(`"session opened"`)), &entry); err != nil {
			t.Fatal(err)
		}
		remotes[entry.Remote] = true
	}
	if len(remotes) != 2 || r.Connections != 2 {
		t.Errorf("the sessions come from %v, and it says %d connections; want 2", remotes, r.Connections)
	}
}

// TestBenchCluster: of nodes that share a NATS it tells how long a message takes from one to another, and what that costs each of
// them, and NATS.
func TestBenchCluster(t *testing.T) {
	nats, key := freeAddress(t), writeFile(t, testSecret)
	startNATS(t, nats, &natsserver.Options{JetStream: true})
	line := fmt.Sprintf("relay --pairs 4 --rate 100 --duration 300ms --warm-up 10ms --broker-pid %d", os.Getpid())
	for range 2 {
		node, log := startProcess(t, "serve", "--grpc=127.0.0.1:0", "--web=off", "--admin=off", "--log-format=json", "--session-key-file="+key, "--nats=nats://"+nats)
		line += fmt.Sprintf(" --server %s --pid %d", awaitPort(log, "grpc"), node.Process.Pid)
		log.expect(`"ready"`)
	}
	r := runBench(t, line).Results[0]
	if r.Done != 30 || r.Latency.P50 <= 0 || len(r.CPUPerRelayOfEach) != 2 || min(r.CPUPerRelayOfEach[0], r.CPUPerRelayOfEach[1], r.CPUPerRelayOfBroker) <= 0 {
		t.Errorf("the result is %+v", r)
	}
}

// TestBenchRefused: a server that does not take the load ends the measurement, with its own words.
func TestBenchRefused(t *testing.T) {
	_, ports := startServer(t, "--max-messages-per-second", "1")
	code, _, stderr := runBeckon(t, strings.Fields("bench calls --pairs 1 --duration 1m --server "+ports["grpc"])...)
	if code != exitFailed || !strings.Contains(stderr, "RATE_LIMITED") || !strings.Contains(stderr, "a lower --rate") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	code, _, stderr = runBeckon(t, strings.Fields("bench calls --server 127.0.0.1:1")...)
	if code != exitFailed || !strings.Contains(stderr, "connection refused") {
		t.Errorf("where nobody listens: exit code %d, %s", code, stderr)
	}
}

// TestBenchInterrupted: on a terminal it shows how far it is. Ctrl-C ends it in order: what was measured is told, and the
// server that it has started is no more.
func TestBenchInterrupted(t *testing.T) {
	startsItself(t)
	before := children(t)
	screen, terminal := openPTY(t)
	p := startOn(t, terminal, "bench", "calls", "--pairs", "1", "--duration", "20s", "--warm-up", "0s")
	screen.expect("calls")
	screen.expect("|")
	started := slices.DeleteFunc(children(t), func(pid int32) bool { return slices.Contains(before, pid) })
	if len(started) != 1 {
		t.Errorf("it has started the processes %v, want one", started)
	}
	p.interrupt(interruption{syscall.SIGINT})
	p.out.expect("calls ")
	p.out.expect("interrupted: ")
	screen.expect("beckon: ended by signal: interrupt")
	p.expectExit(exitSignal + int(syscall.SIGINT))
	for _, pid := range started {
		if alive, err := process.PidExists(pid); err != nil || alive {
			t.Errorf("the server %d: alive %t, %v", pid, alive, err)
		}
	}
}

// startOn is start with a terminal for what is not output.
func startOn(t *testing.T, terminal *os.File, args ...string) *program {
	t.Helper()
	ctx, interrupt := context.WithCancelCause(context.Background())
	stdout, printed := io.Pipe()
	p := &program{t: t, out: newOutput(t, stdout), interrupt: interrupt, code: make(chan int, 1)}
	go func() {
		p.code <- run(ctx, args, strings.NewReader(""), printed, terminal)
		printed.Close()
	}()
	t.Cleanup(func() { interrupt(interruption{syscall.SIGINT}) })
	return p
}

// children returns the processes that this one has started.
func children(t *testing.T) (pids []int32) {
	t.Helper()
	this, err := process.NewProcess(int32(os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	all, err := this.Children()
	if err != nil {
		t.Fatal(err)
	}
	for _, child := range all {
		pids = append(pids, child.Pid)
	}
	return pids
}

func TestBenchPlot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "calls.svg")
	report := runBench(t, "calls --pairs 1 --duration 100ms --warm-up 0s --plot "+path)
	for i, r := range report.Results {
		if r.Sent != r.Delivered || (i > 0) != (r.Rate > 0) || i > 1 && r.Rate <= report.Results[i-1].Rate {
			t.Errorf("result %d: rate %v, %d messages were sent and %d delivered", i, r.Rate, r.Sent, r.Delivered)
		}
	}
	if text, err := os.ReadFile(path); err != nil || !strings.Contains(string(text), "calls per second") {
		t.Errorf("the plot: %v\n%s", err, text)
	}
}

func TestBenchCurves(t *testing.T) {
	startsItself(t)
	dir := filepath.Join(t.TempDir(), "curves")
	code, stdout, stderr := runBeckon(t, append(strings.Fields("bench curves --pairs 2 --sessions 20 --room-size 4 --duration 20ms --warm-up 0s --out"), dir)...)
	if code != exitOK || stderr != "" {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	if !strings.Contains(stdout, dir) {
		t.Errorf("it does not tell where the curves are: %s", stdout)
	}
	text, err := os.ReadFile(filepath.Join(dir, "curves.json"))
	if err != nil {
		t.Fatal(err)
	}
	var report bench.Report
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range report.Results {
		got = append(got, fmt.Sprintf("%s %s %d on %d", r.Work, r.Presence, r.Sessions, r.Connections))
	}
	want := []string{
		"calls delta 2 on 2", "calls delta 4 on 4",
		"room delta 2 on 2", "room delta 4 on 4", "room full 2 on 2", "room full 4 on 4",
		"idle delta 100 on 10", "idle delta 20 on 20", "storm delta 20 on 20",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	for _, name := range []string{"relays", "calls", "join-cpu", "join-time", "memory", "storm"} {
		if _, err := os.Stat(filepath.Join(dir, name+".svg")); err != nil {
			t.Error(err)
		}
	}
}

// TestBenchDocumented: the command lines of docs/performance.md and of the help are some.
func TestBenchDocumented(t *testing.T) {
	lines := strings.Split(newBench().Example, "\n")
	for _, b := range readBlocks(t, "docs/performance.md") {
		if b.lang == "sh" {
			lines = append(lines, strings.Split(b.text, "\n")...)
		}
	}
	n := 0
	for _, line := range lines {
		args, ok := strings.CutPrefix(strings.TrimPrefix(strings.TrimSpace(line), "bin/"), "beckon bench ")
		if !ok {
			continue
		}
		n++
		cmd := newBench()
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			flags := benchFlags{against: cmd.Flag("against").Value.String(), plot: cmd.Flag("plot").Value.String(), out: cmd.Flag("out").Value.String()}
			if len(args) > 0 {
				flags.work = args[0]
			}
			if names, err := cmd.Flags().GetStringArray("server"); err == nil {
				flags.servers = names
			}
			return flags.check(cmd.Flags())
		}
		cmd.SetArgs(strings.Fields(args))
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		if err := cmd.Execute(); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	if n < 10 {
		t.Errorf("there are only %d command lines", n)
	}
}

func TestBenchUsage(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"bench", "bench: expected calls, relay, idle, room, storm, broadcast or curves"},
		{"bench call", `bench: there is no work "call": expected calls, relay, idle, room, storm, broadcast or curves`},
		{"bench calls idle", `bench: unexpected argument "idle"; "beckon bench --help" tells more`},
		{"bench calls --pairs 0", `--pairs: "0": expected a whole number from 1 to 536870911`},
		{"bench calls --rate -1", `--rate: "-1": expected a number above 0`},
		{"bench calls --rate NaN", `--rate: "NaN": expected a number above 0`},
		{"bench calls --duration 1ms", `--duration: "1ms": expected a duration of at least 10ms, such as 30s or 1m30s`},
		{"bench calls --transport udp", `--transport: "udp": expected grpc or web`},
		{"bench calls --sessions 5", "--sessions has no effect on calls: it goes with idle, room, storm, broadcast, curves, --against"},
		{"bench idle --rate 5", "--rate has no effect on idle: it goes with calls, relay, broadcast"},
		{"bench storm --conns 5", "--conns has no effect on storm: it goes with calls, relay, idle, room, broadcast, --against"},
		{"bench curves --server localhost:50051 --out x", "--server has no effect on curves: it goes with calls, relay, idle, room, storm, broadcast"},
		{"bench curves", "curves: expected --out, the directory to put them into"},
		{"bench --against none", "bench: expected a WORK, or --against bare"},
		{"bench calls --rounds 3", "--rounds: expected --against bare, too"},
		{"bench calls --against bare --rate 5", "--against chooses the rate: it does not go with --rate"},
		{"bench calls --against bare --plot x.svg", "--against does not go with --plot"},
		{"bench calls --against bare --server localhost:50051", "--against starts servers itself: it does not go with --server"},
		{"bench calls --plot x.svg --rate 5", "--plot draws many rates: it does not go with --rate"},
		{"bench calls --plot x.html", "--plot: expected a file that ends in .svg or .png"},
		{"bench calls --pid 1", "--pid: expected one for each --server"},
		{"bench calls --broker-pid 1", "--broker-pid: expected --server, too: a server of its own has no NATS"},
		{"bench idle --broker-pid 1", "--broker-pid has no effect on idle: it goes with calls, relay, broadcast"},
		{"bench calls --tls", "--plaintext, --tls, --ca, --cert, --key and --token-file: expected --server, too: a server of its own is spoken to in plaintext, and lets everybody in"},
		{"bench calls --pin --server localhost:50051", "--pin does not go with --server: the server is where it is"},
		{"bench calls --transport web --conns 5", "--conns: on the web each session has a connection of its own"},
		{"bench room --sessions 5 --joins 6", "--joins: expected no more than --sessions"},
		{"bench calls --server localhost", `--server: "localhost": expected HOST:PORT, such as localhost:50051 or :50051`},
		{"bench calls --server localhost:1 --cert cert.pem", "--cert and --key: expected both, or none"},
		{"bench calls --server localhost:1 --transport web --cert cert.pem --key key.pem", "--cert: on the web certificates of clients are not asked for"},
		{"bench calls --server localhost:1 --ca missing.pem", "--ca: open missing.pem: no such file or directory"},
		{"bench calls --server localhost:1 --token-file missing", "--token-file: open missing: no such file or directory: expected a file with what \"beckon token\" prints"},
		{"bench bare now", `bare: unexpected argument "now"; "beckon bench bare --help" tells more`},
	} {
		code, stdout, stderr := runBeckon(t, strings.Fields(tt.line)...)
		if code != exitUsage || stderr != "beckon: "+tt.want+"\n" || stdout != "" {
			t.Errorf("%s: exit code %d\ngot  %swant beckon: %s\n%s", tt.line, code, stderr, tt.want, stdout)
		}
	}
	code, _, stderr := runBeckon(t, "bench", "idle", "--sessions", "500000000")
	if code != exitUsage || !strings.Contains(stderr, "this needs 500000000 connections") {
		t.Errorf("more sessions than files: exit code %d, %s", code, stderr)
	}
}
