//go:build unix

package main

import (
	"testing"

	"golang.org/x/term"
)

func TestJoinOnTerminal(t *testing.T) {
	_, ports := startServer(t)
	ana, terminal := openPTY(t)
	before, err := term.GetState(int(terminal.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	code := make(chan int, 1)
	go func() {
		args := []string{"join", "lobby", "--name", "ana", "--server", ports["grpc"]}
		code <- run(t.Context(), args, terminal, terminal, terminal)
	}()
	ana.expect("that is you\r\n")
	ana.expect("> ")
	ana.typeKeys("hel")
	ana.expect("hel")
	bob := start(t, "join", "lobby", "--name", "bob", "--server", ports["grpc"])
	ana.expect("* bob (")
	ana.expect("> hel")
	ana.typeKeys("lo\r")
	bob.out.expect("<ana> hello")
	bob.typeLine("hi")
	ana.expect("<bob> hi\r\n")

	ana.typeKeys("\x03") // Ctrl-C.
	if got := <-code; got != exitOK {
		t.Errorf("exit code %d, want %d", got, exitOK)
	}
	after, err := term.GetState(int(terminal.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	if *after != *before {
		t.Errorf("the terminal was left as %+v, it was %+v", after, before)
	}
}
