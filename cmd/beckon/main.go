// Command beckon runs a Beckon signaling server, and speaks with one from a terminal or a script.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"google.golang.org/grpc/grpclog"
)

func main() {
	if os.Getenv("GRPC_GO_LOG_SEVERITY_LEVEL") == "" { // What gRPC's libraries write of clients is not for this log.
		grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard))
	}
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
