package auth

import (
	"fmt"
	"unicode/utf8"
)

// A Reason tells a program why a client was refused. Those but Unavailable are in the table of statuses in signal.proto.
type Reason string

const (
	// UNAUTHENTICATED: there is no token, or no certificate.
	NoToken Reason = "NO_TOKEN"
	// UNAUTHENTICATED: the token is none that this server takes.
	BadToken Reason = "BAD_TOKEN"
	// UNAUTHENTICATED: the token was good once.
	TokenExpired Reason = "TOKEN_EXPIRED"
	// PERMISSION_DENIED: the client is known, and may not.
	NotAllowed Reason = "NOT_ALLOWED"
	// PERMISSION_DENIED: the token or its subject was revoked.
	Kicked Reason = "KICKED"
	// UNAVAILABLE: it cannot be decided at present. The client may try again.
	Unavailable Reason = "UNAVAILABLE"
)

// An Error tells why a client was refused.
type Error struct {
	Reason Reason
	// For the person at the client: what was wrong and what was expected. Has no secrets.
	Detail string
	// For the operator's log: what lies behind it, such as the address that cannot be reached. May be nil.
	Err error
}

func (e *Error) Error() string {
	text := string(e.Reason) + ": " + e.Detail
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

func bad(format string, args ...any) *Error {
	return &Error{Reason: BadToken, Detail: fmt.Sprintf(format, args...)}
}

// maxShown is how much of a value from outside an error repeats, in bytes.
const maxShown = 64

// shown makes a value from outside fit for an error.
func shown[T string | []byte](value T) string {
	return fmt.Sprintf("%q", cut(string(value), maxShown))
}

// cut returns at most the first n bytes of text, and no broken character at their end.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + "…"
}
