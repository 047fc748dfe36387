package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// What an exit code tells. A command that a signal ended has 128 and the signal's number, as in a shell.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
	exitSignal = 128
)

// A usageError is a mistake in the command line, the environment or the configuration file.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// An interruption is the cause of a context that a signal ended; it counts as a context.Canceled.
type interruption struct{ signal syscall.Signal }

func (i interruption) Error() string { return "ended by signal: " + i.signal.String() }

func (i interruption) Is(target error) bool { return target == context.Canceled }

// interruptible returns a context that the first signal to stop ends. The second ends the program on the spot.
func interruptible(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // As it is under nohup.
		stop = append(stop, syscall.SIGHUP)
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, stop...)
	go func() {
		cancel(interruption{(<-signals).(syscall.Signal)})
		second := (<-signals).(syscall.Signal)
		os.Exit(exitSignal + int(second))
	}()
	return ctx
}

func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	if by, ok := errors.AsType[interruption](err); ok {
		return exitSignal + int(by.signal)
	}
	return exitFailed
}
