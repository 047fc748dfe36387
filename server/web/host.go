package web

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// localOnly passes on requests for hosts that are this machine for certain, or that one of the origins names. Else a page
// from anywhere could have its own name lead to this machine, and would then come from the host that it calls ("DNS
// rebinding").
func (o origins) localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLocal(r.Host) && !o.names(r.Host) {
			http.Error(w, fmt.Sprintf("this server lets everybody in and serves its own machine alone, which %q may not be: name this host with --web-origin, or tell the server who may do what", hostOf(r.Host)),
				http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hostOf returns a host without its port.
func hostOf(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

// isLocal reports whether a request's host is this machine, whatever the DNS says (RFC 6761, section 6.3).
func isLocal(host string) bool {
	host = hostOf(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// names reports whether one of the origins is of that host.
func (o origins) names(host string) bool {
	for _, origin := range o {
		if origin == "*" {
			return true
		}
		if u, err := url.Parse(origin); err == nil && hostOf(u.Host) == hostOf(host) {
			return true
		}
	}
	return false
}
