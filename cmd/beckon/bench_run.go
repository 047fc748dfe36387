package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/beckonrtc/beckon/cmd/beckon/bench"
	"github.com/beckonrtc/beckon/cmd/beckon/bench/load"
	"github.com/beckonrtc/beckon/cmd/beckon/bench/process"
)

// run measures and prints. What was measured before an interruption or an error is printed, too.
func (f *benchFlags) run(cmd *cobra.Command) error {
	ctx := cmd.Context()
	own, err := f.share(cmd.Flags().Changed("pin"))
	if err != nil {
		return err
	}
	if err := f.checkFiles(); err != nil {
		return err
	}
	build := thisBuild()
	report := bench.Report{
		Date: time.Now().UTC().Truncate(time.Second), Version: build.Version, Go: build.Go,
		Machine: process.ThisMachine(), Pinned: len(own) > 0,
	}
	bar := newProgress(cmd.ErrOrStderr())
	f.load.Progress = bar.show
	err = f.measure(ctx, own, &report)
	bar.clear()

	if ctx.Err() != nil {
		err, report.Interrupted = context.Cause(ctx), true
	}
	if f.work == curves {
		_, printErr := fmt.Fprintf(cmd.OutOrStdout(), "%d results are in %s\n", len(report.Results), f.out)
		return errors.Join(err, printErr)
	}
	if len(report.Results) > 0 || report.Interrupted {
		err = errors.Join(err, f.print(cmd, report))
	}
	return err
}

func (f *benchFlags) print(cmd *cobra.Command, report bench.Report) error {
	if f.json {
		return report.WriteJSON(cmd.OutOrStdout())
	}
	return report.WriteTable(cmd.OutOrStdout())
}

// measure adds to the report what it measures, also if it fails.
func (f *benchFlags) measure(ctx context.Context, own []int, report *bench.Report) (err error) {
	start := func(ctx context.Context, kind string) (bench.Server, func(), error) { return f.start(ctx, kind, own) }
	if f.work == curves {
		return bench.Curves(ctx, start, f.load, report, f.out)
	}
	if f.against == "bare" {
		var works []bench.Config
		for _, work := range []string{"calls", "idle"} {
			if c := f.load; f.work == "" || f.work == work {
				c.Work = work
				works = append(works, c)
			}
		}
		comparison, results, err := bench.Compare(ctx, start, f.rounds, works...)
		report.Comparison, report.Results = &comparison, results
		return err
	}

	if len(f.servers) == 0 {
		server, stop, err := start(ctx, "beckon")
		if err != nil {
			return err
		}
		defer stop()
		f.load.Servers = []bench.Server{server}
	}
	for i, address := range f.servers {
		target, err := f.target(address)
		if err != nil {
			return err
		}
		server := bench.Server{Kind: "beckon", Target: target}
		if len(f.pids) > 0 {
			server.PID = f.pids[i]
		}
		f.load.Servers = append(f.load.Servers, server)
	}
	if f.plot != "" {
		report.Results, err = bench.Sweep(ctx, f.load)
		if drawn := bench.Chart(report.Results); len(drawn.Lines) > 0 {
			err = errors.Join(err, drawn.Save(f.plot))
		}
		return err
	}
	result, err := bench.Run(ctx, f.load)
	if result.Done > 0 {
		report.Results = []bench.Result{result}
	}
	return err
}

// share gives the load its processors, and returns the server's; none if it may use all. Unless asked, it does so for a
// comparison where it can be done.
func (f *benchFlags) share(asked bool) (own []int, err error) {
	if asked && !f.pin || !asked && f.against != "bare" {
		return nil, nil
	}
	all, err := process.Processors()
	switch {
	case !asked && (err != nil || len(all) < 2):
		return nil, nil
	case err != nil:
		return nil, usagef("--pin: %w", err)
	case len(all) < 2:
		return nil, usagef("--pin: expected two processors or more, and there is one")
	}
	return all[:1], process.Pin(all[1:])
}

// checkFiles tells early if there will be more connections than there may be.
func (f *benchFlags) checkFiles() error {
	const others = 200
	most, ok := process.MostFiles()
	need := f.connections()
	if ok && uint64(need+others) > most {
		return usagef("this needs %d connections, and the system lets a process have %d files open: expected fewer sessions, --conns to share connections, or a higher \"ulimit -n\"", need, most)
	}
	return nil
}

// connections returns how many there will be at most.
func (f *benchFlags) connections() int {
	n := f.load.Sessions
	switch f.work {
	case "calls", "relay":
		n = 2 * f.load.Pairs
	case "", curves:
		n = max(2*2*f.load.Pairs, f.load.Sessions)
	}
	if f.load.Conns > 0 {
		n = min(n, f.load.Conns)
	}
	return n
}

// start starts a server of a kind as a process of its own, on some processors.
func (f *benchFlags) start(ctx context.Context, kind string, own []int) (bench.Server, func(), error) {
	path, err := os.Executable()
	if err != nil {
		return bench.Server{}, nil, fmt.Errorf("find this program: %w", err)
	}
	var env []string
	for _, variable := range os.Environ() { // What is set for other servers.
		if !strings.HasPrefix(variable, "BECKON_") {
			env = append(env, variable)
		}
	}
	args := f.serveArgs()
	if kind == "bare" {
		args = []string{"bench", "bare"}
	}
	child, err := process.Start(ctx, own, env, path, args...)
	if err != nil {
		return bench.Server{}, nil, err
	}
	server := bench.Server{Kind: kind, PID: child.PID(), Target: load.Target{Addr: child.Ports["grpc"]}}
	if f.transport == "web" && kind == "beckon" {
		server.Target = load.Target{Addr: child.Ports["web"], Web: true}
	}
	return server, child.Stop, nil
}

// serveArgs has a server on free ports whose limits are high enough for the load, and are there.
func (f *benchFlags) serveArgs() []string {
	sessions := 2 * max(f.load.Sessions, 2*f.load.Pairs)
	args := []string{"serve", "--grpc", "127.0.0.1:0", "--web", "127.0.0.1:0", "--admin", "off", "--log-format", "json",
		"--max-messages-per-second", "1000000", "--max-bytes-per-second", "256MiB"}
	for _, flag := range []string{"max-sessions", "max-sessions-per-ip", "max-pending", "max-users", "max-streams", "max-streams-per-second"} {
		args = append(args, "--"+flag, strconv.Itoa(max(sessions, 100_000)))
	}
	return args
}

// target returns a server that is there.
func (f *benchFlags) target(address string) (load.Target, error) {
	e := f.endpoint
	e.target = address
	config, err := e.tlsConfig()
	if err != nil {
		return load.Target{}, err
	}
	t := load.Target{Addr: address, Web: f.transport == "web", TLS: config}
	if _, err := parseAddress(address); err != nil {
		return t, usagef("--server: %q: %w", address, err)
	}
	if e.tokenFile != "" {
		t.Token = func() (string, error) {
			token, err := os.ReadFile(e.tokenFile)
			return strings.TrimSpace(string(token)), err
		}
		if _, err := t.Token(); err != nil {
			return t, usagef("--token-file: %w: expected a file with what \"beckon token\" prints", err)
		}
	}
	return t, nil
}
