//go:build unix

package main

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"
)

func TestConsoleOnTerminal(t *testing.T) {
	person, terminal := openPTY(t)
	before, err := term.GetState(int(terminal.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	c, err := openConsole(terminal, terminal)
	if err != nil {
		t.Fatal(err)
	}
	lines := readLines(t.Context(), c)

	person.expect("> ")
	person.typeKeys("hel")
	person.expect("hel")
	if err := c.Print("* bob came"); err != nil {
		t.Fatal(err)
	}
	person.expect("* bob came\r\n> hel") // The line stands above what is being typed.
	person.typeKeys("lo\r")
	if line := <-lines; line != (inputLine{text: "hello"}) {
		t.Errorf("read %+v, want hello", line)
	}
	person.typeKeys("\x04")
	if line := <-lines; line.err != io.EOF {
		t.Errorf("Ctrl-D: read %+v, want the end", line)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	after, err := term.GetState(int(terminal.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	if *after != *before {
		t.Errorf("Close left the terminal as %+v, it was %+v", after, before)
	}
}

func TestConsoleWithoutTerminal(t *testing.T) {
	long := strings.Repeat("long ", 100_000)
	var out bytes.Buffer
	c, err := openConsole(strings.NewReader("one\r\n\n"+long+"\nunended"), &out)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"one", "", long, "unended"} {
		if line, err := c.ReadLine(); line != want || err != nil {
			t.Fatalf("read %.20q, %v; want %.20q", line, err, want)
		}
	}
	if _, err := c.ReadLine(); err != io.EOF {
		t.Errorf("after the last line: %v, want EOF", err)
	}
	if err := c.Print("a", "b"); err != nil || out.String() != "a\nb\n" {
		t.Errorf("printed %q, %v", out.String(), err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// A person sits at a terminal: the other end of a pty.
type person struct {
	t      *testing.T
	pty    *os.File
	screen []byte // What is on it that was not yet expected.
}

func openPTY(t *testing.T) (*person, *os.File) {
	t.Helper()
	master, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		master.Close()
		terminal.Close()
	})
	if err := pty.Setsize(terminal, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	if err := master.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &person{t: t, pty: master}, terminal
}

func (p *person) typeKeys(keys string) {
	p.t.Helper()
	if _, err := io.WriteString(p.pty, keys); err != nil {
		p.t.Fatal(err)
	}
}

// expect reads until text has appeared.
func (p *person) expect(text string) {
	p.t.Helper()
	buf := make([]byte, 4096)
	for {
		if _, rest, ok := bytes.Cut(p.screen, []byte(text)); ok {
			p.screen = rest
			return
		}
		n, err := p.pty.Read(buf)
		if err != nil {
			p.t.Fatalf("waiting for %q: %v; the screen shows %q", text, err, p.screen)
		}
		p.screen = append(p.screen, buf[:n]...)
	}
}
