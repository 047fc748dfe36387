//go:build !unix

package process

// MostFiles returns how many files, connections among them, this process may have open; false if that is not known.
func MostFiles() (uint64, bool) { return 0, false }
