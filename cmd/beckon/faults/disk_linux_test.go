package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sys/unix"
)

// disk is a disk that can be slow, as one process sees it: each write to a place in a file, and each wait for what was written to
// be safe, takes longer by a delay. The kernel asks this process before each of them (seccomp_unotify(2)).
type disk struct {
	t     *testing.T   // Immutable.
	delay atomic.Int64 // In nanoseconds.
}

// slow has everything that is written from now on take longer by d.
func (d *disk) slow(by time.Duration) { d.delay.Store(int64(by)) }

// attach gives a process that is yet to be started the disk. The process must call useDisk.
func (d *disk) attach(command *exec.Cmd) {
	d.t.Helper()
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		d.t.Fatal(err)
	}
	theirs := os.NewFile(uintptr(ends[1]), "the disk's socket")
	command.ExtraFiles = []*os.File{theirs} // Descriptor 3.
	d.t.Cleanup(func() { theirs.Close() })
	go func() {
		defer unix.Close(ends[0])
		listener, err := receiveFile(ends[0])
		if err != nil {
			d.t.Errorf("no word of the disk: %v", err)
			return
		}
		defer unix.Close(listener)
		d.serve(listener)
	}()
}

// receiveFile receives an open file.
func receiveFile(socket int) (int, error) {
	word, rights := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(socket, word, rights, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return 0, err
	}
	messages, err := unix.ParseSocketControlMessage(rights[:n])
	if err != nil || len(messages) != 1 {
		return 0, errors.Join(err, fmt.Errorf("%d messages: expected one file", len(messages)))
	}
	files, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(files) != 1 {
		return 0, errors.Join(err, fmt.Errorf("%d files: expected one", len(files)))
	}
	return files[0], nil
}

// What the kernel tells and asks: struct seccomp_notif and seccomp_notif_resp of linux/seccomp.h.
type (
	question struct {
		id         uint64
		pid, flags uint32
		call       int32
		arch       uint32
		at         uint64
		args       [6]uint64
	}
	answer struct {
		id    uint64
		value int64
		err   int32
		flags uint32
	}
)

// The requests of linux/seccomp.h, and their values.
const (
	receiveQuestion = 0xc0502100 // SECCOMP_IOCTL_NOTIF_RECV
	sendAnswer      = 0xc0182101 // SECCOMP_IOCTL_NOTIF_SEND
	goOn            = 1          // SECCOMP_USER_NOTIF_FLAG_CONTINUE
	setFilter       = 1          // SECCOMP_SET_MODE_FILTER
	newListener     = 1 << 3     // SECCOMP_FILTER_FLAG_NEW_LISTENER
	allow           = 0x7fff0000 // SECCOMP_RET_ALLOW
	ask             = 0x7fc00000 // SECCOMP_RET_USER_NOTIF
)

// serve answers the kernel's questions until the process has ended.
func (d *disk) serve(listener int) {
	for {
		var q question
		_, _, err := unix.Syscall(unix.SYS_IOCTL, uintptr(listener), receiveQuestion, uintptr(unsafe.Pointer(&q)))
		switch err {
		case 0:
		case unix.EINTR:
			continue
		case unix.ENOENT: // Who asked was killed; perhaps they all were.
			fds := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
			if _, err := unix.Poll(fds, 0); err == nil && fds[0].Revents&unix.POLLHUP != 0 {
				return
			}
			continue
		default:
			d.t.Errorf("the disk: %v", err)
			return
		}
		reply := func() {
			a := answer{id: q.id, flags: goOn}
			// It fails if who asked was killed meanwhile.
			_, _, _ = unix.Syscall(unix.SYS_IOCTL, uintptr(listener), sendAnswer, uintptr(unsafe.Pointer(&a)))
		}
		if delay := time.Duration(d.delay.Load()); delay > 0 {
			time.AfterFunc(delay, reply)
		} else {
			reply()
		}
	}
}

// onDiskVariable is set in a process whose disk is one that can be slow.
const onDiskVariable = "BECKON_FAULTS_ON_DISK"

// useDisk returns once the process has the disk that it was attached to. For that it begins anew.
func useDisk() error {
	if os.Getenv(onDiskVariable) != "" {
		return nil
	}
	runtime.LockOSThread() // The filter is this thread's, and becomes that of the program that it executes.
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl: %w", err)
	}
	asked := []uint32{unix.SYS_PWRITE64, unix.SYS_FSYNC, unix.SYS_FDATASYNC}
	program := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}} // The number of the call.
	for i, call := range asked {
		program = append(program, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: call, Jt: uint8(len(asked) - i)})
	}
	program = append(program, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: allow}, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: ask})
	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	listener, _, errno := unix.Syscall(unix.SYS_SECCOMP, setFilter, newListener, uintptr(unsafe.Pointer(&filter)))
	if errno != 0 {
		return fmt.Errorf("a slow disk needs seccomp with a listener, which this machine, or the container, does not allow: %w", errno)
	}
	const socket = 3
	if err := unix.Sendmsg(socket, []byte{1}, unix.UnixRights(int(listener)), nil, 0); err != nil {
		return fmt.Errorf("hand the disk over: %w", err)
	}
	_ = unix.Close(socket)
	path, err := os.Executable()
	if err != nil {
		return err
	}
	return unix.Exec(path, os.Args, append(os.Environ(), onDiskVariable+"=1"))
}

// TestClusterDisk: what is written to a slow disk takes as long as that. It runs with the scenarios that have such disks.
func TestClusterDisk(t *testing.T) {
	if !*long {
		return
	}
	t.Parallel()
	w := &cluster{company: newCompany(t, nil, time.Second), clusterConfig: clusterConfig{brokers: 1, slowDisks: true}}
	w.startBrokers()
	nc, err := nats.Connect(w.brokers[0].addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "slow", Subjects: []string{"slow"}}); err != nil {
		t.Fatal(err)
	}
	const delay = 300 * time.Millisecond
	w.brokers[0].disk.slow(delay)
	begun := time.Now()
	if _, err := js.Publish(ctx, "slow", []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took < delay {
		t.Errorf("it was stored after %v, on a disk that takes %v", took, delay)
	}
}
