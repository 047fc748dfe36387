package auth

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
)

// checkURL refuses addresses where what is said could be read or changed on the way.
func checkURL(text string) error {
	u, err := url.Parse(text) // Its error shows the text, which may have a secret in it.
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return errors.New("expected an address such as https://id.example.org/keys")
	}
	if u.User != nil {
		return errors.New("expected an address without a password in it")
	}
	if u.Scheme == "http" && !loopback(u.Hostname()) {
		return fmt.Errorf("http://%s: expected https; http is for this machine only", u.Host)
	}
	return nil
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// newClient returns a client that follows no redirects: whoever is asked answers.
func newClient(connections int) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxConnsPerHost = connections
	transport.MaxIdleConnsPerHost = connections
	transport.MaxResponseHeaderBytes = 64 << 10
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

var errTooLarge = errors.New("the answer is too large")

// readAnswer returns the body of an answer of at most most bytes.
func readAnswer(answer *http.Response, most int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(answer.Body, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("%w: it has more than %d bytes", errTooLarge, most)
	}
	return data, err
}

// withoutURL takes the address out of a client's error: what is in its query may be a secret.
func withoutURL(err error) error {
	if failed, ok := errors.AsType[*url.Error](err); ok {
		err = failed.Err
	}
	if failed, ok := errors.AsType[net.Error](err); ok && failed.Timeout() {
		return errors.New("no answer in time")
	}
	return err
}
