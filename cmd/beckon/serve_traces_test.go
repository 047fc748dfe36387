package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/beckonrtc/beckon/server"
)

// TestTraceFlags: where traces go is told by flags, else by the variables of OpenTelemetry, else nowhere.
func TestTraceFlags(t *testing.T) {
	const here, there = "http://localhost:4317", "https://collector.example:4318/base"
	for _, tt := range []struct {
		name      string
		args      []string
		env       map[string]string
		endpoint  string
		protocol  string
		ratio     float64
		complaint string
	}{
		{name: "nothing", protocol: "grpc"},
		{name: "flags", args: []string{"--traces-endpoint", here, "--traces-protocol", "http", "--traces-ratio", "0.1"},
			endpoint: here, protocol: "http", ratio: 0.1},
		{name: "flags before variables", args: []string{"--traces-endpoint", here, "--traces-protocol", "grpc"},
			env:      map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": there, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"},
			endpoint: here, protocol: "grpc"},
		{name: "the variable of all data", env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": there}, endpoint: there, protocol: "grpc"},
		{name: "that of all data, over HTTP", env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": there, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"},
			endpoint: there + "/v1/traces", protocol: "http"},
		{name: "that of traces alone, over HTTP", env: map[string]string{
			"OTEL_EXPORTER_OTLP_ENDPOINT": here, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": there,
			"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
		}, endpoint: there, protocol: "http"},
		{name: "disabled", args: []string{"--traces-endpoint", here}, env: map[string]string{"OTEL_SDK_DISABLED": "true"}, protocol: "grpc"},
		{name: "no exporter", env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": there, "OTEL_TRACES_EXPORTER": "none"}, protocol: "grpc"},
		{name: "no address", args: []string{"--traces-endpoint", "localhost:4317"}, complaint: "http://localhost:4317"},
		{name: "a password", args: []string{"--traces-endpoint", "http://u:p@localhost:4317"}, complaint: "http://localhost:4317"},
		{name: "no address in a variable", env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost"}, complaint: "OTEL_EXPORTER_OTLP_ENDPOINT"},
		{name: "no protocol", env: map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, complaint: "http/protobuf"},
		{name: "no share", args: []string{"--traces-endpoint", here, "--traces-ratio", "0"}, complaint: "above 0"},
		{name: "NaN", args: []string{"--traces-endpoint", here, "--traces-ratio", "NaN"}, complaint: "above 0"},
		{name: "a share of nothing", args: []string{"--traces-ratio", "0.5"}, complaint: "--traces-endpoint"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, name := range []string{
				"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL",
				"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER",
			} {
				t.Setenv(name, tt.env[name])
			}
			config := server.Defaults()
			cmd := &cobra.Command{}
			traceFlags(cmd, &config)
			err := cmd.ParseFlags(tt.args)
			if err == nil {
				err = configureTraces(cmd.Flags(), &config)
			}
			switch {
			case tt.complaint != "":
				if err == nil || !strings.Contains(err.Error(), tt.complaint) || strings.Contains(err.Error(), "parse") {
					t.Errorf("%v, want an error with %q", err, tt.complaint)
				}
			case err != nil:
				t.Error(err)
			case config.TracesEndpoint != tt.endpoint || config.TracesProtocol != tt.protocol || config.TracesRatio != tt.ratio:
				t.Errorf("%q %q %v, want %q %q %v", config.TracesEndpoint, config.TracesProtocol, config.TracesRatio, tt.endpoint, tt.protocol, tt.ratio)
			}
		})
	}
}
