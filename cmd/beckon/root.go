package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "beckon",
		Short: "WebRTC signaling: run a server, or join a room",
		Long: `Beckon introduces WebRTC peers to each other: it carries their offers, answers and ICE candidates, and nothing of
their media.

Every flag can also be set by an environment variable: BECKON_ and the flag's name, as BECKON_LOG_LEVEL sets
--log-level. A flag goes before a variable, a variable before the configuration file of "beckon serve".

Exit codes:
  0    it went well, or was ended as asked
  1    it failed
  2    the command line, a variable or the configuration file is wrong
  130  interrupted (SIGINT); 128 and its number for another signal`,
		Example: `  beckon serve
  beckon join lobby --name ana`,
		Version: thisBuild().String(),
		Args:    knownCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },

		SuggestionsMinimumDistance: 2,
		SilenceErrors:              true,
		SilenceUsage:               true,
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(badFlag)
	root.AddCommand(newServe(), newJoin(), newToken(), newBench(), newCluster(), newVersion())
	return root
}

// knownCommand sees the arguments that are no command.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := `"beckon --help" lists them`
	if similar := cmd.SuggestionsFor(args[0]); len(similar) > 0 {
		hint = "did you mean " + strings.Join(similar, " or ") + "?"
	}
	return usagef("there is no command %q; %s", args[0], hint)
}

func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s: unexpected argument %q; %q tells more", cmd.Name(), args[0], cmd.CommandPath()+" --help")
	}
	return nil
}

func badFlag(cmd *cobra.Command, err error) error {
	if bad, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return badValue("--"+bad.GetFlag().Name, bad.GetFlag(), bad.GetValue(), bad.Unwrap())
	}
	return usageError{fmt.Errorf("%w; %q lists the flags", err, cmd.CommandPath()+" --help")}
}
