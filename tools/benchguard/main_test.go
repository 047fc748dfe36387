package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// judge runs the command on what is in a directory, with more arguments. It returns the exit code and what was printed.
func judge(dir string, more ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(append([]string{
		"-stat", filepath.Join(dir, "stat.csv"), "-old", filepath.Join(dir, "old-*.json"), "-new", filepath.Join(dir, "new-*.json"),
	}, more...), &out, &errs)
	return code, out.String(), errs.String()
}

// TestRecorded: what tools/bench-guard.sh has measured is judged right: the same tree twice, one whose relay makes an allocation
// more, and one whose relay works for nothing besides. Only the results of single rounds were taken out of the reports.
func TestRecorded(t *testing.T) {
	for _, c := range []struct {
		dir         string
		more        []string
		code        int
		want, never string
	}{
		{"same", nil, 0, "none of 14 got worse", "WORSE"},
		{"same", []string{"-worse", "0.01"}, 1, "WORSE: server CPU for a relay", "WORSE: allocations"}, // The machine is not so quiet.
		{"allocation", nil, 1, "WORSE: allocations of wire Relay/offer/passed: 2, was 1; the bound is 1.51", "WORSE: server CPU"},
		{"allocation", nil, 1, "6 of 14 got worse", "WORSE: allocations of memlog"},
		{"work", nil, 1, "WORSE: server CPU for a relay, beside the bare relay: 1.4", "WORSE: allocations of memlog"},
		{"work", nil, 1, "WORSE: relays, beside the bare relay: 0.7604, was 1.225", "none of"},
		{"work", []string{"-worse", "1"}, 1, "ok: server CPU for a relay", "WORSE: relays"}, // The allocation stays.
	} {
		t.Run(strings.Join(append([]string{c.dir}, c.more...), " "), func(t *testing.T) {
			code, stdout, stderr := judge(filepath.Join("testdata", c.dir), c.more...)
			if code != c.code || !strings.Contains(stdout, c.want) || strings.Contains(stdout, c.never) || stderr != "" {
				t.Errorf("exit code %d, want %d, with %q and without %q:\n%s%s", code, c.code, c.want, c.never, stdout, stderr)
			}
		})
	}
}

// TestHeap: a session may take a little more heap, and no more than that.
func TestHeap(t *testing.T) {
	for heap, want := range map[string]bool{"2000": false, "2050": false, "2070": true} {
		table := "pkg: example.org/hub\n,old,,new\n,allocs/op,CI,allocs/op,CI\nIdleSession-2,1,∞,1,∞\n\n" +
			",old,,new\n,B/session,CI,B/session,CI\nIdleSession-2,2000,0%," + heap + ",0%\ngeomean,2000,,2000,\n"
		found, err := allocations(strings.NewReader(table))
		if err != nil {
			t.Fatal(err)
		}
		if len(found) != 2 || found[1].what != "heap of a session, by hub IdleSession-2" || found[1].worse != want || found[0].worse {
			t.Errorf("%s: %v, want worse %t", heap, found, want)
		}
	}
}

// TestUnmeasured: what was not measured is no success.
func TestUnmeasured(t *testing.T) {
	for name, spoil := range map[string]func(dir string) error{
		"no table":   func(dir string) error { return os.Remove(filepath.Join(dir, "stat.csv")) },
		"no reports": func(dir string) error { return os.Remove(filepath.Join(dir, "new-1.json")) },
		"no allocations": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "stat.csv"), []byte(",old,,new\n,sec/op,CI,sec/op,CI\nRelay,1,∞,1,∞\n"), 0o600)
		},
		"a benchmark that one tree has": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "stat.csv"), []byte(",old,,new\n,allocs/op,CI,allocs/op,CI\nRelay,,,1,∞\n"), 0o600)
		},
		"no number": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "stat.csv"), []byte(",old,,new\n,allocs/op,CI,allocs/op,CI\nRelay,one,∞,1,∞\n"), 0o600)
		},
		"no comparison": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "new-1.json"), []byte(`{"results": []}`), 0o600)
		},
		"no ratio of CPU": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "new-1.json"), []byte(`{"comparison": {"rows": [{"what": "relays", "ratio": 1}]}}`), 0o600)
		},
		"a ratio of 0": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "new-1.json"), []byte(`{"comparison": {"rows": [{"what": "server CPU for a relay"}, {"what": "relays", "ratio": 1}]}}`), 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, file := range []string{"stat.csv", "old-1.json", "new-1.json"} {
				text, err := os.ReadFile(filepath.Join("testdata/same", file))
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, file), text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if code, stdout, stderr := judge(dir); code == 2 {
				t.Fatalf("unspoilt it cannot be told: %s%s", stdout, stderr)
			}
			if err := spoil(dir); err != nil {
				t.Fatal(err)
			}
			if code, stdout, stderr := judge(dir); code != 2 || stderr == "" {
				t.Errorf("exit code %d, want 2 and why:\n%s%s", code, stdout, stderr)
			}
		})
	}
}
