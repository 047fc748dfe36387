package server

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"google.golang.org/protobuf/types/known/timestamppb"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/auth"
	"github.com/beckonrtc/beckon/server/ice"
	"github.com/beckonrtc/beckon/server/wire"
)

// newICE returns the ICE servers that c tells of, and its own relay, nil if there is to be none. That serves no users that
// are revoked. Certs is nil if there are none.
func (c Config) newICE(revoked func(user string) bool, certs *certificates) (*ice.Servers, *ice.Relay, error) {
	all := ice.Config{TTL: c.TURNTTL}
	var stun, turn []string
	for _, url := range c.ICEServers {
		if ice.IsTURN(url) {
			turn = append(turn, url)
		} else {
			stun = append(stun, url)
		}
	}
	if len(stun) > 0 {
		all.Servers = append(all.Servers, ice.Server{URLs: stun})
	}
	var secrets []ice.Secret
	if c.TURNSecretFile != "" || len(turn) > 0 {
		var err error
		if secrets, err = c.turnSecrets(); err != nil {
			return nil, nil, err
		}
	}
	for _, s := range secrets {
		if len(s) >= leastTURNSecret {
			continue
		}
		if c.TURNAddr != "" {
			return nil, nil, fmt.Errorf("the TURN secret in %s has %d bytes: expected at least %d, since every client sees what is made with it", c.TURNSecretFile, len(s), leastTURNSecret)
		}
		c.Logger.Warn("the TURN secret is short: every client sees what is made with it, and can try to guess it", "bytes", len(s), "expected", leastTURNSecret)
	}
	fixed, err := c.fixedServers()
	if err != nil {
		return nil, nil, err
	}
	relay, err := c.newRelay(&secrets, revoked, certs)
	if err != nil {
		return nil, nil, err
	}
	if relay != nil {
		turn = append(turn, relay.URLs(c.turnHost())...)
	}
	if len(turn) > 0 {
		all.Servers = append(all.Servers, ice.Server{URLs: turn, Secrets: secrets})
	}
	all.Servers = append(all.Servers, fixed...)
	servers, err := ice.NewServers(all)
	if err != nil {
		if relay != nil {
			err = errors.Join(err, relay.Close())
		}
		return nil, nil, fmt.Errorf("ICEServers: %w", err)
	}
	return servers, relay, nil
}

// leastTURNSecret is how many bytes the secret of a TURN server needs.
const leastTURNSecret = 32

// newRelay starts the relay that cfg wants, nil if none. Without secrets it makes one.
func (c Config) newRelay(secrets *[]ice.Secret, revoked func(user string) bool, certs *certificates) (*ice.Relay, error) {
	if c.TURNAddr == "" {
		if c.TURNTLSAddr != "" {
			return nil, errors.New("TURNTLSAddr is set, and no TURNAddr: expected that, too")
		}
		return nil, nil
	}
	if len(*secrets) == 0 {
		*secrets = []ice.Secret{ice.Secret(rand.Text() + rand.Text())}
	}
	cfg := ice.RelayConfig{Addr: c.TURNAddr, Secrets: *secrets, AllowPrivate: c.TURNAllowPrivate, Revoked: revoked, Logger: c.Logger}
	if c.TURNPublicIP != "" {
		ip, err := netip.ParseAddr(c.TURNPublicIP)
		if err != nil {
			return nil, fmt.Errorf("TURNPublicIP is %q: expected an IP address", c.TURNPublicIP)
		}
		cfg.PublicIP = ip
	}
	if c.TURNTLSAddr != "" {
		if certs == nil {
			return nil, errors.New("TURNTLSAddr is set, and no TLSCertFile and TLSKeyFile: expected both")
		}
		if err := certs.checkName(c.turnHost()); err != nil {
			return nil, err
		}
		cfg.TLSAddr, cfg.TLS = c.TURNTLSAddr, certs.forRelay()
	}
	relay, err := ice.NewRelay(cfg)
	if failed, ok := errors.AsType[*ice.ListenError](err); ok {
		if failed.TLS {
			return nil, &ListenError{Port: "turn-tls", Addr: c.TURNTLSAddr, Err: failed.Err}
		}
		return nil, &ListenError{Port: "turn", Addr: c.TURNAddr, Err: failed.Err}
	}
	if err != nil {
		return nil, fmt.Errorf("start the TURN server: %w", err)
	}
	c.Logger.Info("listening", "port", "turn", "addr", relay.Addr().String())
	if cfg.TLSAddr != "" {
		c.Logger.Info("listening", "port", "turn-tls", "addr", relay.TLSAddr().String())
	}
	return relay, nil
}

// turnHost returns where clients find the relay.
func (c Config) turnHost() string {
	if host := cmp.Or(c.TURNHost, c.TURNPublicIP); host != "" {
		return host
	}
	host, _, _ := net.SplitHostPort(c.TURNAddr) // NewRelay has taken it.
	return host
}

// checkFilters returns an error if a pattern of RelayOnly or HideHost is none: nothing would be hidden where it is meant to be.
func (c Config) checkFilters() error {
	for field, patterns := range map[string][]string{"RelayOnly": c.RelayOnly, "HideHost": c.HideHost} {
		for _, pattern := range patterns {
			if err := auth.CheckPattern(pattern); err != nil {
				return fmt.Errorf("%s has %q: %w", field, pattern, err)
			}
		}
	}
	return nil
}

// filters returns what tells what may pass of users' addresses in a room; nil if everything may everywhere.
func (c Config) filters() func(room string) wire.Filter {
	if len(c.RelayOnly)+len(c.HideHost) == 0 {
		return nil
	}
	in := func(patterns []string, room string) bool { // As a grant has them, but that none is no room.
		return len(patterns) > 0 && (&auth.Grant{Rooms: patterns}).MayJoin(room)
	}
	return func(room string) wire.Filter {
		switch {
		case in(c.RelayOnly, room):
			return ice.RelayOnly
		case in(c.HideHost, room):
			return ice.HideHost
		}
		return nil
	}
}

// fixedServers reads ICEServersFile.
func (c Config) fixedServers() ([]ice.Server, error) {
	if c.ICEServersFile == "" {
		return nil, nil
	}
	text, err := os.ReadFile(c.ICEServersFile)
	if err != nil {
		return nil, fmt.Errorf("read the file of ICE servers: %w", err)
	}
	servers, err := ice.ParseServers(text)
	if err != nil {
		return nil, fmt.Errorf("ICE servers in %s: %w", c.ICEServersFile, err)
	}
	return servers, nil
}

// turnSecrets reads TURNSecretFile.
func (c Config) turnSecrets() ([]ice.Secret, error) {
	if c.TURNSecretFile == "" {
		return nil, fmt.Errorf("there are TURN servers and no TURNSecretFile: expected the file with the secret that they share with this server, as coturn's static-auth-secret, or the servers in ICEServersFile, with the username and the credential that they take")
	}
	text, err := os.ReadFile(c.TURNSecretFile)
	if err != nil {
		return nil, fmt.Errorf("read the TURN secret: %w", err)
	}
	secrets, err := ice.ParseSecrets(text)
	if err != nil {
		return nil, fmt.Errorf("the TURN secret in %s: %w", c.TURNSecretFile, err)
	}
	return secrets, nil
}

// granted returns the ICE servers of a grant as clients are told of them.
func granted(servers []auth.ICEServer) []*beckonv1.IceServer {
	out := make([]*beckonv1.IceServer, len(servers))
	for i, s := range servers {
		out[i] = &beckonv1.IceServer{Urls: s.URLs, Username: s.Username, Credential: s.Credential}
		if !s.Expires.IsZero() {
			out[i].Expires = timestamppb.New(s.Expires)
		}
	}
	return out
}
