package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/beckonrtc/beckon/server"
	"github.com/beckonrtc/beckon/server/auth"
)

// inspectTimeout is how long a JWK Set may take.
const inspectTimeout = 10 * time.Second

func newTokenInspect() *cobra.Command {
	cfg := auth.TokenConfig{Rules: auth.Rules{ClockSkew: server.Defaults().TokenSkew}}
	cmd := &cobra.Command{
		Use:   "inspect [TOKEN|-]",
		Short: "Tell what an access token allows",
		Long: `Tell what an access token allows, and why a server would refuse it. The token is an argument or, which keeps it out of
the shell's history, the input.

With --key or --jwks the signature is checked, too. With the server's other settings, --iss, --aud and --skew, the
answer is the server's. The exit code is 1 if the token would be refused.`,
		Example: `  beckon token inspect --key secret < token
  beckon token inspect --jwks https://id.example.org/keys --aud beckon < token`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("inspect: unexpected argument; expected one token, or none and the token as input")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := configure(cmd.Flags()); err != nil {
				return err
			}
			if cfg.KeyFile != "" && cfg.JWKSURL != "" {
				return usagef("inspect: --key does not go with --jwks")
			}
			token, err := tokenFrom(args, cmd.InOrStdin())
			if err != nil {
				return err
			}
			return inspect(cmd.Context(), cmd.OutOrStdout(), token, cfg)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&cfg.KeyFile, "key", "", "check the signature with the key in this `FILE`")
	f.StringVar(&cfg.JWKSURL, "jwks", "", "check the signature with the JWK Set at this `URL`")
	f.StringVar(&cfg.Issuer, "iss", "", "the `ISSUER` that the server asks for")
	f.StringVar(&cfg.Audience, "aud", "", "the `AUDIENCE` that the server asks for")
	f.Var(skew(&cfg.ClockSkew), "skew", "how far the server's clock may be apart")
	cmd.MarkFlagFilename("key")
	return cmd
}

// tokenFrom returns the argument, or reads the input if there is none.
func tokenFrom(args []string, stdin io.Reader) (string, error) {
	if len(args) == 1 && args[0] != "-" {
		return args[0], nil
	}
	const most = 64 << 10 // Bytes; more than any token has.
	text, err := io.ReadAll(io.LimitReader(stdin, most))
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	token := strings.TrimPrefix(strings.TrimSpace(string(text)), "Bearer ")
	if token == "" {
		return "", usagef("inspect: expected a token, as an argument or as input")
	}
	return token, nil
}

// inspect tells what the token allows. Its error tells why a server would refuse it.
func inspect(ctx context.Context, out io.Writer, token string, cfg auth.TokenConfig) error {
	claims, err := auth.Inspect(token)
	if err != nil {
		return refusal(err)
	}
	describe(out, claims, time.Now())
	if cfg.KeyFile == "" && cfg.JWKSURL == "" {
		fmt.Fprintln(out, "The signature was not checked: that needs --key or --jwks.")
		if err := cfg.Check(claims); err != nil {
			return refusal(err)
		}
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, inspectTimeout)
	defer cancel()
	cfg.Logger = slog.New(slog.DiscardHandler) // The error tells what it would.
	tokens, err := auth.NewTokens(ctx, cfg)
	if err != nil {
		return usageError{err}
	}
	if _, err := tokens.Authenticate(ctx, auth.Request{Token: token}); err != nil {
		return refusal(err)
	}
	fmt.Fprintln(out, "A server with these settings would take it.")
	return nil
}

// refusal words an error as the answer to a question.
func refusal(err error) error {
	refused, ok := errors.AsType[*auth.Error](err)
	switch {
	case !ok:
		return err
	case refused.Reason == auth.Unavailable:
		return fmt.Errorf("the signature cannot be checked: %w", refused)
	default:
		return fmt.Errorf("a server would refuse it: %w", refused)
	}
}

// describe tells what a token says, in plain words.
func describe(out io.Writer, claims *auth.Claims, now time.Time) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(what, format string, args ...any) {
		fmt.Fprintf(table, "%s\t%s\n", what, printable(fmt.Sprintf(format, args...)))
	}
	g := claims.Grant
	row("who", "%s", g.Identity)
	if g.Name != "" {
		row("name", "%s", g.Name)
	}
	if len(g.Rooms) == 0 {
		row("rooms", "every room")
	} else {
		row("rooms", "%s", strings.Join(g.Rooms, ", "))
	}
	row("may", "%s", allowed(g.Withheld))
	for _, key := range slices.Sorted(maps.Keys(g.Attributes)) {
		row("attribute", "%s=%s", key, g.Attributes[key])
	}
	sessions := "any number"
	if g.MaxSessions > 0 {
		sessions = "at most " + strconv.Itoa(g.MaxSessions)
	}
	row("sessions", "%s; a second one in a room: %s", sessions, g.Duplicates)
	if g.Admin {
		row("admin", "may end the server, take access back and see profiles, on the admin port")
	}
	row("until", "%s", fromNow(claims.Expires, now))
	if !claims.NotBefore.IsZero() {
		row("not before", "%s", fromNow(claims.NotBefore, now))
	}
	if !g.Issued.IsZero() {
		row("issued", "%s", fromNow(g.Issued, now))
	}
	if claims.Issuer != "" {
		row("issuer", "%s", claims.Issuer)
	}
	if len(claims.Audience) > 0 {
		row("audience", "%s", strings.Join(claims.Audience, ", "))
	}
	if g.TokenID != "" {
		row("revoke with", "jti:%s", g.TokenID)
	}
	key := claims.Algorithm
	if claims.KeyID != "" {
		key += ", kid " + claims.KeyID
	}
	row("signed with", "%s", key)
	table.Flush()
}

// allowed tells what may be done if so much is withheld.
func allowed(withheld auth.Permission) string {
	words := (^withheld).Words()
	switch len(words) {
	case 0:
		return "nothing"
	case len(permissionWords()):
		return "everything (" + strings.Join(words, ", ") + ")"
	}
	return strings.Join(words, ", ")
}
