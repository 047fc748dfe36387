package server

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/beckonrtc/beckon/server/auth"
	"github.com/beckonrtc/beckon/server/web"
)

// guarded returns handle for those who know the admin secret, or have an access token that says admin. Without a secret
// everybody on this machine may, if nobody else can reach the port; but no page whose host's name was made to stand for it.
func (s *Server) guarded(handle http.HandlerFunc) http.HandlerFunc {
	if s.adminSecret == nil && isLoopback(s.cfg.AdminAddr) {
		return web.LocalOnly(handle).ServeHTTP
	}
	return func(w http.ResponseWriter, r *http.Request) {
		identity, status, detail := s.administrator(r)
		if status != http.StatusOK {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, detail, status)
			return
		}
		s.log.Info("admin", "method", r.Method, "path", r.URL.Path, "identity", identity, "remote", r.RemoteAddr)
		handle(w, r)
	}
}

// nobody is the Authenticator that refuses everybody, for that reason.
type nobody struct{ detail string }

func (n nobody) Authenticate(context.Context, auth.Request) (*auth.Grant, error) {
	return nil, &auth.Error{Reason: auth.BadToken, Detail: n.detail}
}

// administrator returns who asks, "" if it is who knows the admin secret. The status is 200 if that one may; else detail tells
// why not.
func (s *Server) administrator(r *http.Request) (identity string, status int, detail string) {
	shown, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if bearer && s.adminSecret != nil && subtle.ConstantTimeCompare([]byte(shown), s.adminSecret) == 1 {
		return "", http.StatusOK, ""
	}
	const expected = "expected the admin secret, or an access token that says admin if the server takes tokens, as in Authorization: Bearer SECRET"
	if !bearer {
		return "", http.StatusUnauthorized, expected
	}
	admins := s.access.admins
	if admins == nil {
		admins = nobody{expected}
	}
	remote, _ := netip.ParseAddrPort(r.RemoteAddr) // It is one of TCP.
	grant, err := s.access.try(r.Context(), admins, auth.Request{Token: shown, Remote: remote})
	if err != nil {
		refused, ok := errors.AsType[*auth.Error](err)
		if !ok { // All of its errors are.
			return "", http.StatusInternalServerError, err.Error()
		}
		status = http.StatusUnauthorized
		switch refused.Reason {
		case limit:
			status = http.StatusTooManyRequests
		case auth.Unavailable:
			status = http.StatusServiceUnavailable
		case auth.Kicked:
			status = http.StatusForbidden
		}
		return "", status, fmt.Sprintf("%s: %s", refused.Reason, refused.Detail)
	}
	if !grant.Admin {
		return "", http.StatusForbidden, fmt.Sprintf("the access token of %q does not say admin", grant.Identity)
	}
	return grant.Identity, http.StatusOK, ""
}
