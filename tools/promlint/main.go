// Command promlint checks Grafana dashboards and Prometheus rules against what servers expose: each PromQL expression must
// be one, and may name only metrics, labels and values of labels that are there.
//
//	go run . -metrics scraped.txt ../../deploy/grafana/beckon.json ../../deploy/prometheus/alerts.yaml
//
// A .json file is a dashboard, any other holds rules. What is wrong is printed, one a line, and the exit code is 1.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run does what main does, and returns the exit code: 2 if it cannot be told whether anything is wrong.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("promlint", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var scrapes []string
	flags.Func("metrics", "a `FILE` with what a server exposes; may be repeated, for what servers of several kinds do", func(path string) error {
		scrapes = append(scrapes, path)
		return nil
	})
	prefix := flags.String("all", "", "each metric whose name begins with `PREFIX` must be on a dashboard")
	without := flags.String("without", "", "`NAMES` of metrics, with commas between, that need not be")
	if flags.Parse(args) != nil {
		return 2
	}
	if len(scrapes) == 0 || flags.NArg() == 0 {
		fmt.Fprintln(stderr, "usage: promlint -metrics FILE... [-all PREFIX [-without NAMES]] FILE...")
		return 2
	}
	there, err := readMetrics(scrapes)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	var problems []string
	shown := set{}
	for _, path := range flags.Args() {
		text, err := os.ReadFile(path)
		if err != nil {
			fmt.Fprintln(stderr, err)
			return 2
		}
		check := checkRules
		if filepath.Ext(path) == ".json" {
			check = checkDashboard
		}
		f := &file{name: filepath.Base(path), there: there, used: set{}}
		check(f, text)
		problems = append(problems, f.problems...)
		if filepath.Ext(path) == ".json" {
			shown.add(f.used)
		}
	}
	if *prefix != "" {
		problems = append(problems, there.missing(*prefix, shown, setOf(strings.Split(*without, ",")...))...)
	}
	for _, p := range problems {
		fmt.Fprintln(stdout, p)
	}
	if len(problems) > 0 {
		return 1
	}
	return 0
}
