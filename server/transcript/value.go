package transcript

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// variables are the values of variables, by their names without "$".
type variables map[string]string

// repeatPattern is a string such as "x*129".
var repeatPattern = regexp.MustCompile(`^(.)\*(\d{1,7})$`)

// text returns what the string s stands for, and false if s is a variable that has no value yet.
func (v variables) text(s string) (string, bool) {
	if name, ok := variable(s); ok {
		value, ok := v[name]
		return value, ok
	}
	if m := repeatPattern.FindStringSubmatch(s); m != nil {
		n, _ := strconv.Atoi(m[2])
		return strings.Repeat(m[1], n), true
	}
	return s, true
}

// variable returns the name of the variable that s is, if it is one.
func variable(s string) (string, bool) {
	name, ok := strings.CutPrefix(s, "$")
	return name, ok && namePattern.MatchString(name)
}

// fill returns want with the values put in, and with all that it leaves open taken over from got, so that want is met
// if the result equals got. Variables that had no value have one then.
func (v variables) fill(want, got any) any {
	switch want := want.(type) {
	case string:
		return v.fillString(want, got)
	case []any:
		got, _ := got.([]any)
		filled := make([]any, len(want))
		for i := range want {
			filled[i] = v.fill(want[i], at(got, i))
		}
		return filled
	case map[string]any:
		got, _ := got.(map[string]any)
		filled := map[string]any{}
		if want["*"] == any("*") {
			maps.Copy(filled, got)
		}
		// In order, so that it is the same variable at every run that gets a value first.
		for _, key := range slices.Sorted(maps.Keys(want)) {
			if key == "*" && want["*"] == any("*") {
				continue
			}
			name, ok := v.text(key)
			if !ok {
				name = key
			}
			filled[name] = v.fill(want[key], got[name])
		}
		return filled
	default:
		return want
	}
}

func (v variables) fillString(want string, got any) any {
	if want == "*" && got != nil {
		return got
	}
	if value, ok := v.text(want); ok {
		return value
	}
	if got, ok := got.(string); ok && got != "" {
		name, _ := variable(want)
		v[name] = got
		return got
	}
	return want
}

// at returns list[i], or nil if there is none.
func at(list []any, i int) any {
	if i < len(list) {
		return list[i]
	}
	return nil
}

// mentioned returns the variables in a decoded JSON value, in order and perhaps repeated.
func mentioned(value any) []string {
	var names []string
	switch value := value.(type) {
	case string:
		if name, ok := variable(value); ok {
			names = append(names, name)
		}
	case []any:
		for _, element := range value {
			names = append(names, mentioned(element)...)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			names = append(names, mentioned(key)...)
			names = append(names, mentioned(value[key])...)
		}
	}
	return names
}

// decode decodes a JSON object; its numbers are json.Number.
func decode(data []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("something follows the JSON object")
	}
	return object, nil
}

// asJSON returns m as its decoded JSON, with the names of the proto file.
func asJSON(m proto.Message) (map[string]any, error) {
	data, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
	if err != nil {
		return nil, err
	}
	return decode(data)
}
