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
			misdirected(w, r, "this server lets everybody in and serves its own machine alone, which %q may not be: name this host with --web-origin, or tell the server who may do what")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// LocalOnly passes on requests for hosts that are this machine for certain, so that no page from elsewhere can get at next by
// having its own name lead to this machine.
func LocalOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLocal(r.Host) {
			misdirected(w, r, "this is for the server's own machine alone, which %q may not be: expected localhost or its address as the host")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// misdirected answers a request for another host. detail has a place for that.
func misdirected(w http.ResponseWriter, r *http.Request, detail string) {
	http.Error(w, fmt.Sprintf(detail, hostOf(r.Host)), http.StatusMisdirectedRequest)
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
