package web

import (
	"net/http"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestSetStatus(t *testing.T) {
	for message, want := range map[string]string{
		"":                  "",
		"all is well":       "all is well",
		"100 %":             "100 %25",
		"über\r\nx: y":      "%C3%BCber%0D%0Ax: y", // Nothing breaks out of the line.
		"~ is the last\x7f": "~ is the last%7F",
	} {
		h := http.Header{}
		setStatus(h, status.New(codes.NotFound, message))
		if got := h.Get("Grpc-Message"); got != want || h.Get("Grpc-Status") != "5" || h.Get("Grpc-Status-Details-Bin") != "" {
			t.Errorf("%q: %v, want the message %q", message, h, want)
		}
	}
}
