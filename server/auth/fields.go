package auth

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The bounds of what a grant holds. The first three are those of the same fields in messages.
const (
	maxName           = 128 // Bytes.
	maxAttributes     = 32
	maxAttributeBytes = 4 << 10 // Keys and values together.

	maxRooms = 256
)

// checkName checks a name of some sort; what is how errors call it.
func checkName(what, name string) error {
	const rule = "expected 1 to 128 bytes of UTF-8 without control characters"
	switch {
	case name == "":
		return fmt.Errorf("%s is empty: %s", what, rule)
	case len(name) > maxName:
		return fmt.Errorf("%s has %d bytes: %s", what, len(name), rule)
	}
	return checkText(what, name, rule)
}

func checkText(what, text, rule string) error {
	for _, r := range text {
		// JSON decoders put U+FFFD where half of a surrogate pair was, so that different names would become one.
		if r < 0x20 || r >= 0x7f && r < 0xa0 || r == utf8.RuneError {
			return fmt.Errorf("%s %s has the character %U: %s", what, shown(text), r, rule)
		}
	}
	return nil
}

func checkAttributes(attributes map[string]string) error {
	bytes := 0
	for key, value := range attributes {
		if err := checkName("a key of attributes", key); err != nil {
			return err
		}
		if err := checkText("the attribute "+shown(key), value, "expected UTF-8 without control characters"); err != nil {
			return err
		}
		bytes += len(key) + len(value)
	}
	if len(attributes) > maxAttributes || bytes > maxAttributeBytes {
		return fmt.Errorf("there are %d attributes of %d bytes: expected at most %d of %d bytes, keys and values together",
			len(attributes), bytes, maxAttributes, maxAttributeBytes)
	}
	return nil
}

// checkRooms checks patterns of rooms. A list without any is a mistake: none would stand for every room.
func checkRooms(rooms []string) error {
	switch {
	case len(rooms) == 0:
		return fmt.Errorf("rooms is an empty list: expected at least one room; leave rooms out to grant every room")
	case len(rooms) > maxRooms:
		return fmt.Errorf("rooms has %d entries: expected at most %d", len(rooms), maxRooms)
	}
	for _, room := range rooms {
		if err := checkName("an entry of rooms", room); err != nil {
			return err
		}
		if !isPattern(room) {
			return fmt.Errorf("rooms has %s: expected %s", shown(room), patternForm)
		}
	}
	return nil
}

// patternForm is what an entry of rooms may be.
const patternForm = "the name of a room, or the beginning of names and then one *"

// isPattern reports whether a text has no * but at its end.
func isPattern(room string) bool {
	i := strings.IndexByte(room, '*')
	return i < 0 || i == len(room)-1
}

// CheckPattern returns an error if a text is no pattern of rooms as Grant.Rooms has them, or begins or ends with a space, by
// which it would be the name of another room than is meant.
func CheckPattern(room string) error {
	if err := checkName("the room", room); err != nil {
		return err
	}
	if !isPattern(room) || room != strings.TrimSpace(room) {
		return errors.New("expected " + patternForm + ", without spaces around")
	}
	return nil
}
