// Command beckon runs a Beckon signaling server, and speaks with one from a terminal or a script.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
)

func main() {
	ctx := interruptible(context.Background())
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run carries out one command line and returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)

	err := root.ExecuteContext(ctx)
	if err != nil {
		fmt.Fprintln(stderr, "beckon:", printable(err.Error()))
	}
	return exitCode(err)
}
