//go:build !race

package server_test

import (
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server"
)

// TestRepeatOverRate: a message that was recorded and is sent again, because its outcome was lost, is answered with that
// outcome, even by a client that has sent too much. A failure would say that nobody has received it.
func TestRepeatOverRate(t *testing.T) {
	onEach(t, func(t *testing.T, call func(*service) grpc.ClientConnInterface) {
		s := start(t, server.Config{MaxMessagesPerSecond: 1}, nil) // And ten at once.
		bob := connect(t, s.dial(), "lobby", none)
		ana := connect(t, call(s), "lobby", none)
		message := data(bob.id, "lobby", []byte("once"))
		message.RequestId = 1
		ana.send(message)
		first := ana.next().GetAck()
		for range 12 { // Until the rate is used up.
			ana.send(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Ping{Ping: &beckonv1.Ping{}}})
		}
		for e := ana.next(); e.GetFailure().GetCode() != codeRateLimited; e = ana.next() {
		}
		synctest.Wait()
		ana.send(message)
		again := ana.next()
		for again.GetRequestId() != 1 {
			again = ana.next()
		}
		if first == nil || again.GetAck().GetSeq() != first.GetSeq() {
			t.Errorf("a message recorded as %d is answered with %v when it comes again", first.GetSeq(), again)
		}
	})
}
