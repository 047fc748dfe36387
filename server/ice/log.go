package ice

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// loggerFactory makes the TURN server log to slog.
type loggerFactory struct{ *slog.Logger }

// NewLogger returns a logger for a part of the TURN server.
func (f loggerFactory) NewLogger(scope string) logging.LeveledLogger {
	return logger{f.Logger.With("scope", scope)}
}

// logger writes warnings and errors of the TURN server at the debug level, for clients can bring them about as often as
// they like. What it says of single packets it does not write at all.
type logger struct{ *slog.Logger }

func (l logger) write(format string, args ...any) {
	if l.Enabled(context.Background(), slog.LevelDebug) {
		l.Logger.Debug("TURN relay", "detail", fmt.Sprintf(format, args...))
	}
}

func (logger) Trace(string)                {}
func (logger) Tracef(string, ...any)       {}
func (logger) Debug(string)                {}
func (logger) Debugf(string, ...any)       {}
func (logger) Info(string)                 {}
func (logger) Infof(string, ...any)        {}
func (l logger) Warn(msg string)           { l.write("%s", msg) }
func (l logger) Warnf(f string, a ...any)  { l.write(f, a...) }
func (l logger) Error(msg string)          { l.write("%s", msg) }
func (l logger) Errorf(f string, a ...any) { l.write(f, a...) }
