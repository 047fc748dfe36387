package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

const (
	// patience is how long anything may take but an end, of which the file tells.
	patience = time.Minute
	// poll is how often is looked whether something has come about.
	poll = 50 * time.Millisecond
)

// usualPorts are those on which a node listens unless it is told something else.
var usualPorts = map[string]string{"grpc": "localhost:50051", "web": "localhost:8080", "admin": "127.0.0.1:9090"}

// node is a process that stands for a container.
type node struct {
	*container
	cmd   *exec.Cmd
	admin string        // Its admin port.
	log   *bytes.Buffer // What it says. To be read after ended.
	ended chan struct{} // Closed when it has.
	err   error         // Why. To be read after ended.
}

// run starts everything and returns what does not come about: that all nodes are ready and listen where they should, that
// each probe says so, that no other probe minds that NATS is not there yet, or away, while readiness does, and that they end in
// time.
func (d *deployment) run(ctx context.Context, binary string) (findings []string) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	dir, err := os.MkdirTemp("", "deploylint")
	if err != nil {
		return []string{err.Error()}
	}
	defer os.RemoveAll(dir)
	network, err := newNetwork(dir, d)
	if err != nil {
		return []string{err.Error()}
	}
	var servers []*natsserver.Server
	stopNATS := func() {
		for _, s := range servers {
			s.Shutdown()
		}
		for _, s := range servers {
			s.WaitForShutdown()
		}
		servers = nil
	}
	defer func() { stopNATS() }()
	var nodes []*node
	defer func() {
		cancel() // Kills those that are left.
		for _, n := range nodes {
			<-n.ended
		}
	}()
	// First those that have to wait: without their NATS, or the first of those with NATS inside.
	waiting := len(d.nodes)
	if len(d.nats) == 0 {
		waiting = 1
	}
	for i, c := range d.nodes {
		n, err := network.start(ctx, binary, c)
		if err != nil {
			return []string{err.Error()}
		}
		nodes = append(nodes, n)
		if i+1 != waiting {
			continue
		}
		for _, n := range nodes {
			if err := n.await(nodes, "/healthz", http.StatusOK); err != nil {
				return []string{"NATS is not there yet: " + err.Error()}
			}
			findings = append(findings, network.probeWithout(n, "NATS is not there yet")...)
		}
	}
	for _, c := range d.nats {
		s, err := network.startNATS(c)
		if err != nil {
			return []string{err.Error()}
		}
		servers = append(servers, s)
	}
	for _, n := range nodes {
		if err := n.await(nodes, "/readyz", http.StatusOK); err != nil {
			return []string{err.Error()}
		}
	}
	for _, n := range nodes {
		for _, p := range n.probes {
			if err := network.probe(n, p, http.StatusOK); err != nil {
				findings = append(findings, err.Error())
			}
		}
		for _, port := range n.ports {
			if err := network.dial(n, port); err != nil {
				findings = append(findings, err.Error())
			}
		}
	}
	if len(findings) > 0 {
		return findings
	}
	var left []*node
	if len(nodes[0].probes) > 0 { // One whose NATS is away.
		last := len(nodes) - 1
		if len(servers) == 0 {
			findings, left = end(nodes[:last]), nodes[last:]
		} else {
			left = nodes
			stopNATS()
		}
		for _, n := range left {
			for _, p := range n.probes {
				if p.kind != "readiness" {
					continue
				}
				if err := n.await(left, p.path, http.StatusServiceUnavailable); err != nil {
					return append(findings, "NATS is away: "+err.Error())
				}
			}
			findings = append(findings, network.probeWithout(n, "NATS is away")...)
		}
	} else {
		left = nodes
	}
	return append(findings, end(left)...)
}

// end ends nodes in order, all at the same time, and returns which do not end as they should.
func end(nodes []*node) (findings []string) {
	started := time.Now()
	for _, n := range nodes {
		_ = n.cmd.Process.Signal(syscall.SIGTERM) // Else it has ended.
	}
	for _, n := range nodes {
		select {
		case <-n.ended:
			if n.err != nil {
				findings = append(findings, fmt.Sprintf("%s: did not end in order: %s", n.name, n.story()))
			}
		case <-time.After(time.Until(started.Add(n.grace - n.start))):
			findings = append(findings, fmt.Sprintf("%s: has not ended %s after SIGTERM", n.name, n.grace-n.start))
		}
	}
	return findings
}

// start starts a node with a container's command line.
func (w *network) start(ctx context.Context, binary string, c *container) (*node, error) {
	n := &node{container: c, log: new(bytes.Buffer), ended: make(chan struct{})}
	// A container's own address and name take nothing from another's; here they have to be told.
	env := append([]string{}, c.env...)
	for name, usual := range usualPorts {
		if _, ok := c.flag(name); !ok {
			env = append(env, "BECKON_"+strings.ToUpper(name)+"="+usual)
		}
	}
	if _, ok := c.flag("node"); !ok {
		env = append(env, "BECKON_NODE="+strings.ReplaceAll(c.name, ".", "-"))
	}
	var args []string
	for _, arg := range c.args {
		arg, err := w.translate(c, arg)
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
	}
	n.cmd = exec.CommandContext(ctx, binary, args...)
	n.cmd.Env = []string{"HOME=" + w.dir, "PATH=" + os.Getenv("PATH")}
	for _, entry := range env {
		entry, err := w.translate(c, entry)
		if err != nil {
			return nil, err
		}
		n.cmd.Env = append(n.cmd.Env, entry)
	}
	n.cmd.Stdout, n.cmd.Stderr = n.log, n.log
	at, ok := c.flag("admin")
	if !ok {
		at = usualPorts["admin"]
	}
	_, port, err := net.SplitHostPort(at)
	if err != nil {
		return nil, fmt.Errorf("%s: --admin: %w", c.name, err)
	}
	if n.admin, err = w.address(c.name, port); err != nil {
		return nil, err
	}
	if err := n.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		n.err = n.cmd.Wait()
		close(n.ended)
	}()
	return n, nil
}

// await returns when the admin port answers with that status.
func (n *node) await(all []*node, path string, status int) error {
	for deadline := time.Now().Add(patience); ; {
		got, err := get(n.admin, path)
		if err == nil && got == status {
			return nil
		}
		for _, other := range all { // If one cannot even start, the rest may wait for it.
			select {
			case <-other.ended:
				return fmt.Errorf("%s: has ended: %s", other.name, other.story())
			default:
			}
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: %s does not answer %d on the admin port in %s, but %d %v", n.name, path, status, patience, got, err)
		}
		<-time.After(poll)
	}
}

// story returns how a node that has ended came to that.
func (n *node) story() string {
	lines := strings.Split(strings.TrimSpace(n.log.String()), "\n")
	return fmt.Sprintf("%v: beckon %s\n\t%s", n.err, strings.Join(n.args, " "), strings.Join(lines[max(0, len(lines)-8):], "\n\t"))
}

// probe asks what a kubelet would ask.
func (w *network) probe(n *node, p probe, want int) error {
	address, err := w.address(n.name, strconv.Itoa(p.port))
	if err != nil {
		return err
	}
	if got, err := get(address, p.path); err != nil || got != want {
		return fmt.Errorf("%s: the %s probe of %s on port %d is answered %d %v, want %d", n.name, p.kind, p.path, p.port, got, err, want)
	}
	return nil
}

// probeWithout asks what a kubelet would ask of a node that has no NATS: it is not ready, and nothing else is wrong.
func (w *network) probeWithout(n *node, when string) (findings []string) {
	for _, p := range n.probes {
		want := http.StatusOK
		if p.kind == "readiness" {
			want = http.StatusServiceUnavailable
		}
		if err := w.probe(n, p, want); err != nil {
			findings = append(findings, when+": "+err.Error())
		}
	}
	return findings
}

// dial tells whether a node listens on a port.
func (n *network) dial(to *node, port int) error {
	address, err := n.address(to.name, strconv.Itoa(port))
	if err != nil {
		return err
	}
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return fmt.Errorf("%s: nobody listens on port %d", to.name, port)
	}
	return conn.Close()
}

func get(address, path string) (int, error) {
	client := http.Client{Timeout: 5 * time.Second}
	response, err := client.Get("http://" + address + path)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

// oneAtATime guards the parser of NATS's command line.
var oneAtATime sync.Mutex

// startNATS starts a NATS server in this process with a container's command line.
func (n *network) startNATS(c *container) (*natsserver.Server, error) {
	var args []string
	for _, arg := range c.args {
		arg, err := n.translate(c, arg)
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
	}
	flags := flag.NewFlagSet("nats-server", flag.ContinueOnError)
	flags.SetOutput(new(bytes.Buffer)) // The error tells enough.
	none := func() {}
	oneAtATime.Lock()
	opts, err := natsserver.ConfigureOptions(flags, args, none, none, none)
	oneAtATime.Unlock()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	address, err := n.address(c.name, strconv.Itoa(natsserver.DEFAULT_PORT))
	if err != nil {
		return nil, err
	}
	host, port, _ := net.SplitHostPort(address) // It was made so.
	opts.Host, opts.NoSigs, opts.NoLog = host, true, true
	if opts.Port, err = strconv.Atoi(port); err != nil {
		return nil, err
	}
	s, err := natsserver.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	s.Start()
	return s, nil
}
