package beckon_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	beckon "github.com/beckonrtc/beckon/clients/go"
)

// Attempts go on, each after a longer while and announced, until one succeeds.
func TestAttempts(t *testing.T) {
	const refusals = 12
	synctest.Test(t, func(t *testing.T) {
		tried := make(chan time.Time, 1)
		plays := []script{func(stage *stage) error {
			stage.welcome(kept("own", anew))
			return lost
		}}
		for range refusals {
			plays = append(plays, func(*stage) error {
				tried <- time.Now()
				return because(codes.ResourceExhausted, beckon.Limit)
			})
		}
		session := acts(t, append(plays, func(stage *stage) error {
			tried <- time.Now()
			stage.resume(kept("own", resumed))
			stage.hearEnd()
			return nil
		})...).open(t)

		bound := []time.Duration{100, 250, 500, 1000, 2000, 4000, 5000}
		for i := range refusals + 1 {
			e := next[*beckon.Reconnecting](t, session)
			if most := bound[min(i, len(bound)-1)] * time.Millisecond; e.Delay < 0 || e.Delay > most || e.Attempt != i+1 {
				t.Errorf("attempt %d comes after %v as the %dth: want at most %v", i+1, e.Delay, e.Attempt, most)
			}
			if (e.Cause.Reason == beckon.Limit) == (i == 0) {
				t.Errorf("attempt %d is made because of %v", i+1, e.Cause)
			}
			begin := time.Now()
			if took := (<-tried).Sub(begin); took != e.Delay {
				t.Errorf("attempt %d was made after %v, not after %v", i+1, took, e.Delay)
			}
		}
		expect(t, session, "resumed")
	})
}

// A server that takes the session up and drops it at once is not asked again at once.
func TestStreamsThatDoNotLast(t *testing.T) {
	const streams = 50
	tests := []struct {
		lasts    time.Duration
		end      error
		min, max time.Duration // The longest delay.
	}{
		{0, lost, 2 * time.Second, 5 * time.Second},
		{5 * time.Second, lost, 0, 100 * time.Millisecond},
		{5 * time.Second, because(codes.ResourceExhausted, beckon.Limit), 100 * time.Millisecond, 250 * time.Millisecond},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			plays := []script{func(stage *stage) error {
				stage.welcome(kept("own", anew))
				time.Sleep(test.lasts)
				return test.end
			}}
			for range streams {
				plays = append(plays, func(stage *stage) error {
					stage.resume(kept("own", resumed))
					time.Sleep(test.lasts)
					return test.end
				})
			}
			session := acts(t, append(plays, func(*stage) error { return because(codes.Aborted, beckon.TakenOver) })...).open(t)
			var longest time.Duration
			for event := range session.Events(t.Context()) {
				if e, ok := event.(*beckon.Reconnecting); ok {
					longest = max(longest, e.Delay)
				}
			}
			if longest < test.min || longest > test.max {
				t.Errorf("of streams that last %v and end with %v, the longest delay is %v: want %v to %v",
					test.lasts, test.end, longest, test.min, test.max)
			}
		})
	}
}

// An attempt that is not answered is given up.
func TestAttemptWithoutAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := acts(t, func(stage *stage) error {
			stage.welcome(kept("own", anew))
			return lost
		}, func(stage *stage) error {
			<-stage.Context().Done()
			return nil
		}, func(stage *stage) error {
			stage.resume(kept("own", resumed))
			time.Sleep(time.Minute) // The bound was that of the attempt.
			stage.data("lobby", 1, "later")
			stage.hearEnd()
			return nil
		}).open(t)
		expect(t, session, "reconnecting 1: Unavailable: lost", "reconnecting 2: Unavailable: no welcome within 10s",
			"resumed", "lobby: data later")
	})
}

// Reconnecting events that nobody takes do not heap up.
func TestOneReconnectingWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := 0
		session := script(func(stage *stage) error {
			if attempts++; attempts == 1 {
				stage.welcome(kept("own", anew))
				stage.data("lobby", 1, "before")
				return lost
			}
			return status.Error(codes.Unavailable, "still")
		}).open(t)
		time.Sleep(time.Hour)
		expect(t, session, "lobby: data before")
		if e := next[*beckon.Reconnecting](t, session); e.Attempt < 700 || e.Cause.Detail != "still" {
			t.Errorf("after an hour: %+v", e)
		}
		session.Abort()
		<-session.Done()
	})
}

// A session can be ended while its connection is lost, at once, whether between two attempts or in one.
func TestEndWhileReconnecting(t *testing.T) {
	for _, inAttempt := range []bool{true, false} {
		for _, abort := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				first := true
				session := script(func(stage *stage) error {
					if first {
						first = false
						stage.welcome(kept("own", anew))
						return lost
					}
					if inAttempt {
						if stage.hearEnd() {
							t.Error("the client half-closed a stream on which it was not welcomed")
						}
					}
					return lost
				}).open(t)
				time.Sleep(5 * time.Second) // The attempt at once is over, or under way.
				outcome := make(chan error)
				go func() { outcome <- session.Data(t.Context(), &beckon.Data{Room: "lobby"}) }()
				synctest.Wait()

				begin := time.Now()
				var want error
				if abort {
					session.Abort()
					<-session.Done()
					want = beckon.Abandoned
				} else {
					session.Close()
				}
				if took := time.Since(begin); took != 0 {
					t.Errorf("the end took %v: want none", took)
				}
				if err := session.Err(); !errors.Is(err, want) {
					t.Errorf("the session ended with %v, want %v", err, want)
				}
				if err := <-outcome; abort && !errors.Is(err, beckon.Abandoned) || !abort && err != beckon.ErrClosed {
					t.Errorf("the call that waited: %v", err)
				}
			})
		}
	}
}

// A goodbye is not said twice: who cannot know whether it was heard is told.
func TestLossDuringClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := acts(t, func(stage *stage) error {
			stage.welcome(kept("own", anew))
			stage.hearEnd()
			return lost
		}).open(t)
		if err := session.Close(); err == nil || err.Error() != "beckon: Unavailable: lost" {
			t.Errorf("Close: %v, want how the stream ended", err)
		}
	})
}

// The network goes and comes back: the session is there soon after, whoever made the connection.
func TestNetworkIsDown(t *testing.T) {
	dial := func(t *testing.T, network *line) (*beckon.Session, error) {
		return beckon.Dial(t.Context(), "passthrough:///beckon", beckon.WithPlaintext(), network.option())
	}
	connect := func(t *testing.T, network *line) (*beckon.Session, error) {
		return beckon.Connect(t.Context(), dialConn(t, network.dial)) // Which would wait for up to two minutes.
	}
	tests := []struct {
		open func(*testing.T, *line) (*beckon.Session, error)
		down time.Duration
		most time.Duration // How long it takes when the network is back.
	}{
		{dial, 0, 7500 * time.Millisecond}, // A delay of gRPC's own, with its jitter, or one between two attempts.
		{dial, time.Second, 7500 * time.Millisecond},
		{dial, 20 * time.Second, 7500 * time.Millisecond},
		{dial, 10 * time.Minute, 7500 * time.Millisecond},
		{connect, 10 * time.Minute, 15 * time.Second}, // An attempt and a delay.
		{connect, 20 * time.Minute, 15 * time.Second},
		{connect, 30 * time.Minute, 15 * time.Second},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			begun := 0
			network := script(func(stage *stage) error {
				if begun++; begun == 1 {
					stage.welcome(kept("own", anew))
				} else {
					stage.resume(kept("own", resumed))
				}
				for request := stage.hear(); request != nil; request = stage.hear() {
					stage.ack(request)
				}
				return nil
			}).network(t)
			session, err := test.open(t, network)
			if err != nil {
				t.Fatal(err)
			}
			defer session.Close()
			network.cut()
			begin := time.Now()
			outcome := make(chan time.Duration)
			go func() {
				if err := session.Data(context.Background(), &beckon.Data{Room: "lobby"}); err != nil {
					t.Errorf("a call made while the network is down: %v", err)
				}
				outcome <- time.Since(begin)
			}()
			time.Sleep(test.down)
			network.mend()
			if took := <-outcome - test.down; took > test.most {
				t.Errorf("the network was down for %v: the call took %v more, want at most %v", test.down, took, test.most)
			}
		})
	}
}
