package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/beckonrtc/beckon/server/ice"
)

// A setting is a flag whose error tells what was expected.
type setting[T any] struct {
	target *T
	kind   string // What the help calls it.
	parse  func(string) (T, error)
	format func(T) string
}

func (s setting[T]) Set(text string) error {
	value, err := s.parse(text)
	if err != nil {
		return err
	}
	*s.target = value
	return nil
}

func (s setting[T]) String() string { return s.format(*s.target) }

func (s setting[T]) Type() string { return s.kind }

// size is a number of bytes: 65536, 64KiB.
func size(target *int, least int) pflag.Value {
	return setting[int]{target, "SIZE",
		func(text string) (int, error) { return parseSize(text, least, "") },
		inBytes,
	}
}

// sizeBound is a size that is not to be exceeded. None is no bound, for which *target is negative.
func sizeBound(target *int, least int) pflag.Value {
	return setting[int]{target, "SIZE",
		func(text string) (int, error) {
			if noBound(text) {
				return -1, nil
			}
			return parseSize(text, least, ", or none")
		},
		func(n int) string { return orNone(n, inBytes) },
	}
}

func parseSize(text string, least int, otherwise string) (int, error) {
	n, err := humanize.ParseBytes(text)
	if err != nil || n > maxBound || n < uint64(least) {
		return 0, fmt.Errorf("expected a size such as 256KiB, from %s to 511MiB%s", inBytes(least), otherwise)
	}
	return int(n), nil
}

// countBound is a number that is not to be exceeded. None is no bound, for which *target is negative.
func countBound(target *int) pflag.Value {
	return setting[int]{target, "N",
		func(text string) (int, error) {
			if noBound(text) {
				return -1, nil
			}
			n, err := strconv.ParseUint(text, 10, 31)
			if err != nil || n > maxBound {
				return 0, fmt.Errorf("expected a whole number up to %d, or none", maxBound)
			}
			return int(n), nil
		},
		func(n int) string { return orNone(n, strconv.Itoa) },
	}
}

// maxBound is the highest bound that a server takes.
const maxBound = math.MaxInt32 / 4

// noBound tells whether text says that there is to be no bound.
func noBound(text string) bool { return text == "none" || text == "0" }

func orNone(n int, format func(int) string) string {
	if n < 0 {
		return "none"
	}
	return format(n)
}

func inBytes(n int) string {
	return strings.ReplaceAll(humanize.IBytesN(uint64(max(n, 0)), 1), " ", "")
}

// duration is a length of time.
func duration(target *time.Duration, least time.Duration) pflag.Value {
	return setting[time.Duration]{target, "DURATION",
		func(text string) (time.Duration, error) {
			d, err := time.ParseDuration(text)
			if err != nil || d < least {
				example := "30s or 1m30s"
				if least >= 30*time.Second {
					example = (2 * least).String()
				}
				return 0, fmt.Errorf("expected a duration of at least %s, such as %s", least, example)
			}
			return d, nil
		},
		time.Duration.String,
	}
}

// address is where a server listens.
func address(target *string) pflag.Value {
	return setting[string]{target, "ADDRESS", parseAddress, asIs}
}

// optionalAddress is an address, or else "off".
func optionalAddress(target *string) pflag.Value {
	return setting[string]{target, "ADDRESS",
		func(text string) (string, error) {
			if text == "" || text == "off" {
				return "off", nil
			}
			return parseAddress(text)
		},
		asIs,
	}
}

func parseAddress(text string) (string, error) {
	_, port, err := net.SplitHostPort(text)
	if err != nil {
		return "", errors.New("expected HOST:PORT, such as localhost:50051 or :50051")
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return "", errors.New("expected a port from 0 to 65535")
	}
	return text, nil
}

// ownAddress is an address of this machine, whose name can be resolved, or none.
func ownAddress(target *string) pflag.Value {
	return setting[string]{target, "ADDRESS",
		func(text string) (string, error) {
			if text == "" {
				return "", nil
			}
			if _, err := parseAddress(text); err != nil {
				return "", err
			}
			if at, err := net.ResolveUDPAddr("udp", text); err != nil || at.Zone != "" {
				return "", errors.New("expected an address of this machine, such as 203.0.113.7:3478, or a name that stands for one")
			}
			return text, nil
		},
		asIs,
	}
}

// hostName is the name of a machine, or none.
func hostName(target *string) pflag.Value {
	return setting[string]{target, "NAME",
		func(text string) (string, error) {
			if text != "" && (strings.Contains(text, ":") || ice.CheckURL("turn:"+text) != nil) {
				return "", errors.New("expected a name such as turn.example.org, without a port")
			}
			return text, nil
		},
		asIs,
	}
}

// publicIP is the address of one machine, or none.
func publicIP(target *string) pflag.Value {
	return setting[string]{target, "IP",
		func(text string) (string, error) {
			if text == "" {
				return "", nil
			}
			ip, err := netip.ParseAddr(text)
			if err != nil || ip.IsUnspecified() || ip.IsMulticast() || ip.Zone() != "" {
				return "", errors.New("expected the IP address of one machine, such as 203.0.113.7")
			}
			return text, nil
		},
		asIs,
	}
}

// file is a file that can be read, or none. Expected tells what it should be.
func file(target *string, expected string) pflag.Value {
	return setting[string]{target, "FILE",
		func(text string) (string, error) {
			if text == "" {
				return "", nil
			}
			file, err := os.Open(text)
			if err != nil {
				if bad, ok := errors.AsType[*fs.PathError](err); ok {
					err = bad.Err // The path is told anyway.
				}
				return "", fmt.Errorf("%w: expected %s", err, expected)
			}
			return text, file.Close()
		},
		asIs,
	}
}

// choiceVar adds a flag that is one of some words, with their completion.
func choiceVar(cmd *cobra.Command, target *string, name, usage string, words ...string) {
	cmd.Flags().Var(choice(target, words...), name, usage)
	cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

// choice is one of at least two words.
func choice(target *string, words ...string) pflag.Value {
	return setting[string]{target, strings.Join(words, "|"),
		func(text string) (string, error) {
			if !slices.Contains(words, text) {
				last := len(words) - 1
				return "", fmt.Errorf("expected %s or %s", strings.Join(words[:last], ", "), words[last])
			}
			return text, nil
		},
		asIs,
	}
}

func asIs(text string) string { return text }
