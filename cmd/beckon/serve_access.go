package main

import (
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/beckonrtc/beckon/server"
	"github.com/beckonrtc/beckon/server/auth"
	"github.com/beckonrtc/beckon/server/ice"
)

// accessFlags adds the flags that tell who may do what, and how peers reach each other.
func accessFlags(cmd *cobra.Command, config *server.Config) {
	const secret = `a file such as "openssl rand -hex 32" writes`
	f := cmd.Flags()
	f.Var(file(&config.TLSCertFile, "a certificate chain in PEM"), "tls-cert-file",
		"a certificate chain in PEM, for TLS; read again when it changes")
	f.Var(file(&config.TLSKeyFile, "a private key in PEM"), "tls-key-file", "its key in PEM")
	choiceVar(cmd, &config.TLSMinVersion, "tls-min-version", "the least version of TLS", "1.2", "1.3")
	f.Var(file(&config.ClientCAFile, "certificates in PEM"), "client-ca-file",
		"take native clients by certificates of these authorities, in PEM")

	f.Var(file(&config.TokenKeyFile, "a secret, a public key in PEM or a JWK Set"), "token-key-file",
		"take access tokens (JWT) made with this key, or one of this JWK Set")
	f.StringVar(&config.TokenJWKS, "token-jwks", "", "take access tokens of the JWK Set at this `URL`")
	f.StringVar(&config.TokenIssuer, "token-issuer", "", "who must have issued a token: its `ISS`")
	f.StringVar(&config.TokenAudience, "token-audience", "", "whom a token must be meant for: its `AUD`")
	f.Var(skew(&config.TokenSkew), "token-skew", "how far clocks may be apart")
	f.StringVar(&config.AuthWebhook, "auth-webhook", "", "ask the service at this `URL` about each session")
	f.Var(file(&config.AuthWebhookKeyFile, secret), "auth-webhook-key-file", "the secret that questions to it are signed with")
	f.Var(file(&config.RevocationsFile, "a file, which may be empty"), "revocations-file",
		"what is revoked, jti:ID or sub:IDENTITY a line; read again when it changes")
	f.Var(file(&config.AdminSecretFile, secret), "admin-secret-file", "the secret that /drain, /revoke and /cluster/forget take")
	f.BoolVar(&config.Open, "open", false, "let everybody do everything, from other machines, too")

	f.Var(texts(&config.ICEServers, "URL", ice.CheckURL), "ice-server", "tell clients of this STUN or TURN URL; may be repeated")
	f.Var(file(&config.ICEServersFile, "a list of urls, username and credential in YAML"), "ice-servers-file",
		"tell clients of the servers in this file, too: urls, username, credential")
	f.Var(file(&config.TURNSecretFile, secret), "turn-secret-file", "the secret shared with the TURN servers")
	f.Var(duration(&config.TURNTTL, time.Minute), "turn-ttl", "how long a TURN credential is good")
	f.Var(ownAddress(&config.TURNAddr), "turn", "run a STUN and TURN server at this ADDRESS, over UDP and TCP")
	f.Var(ownAddress(&config.TURNTLSAddr), "turn-tls", "let it listen over TLS at this ADDRESS, too")
	f.Var(hostName(&config.TURNHost), "turn-host", "the NAME by which clients reach it; for TLS, one of the certificate's")
	f.Var(publicIP(&config.TURNPublicIP), "turn-public-ip", "the IP at which clients reach it")
	f.BoolVar(&config.TURNAllowPrivate, "turn-allow-private", false, "let it relay to private addresses and to this machine")
	f.Var(texts(&config.RelayOnly, "ROOM", auth.CheckPattern), "relay-only",
		"let only relay candidates pass in this ROOM, or in those of team-*")
	f.Var(texts(&config.HideHost, "ROOM", auth.CheckPattern), "hide-host", "let no host candidates pass in this ROOM, likewise")
}

// skew is how far clocks may be apart. Not at all is a negative *target: 0 is the default.
func skew(target *time.Duration) pflag.Value {
	return setting[time.Duration]{target, "DURATION",
		func(text string) (d time.Duration, err error) {
			if err := duration(&d, 0).Set(text); err != nil {
				return 0, err
			}
			if d == 0 {
				d = -1
			}
			return d, nil
		},
		func(d time.Duration) string { return max(d, 0).String() },
	}
}
