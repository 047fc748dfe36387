package beckon_test

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	beckon "github.com/beckonrtc/beckon/clients/go"
	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server"
	"github.com/beckonrtc/beckon/server/transcript"
)

// TestTranscripts plays the conversations of clients/testdata that a client library can play, each against a server of
// its own, as the README there wants it.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("../testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	played := 0
	for _, file := range files {
		written, err := transcript.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		conversation, unplayable := written.ForLibrary()
		if unplayable != nil {
			t.Logf("not played: %v", unplayable)
			continue
		}
		played++
		t.Run(filepath.Base(file), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn := dialConn(t, openHouse(t, server.Config{ResumeWindow: 3 * time.Second}).listener.DialContext)
				if err := conversation.Play(t.Context(), sessions(conn)); err != nil {
					t.Error(err)
				}
			})
		})
	}
	if played == 0 || 3*played < 2*len(files) {
		t.Errorf("%d of %d transcripts are played: want at least two thirds", played, len(files))
	}
}

// sessions opens a session for each stream of a transcript, which ends with it.
func sessions(conn *grpc.ClientConn) transcript.Dial {
	return func(ctx context.Context) (transcript.Peer, error) {
		session, err := beckon.Connect(ctx, conn, beckon.WithoutResume())
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, session.Abort)
		p := &part{session: session, ctx: ctx, arrivals: make(chan arrival, 1)}
		welcome := &beckonv1.ConnectResponse_Welcome{Welcome: session.Welcome()}
		p.arrive(&beckonv1.ConnectResponse{Event: welcome}, nil)
		go p.read()
		return p, nil
	}
}

// part is somebody's part in a transcript, played with a session: what the session tells is turned back into events.
type part struct {
	// Immutable.
	session  *beckon.Session
	ctx      context.Context // Ends with the stream.
	arrivals chan arrival
}

// arrival is what Recv returns.
type arrival struct {
	event *beckonv1.ConnectResponse
	err   error
}

// moment is the bubble's time in which all that has come is taken. An outcome arrives a moment after it came, so that the
// events before it arrive first; the end of the session arrives a moment after that.
const moment = time.Nanosecond

// Send waits for the outcome of a message that has one. The client gives it a request id of its own.
func (p *part) Send(request *beckonv1.ConnectRequest) error {
	say := p.session.Do
	if request.RequestId == 0 && request.GetPing() == nil {
		say = p.session.Send
	}
	err := say(p.ctx, request)
	outcome := &beckonv1.ConnectResponse{}
	if failure, ok := errors.AsType[*beckon.Failure](err); ok {
		outcome = asResponse(failure)
	} else if err != nil {
		return io.EOF // Recv tells why.
	} else if ping := request.GetPing(); ping != nil {
		outcome.Event = &beckonv1.ConnectResponse_Pong{Pong: &beckonv1.Pong{Payload: ping.Payload}}
	} else if request.RequestId != 0 {
		outcome.Event = &beckonv1.ConnectResponse_Ack{Ack: &beckonv1.Ack{}}
	} else {
		return nil
	}
	outcome.RequestId = request.RequestId
	time.Sleep(moment)
	p.arrive(outcome, nil)
	return nil
}

// CloseSend waits for the end; Recv tells how that was.
func (p *part) CloseSend() error {
	p.session.Close()
	return nil
}

func (p *part) Recv() (*beckonv1.ConnectResponse, error) {
	select {
	case a := <-p.arrivals:
		return a.event, a.err
	case <-p.ctx.Done():
		return nil, p.ctx.Err()
	}
}

func (p *part) arrive(event *beckonv1.ConnectResponse, err error) {
	select {
	case p.arrivals <- arrival{event, err}:
	case <-p.ctx.Done():
	}
}

// read takes the events of the session until its end, or until the stream is lost.
func (p *part) read() {
	for {
		event, err := p.session.Recv(p.ctx)
		switch {
		case p.ctx.Err() != nil:
			return
		case err != nil:
			time.Sleep(2 * moment)
			p.arrive(nil, asStatus(err))
			return
		}
		p.arrive(asResponse(event), nil)
	}
}

// asResponse puts an event back into its envelope, as the member of the oneof that is of its type.
func asResponse(event beckon.Event) *beckonv1.ConnectResponse {
	response := &beckonv1.ConnectResponse{Room: event.About().Room, Seq: event.About().Seq}
	if f, ok := event.(*beckon.Failure); ok {
		response.Event = &beckonv1.ConnectResponse_Failure{Failure: &beckonv1.Failure{
			Code: beckonv1.FailureCode(f.Code), Detail: f.Detail, Field: f.Field, To: f.To, CallId: f.CallID,
		}}
		return response
	}
	message, envelope := event.(proto.Message).ProtoReflect(), response.ProtoReflect()
	members := envelope.Descriptor().Oneofs().ByName("event").Fields()
	for i := range members.Len() {
		if members.Get(i).Message() == message.Descriptor() {
			envelope.Set(members.Get(i), protoreflect.ValueOfMessage(message))
		}
	}
	return response
}

// asStatus gives the error of a stream that ended as the session did.
func asStatus(err error) error {
	end, ok := errors.AsType[*beckon.EndError](err)
	if !ok {
		return err
	}
	st := status.New(end.Code, end.Detail)
	if end.Reason != "" {
		if st, err = st.WithDetails(&errdetails.ErrorInfo{Domain: "beckon", Reason: string(end.Reason)}); err != nil {
			return err
		}
	}
	return st.Err()
}
