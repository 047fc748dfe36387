package broker

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// refusalsCount is for how long it counts that servers have refused each other. They try again every second or so.
const refusalsCount = 10 * time.Second

// refusals is what this node's server and the others' have said of each other's secrets. All methods may be called concurrently.
type refusals struct {
	mu       sync.Mutex
	by, of   string    // Guarded by mu. The addresses of one that has refused this one, and of one that this one has refused.
	byAt, at time.Time // Guarded by mu. When.
}

// note takes a line of the server's log, which is the only place where it tells.
func (r *refusals) note(line string) {
	addr, rest, _ := strings.Cut(line, " - rid:") // Other servers' connections have such a number.
	if rest == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case strings.Contains(rest, "Route Error 'Authorization Violation'"):
		r.by, r.byAt = addr, time.Now()
	case strings.Contains(rest, "authentication error"):
		r.of, r.at = addr, time.Now()
	}
}

// explain returns why with what servers have said of late.
func (r *refusals) explain(why error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var said []string
	if r.by != "" && time.Since(r.byAt) < refusalsCount {
		said = append(said, "the one at "+r.by+" refuses the secret of this node")
	}
	if r.of != "" && time.Since(r.at) < refusalsCount {
		said = append(said, "this node refuses the secret of the one at "+r.of)
	}
	if len(said) == 0 {
		return why
	}
	return fmt.Errorf("%w; %s: expected the same secret on all nodes", why, strings.Join(said, ", and "))
}
