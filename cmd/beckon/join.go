package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	beckon "github.com/beckonrtc/beckon/clients/go"
	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// joinFlags is what the command line of join says.
type joinFlags struct {
	name       string
	attributes []string
	presence   string
	json       bool
	endpoint   endpoint
}

func newJoin() *cobra.Command {
	flags := joinFlags{presence: "delta"}
	cmd := &cobra.Command{
		Use:   "join ROOM",
		Short: "Join a room, see what happens there and speak",
		Long: `Join a room: see who is there, who comes and goes, and what arrives. A line that is typed goes to everybody in the
room, as data of the type text/plain. "/help" lists the commands, "/quit", Ctrl-D or Ctrl-C leaves the room.

With --json it is a tool for scripts. Each event is printed as one line of JSON, the ConnectResponse of the
specification. Each line of the input is a ConnectRequest, sent as it is. The end of the input ends the session, and the
program ends when the server has said all that it still had to say. A failure is an event like any other; the exit code
tells only how the session ended.

A server on this machine (localhost, 127.0.0.1, ::1, unix:...) is spoken to in plaintext, any other with TLS, unless
--plaintext or --tls says otherwise. Who one is can be shown by an access token (--token-file), or by a certificate
(--cert, --key) where the server has its authority as --client-ca-file.`,
		Example: `  beckon join lobby --name ana
  beckon join lobby --name ana --server signal.example.org:443
  beckon join lobby --cert ana.pem --key ana.key --server signal.example.org:443
  echo "the build is done" | beckon join lobby --name robot
  echo '{"data":{"room":"lobby","type":"text/plain","payload":"aGVsbG8="}}' | beckon join lobby --json`,
		Args: oneRoom,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := configure(cmd.Flags()); err != nil {
				return err
			}
			return join(cmd, args[0], flags)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&flags.name, "name", "", "the `NAME` that others see")
	f.StringArrayVar(&flags.attributes, "attribute", nil, "what else others see, as `KEY=VALUE`; may be repeated")
	choiceVar(cmd, &flags.presence, "presence",
		"hear of others in whole lists, in single changes, or nothing", "full", "delta", "none")
	f.BoolVar(&flags.json, "json", false, "read and print JSON lines")
	f.StringVar(&flags.endpoint.target, "server", "localhost:50051", "the server's `ADDRESS`")
	flags.endpoint.tlsFlags(cmd)
	f.StringVar(&flags.endpoint.tokenFile, "token-file", "", "show the access token in this `FILE`; replace it before it runs out")
	return cmd
}

func oneRoom(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usagef(`join: expected one room, as in "beckon join lobby --name ana"`)
	}
	return nil
}

func join(cmd *cobra.Command, room string, flags joinFlags) error {
	attributes, err := pairs(flags.attributes)
	if err != nil {
		return err
	}
	request := &beckon.Join{
		Room:       room,
		Attributes: attributes,
		Presence:   beckon.Presence(beckonv1.Presence_value["PRESENCE_"+strings.ToUpper(flags.presence)]),
	}
	if cmd.Flags().Changed("name") {
		request.Name = &flags.name
	}
	conn, err := flags.endpoint.connect(flags.json)
	if err != nil {
		return err
	}
	defer conn.Close()

	ctx := cmd.Context()
	if flags.json {
		err = joinJSON(ctx, conn, request, newPlainLines(cmd.InOrStdin()), cmd.OutOrStdout())
	} else {
		err = joinLive(ctx, conn, request, cmd.InOrStdin(), cmd.OutOrStdout(), flags.endpoint.session()...)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return flags.endpoint.explain(err)
}

// pairs makes a map of KEY=VALUE texts.
func pairs(texts []string) (map[string]string, error) {
	m := make(map[string]string)
	for _, text := range texts {
		key, value, ok := strings.Cut(text, "=")
		if !ok || key == "" {
			return nil, usagef("--attribute: %q: expected KEY=VALUE", text)
		}
		m[key] = value
	}
	return m, nil
}
