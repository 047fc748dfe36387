//go:build !linux

package faults

import (
	"errors"
	"os/exec"
	"testing"
	"time"
)

// disk is a disk that can be slow, which only Linux has.
type disk struct{ t *testing.T }

func (d *disk) slow(time.Duration) {}

func (d *disk) attach(*exec.Cmd) {
	d.t.Helper()
	d.t.Fatal("slow disks need Linux")
}

func useDisk() error { return errors.New("slow disks need Linux") }
