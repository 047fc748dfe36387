// Package transcript plays conversations that are written down in files.
//
// The files, what their lines mean and how they are played is described in clients/testdata/README.md. A transcript is
// played against whatever opens streams to a server: the generated client, or a client library.
package transcript

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/tools/txtar"
)

// conversation is the name of the section that holds the lines.
const conversation = "conversation"

// Transcript is a conversation that can be played any number of times.
type Transcript struct {
	// Immutable.
	file  string
	lines []line
	texts variables // From the other sections.
}

// Load reads the transcript in file.
func Load(file string) (*Transcript, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return Parse(file, data)
}

// Parse makes a transcript of data; file names it in errors.
func Parse(file string, data []byte) (*Transcript, error) {
	t := &Transcript{file: file, texts: variables{}}
	archive := txtar.Parse(data)
	number := 1 + strings.Count(string(archive.Comment), "\n") // Of the section's first line, "-- name --".
	for _, section := range archive.Files {
		text := string(section.Data)
		switch {
		case section.Name == conversation:
			lines, err := parseLines(text, number+1)
			if err != nil {
				return nil, fmt.Errorf("%s:%w", file, err)
			}
			t.lines = lines
		case namePattern.MatchString(section.Name):
			t.texts[section.Name] = text
		default:
			return nil, fmt.Errorf("%s:%d: section %q: want a name such as offer", file, number, section.Name)
		}
		number += 1 + strings.Count(text, "\n")
	}
	if len(t.lines) == 0 {
		return nil, fmt.Errorf("%s: no lines in a section %q", file, conversation)
	}
	if err := playable(t.lines, t.texts); err != nil {
		return nil, fmt.Errorf("%s:%w", file, err)
	}
	return t, nil
}

// Opens reports whether the first line of every stream has one of these words, such as "join" or "raw".
func (t *Transcript) Opens(words ...string) bool {
	opened := map[string]bool{}
	for _, l := range t.lines {
		if !opened[l.who] && !slices.Contains(words, l.word) {
			return false
		}
		opened[l.who] = true
	}
	return true
}

// namePattern is what the names of participants, variables and sections look like.
var namePattern = regexp.MustCompile(`^[a-z][a-z0-9]*$`)
