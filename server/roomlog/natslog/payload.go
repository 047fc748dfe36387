package natslog

import (
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// envelope is how many bytes a record needs besides its data at most: the headers, of which most are names in base64.
	envelope = 4 << 10
	// maxStored is how many bytes a message may have that JetStream keeps in a file, whatever else is configured.
	maxStored = 32<<20 - envelope
)

// Payload returns how large the messages are that NATS has to take (its max_payload), for records with so many bytes of data.
func Payload(data int) int { return data + envelope }

// checkPayload returns an error if the largest record is more than NATS takes: it could never be written.
func (l *Log) checkPayload() error {
	need, takes := int64(Payload(l.opts.MaxData)), l.nc.MaxPayload()
	switch {
	case need > maxStored:
		return fmt.Errorf("the largest message needs %d bytes in JetStream, which keeps %d at most: expected a lower bound on messages", need, maxStored)
	case need > takes:
		return fmt.Errorf("the largest message needs %d bytes in NATS, which takes %d at most: expected max_payload: %d or more in the configuration of the NATS servers, or a lower bound on messages",
			need, takes, need)
	}
	return nil
}

// isTooLarge reports whether NATS or JetStream does not take a message for its size, which it would not the next time either.
func isTooLarge(err error) bool {
	if e, ok := errors.AsType[*jetstream.APIError](err); ok {
		return e.ErrorCode == messageTooLarge || e.ErrorCode == headerTooLarge ||
			e.ErrorCode == storeFailed && e.Description == "message too large"
	}
	return errors.Is(err, nats.ErrMaxPayload)
}
