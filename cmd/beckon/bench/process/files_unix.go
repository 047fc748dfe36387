//go:build unix

package process

import "syscall"

// MostFiles returns how many files, connections among them, this process may have open; false if that is not known.
func MostFiles() (uint64, bool) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, false
	}
	return uint64(limit.Cur), true
}
