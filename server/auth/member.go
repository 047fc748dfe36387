package auth

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4/json"
)

// members are those of a JSON object from outside. Each is taken out with the type that it must have; null is no such
// type. Names are compared byte by byte, and none comes twice (RFC 8725, section 2.4; RFC 7519, section 4).
type members struct {
	of  string // How errors call the object, with a dot or a blank at its end.
	raw map[string]json.RawMessage
}

func parseMembers(of string, data []byte) (members, error) {
	m := members{of: of}
	if !utf8.Valid(data) { // The decoder would put U+FFFD in its place.
		return m, errors.New("it is not UTF-8")
	}
	if kind(data) != '{' {
		return m, errors.New("it is not a JSON object")
	}
	if err := json.Unmarshal(data, &m.raw); err != nil {
		return m, err
	}
	return m, nil
}

// kind returns the first byte of a JSON value, which tells its type.
func kind(value []byte) byte {
	for _, c := range value {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c
		}
	}
	return 0
}

func (m members) has(name string) bool {
	_, ok := m.raw[name]
	return ok
}

// only refuses members with other names.
func (m members) only(names ...string) error {
next:
	for name := range m.raw {
		for _, known := range names {
			if name == known {
				continue next
			}
		}
		return fmt.Errorf("%s%s is unknown, and what it would withhold cannot be told: expected some of %q",
			m.of, cut(name, maxShown), names)
	}
	return nil
}

func (m members) wrong(name, expected string) error {
	return fmt.Errorf("%s%s is %s: expected %s", m.of, name, cut(string(m.raw[name]), maxShown), expected)
}

// text returns a member that is a string; "" if there is none.
func (m members) text(name string) (string, error) {
	if !m.has(name) {
		return "", nil
	}
	text, ok := unquote(m.raw[name])
	if !ok {
		return "", m.wrong(name, "a string")
	}
	return text, nil
}

// unquote returns the string that a JSON value is, of which the syntax was checked.
func unquote(value []byte) (text string, ok bool) {
	if kind(value) != '"' {
		return "", false
	}
	if last := len(value) - 1; value[0] == '"' && value[last] == '"' && bytes.IndexByte(value, '\\') < 0 {
		return string(value[1:last]), true // As nearly always; a decoder costs ten times as much.
	}
	err := json.Unmarshal(value, &text)
	return text, err == nil
}

// texts returns a member that is a list of strings; nil if there is none.
func (m members) texts(name string) ([]string, error) {
	if !m.has(name) {
		return nil, nil
	}
	var items []json.RawMessage
	if kind(m.raw[name]) != '[' || json.Unmarshal(m.raw[name], &items) != nil {
		return nil, m.wrong(name, "a list of strings")
	}
	list := make([]string, len(items))
	for i, item := range items {
		var ok bool
		if list[i], ok = unquote(item); !ok {
			return nil, m.wrong(name, "a list of strings")
		}
	}
	return list, nil
}

// textOrTexts returns a member that is a string or a list of them.
func (m members) textOrTexts(name string) ([]string, error) {
	if kind(m.raw[name]) == '"' {
		text, err := m.text(name)
		return []string{text}, err
	}
	return m.texts(name)
}

// pairs returns a member that is an object of strings; nil if there is none.
func (m members) pairs(name string) (map[string]string, error) {
	if !m.has(name) {
		return nil, nil
	}
	const expected = "an object of strings, no key twice"
	object, err := parseMembers(m.of+name+".", m.raw[name])
	if err != nil {
		return nil, m.wrong(name, expected)
	}
	pairs := make(map[string]string, len(object.raw))
	for key := range object.raw {
		if pairs[key], err = object.text(key); err != nil {
			return nil, m.wrong(name, expected)
		}
	}
	return pairs, nil
}

// flag returns a member that is true or false; false if there is none.
func (m members) flag(name string) (bool, error) {
	switch value := string(m.raw[name]); {
	case !m.has(name) || value == "false":
		return false, nil
	case value == "true":
		return true, nil
	default:
		return false, m.wrong(name, "true or false")
	}
}

// number returns a member that is a whole number from 0 to most; 0 if there is none.
func (m members) number(name string, most uint64) (uint64, error) {
	if !m.has(name) {
		return 0, nil
	}
	n, err := strconv.ParseUint(string(m.raw[name]), 10, 64)
	if err != nil || n > most {
		return 0, m.wrong(name, fmt.Sprintf("a whole number from 0 to %d", most))
	}
	return n, nil
}

// seconds returns a member that is a NumericDate (RFC 7519, section 2) in whole seconds, up to the year 9999; zero if
// there is none.
func (m members) seconds(name string) (time.Time, error) {
	if !m.has(name) {
		return time.Time{}, nil
	}
	const year9999 = 253402300799
	n, err := strconv.ParseUint(string(m.raw[name]), 10, 64)
	if err != nil || n == 0 || n > year9999 {
		return time.Time{}, m.wrong(name, "a time, in whole seconds since 1970")
	}
	return time.Unix(int64(n), 0).UTC(), nil
}

// date returns a member that is a time as in RFC 3339; zero if there is none.
func (m members) date(name string) (time.Time, error) {
	text, err := m.text(name)
	if err != nil || !m.has(name) {
		return time.Time{}, err
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || t.IsZero() {
		return time.Time{}, m.wrong(name, "a time such as 2026-11-22T10:00:00Z")
	}
	return t, nil
}
