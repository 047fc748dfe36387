package beckon_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"

	beckon "github.com/beckonrtc/beckon/clients/go"
)

// These tests set up calls as applications do: through a server over TCP, with peer connections that know of each other
// only what it carried.

func TestDataChannel(t *testing.T) {
	ctx := bound(t)
	ana := newPeer(ctx, t, t.Name(), "ana", nil)
	ben := newPeer(ctx, t, t.Name(), "ben", nil)

	call := ben.call(ana.ID(), "1")
	there, back := await(ctx, t, ben.opened), await(ctx, t, ana.opened)
	if sdp := call.conn.LocalDescription().SDP; !strings.Contains(sdp, "a=candidate") {
		t.Errorf("the offerer found no candidates:\n%s", sdp)
	}
	for i := range 10 {
		for _, way := range []struct {
			from, to *peer
			channel  *webrtc.DataChannel
		}{{ben, ana, there}, {ana, ben, back}} {
			want := saying{way.from.ID(), fmt.Sprintf("message %d", i)}
			if err := way.channel.SendText(want.text); err != nil {
				t.Fatal(err)
			}
			if got := await(ctx, t, way.to.said); got != want {
				t.Errorf("%s heard %v, want %v", way.to.ID(), got, want)
			}
		}
	}
}

// Four peers in one room, each connected with each other: who enters calls who is there.
func TestMesh(t *testing.T) {
	const size = 4
	ctx := bound(t)
	var peers []*peer
	for i := range size {
		entering := newPeer(ctx, t, t.Name(), fmt.Sprint("peer ", i), nil)
		present := await(ctx, t, entering.lists).Users
		if len(present) != i+1 {
			t.Fatalf("peer %d found %d users in the room, itself included: want %d", i, len(present), i+1)
		}
		for _, user := range present {
			if user.Id != entering.ID() {
				entering.call(user.Id, "mesh")
			}
		}
		peers = append(peers, entering)
	}
	for _, p := range peers {
		for range size - 1 {
			if err := await(ctx, t, p.opened).SendText("from " + p.ID()); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, p := range peers {
		heard := make(map[saying]bool)
		for range size - 1 {
			heard[await(ctx, t, p.said)] = true
		}
		for _, other := range peers {
			if want := (saying{other.ID(), "from " + other.ID()}); heard[want] == (other == p) {
				t.Errorf("%s heard %v", p.ID(), heard)
			}
		}
	}
}

func TestRejectedCall(t *testing.T) {
	ctx := bound(t)
	ana := newPeer(ctx, t, t.Name(), "ana", &beckon.Reject{Reason: beckon.RejectBusy, Detail: "on the phone"})
	ben := newPeer(ctx, t, t.Name(), "ben", nil)
	ben.call(ana.ID(), "1")
	e := await(ctx, t, ben.rejected)
	if e.Sender.Id != ana.ID() || e.Sender.Name != "ana" || e.CallId != "1" || e.Room != t.Name() ||
		e.Reason != beckon.RejectBusy || e.Detail != "on the phone" {
		t.Errorf("the call was rejected with %v in %q: want busy, by ana, who is on the phone", e, e.Room)
	}
}

func TestCallToSomebodyWhoHasJustGone(t *testing.T) {
	ctx := bound(t)
	ana := newPeer(ctx, t, t.Name(), "ana", nil)
	ben := newPeer(ctx, t, t.Name(), "ben", nil)
	if err := ana.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	err := ben.Offer(ctx, &beckon.Offer{To: ana.ID(), Room: t.Name(), CallId: "1", Sdp: "v=0"})
	failure, ok := errors.AsType[*beckon.Failure](err)
	if !ok || failure.Code != beckon.NoSuchUser || failure.To != ana.ID() || failure.CallID != "1" {
		t.Errorf("Offer: %#v, want NoSuchUser", err)
	}
}

// Within a call each side adds a track in its turn, by an offer of its own with the call's id.
func TestRenegotiation(t *testing.T) {
	ctx := bound(t)
	ana := newPeer(ctx, t, t.Name(), "ana", nil)
	ben := newPeer(ctx, t, t.Name(), "ben", nil)
	ben.call(ana.ID(), "1")
	channel := await(ctx, t, ben.opened)
	await(ctx, t, ana.opened)

	for _, turn := range []struct{ from, to *peer }{{ben, ana}, {ana, ben}} {
		call := turn.from.with(turn.to.ID(), "1")
		track, err := webrtc.NewTrackLocalStaticSample(
			webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "video-of-"+turn.from.ID(), "stream")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := call.conn.AddTrack(track); err != nil {
			t.Fatal(err)
		}
		if err := call.offer(); err != nil {
			t.Fatalf("renegotiate: %v", err)
		}
		received := sendUntilReceived(t, track, turn.to)
		if received.ID() != track.ID() || received.Codec().MimeType != webrtc.MimeTypeVP8 {
			t.Errorf("%s received %q of %s: want %q of VP8", turn.to.ID(), received.ID(), received.Codec().MimeType, track.ID())
		}
	}

	// It is still the call that it was.
	if err := channel.SendText("still here"); err != nil {
		t.Fatal(err)
	}
	if got := await(ctx, t, ana.said); got.text != "still here" {
		t.Errorf("ana heard %v", got)
	}
	if got, want := len(ana.calls)+len(ben.calls), 2; got != want {
		t.Errorf("there are %d sides of calls: want %d", got, want)
	}
}

// sendUntilReceived plays frames on a track until it has arrived at p.
func sendUntilReceived(t *testing.T, track *webrtc.TrackLocalStaticSample, p *peer) *webrtc.TrackRemote {
	t.Helper()
	const frame = 20 * time.Millisecond
	frames := time.NewTicker(frame)
	defer frames.Stop()
	for {
		select {
		case received := <-p.tracks:
			return received
		case <-frames.C:
			if err := track.WriteSample(media.Sample{Data: make([]byte, 100), Duration: frame}); err != nil {
				t.Fatal(err)
			}
		case <-p.ctx.Done():
			t.Fatal("the track did not arrive")
		}
	}
}
