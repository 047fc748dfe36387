package natslog

import (
	"sync/atomic"
	"time"

	"github.com/beckonrtc/beckon/server/histogram"
)

// maxShards is how many shards there may be.
const maxShards = 256

// counts are what a log has done, for metrics.
type counts struct {
	appends                               histogram.Histogram // What calls of Append took.
	failures, conflicts, retries, cleared atomic.Uint64
	lags                                  [maxShards]atomic.Uint64
}

// appended counts one Append.
func (c *counts) appended(took time.Duration, err error) {
	c.appends.Observe(took)
	if err != nil {
		c.failures.Add(1)
	}
}

// lag notes how many records a shard's feed is behind.
func (c *counts) lag(shard int, behind uint64) { c.lags[shard].Store(behind) }

// maxLag returns how many records the slowest feed is behind.
func (c *counts) maxLag() (most uint64) {
	for i := range c.lags {
		most = max(most, c.lags[i].Load())
	}
	return most
}
