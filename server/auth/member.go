package auth

import (
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// members are those of a JSON object from outside. Each is taken out with the type that it must have; null is no such
// type. Names are compared byte by byte, and none comes twice (RFC 8725, section 2.4; RFC 7519, section 4).
type members struct {
	of     string // How errors call the object, with a dot or a blank at its end.
	values map[string]gjson.Result
}

func parseMembers(of, data string) (members, error) {
	m := members{of: of}
	if !utf8.ValidString(data) { // The decoder would put U+FFFD in its place.
		return m, errors.New("it is not UTF-8")
	}
	object := gjson.Parse(data)
	if !gjson.Valid(data) || !object.IsObject() {
		return m, errors.New("it is not a JSON object")
	}
	m.values = make(map[string]gjson.Result, 12)
	var twice error
	object.ForEach(func(name, value gjson.Result) bool {
		if m.has(name.Str) {
			twice = fmt.Errorf("%s%s comes twice", of, cut(name.Str, maxShown))
		}
		m.values[name.Str] = value
		return twice == nil
	})
	return m, twice
}

func (m members) has(name string) bool {
	_, ok := m.values[name]
	return ok
}

// only refuses members with other names.
func (m members) only(names ...string) error {
next:
	for name := range m.values {
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
	return fmt.Errorf("%s%s is %s: expected %s", m.of, name, cut(m.values[name].Raw, maxShown), expected)
}

// text returns a member that is a string; "" if there is none.
func (m members) text(name string) (string, error) {
	if m.has(name) && m.values[name].Type != gjson.String {
		return "", m.wrong(name, "a string")
	}
	return m.values[name].Str, nil
}

// items returns the items of a member, and whether it is a list.
func (m members) items(name string) (items []gjson.Result, ok bool) {
	list := m.values[name]
	return list.Array(), list.IsArray()
}

// texts returns a member that is a list of strings; nil if there is none.
func (m members) texts(name string) ([]string, error) {
	if !m.has(name) {
		return nil, nil
	}
	items, ok := m.items(name)
	list := make([]string, len(items))
	for i, item := range items {
		list[i] = item.Str
		ok = ok && item.Type == gjson.String
	}
	if !ok {
		return nil, m.wrong(name, "a list of strings")
	}
	return list, nil
}

// textOrTexts returns a member that is a string or a list of them.
func (m members) textOrTexts(name string) ([]string, error) {
	if value := m.values[name]; value.Type == gjson.String {
		return []string{value.Str}, nil
	}
	return m.texts(name)
}

// pairs returns a member that is an object of strings; nil if there is none.
func (m members) pairs(name string) (map[string]string, error) {
	if !m.has(name) {
		return nil, nil
	}
	const expected = "an object of strings, no key twice"
	object, err := parseMembers(m.of+name+".", m.values[name].Raw)
	if err != nil {
		return nil, m.wrong(name, expected)
	}
	pairs := make(map[string]string, len(object.values))
	for key := range object.values {
		if pairs[key], err = object.text(key); err != nil {
			return nil, m.wrong(name, expected)
		}
	}
	return pairs, nil
}

// flag returns a member that is true or false; false if there is none.
func (m members) flag(name string) (bool, error) {
	value := m.values[name]
	if m.has(name) && !value.IsBool() {
		return false, m.wrong(name, "true or false")
	}
	return value.Type == gjson.True, nil
}

// number returns a member that is a whole number from 0 to most; 0 if there is none.
func (m members) number(name string, most uint64) (uint64, error) {
	if !m.has(name) {
		return 0, nil
	}
	n, err := strconv.ParseUint(m.values[name].Raw, 10, 64)
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
	n, err := strconv.ParseUint(m.values[name].Raw, 10, 64)
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
