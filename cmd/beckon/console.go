package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/term"
)

// A console reads lines from a person and shows lines: on a terminal above the prompt, else as plain text. All methods
// may be called concurrently, but for ReadLine with itself.
type console struct {
	// Immutable.
	in lineReader

	// Immutable; nil without a terminal.
	terminal *term.Terminal
	screen   *os.File
	restore  func() error

	mu sync.Mutex
	// Guarded by mu.
	out io.Writer
}

// openConsole changes the mode of a terminal until Close.
func openConsole(in io.Reader, out io.Writer) (*console, error) {
	keyboard, okIn := in.(*os.File)
	screen, okOut := out.(*os.File)
	if !okIn || !okOut || !term.IsTerminal(int(keyboard.Fd())) || !term.IsTerminal(int(screen.Fd())) {
		return &console{in: newPlainLines(in), out: out}, nil
	}
	before, err := term.MakeRaw(int(keyboard.Fd()))
	if err != nil {
		return nil, fmt.Errorf("set up the terminal: %w", err)
	}
	terminal := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{keyboard, screen}, "> ")
	return &console{
		in:       terminal,
		out:      terminal,
		terminal: terminal,
		screen:   screen,
		restore:  func() error { return term.Restore(int(keyboard.Fd()), before) },
	}, nil
}

// Close takes the prompt away and gives the terminal back as it was.
func (c *console) Close() error {
	if c.terminal == nil {
		return nil
	}
	c.terminal.SetPrompt("")
	_, err := c.terminal.Write(nil)
	return errors.Join(err, c.restore())
}

// Print shows lines together. They must be printable.
func (c *console) Print(lines ...string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.terminal != nil {
		if width, height, err := term.GetSize(int(c.screen.Fd())); err == nil {
			c.terminal.SetSize(width, height)
		}
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(c.out, line); err != nil {
			return err
		}
	}
	return nil
}

// ReadLine returns the next line without its end; io.EOF after the last, and on Ctrl-C or Ctrl-D in a terminal.
func (c *console) ReadLine() (string, error) { return c.in.ReadLine() }
