package transcript

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/protobuf/reflect/protoreflect"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// A line is one line of a conversation: somebody does something, or is to see something.
type line struct {
	number int    // In the file, from 1.
	text   string // As written, on one line.
	who    string
	word   string // After "ana>" or "ana<".
	action action
}

// parseLines parses the conversation in text, whose first line is the file's line first. Errors begin with the number
// of the line.
func parseLines(text string, first int) ([]line, error) {
	var lines []line
	for i, text := range strings.Split(text, "\n") {
		number, trimmed := first+i, strings.TrimSpace(text)
		switch {
		case trimmed == "", strings.HasPrefix(text, "#"):
		case trimmed[0] != text[0]: // It is indented.
			if len(lines) == 0 {
				return nil, fmt.Errorf("%d: nothing stands before %q for it to go on with", number, trimmed)
			}
			lines[len(lines)-1].text += " " + trimmed
		default:
			lines = append(lines, line{number: number, text: trimmed})
		}
	}
	for i := range lines {
		if err := lines[i].parse(); err != nil {
			return nil, fmt.Errorf("%d: %s\n\t%w", lines[i].number, lines[i].text, err)
		}
	}
	return lines, nil
}

// linePattern finds the name, the direction, the word, and the rest.
var linePattern = regexp.MustCompile(`^([a-z][a-z0-9]*)([<>])\s+(\S+)\s*(.*)$`)

// parse sets who and action from text.
func (l *line) parse() (err error) {
	m := linePattern.FindStringSubmatch(l.text)
	if m == nil {
		return errors.New("want a line such as: ana> join {…}, or: ana< ack #1")
	}
	l.who, l.word = m[1], m[3]
	if m[2] == ">" {
		l.action, err = parseDeed(l.word, m[4])
	} else {
		l.action, err = parseSight(l.word, m[4])
	}
	return err
}

// The words of ">" and "<" lines that name a message or an event.
var (
	messageWords = (&beckonv1.ConnectRequest{}).ProtoReflect().Descriptor().Oneofs().ByName("message").Fields()
	eventWords   = (&beckonv1.ConnectResponse{}).ProtoReflect().Descriptor().Oneofs().ByName("event").Fields()
)

// parseDeed parses what follows "ana>".
func parseDeed(word, rest string) (action, error) {
	switch {
	case word == "raw":
		bytes, err := hex.DecodeString(strings.ReplaceAll(rest, " ", ""))
		if err != nil {
			return nil, fmt.Errorf("raw: %w", err)
		}
		return sendRaw(bytes), nil
	case word == "half-close" && rest == "":
		return halfClose{}, nil
	case word == "cancel" && rest == "":
		return cancel{}, nil
	case word == "nothing", messageWords.ByName(protoreflect.Name(word)) != nil:
	default:
		return nil, errors.New("want a message of the oneof in ConnectRequest, nothing, raw, half-close or cancel")
	}
	f, err := parseFrame(rest)
	if err != nil {
		return nil, err
	}
	if f.room != "" || f.seq != "" || f.body == any("*") {
		return nil, fmt.Errorf("want after %s: a request id such as #7 or none, then a JSON object or nothing", word)
	}
	message := map[string]any{}
	if f.requestID != "" {
		message["request_id"] = f.requestID
	}
	if word != "nothing" {
		message[word] = f.body
	}
	return send(message), nil
}

// parseSight parses what follows "ana<".
func parseSight(word, rest string) (action, error) {
	switch {
	case word == "end":
		return parseEnd(rest)
	case eventWords.ByName(protoreflect.Name(word)) == nil:
		return nil, errors.New("want an event of the oneof in ConnectResponse, or end")
	}
	f, err := parseFrame(rest)
	if err != nil {
		return nil, err
	}
	if f.room == "*" && !laneOf(word, f.room).outcome {
		return nil, fmt.Errorf("the room of %s is not left open: it tells which event is meant", word)
	}
	return see{word: word, frame: f}, nil
}

// A frame is what stands on a line after the word.
type frame struct {
	requestID string // In decimal; empty if there is none.
	room      string
	seq       string // "$" and a variable; empty if there is none.
	body      any    // Decoded JSON.
}

// framePattern finds the parts of a frame.
var framePattern = regexp.MustCompile(`^` +
	`(?:#(\d+)(?:\s+|$))?` + // The request id.
	`(?:in ("(?:[^"\\]|\\.)*"|[^\s"]+)(?:\s+|$))?` + // The room, perhaps in quotes.
	`(?:at (\$[a-z][a-z0-9]*)(?:\s+|$))?` + // The sequence number's variable.
	`(\{.*\}|\*)?$`) // The body.

// parseFrame parses what follows the word.
func parseFrame(s string) (frame, error) {
	m := framePattern.FindStringSubmatch(s)
	if m == nil {
		return frame{}, errors.New("want after the word #7, in lobby, at $seen, then a JSON object or *; each may be absent")
	}
	f := frame{requestID: m[1], room: m[2], seq: m[3], body: map[string]any{}}
	if id, err := strconv.ParseUint(f.requestID, 10, 64); f.requestID != "" && (err != nil || id == 0) {
		return frame{}, fmt.Errorf("request id %s: want 1 to 2^64-1", f.requestID)
	}
	if strings.HasPrefix(f.room, `"`) {
		if err := json.Unmarshal([]byte(m[2]), &f.room); err != nil {
			return frame{}, fmt.Errorf("room %s: %w", m[2], err)
		}
	}
	switch m[4] {
	case "":
	case "*":
		f.body = "*"
	default:
		body, err := decode([]byte(m[4]))
		if err != nil {
			return frame{}, fmt.Errorf("body: %w", err)
		}
		f.body = body
	}
	return f, nil
}

// parseEnd parses the status code and the reason after "end".
func parseEnd(s string) (action, error) {
	words := strings.Fields(s)
	if len(words) < 1 || len(words) > 2 {
		return nil, errors.New("want after end: a status code such as NOT_FOUND, then a reason or nothing")
	}
	if _, ok := code.Code_value[words[0]]; !ok {
		return nil, fmt.Errorf("status code %s: want one such as NOT_FOUND", words[0])
	}
	return seeEnd(strings.Join(words, " ")), nil
}
