package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/beckonrtc/beckon/server"
	"github.com/beckonrtc/beckon/server/broker"
	"github.com/beckonrtc/beckon/server/roomlog/natslog"
)

func newServe() *cobra.Command {
	config := server.Defaults()
	log := logFlags{format: "text", level: "info"}
	var cluster clusterFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run a server",
		Long: `Run a server until it is told to stop. It logs to standard error where it listens, and is ready when /readyz on the
admin port answers 200.

SIGTERM, SIGINT and a POST to /drain on the admin port end it in order: it is no longer ready and takes no new streams,
each client is told when its stream is going to end, all of them end within half of --drain-timeout, and it exits with
0. A second signal ends it at once. Clients come back by themselves: a server that is started with the same
--session-key-file takes their sessions up, if they come within --resume-window of its start.

Who may do what is told by access tokens (--token-key-file or --token-jwks; "beckon token" makes one), by a service of
your own (--auth-webhook), or by client certificates (--client-ca-file). Without any of them the server runs only where
this machine alone can reach it, or with --open.

A size may be written as 262144 or as 256KiB.

Each flag can be set by a variable, BECKON_MAX_ROOMS for --max-rooms, and by a line of the configuration file:

  # beckon.yaml
  grpc: :50051
  token-key-file: token.key
  max-message-bytes: 128KiB`,
		Example: `  beckon serve
  beckon serve --grpc :50051 --web :8080 --token-key-file token.key --tls-cert-file cert.pem --tls-key-file key.pem
  beckon serve --web-origin https://app.example.org --web-origin https://www.example.org
  beckon serve --trusted-proxy 127.0.0.1 --session-key-file session.key
  beckon serve --config beckon.yaml --log-level debug
  BECKON_WEB=off beckon serve`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := configure(cmd.Flags()); err != nil {
				return err
			}
			if least := 2 * config.MaxMessageBytes; config.MaxOutboxBytes >= 0 && config.MaxOutboxBytes < least {
				return usagef("--max-outbox-bytes: %s: expected at least %s, twice --max-message-bytes, or none",
					inBytes(config.MaxOutboxBytes), inBytes(least))
			}
			if err := checkEmpty(cmd.Flags()); err != nil {
				return err
			}
			if err := checkAccess(config); err != nil {
				return err
			}
			if err := cluster.check(cmd, config); err != nil {
				return err
			}
			if err := configureTraces(cmd.Flags(), &config); err != nil {
				return err
			}
			config.Version = thisBuild().Version
			config.Logger = log.logger(cmd.ErrOrStderr())
			warnOfAccess(config)
			return serve(cmd, config, &cluster)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.Var(address(&config.GRPCAddr), "grpc", "where native clients connect")
	f.Var(optionalAddress(&config.WebAddr), "web", `where browsers connect; "off": nowhere`)
	f.Var(texts(&config.WebOrigins, "ORIGIN", server.CheckOrigin), "web-origin",
		"pages of this ORIGIN may use the server; \"*\": of any; may be repeated")
	f.Var(networks(&config.TrustedProxies), "trusted-proxy",
		"believe X-Forwarded-For of a proxy in this network; may be repeated")
	f.Var(optionalAddress(&config.AdminAddr), "admin", `for operators (/drain, /revoke); "off": nowhere`)

	accessFlags(cmd, &config)
	cluster.addTo(cmd)

	f.Var(size(&config.MaxMessageBytes, 1<<10), "max-message-bytes", "the size of a message from a client")
	f.Var(countBound(&config.MaxRooms), "max-rooms", "rooms that one session may be in at one time")
	f.Var(countBound(&config.MaxUsers), "max-users", "users that may be in one room at one time")
	f.Var(countBound(&config.MaxSessions), "max-sessions", "sessions in all")
	f.Var(countBound(&config.MaxSessionsPerIP), "max-sessions-per-ip", "sessions from one address; of IPv6, from one /64")
	f.Var(countBound(&config.MaxFailuresPerIP), "max-failures-per-ip",
		"failed tries from one address per second; four times that at once")
	f.Var(countBound(&config.MaxPending), "max-pending", "streams that have yet to say something")
	f.Var(countBound(&config.MaxConnections), "max-connections", "connections to each port; more wait")
	f.Var(countBound(&config.MaxStreams), "max-streams", "streams on one connection; more wait")
	f.Var(countBound(&config.MaxStreamsPerSecond), "max-streams-per-second",
		"new streams on one connection, for long; ten times that at once")
	f.Var(sizeBound(&config.MaxOutboxBytes, 64<<10), "max-outbox-bytes",
		"what one session may leave unread; at least two messages")
	f.Var(countBound(&config.MaxMessagesPerSecond), "max-messages-per-second",
		"messages of one session, for long; ten times that at once")
	f.Var(sizeBound(&config.MaxBytesPerSecond, 1<<10), "max-bytes-per-second", "the same in bytes")
	f.Var(size(&config.MaxRetainedBytes, 1<<20), "max-retained-bytes", "what is kept of messages until they are received, in all")

	f.Var(duration(&config.HandshakeTimeout, time.Millisecond), "handshake-timeout",
		"how long a client may take to set a connection up")
	f.Var(duration(&config.HeartbeatInterval, time.Second), "heartbeat-interval",
		"how often each side shows that it is there")
	f.Var(duration(&config.ResumeWindow, time.Second), "resume-window", "how long a session is kept whose client was lost")
	f.Var(file(&config.SessionKeyFile, `a file such as "openssl rand -hex 32" writes`), "session-key-file",
		"a secret of 32 bytes or more, with which sessions outlive a restart")
	f.Var(duration(&config.DrainTimeout, time.Millisecond), "drain-timeout", "how long the end may take")

	traceFlags(cmd, &config)
	choiceVar(cmd, &log.format, "log-format", "how a log line is written", "text", "json")
	choiceVar(cmd, &log.level, "log-level", "the least level that is logged", "debug", "info", "warn", "error")
	f.BoolVar(&config.LogPayloads, "log-payloads", false, "show what users say, which is private, in debug lines")

	f.String("config", "", "read flags from this YAML `FILE`")
	cmd.MarkFlagFilename("config", "yaml", "yml")
	return cmd
}

func serve(cmd *cobra.Command, config server.Config, cluster *clusterFlags) error {
	end, err := cluster.addNode(&config)
	if err != nil {
		return err
	}
	defer end()
	err = server.Run(cmd.Context(), config)
	if failed, ok := errors.AsType[*server.ListenError](err); ok {
		return fmt.Errorf("%w (--%s changes the address)", failed, failed.Port)
	}
	if differ, ok := errors.AsType[*natslog.DifferError](err); ok {
		return fmt.Errorf("%w (--session-key-file, --resume-window, --heartbeat-interval; --rolling-change lets them differ while they are changed)", differ)
	}
	if _, ok := errors.AsType[*broker.PeersError](err); ok {
		return fmt.Errorf("%w (--nats-peer)", err)
	}
	if name, ok := errors.AsType[*server.NameError](err); ok {
		return nameError(name)
	}
	if open, ok := errors.AsType[*server.OpenError](err); ok {
		return openError(open)
	}
	return err
}

// logFlags is how the log is to be written.
type logFlags struct{ format, level string }

func (f logFlags) logger(out io.Writer) *slog.Logger {
	levels := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}
	options := &slog.HandlerOptions{Level: levels[f.level]}
	if f.format == "json" {
		return slog.New(slog.NewJSONHandler(out, options))
	}
	return slog.New(slog.NewTextHandler(out, options))
}
