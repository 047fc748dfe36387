package web

import (
	"bytes"
	"net"
	"testing"
	"time"
)

// TestHold: what is held back goes out in order, with Flush or when it gets too much, and nothing is held back afterwards.
func TestHold(t *testing.T) {
	here, there := net.Pipe()
	defer here.Close()
	arrived := make(chan []byte, 100)
	go func() {
		defer close(arrived)
		p := make([]byte, 4*heldBytes)
		for {
			n, err := there.Read(p)
			if err != nil {
				return
			}
			arrived <- bytes.Clone(p[:n])
		}
	}()
	g := newGuard(here, nil, &Config{StallTimeout: time.Minute})
	write := func(b byte, size int) {
		t.Helper()
		if n, err := g.Write(bytes.Repeat([]byte{b}, size)); n != size || err != nil {
			t.Fatalf("%d of %d bytes written, %v", n, size, err)
		}
	}
	g.hold()
	write('a', 10)
	g.hold()
	write('b', 20)
	if len(arrived) > 0 {
		t.Error("something went out before it was flushed")
	}
	if err := g.flush(); err != nil {
		t.Fatal(err)
	}
	if got := <-arrived; len(got) != 30 {
		t.Errorf("%d bytes went out at once, want 30", len(got))
	}
	if err := g.flush(); err != nil {
		t.Error(err)
	}
	write('c', 1)
	if got := string(<-arrived); got != "c" {
		t.Errorf("after the flush %q went out", got)
	}

	g.hold()
	write('d', heldBytes-1)
	write('e', 2) // Too much for both.
	write('f', 2*heldBytes)
	write('g', 3)
	if err := g.flush(); err != nil {
		t.Fatal(err)
	}
	g.Close()
	var got []byte
	for p := range arrived {
		got = append(got, p...)
	}
	want := bytes.Repeat([]byte("d"), heldBytes-1)
	want = append(want, "ee"...)
	want = append(want, bytes.Repeat([]byte("f"), 2*heldBytes)...)
	want = append(want, "ggg"...)
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes went out, want %d, or in another order", len(got), len(want))
	}

	g.hold()
	write('h', 1)
	if err := g.flush(); err == nil {
		t.Error("flushed to a closed connection")
	}
}
