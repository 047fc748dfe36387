package broker

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// lockName is the file in a directory of streams that who has the directory holds locked.
const lockName = "beckon.lock"

// lock takes a directory for the server of this process alone, and creates it if need be: two servers would spoil each
// other's files. The system gives the lock back when the process ends, however it does.
func lock(dir string) (*flock.Flock, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("directory for NATS: %w", err)
	}
	l := flock.New(filepath.Join(dir, lockName))
	locked, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the directory for NATS: %w", err)
	}
	if !locked {
		return nil, fmt.Errorf("directory for NATS: %s is in use: another node has it: expected a directory of this node's own", dir)
	}
	return l, nil
}
