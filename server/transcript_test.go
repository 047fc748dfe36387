package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/beckonrtc/beckon/server"
	"github.com/beckonrtc/beckon/server/transcript"
)

// TestTranscripts plays every conversation of clients/testdata over every transport, each against a server of its own.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("../clients/testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("found %d transcripts: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			conversation, err := transcript.Load(file)
			if err != nil {
				t.Fatal(err)
			}
			for name, dial := range transports {
				if strings.HasPrefix(name, "Listen") && !conversation.Opens("join", "resume", "raw") {
					continue // A stream of Listen begins otherwise.
				}
				t.Run(name, func(t *testing.T) { play(t, conversation, dial) })
			}
		})
	}
}

// transports are the ways to open a stream.
var transports = func() map[string]func(*service) transcript.Dial {
	all := map[string]func(*service) transcript.Dial{}
	for name, call := range connections {
		all["Connect over "+name] = func(s *service) transcript.Dial { return transcript.Stubs(call(s)) }
		all["Listen over "+name] = func(s *service) transcript.Dial { return listening(call(s)) }
	}
	return all
}()

// TestTranscriptReadme plays the conversation that the README of clients/testdata shows.
func TestTranscriptReadme(t *testing.T) {
	const file = "../clients/testdata/README.md"
	readme, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "\n```\n")
	example, _, _ := strings.Cut(rest, "```\n")
	conversation, err := transcript.Parse(file+", example", []byte(example))
	if err != nil {
		t.Fatal(err)
	}
	play(t, conversation, transports["Connect over gRPC"])
}

// play plays a conversation against a server of its own, as the README of clients/testdata wants it, in virtual time.
func play(t *testing.T, conversation *transcript.Transcript, dial func(*service) transcript.Dial) {
	synctest.Test(t, func(t *testing.T) {
		if err := conversation.Play(t.Context(), dial(start(t, server.Config{ResumeWindow: 3 * time.Second}, nil))); err != nil {
			t.Error(err)
		}
	})
}
