package transcript

import (
	"strings"
	"testing"
)

// TestParseErrors shows which transcripts are refused, and with which line.
func TestParseErrors(t *testing.T) {
	tests := []struct {
		name string
		data string
		want string // The beginning of the error, and after "…" a part of it.
	}{
		{"no conversation", "A story.\n", "f: no lines"},
		{"section name", "A story.\n-- An offer --\nv=0\n-- conversation --\nana> ping\n", `f:2: section "An offer"`},
		{"not a line", lines("ana: join"), "f:5: ana: join…want a line such as"},
		{"not a name", lines("Ana> join"), "f:5: …want a line such as"},
		{"not a message", lines("ana> welcome"), "f:5: …want a message"},
		{"not an event", lines("ana> ping", "ana< ping"), "f:6: …want an event"},
		{"not hexadecimal", lines("ana> raw 0g"), "f:5: …raw: "},
		{"not JSON", lines(`ana> ping {"payload":}`), "f:5: …body: "},
		{"a message after the body", lines(`ana> ping {} {}`), "f:5: …something follows"},
		{"a room of a message", lines(`ana> ping in lobby`), "f:5: …want after ping"},
		{"any message", lines(`ana> ping *`), "f:5: …want after ping"},
		{"request id 0", lines("ana> ping #0"), "f:5: …request id 0"},
		{"request id after the room", lines("ana> ping", "ana< ack in lobby #1"), "f:6: …want after the word #7, in lobby"},
		{"any room of a list", lines("ana> ping", "ana< joined_users in *"), "f:6: …the room of joined_users"},
		{"a room without a value", lines("ana> ping", "ana< ack in $room"), "f:6: …$room has no value"},
		{"not a status", lines("ana> half-close", "ana< end Ok"), "f:6: …status code Ok"},
		{"no status", lines("ana> half-close", "ana< end"), "f:6: …want after end"},
		{"a continuation of nothing", lines("  {}"), "f:5: nothing stands before"},
		{"a continuation", lines("ana> ping", `  {"payload":`, ` 1]`), `f:5: ana> ping {"payload": 1]…want after`},

		{"sees before it sends", lines("ana< pong"), "f:5: …ana has sent nothing"},
		{"loses no stream", lines("ana> cancel"), "f:5: …no stream to lose"},
		{"sees after the end", lines("ana> half-close", "ana< end OK", "ana< pong"), "f:7: …is gone"},
		{"sends after half-close", lines("ana> half-close", "ana> ping"), "f:6: …sends no more"},
		{"half-closed without an end", lines("ana> half-close"), "f:5: ana is half-closed"},
		{"a variable without a value", lines(`ana> offer {"to":"$bob"}`), "f:5: …$bob has no value yet"},
		{"a value too late", lines(`ana> offer {"to":"$u"}`, `ana< welcome {"user_id":"$u"}`), "f:5: …$u has no value"},
		{"an order left open", lines("ana> ping", "bob> ping"), "f:6: bob> ping…what ana sent"},
		{"a section without use", lines("ana> ping") + "-- offer --\nv=0\n", "f:5: nothing uses the sections [offer]"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Parse("f", []byte(test.data))
			if err == nil {
				t.Fatal("it was taken")
			}
			beginning, part, _ := strings.Cut(test.want, "…")
			if !strings.HasPrefix(err.Error(), beginning) || !strings.Contains(err.Error(), part) {
				t.Errorf("the error is %q, want %q", err, test.want)
			}
		})
	}
}

// lines returns a transcript in which the first of these lines is number 5.
func lines(lines ...string) string {
	return "A story\nof two lines.\n\n-- conversation --\n" + strings.Join(lines, "\n") + "\n"
}
