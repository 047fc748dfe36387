package main

import (
	"cmp"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/beckonrtc/beckon/server"
	"github.com/beckonrtc/beckon/server/ice"
)

// protecting are the flags that protect something. With an empty value, as of a variable that was not set, they would not.
var protecting = []string{
	"tls-cert-file", "tls-key-file", "client-ca-file", "token-key-file", "token-jwks", "token-issuer", "token-audience", "auth-webhook",
	"auth-webhook-key-file", "revocations-file", "admin-secret-file", "turn-secret-file", "session-key-file", "relay-only", "hide-host",
	"nats-creds-file", "nats-ca-file", "nats-cert-file", "nats-key-file", "nats-secret-file",
}

// checkEmpty tells of a flag that is there, is to protect, and has no value.
func checkEmpty(flags *pflag.FlagSet) error {
	for _, name := range protecting {
		flag := flags.Lookup(name)
		list, repeated := flag.Value.(pflag.SliceValue)
		if flag.Changed && (repeated && len(list.GetSlice()) == 0 || !repeated && flag.Value.String() == "") {
			return usagef("--%s: it is empty, and so would not protect anything: expected a value, or no --%s", name, name)
		}
	}
	return nil
}

// checkAccess tells in the words of the flags what of them does not go together: a setting that has no effect may be
// thought to protect.
func checkAccess(c server.Config) error {
	tokens, usual := c.TokenKeyFile != "" || c.TokenJWKS != "", server.Defaults()
	elsewhere := slices.IndexFunc(c.ICEServers, ice.IsTURN)
	turn := c.TURNAddr != "" || elsewhere >= 0
	for _, rule := range []struct {
		broken bool
		says   string
	}{
		{(c.TLSCertFile == "") != (c.TLSKeyFile == ""), "--tls-cert-file and --tls-key-file: expected both, or none"},
		{c.TLSCertFile != "" && filepath.Dir(c.TLSCertFile) != filepath.Dir(c.TLSKeyFile), "--tls-cert-file and --tls-key-file: expected both in one directory, written alike, so that both are replaced together"},
		{c.ClientCAFile != "" && c.TLSCertFile == "", "--client-ca-file: expected --tls-cert-file, too: certificates are shown over TLS only"},
		{c.TokenKeyFile != "" && c.TokenJWKS != "", "--token-key-file does not go with --token-jwks"},
		{c.AuthWebhook != "" && tokens, "--auth-webhook goes with neither --token-key-file nor --token-jwks: the service reads the token"},
		{c.AuthWebhook != "" && c.AuthWebhookKeyFile == "", "--auth-webhook: expected --auth-webhook-key-file, too"},
		{c.AuthWebhookKeyFile != "" && c.AuthWebhook == "", "--auth-webhook-key-file: expected --auth-webhook, too"},
		{c.TokenIssuer != "" && !tokens, "--token-issuer: expected --token-key-file or --token-jwks, too"},
		{c.TokenAudience != "" && !tokens, "--token-audience: expected --token-key-file or --token-jwks, too"},
		{c.RevocationsFile != "" && !authenticates(c), "--revocations-file: nothing tells who anybody is: expected --token-key-file, --token-jwks, --auth-webhook or --client-ca-file, too"},
		{c.TokenSkew != usual.TokenSkew && !tokens, "--token-skew: expected --token-key-file or --token-jwks, too"},
		{c.TLSMinVersion != usual.TLSMinVersion && c.TLSCertFile == "", "--tls-min-version: expected --tls-cert-file, too"},
		{c.AdminSecretFile != "" && c.AdminAddr == "off", "--admin-secret-file: there is no admin port: expected --admin with an address"},
		{len(c.WebOrigins) > 0 && c.WebAddr == "off", "--web-origin: there is no web port: expected --web with an address"},
		{c.Open && authenticates(c), "--open: with --token-key-file, --token-jwks, --auth-webhook or --client-ca-file a server may be reached by others as it is: expected no --open"},
		{c.TURNSecretFile != "" && !turn, "--turn-secret-file: expected --turn, or an --ice-server of turn:, too"},
		{c.TURNTTL != usual.TURNTTL && !turn, "--turn-ttl: expected --turn, or an --ice-server of turn:, too"},
		{c.TURNPublicIP != "" && c.TURNAddr == "", "--turn-public-ip: expected --turn, too"},
		{c.TURNHost != "" && c.TURNAddr == "", "--turn-host: expected --turn, too"},
		{c.TURNTLSAddr != "" && c.TURNAddr == "", "--turn-tls: expected --turn, too"},
		{c.TURNTLSAddr != "" && c.TLSCertFile == "", "--turn-tls: expected --tls-cert-file, too"},
		{c.TURNAllowPrivate && c.TURNAddr == "", "--turn-allow-private: expected --turn, too"},
	} {
		if rule.broken {
			return usagef("%s", rule.says)
		}
	}
	if elsewhere >= 0 && c.TURNSecretFile == "" {
		return usagef("--ice-server: %q: expected --turn-secret-file, too, the secret that it shares with this server; a server with a fixed username and password goes into --ice-servers-file", c.ICEServers[elsewhere])
	}
	return checkTURN(c)
}

// checkTURN tells what of the addresses of the TURN server does not go together.
func checkTURN(c server.Config) error {
	if c.TURNAddr == "" {
		return nil
	}
	at, err := net.ResolveUDPAddr("udp", c.TURNAddr)
	if err != nil {
		return usagef("--turn: %q: %w", c.TURNAddr, err)
	}
	own := at.AddrPort().Addr().Unmap()
	public, _ := netip.ParseAddr(c.TURNPublicIP) // The flag has taken it, or there is none.
	public = public.Unmap()
	switch {
	case c.TURNPublicIP == "" && (at.IP == nil || own.IsUnspecified()):
		return usagef("--turn: %q: this is every address of this machine: expected --turn-public-ip, too, the one that clients reach it by", c.TURNAddr)
	case c.TURNPublicIP != "" && at.IP != nil && own.Is4() != public.Is4():
		return usagef("--turn-public-ip: %q: expected an address of the same family, IPv4 or IPv6, as --turn %s", c.TURNPublicIP, c.TURNAddr)
	}
	return nil
}

// authenticates tells whether something tells who a client is.
func authenticates(c server.Config) bool {
	return c.TokenKeyFile != "" || c.TokenJWKS != "" || c.AuthWebhook != "" || c.ClientCAFile != ""
}

// warnOfAccess logs what is allowed and seldom meant. That a server is open is said when it starts.
func warnOfAccess(c server.Config) {
	if c.TokenJWKS != "" && c.TokenAudience == "" {
		c.Logger.Warn("tokens that the owner of --token-jwks issues to other services are good here, too: --token-audience would tell them apart")
	}
	if len(c.TrustedProxies) > 0 && !authenticates(c) && !c.Open {
		c.Logger.Warn("who comes through the proxy may do everything: nothing tells who may do what")
	}
}

// nameError tells in the words of the flags why clients would not speak TLS with the TURN server.
func nameError(e *server.NameError) error {
	return usagef("--turn-tls: clients would be told of the host %q, and the certificate of --tls-cert-file is for %s: expected --turn-host, a name that it is for", e.Host, cmp.Or(strings.Join(e.Names, ", "), "none"))
}

// openError tells in the words of the flags why a server does not run.
func openError(e *server.OpenError) error {
	flag := map[string]string{"GRPCAddr": "grpc", "WebAddr": "web", "AdminAddr": "admin"}[e.Field]
	if flag == "admin" {
		return usagef("--admin: %q: others can reach it, and anybody could end the server: expected --admin-secret-file, --token-key-file or --token-jwks, or an address of this machine alone", e.Addr)
	}
	return usagef("--%s: %q: others can reach it, and nothing tells who may do what: expected --token-key-file, --token-jwks, --auth-webhook or --client-ca-file, an address of this machine alone, or --open to let everybody do everything", flag, e.Addr)
}
