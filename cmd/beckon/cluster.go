package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/beckonrtc/beckon/server/roomlog/natslog"
)

func newCluster() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cluster",
		Short: "Tell how a cluster is doing, and of what is gone for good",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newClusterStatus(), newClusterForget())
	return cmd
}

// statusTimeout bounds how long a node may take to tell of its cluster.
const statusTimeout = 10 * time.Second

func newClusterStatus() *cobra.Command {
	var admin string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show nodes, shards and what is wrong",
		Long: `Show what one node knows of its cluster: the nodes, their sessions, and the shards that rooms are spread over, with the
NATS server that leads each; with NATS inside the nodes its servers, too, which decide together who keeps a shard. The
exit code is 1 if something is wrong: a node that is down, a shard without a leader or short of a replica, a node that is
behind or has lost its lease, a NATS server that is away or behind, or no leader among these, storage that is full,
streams that are missing, nodes with settings of their own.`,
		Example: `  beckon cluster status
  beckon cluster status --admin 10.0.0.1:9090 --json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := configure(cmd.Flags()); err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), statusTimeout)
			defer cancel()
			status, err := askStatus(ctx, admin)
			if err != nil {
				return err
			}
			if asJSON {
				out := json.NewEncoder(cmd.OutOrStdout())
				out.SetIndent("", "  ")
				err = out.Encode(status)
			} else {
				err = printStatus(cmd.OutOrStdout(), status, time.Now())
			}
			if wrong := whatIsWrong(status); err == nil && len(wrong) > 0 {
				err = errors.New(strings.Join(wrong, "; "))
			}
			return err
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&admin, "admin", "127.0.0.1:9090", "the admin port's `ADDRESS` of one node")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// askStatus asks a node.
func askStatus(ctx context.Context, admin string) (status natslog.Status, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+"/cluster", nil)
	if err != nil {
		return status, usagef("--admin: %q: expected an address such as 127.0.0.1:9090", admin)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return status, fmt.Errorf("ask the node: %w (--admin says where it is)", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 16<<20))
	switch {
	case err != nil:
		return status, fmt.Errorf("ask the node: %w", err)
	case response.StatusCode != http.StatusOK:
		return status, fmt.Errorf("%s: %s", admin, strings.TrimSpace(string(body)))
	}
	if err := json.Unmarshal(body, &status); err != nil {
		return status, fmt.Errorf("the answer of %s cannot be read: %w", admin, err)
	}
	return status, nil
}

// maxLag is how many records a node may be behind without that being wrong: what is under way.
const maxLag = 1000

// whatIsWrong returns what an operator should look into.
func whatIsWrong(s natslog.Status) (wrong []string) {
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if !s.Connected {
		add("the node cannot reach NATS")
	}
	if !s.Lease {
		add("the node cannot renew its lease")
	}
	if s.Trouble != "" {
		add("%s", s.Trouble)
	}
	for _, n := range s.Nodes {
		if n.State != "up" {
			add("node %s is %s", n.Name, n.State)
		}
		if n.Differs != "" {
			add("%s", n.Differs)
		}
		if n.Lag > maxLag {
			add("node %s is %d records behind", n.Name, n.Lag)
		}
	}
	if g := s.Servers; g != nil {
		if g.Leader == "" {
			add("the NATS servers have no leader: expected most of them to be there")
		}
		for _, p := range g.Peers {
			switch {
			case p.Offline:
				add("NATS server %s is away", p.Name)
			case g.Leader != "" && !p.Current:
				add("NATS server %s is %d decisions behind", p.Name, p.Lag)
			}
		}
	}
	most := 0
	for _, shard := range s.Shards {
		most = max(most, shard.Replicas)
	}
	for _, shard := range s.Shards {
		switch {
		case shard.Error != "":
			add("shard %s: %s", shard.Stream, shard.Error)
		case shard.Clustered && shard.Leader == "":
			add("shard %s has no leader", shard.Stream)
		case shard.Replicas < shard.Wanted:
			add("shard %s is on %d servers of %d", shard.Stream, shard.Replicas, shard.Wanted)
		}
	}
	return wrong
}

// printStatus prints s as tables.
func printStatus(out io.Writer, s natslog.Status, now time.Time) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NODE\tSTATE\tSESSIONS\tROOMS\tBEHIND\tVERSION\tSINCE")
	for _, n := range s.Nodes {
		name := n.Name
		if name == s.Node {
			name += " (asked)"
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%s\t%s\n", name, n.State, n.Sessions, n.Rooms, n.Lag, n.Version, humanize.RelTime(n.Since, now, "ago", "from now"))
	}
	if s.Servers != nil {
		printServers(t, s.Servers)
	}
	fmt.Fprintln(t)
	fmt.Fprintln(t, "SHARD\tLEADER\tREPLICAS\tMESSAGES\tSIZE\tBEHIND")
	for _, shard := range s.Shards {
		leader, replicas := shard.Leader, fmt.Sprintf("%d of %d", shard.Replicas, shard.Wanted)
		if shard.Error != "" {
			leader, replicas = shard.Error, "?"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\t%d\n", shard.Stream, leader, replicas, shard.Messages, humanize.IBytes(shard.Bytes), shard.Lag)
	}
	fmt.Fprintln(t)
	a := s.Appends
	mean := time.Duration(0)
	if a.Total > 0 {
		mean = (a.Time / time.Duration(a.Total)).Round(time.Microsecond)
	}
	fmt.Fprintf(t, "this node appended %d records, %s each, 99%% within %s; %d failed, %d conflicts, %d repeated\n",
		a.Total, mean, a.P99, a.Failed, a.Conflicts, a.Retries)
	return t.Flush()
}

// printServers prints the NATS servers inside the nodes.
func printServers(out io.Writer, g *natslog.Group) {
	fmt.Fprintln(out)
	fmt.Fprintln(out, "NATS SERVER\tSTATE\tBEHIND\tHEARD OF")
	for _, p := range g.Peers {
		state, heard := "current", p.Active.Round(time.Millisecond).String()+" ago"
		switch {
		case p.Offline:
			state = "away"
		case g.Leader == "":
			state = "no leader"
		case !p.Current:
			state = "behind"
		}
		if p.Name == g.Leader {
			state, heard = "leader", "now"
		}
		if p.Active == 0 && p.Offline {
			heard = "not yet"
		}
		fmt.Fprintf(out, "%s\t%s\t%d\t%s\n", p.Name, state, p.Lag, heard)
	}
}
