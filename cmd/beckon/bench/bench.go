// Package bench measures signaling servers under load: calls, idle sessions, a room that fills up, a storm of resumes,
// broadcasts. It takes servers as they are, and is told by its caller where they are and how to start them.
package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/beckonrtc/beckon/cmd/beckon/bench/load"
	"github.com/beckonrtc/beckon/cmd/beckon/bench/pace"
	"github.com/beckonrtc/beckon/cmd/beckon/bench/process"
	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// Works are the names of the loads.
var Works = []string{"calls", "relay", "idle", "room", "storm", "broadcast"}

// A Config is a load. Of its fields, each load looks at some.
type Config struct {
	Work string // One of Works.
	// Sessions are spread over them in turn: the two of a pair are on neighbouring ones.
	Servers []Server
	// The processes of what the servers share, such as NATS, if they are on this machine: what these use is told beside.
	Brokers []int

	Pairs    int // Of calls and relay.
	Sessions int // Of all others.
	RoomSize int // Of idle, storm and broadcast: sessions in one room.
	Joins    int // Of room: the joins that are measured, the last ones; the room is as it should be before. 0: all.
	Conns    int // Connections that the sessions share. 0: each has its own.
	// Of calls, relay and broadcast: how many begin per second. 0: each as soon as the one before has ended.
	Rate float64
	// Of calls, relay and broadcast. The Duration is also how long idle sessions are looked at.
	WarmUp, Duration time.Duration
	// How sessions hear of the others in their room.
	Presence beckonv1.Presence

	// Called with how far a stage of the measurement has come. May be nil.
	Progress func(stage string, done, all int)
}

// A Server is what is measured.
type Server struct {
	Kind   string // "beckon" or "bare".
	Target load.Target
	// Its process, if that is on this machine; else 0: what it uses is not measured.
	PID int
}

// A Result is what was measured. What a load does not have is 0 and left out.
type Result struct {
	Server      string  `json:"server"`
	Work        string  `json:"work"`
	Transport   string  `json:"transport"`
	Servers     int     `json:"servers"`
	Sessions    int     `json:"sessions"`
	Pairs       int     `json:"pairs,omitzero"`
	RoomSize    int     `json:"room_size,omitzero"`
	Connections int     `json:"connections"`
	Presence    string  `json:"presence,omitzero"`
	Rate        float64 `json:"rate,omitzero"` // As asked for.

	// All messages for others that were sent, and that came.
	Sent      uint64 `json:"sent"`
	Delivered uint64 `json:"delivered"`

	// Of the measured time. Done is how many calls, relays, joins, resumes or broadcasts were; Missed how many were due and not
	// begun by the end.
	Seconds         float64       `json:"seconds"`
	Done            uint64        `json:"done"`
	DonePerSecond   float64       `json:"done_per_second"`
	Missed          uint64        `json:"missed,omitzero"`
	Relays          uint64        `json:"relays,omitzero"`
	RelaysPerSecond float64       `json:"relays_per_second,omitzero"`
	Events          uint64        `json:"events,omitzero"`          // Of room: what members were told of others.
	Settled         float64       `json:"settled_seconds,omitzero"` // Of room: from the last join until everybody had been told.
	Retries         uint64        `json:"retries,omitzero"`         // Of storm: connections that failed at first.
	Latency         *pace.Summary `json:"latency,omitempty"`

	// Of the servers' processes, if they are on this machine. CPUPercent is of one processor.
	CPUPercent  float64 `json:"cpu_percent,omitzero"`
	CPUPerRelay float64 `json:"cpu_us_per_relay,omitzero"`
	CPUPerDone  float64 `json:"cpu_us_per_done,omitzero"`
	CPUPerEvent float64 `json:"cpu_us_per_event,omitzero"` // Of room: everything, joins and all, through Events.
	// Of each server's process, if there are several, and of the brokers' together.
	CPUPerRelayOfEach   []float64 `json:"cpu_us_per_relay_of_each,omitempty"`
	CPUPerRelayOfBroker float64   `json:"cpu_us_per_relay_of_broker,omitzero"`
	RSS                 uint64    `json:"rss_bytes,omitzero"`
	RSSPerSession       float64   `json:"rss_bytes_per_session,omitzero"`
}

// Run measures. When ctx ends it returns what was measured so far, with ctx's cause. An error that is none of ctx's means
// that the load did not come about: a message was lost, refused, or came twice.
func Run(ctx context.Context, c Config) (Result, error) {
	switch c.Work {
	case "calls", "relay", "broadcast":
		scene, err := open(ctx, c)
		if err != nil {
			return c.result(), err
		}
		defer scene.close()
		return scene.measure(c.Rate)
	case "idle":
		return idle(ctx, c)
	case "room":
		return room(ctx, c)
	case "storm":
		return storm(ctx, c)
	}
	return Result{}, fmt.Errorf("there is no load %q", c.Work)
}

// result returns one that has what was asked for.
func (c Config) result() Result {
	r := Result{
		Server:      c.Servers[0].Kind,
		Work:        c.Work,
		Transport:   "grpc",
		Servers:     len(c.Servers),
		Sessions:    c.Sessions,
		RoomSize:    c.RoomSize,
		Connections: c.Sessions,
		Rate:        c.Rate,
	}
	if c.Servers[0].Target.Web {
		r.Transport = "web"
	}
	switch c.Work {
	case "calls", "relay":
		r.Pairs, r.Sessions, r.RoomSize = c.Pairs, 2*c.Pairs, 2
	case "room":
		r.RoomSize = c.Sessions
	}
	r.Connections = r.Sessions
	if c.Conns > 0 {
		r.Connections = min(c.Conns, r.Sessions)
	}
	switch c.Presence {
	case beckonv1.Presence_PRESENCE_FULL:
		r.Presence = "full"
	case beckonv1.Presence_PRESENCE_DELTA:
		r.Presence = "delta"
	case beckonv1.Presence_PRESENCE_NONE:
		r.Presence = "none"
	}
	return r
}

// crowd returns the sessions of the load, not open yet.
func (c Config) crowd(ctx context.Context, room func(i int) string, handle func(*load.Session, load.Event)) *load.Crowd {
	var targets []load.Target
	for _, s := range c.Servers {
		targets = append(targets, s.Target)
	}
	return load.NewCrowd(ctx, load.Options{
		Targets:  targets,
		Sessions: c.result().Sessions,
		Conns:    c.Conns,
		Room:     room,
		Handle:   handle,
		Progress: c.Progress,
	})
}

func (c Config) progress(stage string, done, all int) {
	if c.Progress != nil {
		c.Progress(stage, done, all)
	}
}

// inRoom returns the room of a session where every RoomSize sessions have one.
func (c Config) inRoom(i int) string { return fmt.Sprintf("room-%05d", i/max(c.RoomSize, 1)) }

// usage returns what the servers use together; false if that is not to be had.
func (c Config) usage() (u process.Usage, ok bool, err error) {
	each, err := c.usageOfEach()
	for _, one := range each {
		u.CPU += one.CPU
		u.RSS += one.RSS
	}
	return u, len(each) > 0, err
}

// usageOfEach returns what each of the servers uses; nothing if that is not to be had.
func (c Config) usageOfEach() (each []process.Usage, err error) {
	for _, s := range c.Servers {
		if s.PID == 0 {
			return nil, nil
		}
		one, err := process.UsageOf(s.PID)
		if err != nil {
			return nil, err
		}
		each = append(each, one)
	}
	return each, nil
}

// usageOfBrokers returns the time of processors that they use together.
func (c Config) usageOfBrokers() (cpu time.Duration, err error) {
	for _, pid := range c.Brokers {
		one, err := process.UsageOf(pid)
		if err != nil {
			return 0, err
		}
		cpu += one.CPU
	}
	return cpu, nil
}

// closing is how long sessions may take to end in order.
const closing = 5 * time.Second

// closeCrowd ends sessions in order, whether or not ctx has ended.
func closeCrowd(ctx context.Context, crowd *load.Crowd) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closing)
	defer cancel()
	crowd.Close(ctx)
}

// errLost tells that messages were lost, or came twice.
func errLost(sent, delivered uint64) error {
	return fmt.Errorf("%d messages were sent and %d delivered", sent, delivered)
}

var errTwice = errors.New("a message came that nobody had sent, or it came twice")

// perSecond returns a rate, 0 if there was no time.
func perSecond(n uint64, seconds float64) float64 {
	if seconds <= 0 {
		return 0
	}
	return float64(n) / seconds
}

// each returns the microseconds for one of n, 0 if there are none.
func each(d time.Duration, n uint64) float64 {
	if n == 0 {
		return 0
	}
	return float64(d.Nanoseconds()) / 1000 / float64(n)
}
