package natslog

import (
	"errors"

	"github.com/nats-io/nats.go"
)

// unconnected is an error of a connection that is not there now. The client of NATS calls it after a buffer of its own, which
// tells a user nothing.
type unconnected struct{ cause error }

// Error tells what it comes to.
func (unconnected) Error() string { return errNotConnected.Error() }

// Unwrap returns what the client of NATS says.
func (u unconnected) Unwrap() error { return u.cause }

// inWords returns err as it can be told.
func inWords(err error) error {
	if errors.Is(err, nats.ErrReconnectBufExceeded) || errors.Is(err, nats.ErrDisconnected) {
		return unconnected{err}
	}
	return err
}
