package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/beckonrtc/beckon/cmd/beckon/bench/process"
)

// A Report is all that a run has to tell.
type Report struct {
	Date    time.Time       `json:"date"`
	Version string          `json:"version"` // Of this program, and of the server that it starts.
	Go      string          `json:"go"`
	Machine process.Machine `json:"machine"`
	// Whether the server had a processor of its own, and the load the others.
	Pinned bool `json:"pinned"`
	// Whether it was cut short.
	Interrupted bool        `json:"interrupted,omitempty"`
	Results     []Result    `json:"results"` // In the order in which they were measured.
	Comparison  *Comparison `json:"comparison,omitempty"`
}

// WriteJSON writes the report as JSON.
func (r Report) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// WriteTable writes the report for a person.
func (r Report) WriteTable(w io.Writer) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if r.Comparison != nil {
		r.Comparison.write(out)
	} else {
		for i, result := range r.Results {
			if i > 0 {
				fmt.Fprintln(out)
			}
			result.write(out)
		}
	}
	pinned := "not pinned"
	if r.Pinned {
		pinned = "the server on a processor of its own"
	}
	fmt.Fprintf(out, "\non %d × %s, %s; %s\n", r.Machine.Processors, strings.TrimSpace(r.Machine.Processor), r.Go, pinned)
	if r.Interrupted {
		fmt.Fprintln(out, "interrupted: this is what was measured until then")
	}
	return out.Flush()
}

// nouns are what is Done of each load.
var nouns = map[string]string{"calls": "calls", "relay": "relays", "idle": "openings", "room": "joins", "storm": "resumes", "broadcast": "broadcasts"}

// write writes a result in rows.
func (r Result) write(w io.Writer) {
	row := func(name, format string, values ...any) { fmt.Fprintf(w, name+"\t"+format+"\n", values...) }
	done := nouns[r.Work]
	one := strings.TrimSuffix(done, "s")

	row(r.Work, "%s, %s", r.Server, r.Transport)
	switch {
	case r.Pairs > 0:
		row("pairs", "%d, on %s connections", r.Pairs, humanize.Comma(int64(r.Connections)))
	default:
		row("sessions", "%s, on %s connections, %d to a room", humanize.Comma(int64(r.Sessions)), humanize.Comma(int64(r.Connections)), r.RoomSize)
	}
	if r.Rate > 0 {
		row("rate", "%s/s asked for", number(r.Rate))
	}
	row(done, "%s in %.1f s, %s/s", humanize.Comma(int64(r.Done)), r.Seconds, number(r.DonePerSecond))
	if r.Missed > 0 {
		row("", "%s were due and not begun in time", humanize.Comma(int64(r.Missed)))
	}
	if r.Relays > 0 && r.Work != "relay" {
		row("relays", "%s/s", number(r.RelaysPerSecond))
	}
	if r.Sent > 0 || r.Delivered > 0 {
		row("messages", "%s sent, %s delivered", humanize.Comma(int64(r.Sent)), humanize.Comma(int64(r.Delivered)))
	}
	if r.Events > 0 {
		row("events", "%s; all had been told %.2f s after the last join", humanize.Comma(int64(r.Events)), r.Settled)
	}
	if r.Retries > 0 {
		row("retries", "%s connections failed at first", humanize.Comma(int64(r.Retries)))
	}
	if l := r.Latency; l != nil && l.Count > 0 {
		row("time for one", "p50 %s, p90 %s, p99 %s, p99.9 %s, longest %s",
			milliseconds(l.P50), milliseconds(l.P90), milliseconds(l.P99), milliseconds(l.P999), milliseconds(l.Max))
	}
	if r.CPUPercent > 0 {
		row("server CPU", "%.1f%% of a processor", r.CPUPercent)
	}
	if r.CPUPerRelay > 0 {
		row("", "%.2f µs for a relay", r.CPUPerRelay)
	}
	for i, cpu := range r.CPUPerRelayOfEach {
		row("", "%.2f µs of that on server %d", cpu, i+1)
	}
	if r.CPUPerRelayOfBroker > 0 {
		row("broker CPU", "%.2f µs for a relay", r.CPUPerRelayOfBroker)
	}
	if r.CPUPerDone > 0 && r.Work != "relay" {
		row("", "%s µs for a %s", number(r.CPUPerDone), one)
	}
	if r.CPUPerEvent > 0 {
		row("", "%s µs for an event", number(r.CPUPerEvent))
	}
	if r.RSS > 0 {
		row("server memory", "%s", humanize.IBytes(r.RSS))
	}
	if r.RSSPerSession > 0 {
		row("", "%.1f KiB for a session", r.RSSPerSession/1024)
	}
}

// number writes a figure with as many digits as it deserves.
func number(v float64) string {
	if v >= 100 {
		return humanize.Comma(int64(v + 0.5))
	}
	return humanize.FtoaWithDigits(v, 2)
}

// milliseconds writes a duration.
func milliseconds(ms float64) string {
	return time.Duration(ms * float64(time.Millisecond)).Round(time.Microsecond).String()
}
