package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v4"
)

// configure sets the flags that the command line left alone: from the environment, else from the configuration file that
// the flag "config" names. All three are parsed by the flag itself, so they accept the same.
func configure(flags *pflag.FlagSet) error {
	if err := fromEnvironment(flags); err != nil {
		return err
	}
	file := flags.Lookup("config")
	if file == nil || file.Value.String() == "" {
		return nil
	}
	return fromFile(flags, file.Value.String())
}

// fromEnvironment ignores variables that belong to no flag: Kubernetes sets some of its own for a service called beckon.
func fromEnvironment(flags *pflag.FlagSet) error {
	var err error
	flags.VisitAll(func(flag *pflag.Flag) {
		name := "BECKON_" + strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))
		value, ok := os.LookupEnv(name)
		if err != nil || !ok || flag.Changed || flag.Name == "help" {
			return
		}
		if bad := flag.Value.Set(value); bad != nil {
			err = badValue(name, flag, value, bad)
		}
		flag.Changed = true
	})
	return err
}

// fromFile reads a YAML mapping from names of flags to values: single ones, or lists for flags that may be repeated.
func fromFile(flags *pflag.FlagSet, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return usagef("configuration file: %w", err)
	}
	var entries map[string]yaml.Node
	if err := yaml.Unmarshal(text, &entries); err != nil {
		return usagef("configuration file %s: %w", path, err)
	}
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		entry := entries[key]
		source := fmt.Sprintf("%s:%d: %s", path, entry.Line, key)
		flag := flags.Lookup(key)
		if flag == nil || key == "config" || key == "help" {
			return usagef("%s: unknown key; the keys are the names of the flags without their dashes", source)
		}
		if flag.Changed {
			continue
		}
		if err := fromNode(flag, &entry, source); err != nil {
			return err
		}
		flag.Changed = true
	}
	return nil
}

func fromNode(flag *pflag.Flag, entry *yaml.Node, source string) error {
	list, repeated := flag.Value.(pflag.SliceValue)
	switch {
	case entry.Kind == yaml.ScalarNode:
		if err := flag.Value.Set(entry.Value); err != nil {
			return badValue(source, flag, entry.Value, err)
		}
		return nil
	case entry.Kind == yaml.SequenceNode && repeated:
		var items []string
		if entry.Decode(&items) != nil {
			return usagef("%s: expected a list of single values", source)
		}
		if err := list.Replace(items); err != nil {
			return badValue(source, flag, strings.Join(items, ","), err)
		}
		return nil
	default:
		return usagef("%s: expected a single value", source)
	}
}

// badValue tells of a value that a flag does not accept, and where it came from.
func badValue(source string, flag *pflag.Flag, value string, err error) error {
	if flag.Value.Type() == "bool" {
		return usagef("%s: %q: expected true or false", source, value)
	}
	if hidden, ok := errors.AsType[unshown](err); ok {
		return usagef("%s: %w", source, hidden)
	}
	return usagef("%s: %q: %w", source, value, err)
}
