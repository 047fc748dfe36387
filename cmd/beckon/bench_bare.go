package main

import (
	"net"

	"github.com/spf13/cobra"

	"github.com/beckonrtc/beckon/cmd/beckon/bench/bare"
)

// newBare is the bare relay as a program: what "bench --against bare" starts. It tells where it listens as serve does.
func newBare() *cobra.Command {
	return &cobra.Command{
		Use:    "bare",
		Short:  "Run a bare gRPC relay, to measure Beckon against",
		Hidden: true,
		Args:   noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			lis, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			log := logFlags{format: "json", level: "info"}.logger(cmd.ErrOrStderr())
			log.Info("listening", "port", "grpc", "addr", lis.Addr().String())
			log.Info("ready")
			return bare.Serve(cmd.Context(), lis)
		},
	}
}
