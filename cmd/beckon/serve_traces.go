package main

import (
	"errors"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/beckonrtc/beckon/server"
)

// traceFlags adds the flags of traces.
func traceFlags(cmd *cobra.Command, config *server.Config) {
	f := cmd.Flags()
	f.Var(collector(&config.TracesEndpoint), "traces-endpoint",
		"send traces to the OpenTelemetry collector at this `URL`")
	choiceVar(cmd, &config.TracesProtocol, "traces-protocol", "how they are sent, in protobuf", "grpc", "http")
	f.Var(ratio(&config.TracesRatio), "traces-ratio", "the share of them that is kept, up to 1; by default all")
}

// configureTraces takes from the variables of OpenTelemetry what the flags do not say: the other ones are read by its libraries.
func configureTraces(flags *pflag.FlagSet, config *server.Config) error {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		config.TracesEndpoint = ""
		return nil
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"} { // The latter counts.
		if text := os.Getenv(name); text != "" && !flags.Changed("traces-protocol") {
			protocol, ok := map[string]string{"grpc": "grpc", "http/protobuf": "http"}[text]
			if !ok {
				return usagef("%s: %q: expected grpc or http/protobuf", name, text)
			}
			config.TracesProtocol = protocol
		}
	}
	if config.TracesEndpoint == "" {
		const all, own = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
		name := own
		if os.Getenv(own) == "" {
			name = all
		}
		text := os.Getenv(name)
		if err := collector(&config.TracesEndpoint).Set(text); err != nil {
			return usagef("%s: %v", name, err)
		}
		if u, err := url.Parse(text); err == nil && text != "" && name == all && config.TracesProtocol != "grpc" {
			config.TracesEndpoint = u.JoinPath("v1/traces").String() // It is where all kinds of data begin.
		}
	}
	if config.TracesEndpoint == "" && (flags.Changed("traces-protocol") || flags.Changed("traces-ratio")) {
		return usagef("--traces-protocol and --traces-ratio: expected --traces-endpoint, too")
	}
	return nil
}

// collector is the address of a collector of traces, or none.
func collector(target *string) pflag.Value {
	return setting[string]{target, "URL",
		func(text string) (string, error) {
			u, err := url.Parse(text)
			if text != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil) {
				err := errors.New("expected an address such as http://localhost:4317, without a user")
				if strings.Contains(text, "@") { // There may be a password.
					return "", unshown{err}
				}
				return "", err
			}
			return text, nil
		},
		asIs,
	}
}

// ratio is a share. Without one *target is 0.
func ratio(target *float64) pflag.Value {
	return setting[float64]{target, "SHARE",
		func(text string) (float64, error) {
			share, err := strconv.ParseFloat(text, 64)
			if err != nil || !(share > 0 && share <= 1) {
				return 0, errors.New("expected a number above 0, up to 1, such as 0.1")
			}
			return share, nil
		},
		func(share float64) string {
			if share == 0 {
				return ""
			}
			return strconv.FormatFloat(share, 'g', -1, 64)
		},
	}
}
