package process

import (
	"runtime"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/load"
	"github.com/shirou/gopsutil/v4/mem"
)

// A Machine is what a measurement was made on. What cannot be found out is left empty.
type Machine struct {
	OS         string  `json:"os"`
	Arch       string  `json:"arch"`
	Processor  string  `json:"processor,omitempty"`
	Processors int     `json:"processors"`
	Memory     uint64  `json:"memory_bytes,omitempty"`
	Load       float64 `json:"load_before"` // The load average of the last minute: that of others.
}

// ThisMachine tells what this process runs on.
func ThisMachine() Machine {
	m := Machine{OS: runtime.GOOS, Arch: runtime.GOARCH, Processors: runtime.NumCPU()}
	if infos, err := cpu.Info(); err == nil && len(infos) > 0 {
		m.Processor = infos[0].ModelName
	}
	if memory, err := mem.VirtualMemory(); err == nil {
		m.Memory = memory.Total
	}
	if average, err := load.Avg(); err == nil {
		m.Load = average.Load1
	}
	return m
}
