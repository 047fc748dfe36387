package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/beckonrtc/beckon/cmd/beckon/bench"
	"github.com/beckonrtc/beckon/cmd/beckon/bench/process"
	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// benchFlags is what the command line of bench says.
type benchFlags struct {
	work      string // Empty: with --against, all that can be compared.
	load      bench.Config
	presence  string
	transport string

	endpoint endpoint // Its target aside.
	servers  []string // Empty: a server of its own.
	pids     []int

	pin     bool
	against string
	rounds  int

	json bool
	plot string
	out  string
}

// curves is the work that is many others.
const curves = "curves"

func newBench() *cobra.Command {
	flags := benchFlags{presence: "delta", transport: "grpc", rounds: 5}
	flags.load.WarmUp, flags.load.Duration = time.Second, 5*time.Second
	cmd := &cobra.Command{
		Use:   "bench WORK",
		Short: "Measure a server under load",
		Long: `Measure a server under load. WORK is one of:

  calls      pairs set up calls: an offer and an answer of 2.2 KB, 8 candidates from each side. As fast as they can, or
             at a fixed --rate; then the time of a call counts from when it was due, so that a slow server cannot hide
             its slowness by keeping the load away
  relay      in each pair one sends candidates to the other, one at a time: how long a message takes; --rate as for calls
  idle       sessions that are in rooms and do nothing: what each costs
  room       one room that fills up: what a join costs
  storm      sessions lose their connections at one moment and all come back at once
  broadcast  in each room one session speaks to all others
  curves     all of them in many sizes, drawn into --out; --pairs, --sessions and --room-size are the largest

It starts a server of its own, this same program on free ports of this machine, with limits high enough. With --server it
measures one that is there; of that it knows the CPU and the memory only if --pid tells its process. Several servers
have the sessions spread over them in turn, so that the two of a pair are on different ones.

Each message that is sent must arrive, and once: else it fails. Ctrl-C ends it; what was measured until then is printed.

--against bare measures a bare gRPC relay beside, in turns and on the same processor: calls, idle sessions, or both if
there is no WORK. It prints medians and their ratios.`,
		Example: `  beckon bench calls
  beckon bench calls --rate 500 --pairs 200 --transport web
  beckon bench idle --sessions 10000 --pin
  beckon bench room --sessions 2000 --presence full
  beckon bench calls --plot latency.svg
  beckon bench relay --rate 1000 --server 10.0.0.1:50051 --server 10.0.0.2:50051
  beckon bench --against bare
  beckon bench calls --server signal.example.org:443 --token-file ana.token`,
		Args: oneWork,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := configure(cmd.Flags()); err != nil {
				return err
			}
			if len(args) > 0 {
				flags.work = args[0]
			}
			if err := flags.check(cmd.Flags()); err != nil {
				return err
			}
			flags.complete()
			return flags.run(cmd)
		},
		ValidArgs: append(slices.Clone(bench.Works), curves),
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.Var(count(&flags.load.Pairs), "pairs", "pairs that call, or relay (100; at most 1000 for curves)")
	f.Var(count(&flags.load.Sessions), "sessions", "sessions (idle, storm: 1000; room: 500; broadcast: 100; at most 20000 for curves)")
	f.Var(count(&flags.load.RoomSize), "room-size", "sessions in one room (idle, storm: 10; broadcast: all; at most 10000 for curves)")
	f.Var(count(&flags.load.Joins), "joins", "the joins that are measured, the last ones (room: all)")
	f.Var(perSecond(&flags.load.Rate), "rate", "calls, relays or broadcasts per second in all; without it, as many as can be")
	f.Var(duration(&flags.load.Duration, 10*time.Millisecond), "duration", "how long it measures")
	f.Var(duration(&flags.load.WarmUp, 0), "warm-up", "how long it does so before, unmeasured")
	choiceVar(cmd, &flags.presence, "presence", "how sessions hear of others in their room", "full", "delta", "none")
	choiceVar(cmd, &flags.transport, "transport", "native gRPC, or grpc-web over websockets", "grpc", "web")
	f.Var(count(&flags.load.Conns), "conns", "connections that the sessions share; without it each has its own")

	f.StringArrayVar(&flags.servers, "server", nil, "measure the server at this `ADDRESS`; may be repeated")
	f.IntSliceVar(&flags.pids, "pid", nil, "the `PID` of its process, if that is on this machine; one for each --server")
	f.IntSliceVar(&flags.load.Brokers, "broker-pid", nil, "the `PID` of a NATS server that they share, likewise; may be repeated")
	flags.endpoint.tlsFlags(cmd)
	f.StringVar(&flags.endpoint.tokenFile, "token-file", "", "show the access token in this `FILE`; it is read again for each stream")

	f.BoolVar(&flags.pin, "pin", false, "give the server one processor of its own, and the load the others (Linux)")
	choiceVar(cmd, &flags.against, "against", "measure this one beside; implies --pin if it can be", "bare", "none")
	f.Var(count(&flags.rounds), "rounds", "how often both are measured in turns")
	f.BoolVar(&flags.json, "json", false, "print JSON")
	f.StringVar(&flags.plot, "plot", "", "draw the time of a call over the rate into this `FILE`: .svg or .png")
	f.StringVar(&flags.out, "out", "", "the `DIRECTORY` that the curves are put into")
	cmd.MarkFlagFilename("plot", "svg", "png")
	cmd.MarkFlagDirname("out")
	cmd.AddCommand(newBare())
	return cmd
}

func oneWork(cmd *cobra.Command, args []string) error {
	works := strings.Join(bench.Works, ", ") + " or " + curves
	switch {
	case len(args) > 1:
		return usagef("bench: unexpected argument %q; %q tells more", args[1], cmd.CommandPath()+" --help")
	case len(args) == 0 && !cmd.Flags().Changed("against"):
		return usagef("bench: expected %s", works)
	case len(args) == 1 && !slices.Contains(cmd.ValidArgs, args[0]):
		return usagef("bench: there is no work %q: expected %s", args[0], works)
	}
	return nil
}

// comparisons stands for no work, with --against.
const comparisons = "--against"

// goesWith tells which works a flag has an effect on. What is not here has it on all.
var goesWith = map[string][]string{
	"pairs":      {"calls", "relay", curves, comparisons},
	"sessions":   {"idle", "room", "storm", "broadcast", curves, comparisons},
	"room-size":  {"idle", "storm", "broadcast", curves, comparisons},
	"joins":      {"room"},
	"rate":       {"calls", "relay", "broadcast"},
	"duration":   {"calls", "relay", "idle", "broadcast", curves, comparisons},
	"warm-up":    {"calls", "relay", "broadcast", curves, comparisons},
	"presence":   {"calls", "relay", "idle", "room", "storm", "broadcast", comparisons},
	"conns":      {"calls", "relay", "idle", "room", "broadcast", comparisons},
	"server":     bench.Works,
	"broker-pid": {"calls", "relay", "broadcast"},
	"against":    {"calls", "idle", comparisons},
	"rounds":     {"calls", "idle", comparisons},
	"json":       append(slices.Clone(bench.Works), comparisons),
	"plot":       {"calls"},
	"out":        {curves},
}

// check tells what of the flags does not go together.
func (f *benchFlags) check(set *pflag.FlagSet) error {
	work := f.work
	if work == "" {
		work = comparisons
	}
	for _, name := range slices.Sorted(maps.Keys(goesWith)) {
		if works := goesWith[name]; set.Changed(name) && !slices.Contains(works, work) {
			return usagef("--%s has no effect on %s: it goes with %s", name, work, strings.Join(works, ", "))
		}
	}
	compares := f.against == "bare"
	for _, rule := range []struct {
		broken bool
		says   string
	}{
		{work == comparisons && !compares, "bench: expected a WORK, or --against bare"},
		{set.Changed("rounds") && !compares, "--rounds: expected --against bare, too"},
		{compares && f.load.Rate > 0, "--against chooses the rate: it does not go with --rate"},
		{compares && f.plot != "", "--against does not go with --plot"},
		{compares && len(f.servers) > 0, "--against starts servers itself: it does not go with --server"},
		{f.plot != "" && f.load.Rate > 0, "--plot draws many rates: it does not go with --rate"},
		{f.plot != "" && !strings.HasSuffix(f.plot, ".svg") && !strings.HasSuffix(f.plot, ".png"), "--plot: expected a file that ends in .svg or .png"},
		{len(f.pids) > 0 && len(f.pids) != len(f.servers), "--pid: expected one for each --server"},
		{len(f.load.Brokers) > 0 && len(f.servers) == 0, "--broker-pid: expected --server, too: a server of its own has no NATS"},
		{len(f.servers) == 0 && f.endpoint != (endpoint{}),
			"--plaintext, --tls, --ca, --cert, --key and --token-file: expected --server, too: a server of its own is spoken to in plaintext, and lets everybody in"},
		{f.transport == "web" && f.endpoint.cert != "", "--cert: on the web certificates of clients are not asked for"},
		{f.pin && len(f.servers) > 0, "--pin does not go with --server: the server is where it is"},
		{f.transport == "web" && f.load.Conns > 0, "--conns: on the web each session has a connection of its own"},
		{work == curves && f.out == "", "curves: expected --out, the directory to put them into"},
		{f.work == "room" && f.load.Joins > f.load.Sessions && f.load.Sessions > 0, "--joins: expected no more than --sessions"},
	} {
		if rule.broken {
			return usagef("%s", rule.says)
		}
	}
	return nil
}

// complete sets what depends on the work.
func (f *benchFlags) complete() {
	usual := func(n *int, value int) {
		if *n == 0 {
			*n = value
		}
	}
	f.load.Work = f.work
	f.load.Presence = beckonv1.Presence(beckonv1.Presence_value["PRESENCE_"+strings.ToUpper(f.presence)])
	switch f.work {
	case "room":
		usual(&f.load.Sessions, 500)
	case "broadcast":
		usual(&f.load.Sessions, 100)
		usual(&f.load.RoomSize, f.load.Sessions)
	case curves:
		usual(&f.load.Pairs, 1000)
		usual(&f.load.Sessions, mostSessions())
		usual(&f.load.RoomSize, 10_000)
	}
	usual(&f.load.Pairs, 100)
	usual(&f.load.Sessions, 1000)
	usual(&f.load.RoomSize, 10)
}

// mostSessions is how many sessions with a connection each curves go to: 50,000, or as many thousands as there may be connections.
func mostSessions() int {
	const most, others = 50_000, 500
	if files, ok := process.MostFiles(); ok && files < most+others && files > 1000+others {
		return int(files-others) / 1000 * 1000
	}
	return most
}

// count is a number of at least 1.
func count(target *int) pflag.Value {
	return setting[int]{target, "N",
		func(text string) (int, error) {
			n, err := strconv.ParseUint(text, 10, 31)
			if err != nil || n == 0 || n > maxBound {
				return 0, fmt.Errorf("expected a whole number from 1 to %d", maxBound)
			}
			return int(n), nil
		},
		func(n int) string {
			if n == 0 {
				return ""
			}
			return strconv.Itoa(n)
		},
	}
}

// perSecond is a rate above 0.
func perSecond(target *float64) pflag.Value {
	return setting[float64]{target, "N",
		func(text string) (float64, error) {
			rate, err := strconv.ParseFloat(text, 64)
			if err != nil || !(rate > 0) || rate > maxBound {
				return 0, fmt.Errorf("expected a number above 0")
			}
			return rate, nil
		},
		func(rate float64) string {
			if rate == 0 {
				return ""
			}
			return strconv.FormatFloat(rate, 'g', -1, 64)
		},
	}
}
