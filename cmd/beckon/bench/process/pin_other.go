//go:build !linux

package process

import (
	"errors"
	"os/exec"
)

// errNoPinning tells that this system cannot pin processes.
var errNoPinning = errors.New("processes can be pinned to processors on Linux only")

// Processors returns those that this process may run on.
func Processors() ([]int, error) { return nil, errNoPinning }

// Pin lets this process run on these processors alone.
func Pin([]int) error { return errNoPinning }

func onProcessors(processors []int, start func() error) error {
	if len(processors) > 0 {
		return errNoPinning
	}
	return start()
}

func ownGroup(*exec.Cmd) {}
