package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	beckon "github.com/beckonrtc/beckon/clients/go"
)

// An endpoint is a server as the command line names it, and how to speak with it.
type endpoint struct {
	target    string
	plaintext bool
	tls       bool
	ca        string // A PEM file; empty: the system's roots.
	cert, key string // PEM files of the client's own certificate; empty: it has none.
	tokenFile string // Has an access token; empty: there is none.
}

// tlsFlags adds the flags that tell whether to speak TLS, whom to trust, and what to show.
func (e *endpoint) tlsFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&e.plaintext, "plaintext", false, "speak without TLS")
	f.BoolVar(&e.tls, "tls", false, "speak with TLS, even on this machine")
	f.StringVar(&e.ca, "ca", "", "trust the certificates in this PEM `FILE` instead of the system's; implies --tls")
	f.StringVar(&e.cert, "cert", "", "show the certificate in this PEM `FILE`, read again for each connection; implies --tls")
	f.StringVar(&e.key, "key", "", "its key, in this PEM `FILE`")
}

// connect returns a connection, with which every call shows the access token if the session does not.
func (e endpoint) connect(show bool) (*grpc.ClientConn, error) {
	creds, err := e.credentials()
	if err != nil {
		return nil, err
	}
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(creds),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
	}
	if e.tokenFile != "" {
		if _, err := os.ReadFile(e.tokenFile); err != nil {
			return nil, usagef("--token-file: %w: expected a file with what \"beckon token\" prints", err)
		}
		if show {
			options = append(options, grpc.WithPerRPCCredentials(tokenFile{e.tokenFile, creds.Info().SecurityProtocol == "tls"}))
		}
	}
	conn, err := grpc.NewClient(e.target, options...)
	if err != nil {
		return nil, usagef("--server: %q: %w", e.target, err)
	}
	return conn, nil
}

func (e endpoint) credentials() (credentials.TransportCredentials, error) {
	config, err := e.tlsConfig()
	if err != nil {
		return nil, err
	}
	if config == nil {
		return insecure.NewCredentials(), nil
	}
	return credentials.NewTLS(config), nil
}

// tlsConfig returns how to speak TLS; nil: not at all.
func (e endpoint) tlsConfig() (*tls.Config, error) {
	withTLS := e.tls || e.ca != "" || e.cert != "" || e.key != ""
	switch {
	case e.plaintext && withTLS:
		return nil, usagef("--plaintext goes with none of --tls, --ca, --cert and --key")
	case (e.cert == "") != (e.key == ""):
		return nil, usagef("--cert and --key: expected both, or none")
	case e.plaintext || !withTLS && onThisMachine(e.target):
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if e.ca != "" {
		certificates, err := os.ReadFile(e.ca)
		if err != nil {
			return nil, usagef("--ca: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(certificates) {
			return nil, usagef("--ca: %s: expected certificates in PEM", e.ca)
		}
	}
	if e.cert != "" {
		if _, err := e.certificate(nil); err != nil {
			return nil, usagef("--cert, --key: %w: expected a certificate in PEM and its key", err)
		}
		config.GetClientCertificate = e.certificate
	}
	return config, nil
}

// certificate reads the client's own certificate: it may have been replaced by a newer one. A server that does not ask for
// one never sees it.
func (e endpoint) certificate(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(e.cert, e.key)
	return &pair, err
}

// session returns the options of a session: it shows the access token in the file, which may be replaced by a newer one.
func (e endpoint) session() []beckon.Option {
	if e.tokenFile == "" {
		return nil
	}
	options := []beckon.Option{beckon.WithTokenSource(func(context.Context) (string, error) {
		token, err := os.ReadFile(e.tokenFile)
		return string(token), err
	})}
	if e.plaintext { // Else the connection has TLS, or stays on this machine.
		options = append(options, beckon.WithPlaintext())
	}
	return options
}

// tokenFile shows the access token in a file.
type tokenFile struct {
	name   string
	secure bool // Whether the connection has to be.
}

func (f tokenFile) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	token, err := os.ReadFile(f.name)
	if err != nil {
		return nil, status.Errorf(codes.Unauthenticated, "read the access token: %v", err)
	}
	return map[string]string{"authorization": "Bearer " + strings.TrimSpace(string(token))}, nil
}

func (f tokenFile) RequireTransportSecurity() bool { return f.secure }

// onThisMachine tells whether what is sent to target stays on this machine for certain.
func onThisMachine(target string) bool {
	if strings.HasPrefix(target, "unix:") {
		return true
	}
	host, _, err := net.SplitHostPort(target)
	if err != nil {
		host = target
	}
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// explain tells how a session with the server failed.
func (e endpoint) explain(err error) error {
	if failure, ok := errors.AsType[*beckon.Failure](err); ok {
		return fmt.Errorf("%v: %s", failure.Code, failure.Detail)
	}
	end, ok := endOf(err)
	if !ok {
		return err
	}
	if end.Code == codes.Unavailable && end.Reason == "" {
		return fmt.Errorf("cannot reach %s: %s (--server, --plaintext and --tls say where and how)", e.target, end.Detail)
	}
	return fmt.Errorf("%s ended the session: %s: %s", e.target, cmp.Or(string(end.Reason), end.Code.String()), end.Detail)
}

// endOf takes the end of a session from an error of the client library or of a stream.
func endOf(err error) (end *beckon.EndError, ok bool) {
	if end, ok := errors.AsType[*beckon.EndError](err); ok {
		return end, true
	}
	if _, ok := status.FromError(err); err == nil || !ok {
		return nil, false
	}
	return beckon.EndOf(err), true
}
