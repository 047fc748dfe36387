package transcript

import (
	"encoding/json"
	"fmt"
	"strings"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// notation returns the event that somebody saw as it would be written on a line, shortened if it is very long.
func notation(who string, event *beckonv1.ConnectResponse) string {
	word := wordOf(event)
	object, err := asJSON(event)
	if err != nil {
		return fmt.Sprintf("%s< %s (%v)", who, word, err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s< %s", who, word)
	if event.RequestId != 0 {
		fmt.Fprintf(&b, " #%d", event.RequestId)
	}
	if strings.ContainsAny(event.Room, " \"\t\n") {
		fmt.Fprintf(&b, " in %q", event.Room)
	} else if event.Room != "" {
		fmt.Fprintf(&b, " in %s", event.Room)
	}
	if event.Seq != 0 {
		fmt.Fprintf(&b, " at %d", event.Seq)
	}
	if body, err := json.Marshal(object[word]); err == nil && string(body) != "{}" {
		fmt.Fprintf(&b, " %s", body)
	}
	return shorten(b.String())
}

// shorten cuts a text that is too long to be read.
func shorten(text string) string {
	const enough = 1000
	if len(text) <= enough {
		return text
	}
	return fmt.Sprintf("%s… (%d bytes)", strings.ToValidUTF8(text[:enough], ""), len(text))
}
