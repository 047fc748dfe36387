package beckon_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"

	beckon "github.com/beckonrtc/beckon/clients/go"
)

// loopback makes peer connections that stay on this machine.
var loopback = sync.OnceValue(func() *webrtc.API {
	var engine webrtc.SettingEngine
	engine.SetIncludeLoopbackCandidate(true)
	engine.SetIPFilter(net.IP.IsLoopback)
	engine.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	engine.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	return webrtc.NewAPI(webrtc.WithSettingEngine(engine))
})

// peer is an application in one room. It accepts the calls that it gets, unless it is to decline them, and gives what
// comes of them to its channels.
type peer struct {
	*beckon.Session

	// Immutable.
	t       *testing.T
	ctx     context.Context // Of the whole test; bounds all that is waited for.
	room    string
	decline *beckon.Reject // nil: accept.

	lists    chan *beckon.JoinedUsers
	rejected chan *beckon.CallRejected
	opened   chan *webrtc.DataChannel // One per call and side.
	said     chan saying
	tracks   chan *webrtc.TrackRemote

	mu    sync.Mutex
	calls map[callKey]*call // Guarded by mu.
}

// callKey is what makes a call unique: who it is with, and its id between the two.
type callKey struct{ other, id string }

// saying is a message on a data channel.
type saying struct{ from, text string }

// call is one side of a call.
type call struct {
	callKey
	peer *peer
	conn *webrtc.PeerConnection

	// Owned by the peer's events loop.
	early []webrtc.ICECandidateInit // Came before the other's description.
}

// bound is how long a test with real connections may take, its cleanup included. It takes a second or two.
func bound(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// newPeer enters room on the loopback server as name.
func newPeer(
	ctx context.Context, t *testing.T, room, name string, decline *beckon.Reject, opts ...beckon.Option,
) *peer {
	t.Helper()
	session, err := beckon.Dial(ctx, startServer(), append(opts, beckon.WithPlaintext())...)
	if err != nil {
		t.Fatalf("Dial: %v", err)
	}
	p := &peer{
		Session:  session,
		t:        t,
		ctx:      ctx,
		room:     room,
		decline:  decline,
		lists:    make(chan *beckon.JoinedUsers, 16),
		rejected: make(chan *beckon.CallRejected, 16),
		opened:   make(chan *webrtc.DataChannel, 16),
		said:     make(chan saying, 16),
		tracks:   make(chan *webrtc.TrackRemote, 16),
		calls:    make(map[callKey]*call),
	}
	var running sync.WaitGroup
	running.Go(p.run)
	t.Cleanup(func() {
		p.Close()
		running.Wait()
		p.hangUp()
	})
	if err := p.Join(ctx, &beckon.Join{Room: room, Name: &name, Presence: beckon.PresenceDelta}); err != nil {
		t.Fatalf("Join: %v", err)
	}
	return p
}

// run is the events loop. It ends with the session.
func (p *peer) run() {
	for event, err := range p.Events(p.ctx) {
		switch e := event.(type) {
		case *beckon.JoinedUsers:
			p.lists <- e
		case *beckon.CallMade:
			err = p.accept(p.with(e.Sender.Id, e.CallId), e.Sdp)
		case *beckon.AnswerMade:
			err = p.with(e.Sender.Id, e.CallId).describe(webrtc.SDPTypeAnswer, e.Sdp)
		case *beckon.CandidateReceived:
			err = p.with(e.Sender.Id, e.CallId).learn(e.Candidates)
		case *beckon.CallRejected:
			p.rejected <- e
		case *beckon.Failure:
			err = e
		}
		if err != nil && !errors.Is(err, beckon.ErrClosed) { // As when the test has ended.
			p.t.Errorf("%s: %T: %v", p.ID(), event, err)
		}
	}
}

// with gives the call with other of that id, which may be new.
func (p *peer) with(other, id string) *call {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := callKey{other, id}
	if c := p.calls[key]; c != nil {
		return c
	}
	conn, err := loopback().NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		p.t.Errorf("NewPeerConnection: %v", err)
	}
	c := &call{callKey: key, peer: p, conn: conn}
	p.calls[key] = c
	conn.OnICECandidate(c.trickle)
	conn.OnDataChannel(c.watch)
	conn.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { p.tracks <- track })
	return c
}

// hangUp ends all calls, and waits for what is under way in them.
func (p *peer) hangUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.calls {
		if err := c.conn.GracefulClose(); err != nil {
			p.t.Errorf("close the connection: %v", err)
		}
	}
}

// call opens a data channel to other.
func (p *peer) call(other, id string) *call {
	p.t.Helper()
	c := p.with(other, id)
	channel, err := c.conn.CreateDataChannel("data", nil)
	if err != nil {
		p.t.Fatalf("CreateDataChannel: %v", err)
	}
	c.watch(channel)
	if err := c.offer(); err != nil {
		p.t.Fatalf("offer: %v", err)
	}
	return c
}

// accept answers an offer, or declines it.
func (p *peer) accept(c *call, sdp string) error {
	if p.decline != nil {
		return p.Reject(p.ctx, &beckon.Reject{
			To: c.other, Room: p.room, CallId: c.id, Reason: p.decline.Reason, Detail: p.decline.Detail,
		})
	}
	if err := c.describe(webrtc.SDPTypeOffer, sdp); err != nil {
		return err
	}
	answer, err := c.conn.CreateAnswer(nil)
	if err != nil {
		return err
	}
	if err := c.conn.SetLocalDescription(answer); err != nil {
		return err
	}
	return p.Answer(p.ctx, &beckon.Answer{To: c.other, Room: p.room, CallId: c.id, Sdp: answer.SDP})
}

// offer negotiates the call, or negotiates it anew.
func (c *call) offer() error {
	offer, err := c.conn.CreateOffer(nil)
	if err != nil {
		return err
	}
	// Candidates are found and sent from here on, and may overtake the offer.
	if err := c.conn.SetLocalDescription(offer); err != nil {
		return err
	}
	return c.peer.Offer(c.peer.ctx, &beckon.Offer{To: c.other, Room: c.peer.room, CallId: c.id, Sdp: offer.SDP})
}

// describe takes the other's description, and then the candidates that came before it.
func (c *call) describe(kind webrtc.SDPType, sdp string) error {
	if err := c.conn.SetRemoteDescription(webrtc.SessionDescription{Type: kind, SDP: sdp}); err != nil {
		return err
	}
	var err error
	for _, candidate := range c.early {
		err = errors.Join(err, c.conn.AddICECandidate(candidate))
	}
	c.early = nil
	return err
}

// learn takes the other's candidates.
func (c *call) learn(candidates []*beckon.IceCandidate) error {
	var err error
	for _, candidate := range candidates {
		if init := fromBeckon(candidate); c.conn.RemoteDescription() == nil {
			c.early = append(c.early, init)
		} else {
			err = errors.Join(err, c.conn.AddICECandidate(init))
		}
	}
	return err
}

// trickle sends a candidate as it is found.
func (c *call) trickle(candidate *webrtc.ICECandidate) {
	if candidate == nil {
		return
	}
	err := c.peer.Candidate(c.peer.ctx, &beckon.Candidate{
		To:         c.other,
		Room:       c.peer.room,
		CallId:     c.id,
		Candidates: []*beckon.IceCandidate{toBeckon(candidate.ToJSON())},
	})
	// Who has gone needs no candidates.
	if err != nil && !errors.Is(err, beckon.NoSuchUser) && !errors.Is(err, beckon.ErrClosed) {
		c.peer.t.Errorf("Candidate: %v", err)
	}
}

// watch tells what happens on a data channel.
func (c *call) watch(channel *webrtc.DataChannel) {
	channel.OnOpen(func() { c.peer.opened <- channel })
	channel.OnMessage(func(message webrtc.DataChannelMessage) {
		c.peer.said <- saying{c.other, string(message.Data)}
	})
}

// await gives what comes next, within the bounds of the test.
func await[T any](ctx context.Context, t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-ctx.Done():
		var none T
		t.Fatalf("waited in vain for a %T", none)
		return none
	}
}
