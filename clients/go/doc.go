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
// and waits for its outcome, events in order, heartbeats, and an end with a reason.
//
// # Calls
//
// A call such as [Session.Offer] returns nil once the server has recorded it, a [*Failure] if the server refused it, the
// context's error, or how the session ended. A failure harms nothing else. What went wrong is a [Code]:
//
//	if errors.Is(err, beckon.NoSuchUser) {
//		...
//	}
//
// When the context of a call ends before the outcome is known, the message may have been recorded or not; a failure
// that comes later arrives as an event.
//
// # Events
//
// [Session.Events] and [Session.Recv] give events in the order of the stream. Events wait in a queue with a bound
// ([WithQueue]). While it is full nothing is read from the server, which in the end closes the session of a client that
// does not read (SLOW_CONSUMER). Only while a call waits for its outcome the queue may outgrow its bound, so that calls
// can be made from the loop that takes the events.
//
// # The end
//
// [Session.Close] says goodbye, and every other user sees this one leave at once. Any other end is an [*EndError], for
// which errors.Is knows each [Reason]. A session ends with its stream; [Welcome] holds what a new one needs to resume it.
package beckon
