//go:build !linux

package process

import (
	"time"

	"github.com/shirou/gopsutil/v4/process"
)

func cpuOf(p *process.Process) (time.Duration, error) {
	times, err := p.Times()
	if err != nil {
		return 0, err
	}
	return time.Duration((times.User + times.System) * float64(time.Second)), nil
}
