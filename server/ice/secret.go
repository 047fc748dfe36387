package ice

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// A Secret is text that nobody may see: formatted, logged or marshaled as text it is "(secret)".
type Secret string

const hidden = "(secret)"

// Format writes a placeholder, whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { io.WriteString(f, hidden) }

// LogValue returns a placeholder.
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText returns a placeholder.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// ParseSecrets reads the content of a file of shared secrets: one a line, the one that signs first. Space around a secret
// and lines without one do not count.
func ParseSecrets(file []byte) ([]Secret, error) {
	var secrets []Secret
	for line := range bytes.Lines(file) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			secrets = append(secrets, Secret(line))
		}
	}
	if len(secrets) == 0 {
		return nil, errors.New("there is no secret: expected one a line, the one that signs first")
	}
	return secrets, nil
}

// checkSecrets returns an error that tells what is wrong with secrets, if anything is.
func checkSecrets(secrets []Secret) error {
	for i, s := range secrets {
		if s == "" {
			return fmt.Errorf("secret %d is empty: expected the text that the TURN server has, too", i+1)
		}
	}
	return nil
}
