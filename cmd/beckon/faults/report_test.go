package faults

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// row is what a scenario came to.
type row struct {
	name                    string
	took                    time.Duration // From the fault until everybody was back.
	sessions                int
	cuts, resumes, resynced int
	verdict                 verdict
	rss                     int64 // The server's, at its largest, in bytes.
}

func (w *company) row(name string, took time.Duration, v verdict, rss int64) row {
	r := row{name: name, took: took, sessions: len(w.people), verdict: v, rss: rss}
	for _, p := range w.people {
		h := p.look()
		r.cuts += h.cuts
		r.resumes += h.resumes
		r.resynced += h.resyncs
	}
	return r
}

// legend explains those columns that may have what they have, and why.
const legend = `
UNDELIVERED: came back from who is gone. Forgotten: recorded, and lost with a server that ended, or said to a room before
the recipient was back in it. Refused: to who is gone, or to who was not yet known to a server that started anew. Unsure:
without outcome when a server died. RSS: the server's at its largest.
`

// report is a table of scenarios. All methods may be called concurrently.
type report struct {
	mu   sync.Mutex
	rows []row // Guarded by mu.
}

func (r *report) add(line row) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows = append(r.rows, line)
}

// String gives the table.
func (r *report) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.SortFunc(r.rows, func(a, b row) int { return strings.Compare(a.name, b.name) })
	var text strings.Builder
	out := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, "scenario\tsessions\tcuts\tresumed\tresynced\tback after\tmessages\tlost\tduplicated\treordered\tghosts\tUNDELIVERED\tforgotten\trefused\tunsure\tRSS\t")
	for _, l := range r.rows {
		v := l.verdict
		fmt.Fprintf(out, "%s\t%d\t%d\t%d\t%d\t%.1f s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d MiB\t\n",
			l.name, l.sessions, l.cuts, l.resumes, l.resynced, l.took.Seconds(),
			v.messages, v.lost, v.duplicated, v.reordered, v.ghosts, v.returned, v.forgotten, v.refused, v.unsure, l.rss>>20)
	}
	out.Flush()
	return "\n" + text.String() + legend
}
