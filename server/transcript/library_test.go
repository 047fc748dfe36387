package transcript

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
)

// TestForLibrary shows which transcripts a client library plays.
func TestForLibrary(t *testing.T) {
	const listed = `ana< joined_users in lobby at $place *`
	tests := []struct {
		name  string
		lines []string // The first is line 5 of the file.
		want  string   // The beginning of the error; empty: it is played.
	}{
		{"a place that an event tells, too", []string{joins, `ana< ack in lobby {"seq":"$place"}`, listed}, ""},
		{"a repeated id of a ping", []string{"ana> ping #2", "ana> data #1", "ana> ping #2", "ana> data #2"}, ""},
		{"the same id of somebody else", []string{"ana> ping", "ana> data #1", "ana< ack", "bob> data #1"}, ""},
		{"half-closed later", []string{joins, "ana> half-close", "ana< end OK"}, ""},

		{"a place that only an ack tells", []string{
			joins, `ana< ack in lobby {"seq":"$place"}`, `ana> received {"cursors":[{"seq":"$place"}]}`,
		}, "f:7: "},
		{"bytes", []string{joins, "ana> raw ff"}, "f:6: ana> raw ff"},
		{"resumption", []string{"ana> resume"}, "f:5: ana> resume"},
		{"a repeated id", []string{"ana> data #1", "ana> data #1"}, "f:6: "},
		{"an id that is left out", []string{"ana> data #2", "ana> data #1"}, "f:6: "},
		{"half-closed at once", []string{"ana> half-close", "ana< end OK"}, "f:5: "},
		{"too large", []string{joins, `ana< failure {"code":"FAILURE_CODE_TOO_LARGE","*":"*"}`}, "f:6: "},
		{"far too large", []string{joins, `ana< end RESOURCE_EXHAUSTED MESSAGE_TOO_LARGE`}, "f:6: "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			transcript, err := Parse("f", []byte(lines(test.lines...)))
			if err != nil {
				t.Fatal(err)
			}
			played, err := transcript.ForLibrary()
			if (err != nil) != (test.want != "") || err != nil && !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("the error is %v, want %q", err, test.want)
			}
			if (played != nil) != (err == nil) {
				t.Errorf("the transcript is %v with the error %v", played, err)
			}
		})
	}
}

// TestForLibraryUndelivered shows that what comes back to a library may have any number.
func TestForLibraryUndelivered(t *testing.T) {
	written, err := Parse("f", []byte(lines(
		joins, `ana< welcome *`,
		`ana> data #7 {"to":"u2","room":"lobby"}`, `ana< failure #7 at $back {"code":"FAILURE_CODE_UNDELIVERED","to":"u2"}`,
	)))
	if err != nil {
		t.Fatal(err)
	}
	forLibrary, err := written.ForLibrary()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		played *Transcript
		ok     bool
	}{"as written": {written, false}, "for a library": {forLibrary, true}} {
		synctest.Test(t, func(t *testing.T) {
			err := c.played.Play(t.Context(), func(ctx context.Context) (Peer, error) {
				return newFake(t, ctx, []string{welcome, `{"seq":"1","failure":{"code":"FAILURE_CODE_UNDELIVERED","to":"u2"}}`}), nil
			})
			if (err == nil) != c.ok {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}
