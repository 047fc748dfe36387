package auth

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
)

// fileKeys are the keys of a file, as it is now.
type fileKeys struct {
	set atomic.Pointer[keySet]
}

// newFileKeys reads a key file, and reads it again when it changes, until ctx ends. A changed file that cannot be read
// leaves the keys as they are.
func newFileKeys(ctx context.Context, path string, logger *slog.Logger) (*fileKeys, error) {
	f := new(fileKeys)
	err := watchFile(ctx, path, func(data []byte, err error) error {
		var keys []key
		if err == nil {
			if keys, err = parseKeys(data); err != nil {
				err = fmt.Errorf("key file %s: %w", path, err)
			}
		}
		if err != nil {
			if f.set.Load() != nil {
				logger.Error("cannot read the changed key file; the former keys stay in force", "error", err)
			}
			return err
		}
		for i := range keys {
			if _, secret := keys[i].private.([]byte); keys[i].private != nil && !secret {
				logger.Warn("the key file has a private key, which only who issues tokens needs", "file", path)
			}
			keys[i].private = nil
		}
		set := keySet(keys)
		if f.set.Swap(&set) != nil {
			logger.Info("read the changed key file", "file", path, "keys", len(set))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (f *fileKeys) now() *keySet { return f.set.Load() }

func (f *fileKeys) find(_ context.Context, c *compact) (verificationKey, *Error) {
	k, _, refused := f.set.Load().find(c)
	return k, refused
}
