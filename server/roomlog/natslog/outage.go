package natslog

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// outage is whether a shard's stream can be reached, as far as is known. The zero value can.
type outage struct {
	lasts atomic.Bool
	ended atomic.Int64 // The last one, in nanoseconds of Unix time; 0: there was none.
}

// begin notes that the stream cannot be reached. The probe finds out when it can.
func (o *outage) begin() { o.lasts.Store(true) }

// end notes that it can.
func (o *outage) end() {
	if o.lasts.Load() {
		o.ended.Store(time.Now().UnixNano())
		o.lasts.Store(false)
	}
}

// until returns when the last one ended: now, if it lasts; zero: there was none.
func (o *outage) until() time.Time {
	if o.lasts.Load() {
		return time.Now()
	}
	if at := o.ended.Load(); at != 0 {
		return time.Unix(0, at)
	}
	return time.Time{}
}

// outage returns that of a shard; nil if its stream is gone for good, as far as is known.
func (l *Log) outage(shard int) *outage {
	if what := l.troubles.of(l.streams[shard]).what; what == errMissing || what == errRemade {
		return nil
	}
	return &l.outages[shard]
}

// Outage implements roomlog.Shared.
func (l *Log) Outage(room string) time.Time {
	if o := l.outage(l.shardOf(room)); o != nil {
		return o.until()
	}
	return time.Time{}
}

// probe sees whether streams that could not be reached, were full, or did not confirm anything, take records again, until the term
// ends: nobody else may write there by then.
func (t *term) probe() {
	tick := time.NewTicker(t.log.every())
	defer tick.Stop()
	for {
		select {
		case <-t.done.Done():
			return
		case <-tick.C:
		}
		var asking sync.WaitGroup
		for shard, stream := range t.log.streams {
			what := t.log.troubles.of(stream).what
			if what != errFull && what != errSilent && what != errAway && !(what == nil && t.log.outages[shard].lasts.Load()) {
				continue
			}
			asking.Go(func() {
				_, _, _ = t.publish(t.done, &nats.Msg{ // Which notes what became of it.
					Subject: t.log.subject(shard, marks, "space"),
					Header:  nats.Header{jetstream.MsgTTLHeader: {"1s"}},
				}, shard)
			})
		}
		asking.Wait()
	}
}
