package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
)

// beckon runs a command line that reads nothing.
func runBeckon(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

func TestUsageErrors(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"serv", `there is no command "serv"; did you mean serve?`},
		{"frobnicate", `there is no command "frobnicate"; "beckon --help" lists them`},
		{"version now", `version: unexpected argument "now"; "beckon version --help" tells more`},
		{"version --yaml", `unknown flag: --yaml; "beckon version --help" lists the flags`},
		{"join", `join: expected one room, as in "beckon join lobby --name ana"`},
		{"join a b", `join: expected one room, as in "beckon join lobby --name ana"`},
		{"join lobby --presence some", `--presence: "some": expected full, delta or none`},
		{"join lobby --name", `flag needs an argument: --name; "beckon join --help" lists the flags`},
		{"join lobby --attribute role", `--attribute: "role": expected KEY=VALUE`},
		{"join lobby --plaintext --tls", `--plaintext goes with none of --tls, --ca, --cert and --key`},
		{"join lobby --plaintext --cert cert.pem --key key.pem", `--plaintext goes with none of --tls, --ca, --cert and --key`},
		{"join lobby --cert cert.pem", `--cert and --key: expected both, or none`},
		{"join lobby --key key.pem", `--cert and --key: expected both, or none`},
		{"join lobby --cert missing.pem --key missing.pem", `--cert, --key: open missing.pem: no such file or directory: expected a certificate in PEM and its key`},
		{"join lobby --ca missing.pem", `--ca: open missing.pem: no such file or directory`},
		{"join lobby --ca root_test.go", `--ca: root_test.go: expected certificates in PEM`},
		{"serve lobby", `serve: unexpected argument "lobby"; "beckon serve --help" tells more`},
		{"serve --log-level loud", `--log-level: "loud": expected debug, info, warn or error`},
		{"serve --log-payloads=perhaps", `--log-payloads: "perhaps": expected true or false`},
		{"serve --grpc off", `--grpc: "off": expected HOST:PORT, such as localhost:50051 or :50051`},
		{"serve --web localhost:80808", `--web: "localhost:80808": expected a port from 0 to 65535`},
		{"serve --max-streams 4294967296", `--max-streams: "4294967296": expected a whole number up to 536870911, or none`},
		{"serve --max-message-bytes 10", `--max-message-bytes: "10": expected a size such as 256KiB, from 1KiB to 511MiB`},
		{"serve --max-outbox-bytes 300KiB", `--max-outbox-bytes: 300KiB: expected at least 512KiB, twice --max-message-bytes, or none`},
		{"serve --max-bytes-per-second 100", `--max-bytes-per-second: "100": expected a size such as 256KiB, from 1KiB to 511MiB, or none`},
		{"serve --max-retained-bytes none", `--max-retained-bytes: "none": expected a size such as 256KiB, from 1MiB to 511MiB`},
		{"serve --max-pending -1", `--max-pending: "-1": expected a whole number up to 536870911, or none`},
		{"serve --resume-window 30", `--resume-window: "30": expected a duration of at least 1s, such as 30s or 1m30s`},
		{"serve --session-key-file missing", `--session-key-file: "missing": no such file or directory: expected a file such as "openssl rand -hex 32" writes`},
		{"serve --trusted-proxy 10.0.0.0/33", `--trusted-proxy: "10.0.0.0/33": expected a network such as 10.0.0.0/8 or fd00::/8, or an address`},
		{"serve --trusted-proxy proxy", `--trusted-proxy: "proxy": expected a network such as 10.0.0.0/8 or fd00::/8, or an address`},
		{"serve --trusted-proxy ::ffff:10.0.0.1", `--trusted-proxy: "::ffff:10.0.0.1": expected a network such as 10.0.0.0/8 or fd00::/8, or an address`},
		{"serve --max-message-bytes huge", `--max-message-bytes: "huge": expected a size such as 256KiB, from 1KiB to 511MiB`},
	} {
		t.Run(tt.line, func(t *testing.T) {
			code, stdout, stderr := runBeckon(t, strings.Fields(tt.line)...)
			if want := "beckon: " + tt.want + "\n"; stderr != want {
				t.Errorf("got  %swant %s", stderr, want)
			}
			if code != exitUsage || stdout != "" {
				t.Errorf("exit code %d, output %q; want %d and none", code, stdout, exitUsage)
			}
		})
	}
}

func TestExitCode(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("no"), 1},
		{usagef("--x: no"), 2},
		{fmt.Errorf("in a file: %w", usagef("no")), 2},
		{interruption{syscall.SIGINT}, 130},
		{interruption{syscall.SIGTERM}, 143},
	} {
		if got := exitCode(tt.err); got != tt.want {
			t.Errorf("exitCode(%v) = %d, want %d", tt.err, got, tt.want)
		}
	}
}

func TestHelp(t *testing.T) {
	for _, tt := range []struct {
		line string
		want []string
	}{
		{"", []string{"serve", "join", "version", "completion", "Exit codes:", "BECKON_"}},
		{"--help", []string{"Exit codes:"}},
		{"serve --help", []string{
			"Examples:", "SIGTERM", "/drain", "--grpc", "--trusted-proxy CIDR", "--max-message-bytes SIZE",
			"--session-key-file FILE", "--config FILE", "(default 256KiB)", "(default 20s)",
		}},
		{"join --help", []string{"Examples:", "--attribute KEY=VALUE", "--presence full|delta|none"}},
	} {
		code, stdout, stderr := runBeckon(t, strings.Fields(tt.line)...)
		if code != exitOK || stderr != "" {
			t.Errorf("beckon %s: exit code %d, error %q", tt.line, code, stderr)
		}
		for _, want := range tt.want {
			if !strings.Contains(stdout, want) {
				t.Errorf("beckon %s: the help lacks %q:\n%s", tt.line, want, stdout)
			}
		}
		for line := range strings.Lines(stdout) {
			if len(line) > 121 {
				t.Errorf("beckon %s: a line of the help is over 120 characters: %s", tt.line, line)
			}
		}
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if code, stdout, _ := runBeckon(t, "completion", shell); code != exitOK || !strings.Contains(stdout, "__complete") {
			t.Errorf("completion %s: exit code %d, %d bytes", shell, code, len(stdout))
		}
	}
	if _, stdout, _ := runBeckon(t, "__complete", "join", "lobby", "--presence", ""); !strings.HasPrefix(stdout, "full\ndelta\nnone\n") {
		t.Errorf("completion of --presence: %q", stdout)
	}
}

func TestVersion(t *testing.T) {
	if code, stdout, _ := runBeckon(t, "version"); code != exitOK || !strings.HasPrefix(stdout, "beckon ") {
		t.Errorf("exit code %d, output %q", code, stdout)
	}
	if _, stdout, _ := runBeckon(t, "--version"); stdout != thisBuild().String()+"\n" {
		t.Errorf("--version: output %q", stdout)
	}
	code, stdout, _ := runBeckon(t, "version", "--json")
	var got build
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != exitOK {
		t.Fatalf("exit code %d, output %q: %v", code, stdout, err)
	}
	if got != thisBuild() || got.Version == "" || got.Go == "" {
		t.Errorf("got %+v, want %+v", got, thisBuild())
	}
}
