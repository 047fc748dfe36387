package main

import (
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// A progress shows on a terminal how far something has come; elsewhere nothing. All methods may be called concurrently.
type progress struct {
	out io.Writer // Immutable. Nil: it is no terminal.

	mu sync.Mutex
	// Guarded by mu.
	bar   *progressbar.ProgressBar // Nil before the first stage.
	stage string
}

func newProgress(out io.Writer) *progress {
	file, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return &progress{}
	}
	return &progress{out: out}
}

// show shows that so many parts of a stage are done.
func (p *progress) show(stage string, done, all int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.out == nil {
		return
	}
	if p.bar == nil || stage != p.stage {
		p.clearLocked()
		p.stage = stage
		p.bar = progressbar.NewOptions(all,
			progressbar.OptionSetWriter(p.out),
			progressbar.OptionSetDescription(stage),
			progressbar.OptionSetWidth(30),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionSetPredictTime(false),
			progressbar.OptionClearOnFinish(),
		)
	}
	_ = p.bar.Set(done) // A bar that cannot be drawn is no reason to stop.
}

// clear takes the bar off the screen.
func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clearLocked()
}

// clearLocked is clear. p.mu must be held.
func (p *progress) clearLocked() {
	if p.bar != nil {
		_ = p.bar.Clear()
		p.bar = nil
	}
}
