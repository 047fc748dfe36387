package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/beckonrtc/beckon/server"
)

// accessFlags adds the flags that tell who may do what, and how peers reach each other.
func accessFlags(cmd *cobra.Command, config *server.Config) {
	f := cmd.Flags()
	f.StringVar(&config.TLSCertFile, "tls-cert-file", "", "a certificate chain in PEM `FILE`, for TLS; read again when it changes")
	f.StringVar(&config.TLSKeyFile, "tls-key-file", "", "its key, a PEM `FILE`")
	choiceVar(cmd, &config.TLSMinVersion, "tls-min-version", "the least version of TLS", "1.2", "1.3")
	f.StringVar(&config.ClientCAFile, "client-ca-file", "", "take native clients by certificates of the authorities in this PEM `FILE`")

	f.StringVar(&config.TokenKeyFile, "token-key-file", "", "take access tokens (JWT) made with the key or the JWK Set in this `FILE`")
	f.StringVar(&config.TokenJWKS, "token-jwks", "", "take access tokens of the JWK Set at this `URL`")
	f.StringVar(&config.TokenIssuer, "token-issuer", "", "who must have issued a token: its `ISS`")
	f.StringVar(&config.TokenAudience, "token-audience", "", "whom a token must be meant for: its `AUD`")
	f.Var(duration(&config.TokenSkew, 0), "token-skew", "how far clocks may be apart")
	f.StringVar(&config.AuthWebhook, "auth-webhook", "", "ask the service at this `URL` about each session")
	f.StringVar(&config.AuthWebhookKeyFile, "auth-webhook-key-file", "", "the secret that questions to it are signed with, in this `FILE`")
	f.StringVar(&config.RevocationsFile, "revocations-file", "", "what is revoked, jti:ID or sub:IDENTITY a line of this `FILE`")
	f.StringVar(&config.AdminSecretFile, "admin-secret-file", "", "the secret that the admin port asks for, in this `FILE`")
	f.BoolVar(&config.Open, "open", false, "let everybody do everything, from other machines, too")

	f.StringSliceVar(&config.ICEServers, "ice-server", nil, "tell clients of this STUN or TURN `URL`; may be repeated")
	f.StringVar(&config.TURNSecretFile, "turn-secret-file", "", "the secret shared with the TURN servers, in this `FILE`")
	f.Var(duration(&config.TURNTTL, time.Minute), "turn-ttl", "how long a TURN credential is good")
	f.StringVar(&config.TURNAddr, "turn", "", "run a STUN and TURN server at this `ADDRESS`")
	f.StringVar(&config.TURNPublicIP, "turn-public-ip", "", "the `IP` at which clients reach it")
	f.BoolVar(&config.TURNAllowPrivate, "turn-allow-private", false, "let it relay to private addresses and to this machine")
	f.StringSliceVar(&config.RelayOnly, "relay-only", nil, "in this `ROOM` let only relay candidates pass; lobby or team-*")
	f.StringSliceVar(&config.HideHost, "hide-host", nil, "in this `ROOM` let no host candidates pass; lobby or team-*")
}
