package hub

import "sync/atomic"

// End is a set of reasons for which the hub wants a stream ended.
type End uint32

const (
	// The client reads too slowly.
	Overflowed End = 1 << iota
	// A client that used to send pings has been silent for three intervals, or one that has yet to say anything for one; or
	// there are too many of the latter.
	TooSilent
	// The session has been taken up on another stream. This one is sent nothing more.
	TakenUp
	// The session's grant was revoked.
	Revoked
	// The session's grant has run out. The session can be taken up with a new one.
	Expired
	// The session has ended here since the other nodes of the cluster took this process for dead. The stream is sent nothing
	// more. The session may be taken up.
	Outlived
	// This process cannot reach the log that it shares with others, and the client may find one that can. The session waits
	// to be taken up.
	OutOfTouch
)

// ends is why a stream is to end.
type ends struct {
	set atomic.Uint32
	// Called when there is a reason more; must not wait. Nil: nobody wants to know. Immutable.
	tell func()
}

// add adds a reason. It returns false if that was there.
func (e *ends) add(why End) bool {
	if End(e.set.Or(uint32(why)))&why != 0 {
		return false
	}
	if e.tell != nil {
		e.tell()
	}
	return true
}

// has reports whether one of those reasons is there.
func (e *ends) has(any End) bool { return End(e.set.Load())&any != 0 }

// MustEnd returns why the stream must end; 0: it need not.
func (c *Conn) MustEnd() End { return End(c.ends.set.Load()) }
