package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Processors returns those that this process may run on.
func Processors() ([]int, error) { return processorsOf(os.Getpid()) }

func processorsOf(pid int) ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(pid, &set); err != nil {
		return nil, fmt.Errorf("ask which processors process %d may run on: %w", pid, err)
	}
	var all []int
	for i := range len(set) * 64 {
		if set.IsSet(i) {
			all = append(all, i)
		}
	}
	return all, nil
}

// Pin lets this process run on these processors alone: all its threads, and those that they start.
func Pin(processors []int) error {
	set := setOf(processors)
	for range 2 { // A thread may have been started meanwhile by one that was not pinned yet.
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return fmt.Errorf("list this process's threads: %w", err)
		}
		for _, thread := range threads {
			id, err := strconv.Atoi(thread.Name())
			if err != nil {
				return err
			}
			if err := unix.SchedSetaffinity(id, &set); err != nil && !errors.Is(err, unix.ESRCH) && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("pin this process to processors %v: %w", processors, err)
			}
		}
	}
	runtime.GOMAXPROCS(len(processors))
	return nil
}

func setOf(processors []int) (set unix.CPUSet) {
	for _, p := range processors {
		set.Set(p)
	}
	return set
}

// onProcessors calls start on a thread that is on these processors alone. The caller has locked the thread.
func onProcessors(processors []int, start func() error) error {
	if len(processors) == 0 {
		return start()
	}
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	set := setOf(processors)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("pin the server to processors %v: %w", processors, err)
	}
	err := start()
	return errors.Join(err, unix.SchedSetaffinity(0, &before))
}

// ownGroup keeps what ends this process by the terminal from the command, and ends the command if this process is killed.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
