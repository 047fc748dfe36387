package process

import (
	"time"

	"github.com/shirou/gopsutil/v4/process"
	"golang.org/x/sys/unix"
)

// cpuOf reads the clock that the kernel has for the processor time of each process, in nanoseconds: see
// clock_getcpuclockid(3). What /proc tells comes in steps of 10 ms.
func cpuOf(p *process.Process) (time.Duration, error) {
	const scheduled = 2 // CPUCLOCK_SCHED, of the kernel's posix-timers.h.
	var t unix.Timespec
	if err := unix.ClockGettime(^p.Pid<<3|scheduled, &t); err != nil {
		return 0, err
	}
	return time.Duration(t.Nano()), nil
}
