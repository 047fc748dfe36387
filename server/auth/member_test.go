package auth

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/tidwall/gjson"
)

// FuzzMembers: what is taken as members the standard library reads alike, but for a name that comes twice.
func FuzzMembers(f *testing.F) {
	for _, data := range []string{
		`{"sub":"ana","exp":1,"beckon":{"rooms":["a","b*"],"admin":true,"attributes":{"k":"v"}}}`, ` {"a" : "\u00e9\ud83d\ude00\n", "b":null} `,
		`{"a":"\ud800"}`, `{"a":1,"\u0061":2}`, `{"a":1}{`, `{"a":01}`, `{"a":1e999}`, "{\"a\":\"\x00\"}", `{"":""}`, `{"a":[1,2}`, `{"a":tru}`, `[]`, ``,
	} {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data string) {
		got, err := parseMembers("", data)
		if err != nil {
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal([]byte(data), &want); err != nil {
			t.Fatalf("%q was taken, and is not JSON: %v", data, err)
		}
		read := map[string]json.RawMessage{}
		for name, value := range got.values {
			read[name] = json.RawMessage(value.Raw)
			var text string
			if value.Type == gjson.String && (json.Unmarshal(want[name], &text) != nil || text != value.Str) {
				t.Errorf("%q is %q in %q: want %q", name, value.Str, data, text)
			}
		}
		if !maps.EqualFunc(read, want, func(a, b json.RawMessage) bool { return string(a) == string(b) }) {
			t.Errorf("%q was read as %q, want %q", data, read, want)
		}
	})
}
