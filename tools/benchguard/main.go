// Command benchguard decides whether a tree got slower than another, from what tools/bench-guard.sh has measured of both.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const (
	// usualWorse is how much worse a ratio to the bare relay may be, as a part of what it was.
	usualWorse = 0.15
	// moreAllocs is how many more allocations an operation may make, as a part of what it made; half a one is nothing, and
	// one is too much where there are few.
	moreAllocs, freeAllocs = 0.01, 0.5
	// moreHeap is how much more heap a session may take, as a part of what it took.
	moreHeap = 0.03
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run does what main does, and returns the exit code: 1 if something got worse, 2 if that cannot be told.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("benchguard", flag.ContinueOnError)
	flags.SetOutput(stderr)
	stat := flags.String("stat", "", "a `FILE` that benchstat has written, with -format csv, of the old tree and the new one")
	before := flags.String("old", "", "a `PATTERN` of files with what \"beckon bench calls --against bare --json\" has said in the old tree")
	after := flags.String("new", "", "the same of the new one")
	worse := flags.Float64("worse", usualWorse, "how much worse a ratio may be, as a `PART` of what it was")
	if flags.Parse(args) != nil {
		return 2
	}
	found, err := compare(*stat, *before, *after, *worse)
	if err != nil {
		fmt.Fprintln(stderr, "benchguard:", err)
		return 2
	}
	bad := 0
	for _, f := range found {
		fmt.Fprintln(stdout, f)
		if f.worse {
			bad++
		}
	}
	if bad > 0 {
		fmt.Fprintf(stdout, "%d of %d got worse\n", bad, len(found))
		return 1
	}
	fmt.Fprintf(stdout, "none of %d got worse\n", len(found))
	return 0
}

// A finding is one quantity of both trees.
type finding struct {
	what     string
	old, new float64
	bound    float64 // The worst that new may be.
	worse    bool
}

// String says it in words.
func (f finding) String() string {
	if f.worse {
		return fmt.Sprintf("WORSE: %s: %.4g, was %.4g; the bound is %.4g", f.what, f.new, f.old, f.bound)
	}
	return fmt.Sprintf("ok: %s: %.4g, was %.4g", f.what, f.new, f.old)
}

// compare reads what was measured, and judges it.
func compare(stat, before, after string, worse float64) ([]finding, error) {
	file, err := os.Open(stat)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	found, err := allocations(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", stat, err)
	}
	was, err := readRatios(before)
	if err != nil {
		return nil, err
	}
	is, err := readRatios(after)
	if err != nil {
		return nil, err
	}
	ratios, err := judgeRatios(was, is, worse)
	return append(found, ratios...), err
}

// readRatios reads the reports that a pattern matches.
func readRatios(pattern string) (ratios, error) {
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		return nil, fmt.Errorf("no file matches %q", pattern)
	}
	all := ratios{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		if err := all.add(text); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return all, nil
}
