//go:build unix

package server_test

import (
	"fmt"
	"syscall"
)

// raiseFiles lets this process have as many files open as it may, and reports if that is not enough for the silent connections.
func raiseFiles() error {
	const need = silentConnections + 10*silentSpare
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("ask how many files may be open: %w", err)
	}
	if limit.Cur < need {
		limit.Cur = limit.Max
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			return fmt.Errorf("raise how many files may be open to %d: %w", limit.Max, err)
		}
	}
	if limit.Cur < need {
		return fmt.Errorf("%d files may be open, and this needs %d. As root: ulimit -n %d", limit.Cur, need, need)
	}
	return nil
}
