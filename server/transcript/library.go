package transcript

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ForLibrary returns the transcript as a client library plays it. A library begins its streams, numbers its messages and
// refuses what is too large by itself; the error is of the first line that does not leave this to it. A call that
// succeeds does not tell where: acks have lost their room and body. What comes back has the number that the library gave
// it: such failures have lost their request id.
func (t *Transcript) ForLibrary() (*Transcript, error) {
	lines := slices.Clone(t.lines)
	opened := map[string]bool{}
	newest := map[string]uint64{} // The last request id of each name.
	for i, l := range lines {
		if err := l.leavesToLibrary(opened[l.who], newest); err != nil {
			return nil, fmt.Errorf("%s:%d: %s\n%w", t.file, l.number, shorten(l.text), err)
		}
		opened[l.who] = true
		switch seen, _ := l.action.(see); {
		case seen.word == "ack":
			seen.room, seen.body = "", map[string]any{}
			lines[i].action = seen
		case seen.code() == "FAILURE_CODE_UNDELIVERED":
			seen.requestID = ""
			lines[i].action = seen
		}
	}
	if err := playable(lines, t.texts); err != nil { // Such as a variable that only an ack gave a value.
		return nil, fmt.Errorf("%s:%w", t.file, err)
	}
	return &Transcript{file: t.file, lines: lines, texts: t.texts}, nil
}

// code returns the `code` that the line writes, if it does.
func (a see) code() string {
	body, _ := a.body.(map[string]any)
	code, _ := body["code"].(string)
	return code
}

var errTooLarge = errors.New("a client library refuses by itself what is too large")

// leavesToLibrary returns why a client library cannot play the line; opened tells whether it is not its name's first.
func (l line) leavesToLibrary(opened bool, newest map[string]uint64) error {
	switch action := l.action.(type) {
	case sendRaw:
		return errors.New("a client library sends no bytes")
	case halfClose:
		if !opened {
			return errors.New("a client library begins its streams by itself")
		}
	case send:
		if l.word == "resume" {
			return errors.New("a client library begins its streams by itself")
		}
		id, numbered := action["request_id"].(string)
		if !numbered || l.word == "ping" {
			break
		}
		n, err := strconv.ParseUint(id, 10, 64)
		if err != nil || n <= newest[l.who] {
			return errors.New("a client library gives no request id twice")
		}
		newest[l.who] = n
	case see:
		if action.code() == "FAILURE_CODE_TOO_LARGE" {
			return errTooLarge
		}
	case seeEnd:
		if strings.HasSuffix(string(action), " MESSAGE_TOO_LARGE") {
			return errTooLarge
		}
	}
	return nil
}
