// Package web serves browsers.
package web

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"time"
)

//go:embed index.html
var page string

// Handler returns a handler for the web port. grpcAddr is where native clients connect.
func Handler(grpcAddr string) http.Handler {
	var b bytes.Buffer
	if err := template.Must(template.New("page").Parse(page)).Execute(&b, grpcAddr); err != nil {
		panic(err) // The page is part of the binary.
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		http.ServeContent(w, r, "index.html", time.Time{}, bytes.NewReader(b.Bytes()))
	})
	return mux
}
