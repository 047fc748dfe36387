// Package beckon is the Go client of Beckon, the signaling server for WebRTC: it opens a session, enters rooms and
// carries offers, answers and ICE candidates to the peers that are met there.
//
//	session, err := beckon.Dial(ctx, "signal.example.org:443")
//	if err != nil {
//		return err
//	}
//	defer session.Close()
//	if err := session.Join(ctx, &beckon.Join{Room: "lobby"}); err != nil {
//		return err
//	}
//	for event, err := range session.Events(ctx) {
//		switch e := event.(type) {
//		case *beckon.CallMade:
//			err = session.Answer(ctx, &beckon.Answer{To: e.Sender.Id, Room: e.Room, CallId: e.CallId, Sdp: accept(e.Sdp)})
//		}
//		if err != nil {
//			return err
//		}
//	}
//
// What is said, what it means and what becomes of it when it is wrong is specified in beckon/v1/signal.proto. The
// messages are those of the specification, field for field; this package adds the conversation: a call that is sent
// and waits for its outcome, events in order, heartbeats, coming back after the connection was lost, and an end with a
// reason.
//
// # Calls
//
// A call such as [Session.Offer] returns nil once the server has recorded it, a [*Failure] if the server refused it, the
// context's error, or how the session ended. A failure harms nothing else. At most 64 messages are on their way without
// an outcome; further calls wait for their turn, in order. What went wrong is a [Code]:
//
//	if errors.Is(err, beckon.NoSuchUser) {
//		...
//	}
//
// When the context of a call ends before its turn has come, it is not sent. When it ends later, before the outcome is
// known, the message may have been recorded or not; a failure that comes later arrives as an event.
//
// # Events
//
// [Session.Events] and [Session.Recv] give events in the order of the stream. Events wait in a queue with a bound
// ([WithQueue]). While it is full nothing is read from the server, which in the end drops the connection of a client that
// does not read ([SlowConsumer]). It is taken up again when there is room in the queue. Only while a call waits for its
// outcome the queue may outgrow its bound, so that calls can be made from the loop that takes the events.
//
// # Lost connections
//
// A session outlives its connection. When that is lost, a [Reconnecting] event tells why, and the session is resumed: at
// once, then again and again after a random while of at most five seconds, until it succeeds, the application ends the
// session, or the server's answer is final. The server keeps a session for the resume_window of the [Welcome]. In that
// time nobody sees the user leave, though some may see it away, and messages to the user are kept.
//
//   - After [Resumed] nothing is missing: the events that were missed follow, then a [JoinedUsers] for each room.
//   - After [Resynced] something may be missing, as when the server had to start anew. A [JoinedUsers] follows for each
//     room. A user who was there before and is not known to the server any more may be coming back, too, and stays in the
//     picture as [UserAway] until the resume_window has passed: only then is there a [JoinedUsers] without that user or,
//     with [PresenceDelta], a [UserLeft] with [LeaveLost]. One who comes back is a [UserUpdated].
//   - A room that cannot be joined anew is a [Failure] event with its name in Room and neither To nor CallID.
//
// Calls wait while the connection is lost, bounded by their contexts. What was sent and had no outcome is sent again, in
// order, and has its effect once, [Session.Send] included; then comes what was said in the meantime. Only a server that
// started anew without having answered all that it had received leaves it open whether a message that goes to others was
// recorded: that message fails with [Unavailable], and the detail says so.
//
// Events that wait in the queue stay there. For the server they are received: they do not come back to their senders.
//
// The calls of WebRTC do not depend on the connection to the server: they go on, and need a new offer only if their own
// connection is lost. A session of which each stream is to be the only one is opened with [WithoutResume].
//
// # Access
//
// A server may want to know who somebody is: [WithToken] shows it an access token, [WithTokenSource] gets one each time.
// Before access runs out a token is shown again, another one if there is, and the session goes on with it on another
// stream, without a gap. Another machine is shown a token with TLS alone. Two people who want to be sure that not even the
// server sits between them compare the [VerificationCode] of their call.
//
// # The end
//
// [Session.Close] says goodbye, and every other user sees this one leave at once. Any other end is an [*EndError], for
// which errors.Is knows each [Reason]: that it was kicked, say, or that it was away for too long ([NoSuchSession]).
package beckon
