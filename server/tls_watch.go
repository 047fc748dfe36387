package server

import (
	"crypto/tls"
	"log/slog"
	"os"
	"time"
)

// expiresSoon is how long before its end a certificate is warned of.
const expiresSoon = 7 * 24 * time.Hour

// certLog tells what becomes of the files of certificates. They are taken, or not, by their providers, which say nothing of it.
type certLog struct {
	// Immutable.
	cert, key, authorities string // The last is empty if there is none.
	host                   string // Of the TURN server, if it speaks TLS, as clients are told; else empty.
	log                    *slog.Logger

	// Owned by run.
	ownAt, authoritiesAt time.Time // When the files were last changed.
	warned               time.Time
}

// run looks at the files until done is closed.
func (c *certLog) run(done <-chan struct{}) {
	c.ownAt, c.authoritiesAt = changedAt(c.cert, c.key), changedAt(c.authorities)
	c.own(false)
	tick := time.NewTicker(certRefresh)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		if at := changedAt(c.cert, c.key); !at.Equal(c.ownAt) || time.Since(c.warned) > 24*time.Hour {
			changed := !at.Equal(c.ownAt)
			c.ownAt = at
			c.own(changed)
		}
		if at := changedAt(c.authorities); !at.Equal(c.authoritiesAt) {
			c.authoritiesAt = at
			if err := checkAuthorities(c.authorities); err != nil {
				c.log.Error("the clients' certificate authorities have changed and cannot be used: those before still count", "err", err)
			} else {
				c.log.Info("the clients' certificate authorities have changed", "file", c.authorities)
			}
		}
	}
}

// own tells of the server's own certificate.
func (c *certLog) own(changed bool) {
	c.warned = time.Now()
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		c.log.Error("the TLS certificate has changed and cannot be used: the one before still counts", "err", err)
		return
	}
	end := pair.Leaf.NotAfter
	if changed {
		c.log.Info("the TLS certificate has changed", "file", c.cert, "expires", end)
		if c.host != "" && pair.Leaf.VerifyHostname(c.host) != nil {
			c.log.Error("the TLS certificate is not for the host that clients of the TURN server are told: they will refuse it", "file", c.cert, "host", c.host)
		}
	}
	if time.Until(end) < expiresSoon {
		c.log.Warn("the TLS certificate expires soon, or has expired", "file", c.cert, "expires", end)
	}
}

// changedAt returns when the last of the files was changed; those without a name, or that are not there, do not count.
func changedAt(files ...string) (last time.Time) {
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			continue
		}
		if at := info.ModTime(); at.After(last) {
			last = at
		}
	}
	return last
}
