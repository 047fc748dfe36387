package main

import (
	"bufio"
	"context"
	"io"
	"strings"
)

// A lineReader gives lines without their ends; io.EOF after the last.
type lineReader interface {
	ReadLine() (string, error)
}

// plainLines reads lines of any length.
type plainLines struct{ *bufio.Reader }

func newPlainLines(in io.Reader) plainLines { return plainLines{bufio.NewReader(in)} }

// ReadLine takes a last line that lacks its end for a line.
func (r plainLines) ReadLine() (string, error) {
	line, err := r.ReadString('\n')
	if err == io.EOF && line != "" {
		err = nil
	}
	return strings.TrimRight(line, "\r\n"), err
}

// An inputLine is a line, or the error that ended the input.
type inputLine struct {
	text string
	err  error
}

// readLines gives what is read from in until the first error, which it gives last, or the end of ctx. A read that is
// under way then cannot be called back: its goroutine stays for one more line.
func readLines(ctx context.Context, in lineReader) <-chan inputLine {
	lines := make(chan inputLine)
	go func() {
		for {
			text, err := in.ReadLine()
			select {
			case lines <- inputLine{text, err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return lines
}
