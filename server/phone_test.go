package server_test

import (
	"context"
	"io"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/transcript"
)

// phone is a client that loses its stream and takes its session up on another, which may be of another transport.
type phone struct {
	tb      testing.TB
	peer    transcript.Peer
	drop    context.CancelFunc // Loses the stream.
	welcome *beckonv1.Welcome
	cursors map[string]*beckonv1.Cursor // By room.
	got     []string                    // The payloads of data.
	calls   int                         // How many offers came.
	back    []*beckonv1.ConnectResponse // What came back.
}

// call opens a session and enters a room.
func call(tb testing.TB, dial transcript.Dial, room string, p beckonv1.Presence) *phone {
	tb.Helper()
	ana := &phone{tb: tb, cursors: map[string]*beckonv1.Cursor{}}
	ana.begin(dial, joining(room, p))
	for ana.next().GetJoinedUsers() == nil {
	}
	return ana
}

// begin begins a stream with a message, and reads up to the welcome.
func (p *phone) begin(dial transcript.Dial, first *beckonv1.ConnectRequest) {
	p.tb.Helper()
	ctx, drop := context.WithCancel(p.tb.Context())
	p.tb.Cleanup(drop)
	peer, err := dial(ctx)
	if err != nil {
		p.tb.Fatal(err)
	}
	p.peer, p.drop = peer, drop
	p.send(first)
	if e := p.next(); e.GetWelcome() == nil {
		p.tb.Fatalf("the first event is %v", e)
	}
}

// comeBack takes the session up on a new stream, and checks how it is welcomed.
func (p *phone) comeBack(dial transcript.Dial, want beckonv1.Resumption) {
	p.tb.Helper()
	id := p.welcome.GetUserId()
	p.begin(dial, p.resume())
	if p.welcome.GetResumption() != want || p.welcome.GetUserId() != id {
		p.tb.Errorf("%s is welcomed back with %v, want %s", id, p.welcome, want)
	}
}

// resume returns what a phone says first when it comes back.
func (p *phone) resume(rejoin ...*beckonv1.Join) *beckonv1.ConnectRequest {
	r := &beckonv1.Resume{ResumeToken: p.welcome.GetResumeToken(), Rejoin: rejoin}
	for _, c := range p.cursors {
		r.Cursors = append(r.Cursors, proto.CloneOf(c))
	}
	return &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Resume{Resume: r}}
}

// id returns the user id.
func (p *phone) id() string { return p.welcome.GetUserId() }

// send sends a message.
func (p *phone) send(m *beckonv1.ConnectRequest) {
	p.tb.Helper()
	if err := p.peer.Send(m); err != nil {
		p.tb.Fatalf("Send: %v", err)
	}
}

// recv returns the next event that is no heartbeat.
func (p *phone) recv() (*beckonv1.ConnectResponse, error) {
	for {
		e, err := p.peer.Recv()
		if err != nil {
			return nil, err
		}
		if w := e.GetWelcome(); w != nil {
			p.welcome = w
			if p.cursors[""].GetEpoch() != w.GetEpoch() {
				p.cursors[""] = &beckonv1.Cursor{Epoch: w.GetEpoch()}
			}
		}
		if l := e.GetJoinedUsers(); l != nil && p.cursors[e.GetRoom()].GetEpoch() != l.GetEpoch() {
			p.cursors[e.GetRoom()] = &beckonv1.Cursor{Room: e.GetRoom(), Epoch: l.GetEpoch()}
		}
		if c := p.cursors[e.GetRoom()]; e.GetSeq() > 0 {
			if e.GetSeq() < c.GetSeq() {
				p.tb.Errorf("in room %q, %d came after %d", e.GetRoom(), e.GetSeq(), c.GetSeq())
			}
			c.Seq = e.GetSeq()
		}
		if d := e.GetDataReceived(); d != nil {
			p.got = append(p.got, string(d.GetPayload()))
		}
		if e.GetCallMade() != nil {
			p.calls++
		}
		if e.GetFailure().GetCode() == beckonv1.FailureCode_FAILURE_CODE_UNDELIVERED {
			p.back = append(p.back, e)
		}
		if pong := e.GetPong(); pong == nil || len(pong.GetPayload()) > 0 {
			return e, nil
		}
	}
}

// next returns the next event that is no heartbeat.
func (p *phone) next() *beckonv1.ConnectResponse {
	p.tb.Helper()
	e, err := p.recv()
	if err != nil {
		code, reason := statusOf(err)
		p.tb.Fatalf("the stream ended: %v (%s %s)", err, code, reason)
	}
	return e
}

// sees reads up to the next data, which must be that.
func (p *phone) sees(payload string) {
	p.tb.Helper()
	for {
		e := p.next()
		if d := e.GetDataReceived(); d != nil {
			if string(d.GetPayload()) != payload {
				p.tb.Errorf("%s was sent %.40q, want %.40q", p.id(), d.GetPayload(), payload)
			}
			return
		}
	}
}

// outcome reads up to the outcome of the message with that request id.
func (p *phone) outcome(id uint64) *beckonv1.ConnectResponse {
	p.tb.Helper()
	for {
		if e := p.next(); e.GetRequestId() == id && (e.GetAck() != nil || e.GetFailure() != nil) {
			return e
		}
	}
}

// end reads up to the end of the stream, and returns its status and its reason.
func (p *phone) end() (codes.Code, string) { return endOf(p.recv) }

// endOf reads up to the end of a stream, and returns its status and its reason.
func endOf(recv func() (*beckonv1.ConnectResponse, error)) (codes.Code, string) {
	for {
		switch _, err := recv(); err {
		case nil:
		case io.EOF:
			return codes.OK, ""
		default:
			return statusOf(err)
		}
	}
}

// numbered gives a message a request id.
func numbered(id uint64, m *beckonv1.ConnectRequest) *beckonv1.ConnectRequest {
	m.RequestId = id
	return m
}
