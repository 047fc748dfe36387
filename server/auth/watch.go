package auth

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"time"
)

const (
	// watchInterval is how often a file is looked at, so that a change counts within a second.
	watchInterval = 500 * time.Millisecond
	// clockGrain is how coarse the clocks of file systems are: of two changes that are closer to each other, the second
	// may not show.
	clockGrain = 2 * time.Second

	maxFile = 4 << 20 // Bytes.
)

// A watched is a file that is read again when it changes. It is polled: notifications do not come from all file systems,
// and get lost when a mounted directory is replaced as a whole.
type watched struct {
	path string
	tell func([]byte, error) error

	// As last read.
	seen   os.FileInfo
	at     time.Time
	data   []byte
	failed string
}

// watchFile reads a file and calls tell with its content or with what prevents reading it; so it does again after each
// change, from one goroutine, until ctx ends. If the first call returns an error, watchFile returns it and watches nothing.
func watchFile(ctx context.Context, path string, tell func([]byte, error) error) error {
	w := &watched{path: path, tell: tell}
	if err := w.look(); err != nil {
		return err
	}
	go func() {
		tick := time.NewTicker(watchInterval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				w.look() // tell has told of the error.
			}
		}
	}()
	return nil
}

// look reads the file if it may have changed, and tells if it has.
func (w *watched) look() error {
	info, err := os.Stat(w.path)
	if err == nil && w.seen != nil && w.failed == "" && w.same(info) {
		return nil
	}
	now := time.Now() // Before reading: what changes meanwhile is read again.
	data, err := readFile(w.path)
	if err != nil {
		if w.failed == err.Error() {
			return err // Told already.
		}
		w.failed = err.Error()
		return w.tell(nil, err)
	}
	unchanged := w.seen != nil && w.failed == "" && bytes.Equal(data, w.data)
	w.seen, w.at, w.data, w.failed = info, now, data, ""
	if unchanged {
		return nil
	}
	return w.tell(data, nil)
}

func (w *watched) same(info os.FileInfo) bool {
	return os.SameFile(info, w.seen) && info.Size() == w.seen.Size() && info.ModTime().Equal(w.seen.ModTime()) &&
		w.at.Sub(info.ModTime()) > clockGrain
}

// readFile reads a file of at most maxFile bytes.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s has more than %d bytes", path, maxFile)
	}
	return data, err
}
