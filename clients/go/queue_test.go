package beckon

import (
	"sync"
	"testing"
	"testing/synctest"
)

// Several may take events: each gets its own, and none waits while there is one.
func TestConcurrentTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const takers, rounds = 4, 1000
		q := newQueue(takers)
		taken := make(map[uint64]bool)
		var mu sync.Mutex // Guards taken.
		for round := range rounds {
			var group sync.WaitGroup
			for range takers {
				group.Go(func() {
					event, err := q.take(t.Context(), nil)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					defer mu.Unlock()
					taken[event.About().Seq] = true
				})
			}
			for i := range takers {
				q.put(&CallMade{Meta: Meta{Seq: uint64(round*takers + i)}})
			}
			group.Wait()
		}
		if len(taken) != takers*rounds {
			t.Errorf("%d different events were taken: want %d", len(taken), takers*rounds)
		}
	})
}
