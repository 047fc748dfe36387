package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// forgetTimeout bounds how long a node may take to have a server forgotten.
const forgetTimeout = 15 * time.Second

func newClusterForget() *cobra.Command {
	var admin, token string
	cmd := &cobra.Command{
		Use:   "forget NAME",
		Short: "Forget a NATS server that is gone for good",
		Long: `Forget the NATS server inside a node that is gone for good, by the NAME that "beckon cluster status" has for it. Until
then it counts among the servers of which most have to be there, what it kept has no other place, and none can come instead
of it. A server that is there is not forgotten, and none is while most are away.

Where the admin port asks who that is, --token-file shows the admin secret, or an access token that says admin.`,
		Example: `  beckon cluster forget node-c
  beckon cluster forget node-c --admin 10.0.0.1:9090 --token-file admin.key`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "" {
				return usagef("expected the name of one NATS server")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := configure(cmd.Flags()); err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), forgetTimeout)
			defer cancel()
			told, err := askForget(ctx, admin, token, args[0])
			if err == nil {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), told)
			}
			return err
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&admin, "admin", "127.0.0.1:9090", "the admin port's `ADDRESS` of one node")
	f.Var(file(&token, "an admin secret, or what \"beckon token --admin\" prints"), "token-file", "show what is in this `FILE`")
	return cmd
}

// askForget asks a node to have a server forgotten, and returns what it says.
func askForget(ctx context.Context, admin, token, name string) (told string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+admin+"/cluster/forget", strings.NewReader(name))
	if err != nil {
		return "", usagef("--admin: %q: expected an address such as 127.0.0.1:9090", admin)
	}
	if token != "" {
		secret, err := os.ReadFile(token)
		if err != nil {
			return "", usagef("--token-file: %w", err)
		}
		request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(secret)))
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", fmt.Errorf("ask the node: %w (--admin says where it is)", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return "", fmt.Errorf("ask the node: %w", err)
	}
	told = strings.TrimSpace(string(body))
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", admin, told)
	}
	return told, nil
}
