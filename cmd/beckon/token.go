package main

import (
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/beckonrtc/beckon/server/auth"
)

// tokenFlags is what the command line of token says.
type tokenFlags struct {
	key, kid    string
	sub, name   string
	rooms       []string
	may         []string
	attributes  []string
	maxSessions int
	duplicates  string
	admin       bool
	ttl         time.Duration
	iss, aud    string
}

func newToken() *cobra.Command {
	flags := tokenFlags{maxSessions: -1, duplicates: "allow", ttl: time.Hour}
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Make an access token, or tell what one allows",
		Long: `Make an access token: a JSON Web Token that tells a server who somebody is and what that one may do. It is printed on
one line. Whoever has it can use it, so treat it as a password.

The key is a file: a secret of at least 32 bytes, which the server has, too (HS256); a private key in PEM, of which the
server has the public one (RS256, ES256, EdDSA); or a JWK Set of several, of which --kid chooses.

What is not said is not restricted: without --room every room may be entered, without --may everything may be done.
--may knows join, call, broadcast, data and update_name.`,
		Example: `  openssl rand -base64 48 > secret
  beckon token --key secret --sub ana --room lobby --room 'team-*' --name Ana --ttl 8h
  beckon token --key secret --sub board --room lobby --may join --attribute role=screen --duplicates replace
  openssl genpkey -algorithm ed25519 -out private.pem
  beckon token --key private.pem --sub ana | beckon token inspect --key private.pem`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := configure(cmd.Flags()); err != nil {
				return err
			}
			token, err := flags.sign(cmd)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), token)
			return err
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&flags.key, "key", "", "sign with the key in this `FILE`")
	f.StringVar(&flags.kid, "kid", "", "the key's `ID`: which of several signs, or what the token calls it")
	f.StringVar(&flags.sub, "sub", "", "`WHO` the token is for: the identity that others see")
	f.StringVar(&flags.name, "name", "", "the `NAME` that others see")
	f.StringArrayVar(&flags.rooms, "room", nil, "a `ROOM` that may be entered; all that begin so if it ends in *; may be repeated")
	f.StringSliceVar(&flags.may, "may", nil, "what may be done, in `WORDS` with commas between them")
	f.StringArrayVar(&flags.attributes, "attribute", nil, "what else others see, as `KEY=VALUE`; may be repeated")
	f.Var(countBound(&flags.maxSessions), "max-sessions", "sessions that --sub may have at one time")
	choiceVar(cmd, &flags.duplicates, "duplicates", "what a second session of --sub in a room means", auth.DuplicatesWords...)
	f.BoolVar(&flags.admin, "grant-admin", false, "the server may be ended, and access taken back, on its admin port")
	f.Var(duration(&flags.ttl, time.Second), "ttl", "how long the token is good")
	f.StringVar(&flags.iss, "iss", "", "the `ISSUER`, if the server asks for one")
	f.StringVar(&flags.aud, "aud", "", "the `AUDIENCE`, if the server asks for one")
	cmd.MarkFlagFilename("key")
	cmd.RegisterFlagCompletionFunc("may", cobra.FixedCompletions(permissionWords(), cobra.ShellCompDirectiveNoFileComp))
	cmd.AddCommand(newTokenInspect())
	return cmd
}

// permissionWords are all that --may knows.
func permissionWords() []string { return (^auth.Permission(0)).Words() }

// sign makes the token. Its mistakes are those of the command line.
func (f *tokenFlags) sign(cmd *cobra.Command) (string, error) {
	if f.key == "" {
		return "", usagef("token: expected --key FILE; %q tells more", cmd.CommandPath()+" --help")
	}
	if f.sub == "" {
		return "", usagef("token: expected --sub, who the token is for")
	}
	attributes, err := pairs(f.attributes)
	if err != nil {
		return "", err
	}
	now := time.Now()
	claims := auth.Claims{
		Issuer:  f.iss,
		Expires: now.Add(f.ttl),
		Grant: auth.Grant{
			Identity:    f.sub,
			Name:        f.name,
			Rooms:       f.rooms,
			Attributes:  attributes,
			Admin:       f.admin,
			MaxSessions: max(f.maxSessions, 0),
			TokenID:     rand.Text(), // So that it can be revoked.
			Issued:      now,
		},
	}
	if f.aud != "" {
		claims.Audience = []string{f.aud}
	}
	if claims.Grant.Duplicates, err = auth.ParseDuplicates(f.duplicates); err != nil {
		return "", usagef("--duplicates: %w", err)
	}
	if cmd.Flags().Changed("may") {
		permitted, err := auth.ParsePermissions(f.may)
		if err != nil {
			return "", usagef("--may: %w", err)
		}
		claims.Grant.Withheld = ^permitted
	}
	signer, err := auth.NewSigner(f.key, f.kid)
	if err != nil {
		return "", usagef("--key: %w", err)
	}
	token, err := signer.Sign(claims)
	if err != nil {
		return "", usagef("token: %w", err)
	}
	return token, nil
}

// fromNow tells when t is, as people do.
func fromNow(t, now time.Time) string {
	distance := strings.TrimSpace(humanize.RelTime(t, now, "ago", "from now"))
	return t.UTC().Format(time.RFC3339) + ", " + distance
}
