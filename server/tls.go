package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"google.golang.org/grpc/credentials/tls/certprovider"
	"google.golang.org/grpc/credentials/tls/certprovider/pemfile"
)

// certRefresh is how often the files of certificates are looked at.
const certRefresh = time.Second

// certificates are the server's own certificate and the authorities of its clients', as the files have them.
type certificates struct {
	own     certprovider.Provider
	clients certprovider.Provider // Nil: none are asked for.
	// Whether a client needs a certificate; else it may show one.
	needed  bool
	version uint16
	done    chan struct{} // Closed by close.
}

// newCertificates returns those that cfg names, nil if there is to be no TLS. Close must end them.
func newCertificates(cfg Config) (*certificates, error) {
	if cfg.TLSCertFile == "" && cfg.TLSKeyFile == "" {
		if cfg.ClientCAFile != "" {
			return nil, errors.New("ClientCAFile is set, and no TLSCertFile and TLSKeyFile: clients show certificates over TLS only")
		}
		return nil, nil
	}
	if cfg.TLSCertFile == "" || cfg.TLSKeyFile == "" {
		return nil, errors.New("one of TLSCertFile and TLSKeyFile is set: expected both")
	}
	if _, err := tls.LoadX509KeyPair(cfg.TLSCertFile, cfg.TLSKeyFile); err != nil {
		return nil, fmt.Errorf("load the TLS certificate: %w", err)
	}
	if cfg.ClientCAFile != "" {
		if err := checkAuthorities(cfg.ClientCAFile); err != nil {
			return nil, fmt.Errorf("load the clients' certificate authorities: %w", err)
		}
	}
	c := &certificates{done: make(chan struct{}), version: tls.VersionTLS13, needed: cfg.TokenKeyFile == "" && cfg.TokenJWKS == "" && cfg.AuthWebhook == ""}
	if cfg.TLSMinVersion == "1.2" {
		c.version = tls.VersionTLS12
	}
	var err error
	if c.own, err = pemfile.NewProvider(pemfile.Options{CertFile: cfg.TLSCertFile, KeyFile: cfg.TLSKeyFile, RefreshDuration: certRefresh}); err != nil {
		return nil, fmt.Errorf("watch the TLS certificate: %w", err)
	}
	logged := &certLog{cert: cfg.TLSCertFile, key: cfg.TLSKeyFile, authorities: cfg.ClientCAFile, log: cfg.Logger}
	if cfg.TURNTLSAddr != "" {
		logged.host = cfg.turnHost()
	}
	if cfg.ClientCAFile == "" {
		go logged.run(c.done)
		return c, nil
	}
	if c.clients, err = pemfile.NewProvider(pemfile.Options{RootFile: cfg.ClientCAFile, RefreshDuration: certRefresh}); err != nil {
		c.own.Close()
		return nil, fmt.Errorf("watch the clients' certificate authorities: %w", err)
	}
	go logged.run(c.done)
	return c, nil
}

// checkAuthorities returns an error unless the file has certificates: a provider only waits for a better one.
func checkAuthorities(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if !x509.NewCertPool().AppendCertsFromPEM(text) {
		return fmt.Errorf("%s has none: expected certificates in PEM", file)
	}
	return nil
}

// close ends the watching of files.
func (c *certificates) close() {
	if c == nil {
		return
	}
	close(c.done)
	c.own.Close()
	if c.clients != nil {
		c.clients.Close()
	}
}

// forNative returns how native clients are served. Certificates are looked up for each connection.
func (c *certificates) forNative() *tls.Config {
	base := &tls.Config{MinVersion: c.version, GetCertificate: c.certificate, NextProtos: []string{"h2"}}
	if c.clients == nil {
		return base
	}
	with := base.Clone()
	with.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		material, err := c.clients.KeyMaterial(hello.Context())
		if err != nil {
			return nil, err
		}
		cfg := base.Clone()
		cfg.ClientCAs, cfg.ClientAuth = material.Roots, tls.VerifyClientCertIfGiven
		if c.needed {
			cfg.ClientAuth = tls.RequireAndVerifyClientCert
		}
		return cfg, nil
	}
	return with
}

// forWeb returns how browsers are served: they are not asked for certificates.
func (c *certificates) forWeb() *tls.Config {
	return &tls.Config{MinVersion: c.version, GetCertificate: c.certificate, NextProtos: []string{"http/1.1"}}
}

// forRelay returns how clients of the TURN server are served: they have credentials for it, and are not asked for
// certificates.
func (c *certificates) forRelay() *tls.Config {
	return &tls.Config{MinVersion: c.version, GetCertificate: c.certificate}
}

// checkName returns a NameError unless the server's certificate is for host, a name or an address.
func (c *certificates) checkName(host string) error {
	material, err := c.own.KeyMaterial(context.Background())
	if err != nil {
		return fmt.Errorf("load the TLS certificate: %w", err)
	}
	leaf := material.Certs[0].Leaf
	if leaf.VerifyHostname(host) == nil {
		return nil
	}
	names := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	return &NameError{Host: host, Names: names}
}

// NameError tells that clients of the TURN server would refuse its certificate.
type NameError struct {
	Host  string   // As they would be told.
	Names []string // That the certificate is for.
}

// Error tells what is expected.
func (e *NameError) Error() string {
	return fmt.Sprintf("TURNTLSAddr is set, clients would be told of the host %q, and the certificate of TLSCertFile is for %q: expected TURNHost to be a name that it is for", e.Host, e.Names)
}

// certificate returns the server's certificate as it is now.
func (c *certificates) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	material, err := c.own.KeyMaterial(hello.Context())
	if err != nil {
		return nil, err
	}
	return &material.Certs[0], nil
}
