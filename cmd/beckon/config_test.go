package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

// sample has a flag of each kind.
func sample() *pflag.FlagSet {
	flags := pflag.NewFlagSet("sample", pflag.ContinueOnError)
	bytes, rooms, window, format := 64<<10, 16, 30*time.Second, "text"
	flags.String("config", "", "")
	flags.String("grpc", "localhost:50051", "")
	flags.Var(sizeBound(&bytes, 1<<10), "max-message-bytes", "")
	flags.Var(countBound(&rooms), "max-rooms", "")
	flags.Var(duration(&window, time.Second), "resume-window", "")
	flags.Var(choice(&format, "text", "json"), "log-format", "")
	flags.Bool("log-payloads", false, "")
	flags.StringSlice("allow-origin", nil, "")
	flags.Var(networks(new([]netip.Prefix)), "trusted-proxy", "")
	return flags
}

func TestPrecedence(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
		env  map[string]string
		file string
		want map[string]string
	}{
		{
			name: "defaults",
			want: map[string]string{"grpc": "localhost:50051", "max-message-bytes": "64KiB", "resume-window": "30s"},
		},
		{
			name: "file over default",
			file: "grpc: :1\nmax-message-bytes: 128KiB\nresume-window: 1m\nlog-payloads: true\n",
			want: map[string]string{"grpc": ":1", "max-message-bytes": "128KiB", "resume-window": "1m0s",
				"log-payloads": "true", "max-rooms": "16"},
		},
		{
			name: "environment over file",
			env:  map[string]string{"BECKON_GRPC": ":2", "BECKON_MAX_ROOMS": "2"},
			file: "grpc: :1\nlog-format: json\n",
			want: map[string]string{"grpc": ":2", "max-rooms": "2", "log-format": "json"},
		},
		{
			name: "flag over all",
			args: []string{"--grpc=:3", "--log-payloads"},
			env:  map[string]string{"BECKON_GRPC": ":2", "BECKON_LOG_PAYLOADS": "false"},
			file: "grpc: :1\n",
			want: map[string]string{"grpc": ":3", "log-payloads": "true"},
		},
		{
			name: "a flag that says its default",
			args: []string{"--max-rooms=16"},
			env:  map[string]string{"BECKON_MAX_ROOMS": "2"},
			file: "max-rooms: 1\n",
			want: map[string]string{"max-rooms": "16"},
		},
		{
			name: "an empty variable is a value",
			env:  map[string]string{"BECKON_GRPC": ""},
			file: "grpc: :1\n",
			want: map[string]string{"grpc": ""},
		},
		{
			name: "lists",
			file: "allow-origin: [https://a.example, https://b.example]\n",
			want: map[string]string{"allow-origin": "[https://a.example,https://b.example]"},
		},
		{
			name: "a list in a variable",
			env:  map[string]string{"BECKON_ALLOW_ORIGIN": "https://a.example,https://b.example"},
			file: "allow-origin: https://c.example\n",
			want: map[string]string{"allow-origin": "[https://a.example,https://b.example]"},
		},
		{
			name: "networks",
			args: []string{"--trusted-proxy=10.0.0.0/8", "--trusted-proxy=127.0.0.1,fd00::1"},
			want: map[string]string{"trusted-proxy": "10.0.0.0/8,127.0.0.1/32,fd00::1/128"},
		},
		{
			name: "networks in a variable",
			env:  map[string]string{"BECKON_TRUSTED_PROXY": "10.0.0.0/8,fd00::/8"},
			file: "trusted-proxy: 127.0.0.1\n",
			want: map[string]string{"trusted-proxy": "10.0.0.0/8,fd00::/8"},
		},
		{
			name: "networks in the file",
			file: "trusted-proxy: [10.0.0.0/8, '::1']\n",
			want: map[string]string{"trusted-proxy": "10.0.0.0/8,::1/128"},
		},
		{
			name: "no networks",
			env:  map[string]string{"BECKON_TRUSTED_PROXY": ""},
			file: "trusted-proxy: 127.0.0.1\n",
			want: map[string]string{"trusted-proxy": ""},
		},
		{
			name: "sizes",
			args: []string{"--max-message-bytes=65536"},
			want: map[string]string{"max-message-bytes": "64KiB"},
		},
		{
			name: "a file with nothing but comments",
			file: "# grpc: :1\n",
			want: map[string]string{"grpc": "localhost:50051"},
		},
		{
			name: "others' variables",
			env:  map[string]string{"BECKON_SERVICE_HOST": "10.0.0.1", "BECKON_PORT": "tcp://10.0.0.1:50051"},
			want: map[string]string{"grpc": "localhost:50051"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for name, value := range tt.env {
				t.Setenv(name, value)
			}
			flags := sample()
			if err := flags.Parse(tt.args); err != nil {
				t.Fatal(err)
			}
			if tt.file != "" {
				t.Setenv("BECKON_CONFIG", writeFile(t, tt.file))
			}
			if err := configure(flags); err != nil {
				t.Fatal(err)
			}
			for name, want := range tt.want {
				if got := flags.Lookup(name).Value.String(); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
		})
	}
}

func TestConfigurationErrors(t *testing.T) {
	for _, tt := range []struct {
		name, env, value, file string
		want                   string // FILE stands for the file's path.
	}{
		{
			name: "unknown key",
			file: "grpc: :1\nmax-romms: 5\n",
			want: "FILE:2: max-romms: unknown key; the keys are the names of the flags without their dashes",
		},
		{
			name: "a file that names a file",
			file: "config: other.yaml\n",
			want: "FILE:1: config: unknown key; the keys are the names of the flags without their dashes",
		},
		{
			name: "count in the file",
			file: "max-rooms: many\n",
			want: `FILE:1: max-rooms: "many": expected a whole number up to 536870911, or none`,
		},
		{
			name: "negative count",
			file: "max-rooms: -1\n",
			want: `FILE:1: max-rooms: "-1": expected a whole number up to 536870911, or none`,
		},
		{
			name: "nothing after the key",
			file: "max-rooms:\n",
			want: `FILE:1: max-rooms: "": expected a whole number up to 536870911, or none`,
		},
		{
			name: "list for a single value",
			file: "max-rooms: [1, 2]\n",
			want: `FILE:1: max-rooms: expected a single value`,
		},
		{
			name: "list of lists",
			file: "allow-origin: [[x]]\n",
			want: `FILE:1: allow-origin: expected a list of single values`,
		},
		{
			name: "no network",
			file: "trusted-proxy: [127.0.0.1, example.org]\n",
			want: `FILE:1: trusted-proxy: "127.0.0.1,example.org": expected a network such as 10.0.0.0/8 or fd00::/8, or an address`,
		},
		{
			name: "the same key twice",
			file: "max-rooms: 1\nmax-rooms: 2\n",
			want: `configuration file FILE: yaml: construct errors: line 2: mapping key "max-rooms" already defined at line 1`,
		},
		{
			name: "not YAML",
			file: "grpc: localhost: 1\n",
			want: "configuration file FILE: yaml: line 1: mapping values are not allowed in this context",
		},
		{
			name: "no such file", env: "CONFIG", value: "missing.yaml",
			want: "configuration file: open missing.yaml: no such file or directory",
		},
		{
			name: "size in a variable", env: "MAX_MESSAGE_BYTES", value: "64 kilo",
			want: `BECKON_MAX_MESSAGE_BYTES: "64 kilo": expected a size such as 256KiB, from 1KiB to 511MiB, or none`,
		},
		{
			name: "duration in a variable", env: "RESUME_WINDOW", value: "30",
			want: `BECKON_RESUME_WINDOW: "30": expected a duration of at least 1s, such as 30s or 1m30s`,
		},
		{
			name: "choice in a variable", env: "LOG_FORMAT", value: "xml",
			want: `BECKON_LOG_FORMAT: "xml": expected text or json`,
		},
		{
			name: "switch in a variable", env: "LOG_PAYLOADS", value: "yes please",
			want: `BECKON_LOG_PAYLOADS: "yes please": expected true or false`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := "-"
			if tt.file != "" {
				path = writeFile(t, tt.file)
				t.Setenv("BECKON_CONFIG", path)
			}
			if tt.env != "" {
				t.Setenv("BECKON_"+tt.env, tt.value)
			}
			err := configure(sample())
			if want := strings.ReplaceAll(tt.want, "FILE", path); err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
			if got := exitCode(err); got != exitUsage {
				t.Errorf("exit code %d, want %d", got, exitUsage)
			}
		})
	}
}

func writeFile(t *testing.T, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "beckon.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
