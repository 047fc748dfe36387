package web

import (
	"net/http"
	"slices"
)

// origins are those of pages that may use the service; see Config.
type origins []string

// allow reports whether the page that sent r may use the service.
func (o origins) allow(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	return origin == "" || o.allowOrigin(origin) || sameHost(origin, r.Host)
}

// allowOrigin reports whether pages of that origin may use the service, whichever host they call.
func (o origins) allowOrigin(origin string) bool {
	return slices.Contains(o, "*") || slices.Contains(o, origin)
}

// sameHost reports whether origin is that of a page from host, over http or https: see Config.Origins.
func sameHost(origin, host string) bool {
	return host != "" && (origin == "http://"+host || origin == "https://"+host)
}

// only passes on requests of pages that may use the service. Browsers name the origin of a page in every request that
// could be a call.
func (o origins) only(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !o.allow(r) {
			http.Error(w, "pages of this origin may not use the service", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
