package transcript

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

const (
	joins     = `ana> join {"room":"lobby"}`
	welcome   = `{"welcome":{"user_id":"u1"}}`
	oneAtHome = `{"room":"lobby","seq":"5","joined_users":{"users":[{"id":"u1"}],"epoch":"e"}}`
)

// TestPlay plays transcripts against a fake server whose answers are known.
func TestPlay(t *testing.T) {
	tests := []struct {
		name    string
		lines   []string // The first is line 5 of the file.
		answers []string // To each message that is sent, one event per line; after "end:" a reason.
		want    []string // What the error says; none: no error.
	}{
		{
			name:    "as written",
			lines:   []string{joins, `ana< welcome {"user_id":"$ana"}`, `ana< joined_users in lobby {"users":[{"id":"$ana"}]}`},
			answers: []string{welcome + "\n" + oneAtHome},
		},
		{
			name:    "lanes in another order",
			lines:   []string{joins, `ana< joined_users in lobby *`, `ana< ack #1 in lobby`, `ana< welcome *`},
			answers: []string{welcome + "\n" + `{"room":"lobby","request_id":"1","ack":{"seq":"5"}}` + "\n" + oneAtHome},
		},
		{
			name:    "a heartbeat",
			lines:   []string{joins, `ana< welcome *`},
			answers: []string{welcome + "\n" + `{"pong":{}}`},
		},
		{
			name: "what a line leaves open",
			lines: []string{
				joins, `ana< welcome {"*":"*"}`,
				`ana< failure {"code":"FAILURE_CODE_INVALID","detail":"*","*":"*"}`,
			},
			answers: []string{welcome + "\n" + `{"failure":{"code":"FAILURE_CODE_INVALID","detail":"d","to":"u2"}}`},
		},
		{
			name: "values that are sent",
			lines: []string{
				joins, `ana< welcome {"user_id":"$ana"}`, `ana< joined_users in lobby at $seen {"epoch":"$epoch","*":"*"}`,
				`ana> received {"cursors":[{"room":"l*3","epoch":"$epoch","seq":"$seen"}]}`,
				`ana< failure {"detail":"{\"cursors\":[{\"room\":\"lll\",\"epoch\":\"e\",\"seq\":\"5\"}]}"}`,
			},
			answers: []string{welcome + "\n" + oneAtHome, "echo"},
		},
		{
			name:    "the end of the stream",
			lines:   []string{`ana> raw ff`, `ana< end INVALID_ARGUMENT UNDECODABLE`},
			answers: []string{"end: UNDECODABLE"},
		},

		{
			name:    "a wrong event",
			lines:   []string{joins, `ana< welcome *`, `ana< joined_users in lobby {"users":[{"id":"u2"}]}`},
			answers: []string{welcome + "\n" + oneAtHome},
			want: []string{
				"f:7: ana< joined_users in lobby {",
				`came instead: ana< joined_users in lobby at 5 {"epoch":"e","users":[{"id":"u1"}]}`, "-", `"u2"`, "+", `"u1"`,
			},
		},
		{
			name:    "a field too many",
			lines:   []string{joins, `ana< welcome {}`},
			answers: []string{welcome},
			want:    []string{"f:6: ", `came instead: ana< welcome {"user_id":"u1"}`},
		},
		{
			name:    "a field too few",
			lines:   []string{joins, `ana< welcome {"user_id":"u1","resume_token":"*"}`},
			answers: []string{welcome},
			want:    []string{"f:6: ", `resume_token`},
		},
		{
			name:    "a missing event",
			lines:   []string{joins, `ana< welcome *`, `ana< ack #1 in lobby`},
			answers: []string{welcome + "\n" + oneAtHome},
			want:    []string{"f:7: ana< ack #1 in lobby\nnothing like it came\nunread: ana< joined_users in lobby at 5 {"},
		},
		{
			name:    "an extra event",
			lines:   []string{joins, `ana< welcome *`},
			answers: []string{welcome + "\n" + oneAtHome},
			want:    []string{"f:6: the end\nana has events left\nunread: ana< joined_users in lobby at 5 {"},
		},
		{
			name:    "an extra event before the end",
			lines:   []string{joins, `ana< welcome *`, `ana< end INVALID_ARGUMENT LIMIT`},
			answers: []string{welcome + "\n" + oneAtHome + "\nend: LIMIT"},
			want:    []string{"f:7: ", "ana has events left before it\nunread: ana< joined_users"},
		},
		{
			name:    "another end",
			lines:   []string{joins, `ana< end OK`},
			answers: []string{"end: LIMIT"},
			want:    []string{"f:6: ana< end OK\ncame instead: ana< end INVALID_ARGUMENT LIMIT"},
		},
		{
			name:    "an end too early",
			lines:   []string{joins, `ana< welcome *`},
			answers: []string{"end: LIMIT"},
			want:    []string{"f:6: ana< welcome *\nthe stream ended: INVALID_ARGUMENT LIMIT"},
		},
		{
			name:    "an end that no line sees",
			lines:   []string{joins, `ana< welcome *`},
			answers: []string{welcome + "\nend: LIMIT"},
			want:    []string{"f:6: the end\n", "the stream ended: INVALID_ARGUMENT LIMIT"},
		},
		{
			name:    "an end of somebody else's stream",
			lines:   []string{joins, `ana< welcome *`, `bob> ping`, `bob< welcome *`, `bob< pong`},
			answers: []string{welcome + "\nend: LIMIT"},
			want:    []string{"f:9: bob< pong\nthe stream ended", "\nunread: ana< end INVALID_ARGUMENT LIMIT"},
		},
		{
			name:    "no end",
			lines:   []string{joins, `ana> half-close`, `ana< end OK`},
			answers: []string{""},
			want:    []string{"f:7: ana< end OK\nnothing like it came"},
		},
		{
			name:    "a message that is none",
			lines:   []string{`ana> join {"rom":"lobby"}`},
			answers: []string{welcome},
			want:    []string{"f:5: ", `unknown field "rom"`},
		},

		{
			name:    "no welcome",
			lines:   []string{joins, `ana< joined_users in lobby *`},
			answers: []string{oneAtHome},
			want:    []string{"f:6: ", "want welcome as the first event"},
		},
		{
			name:    "a falling seq",
			lines:   []string{joins, `ana< welcome *`, `ana< joined_users in lobby *`, `ana< user_joined in lobby *`},
			answers: []string{welcome + "\n" + oneAtHome + "\n" + `{"room":"lobby","seq":"4","user_joined":{}}`},
			want:    []string{"f:8: ", "came: ana< user_joined in lobby at 4", "seq 4 after 5: want it not to fall"},
		},
		{
			name:    "a seq of an event that is in no log",
			lines:   []string{joins, `ana< welcome *`},
			answers: []string{`{"seq":"1","welcome":{}}`},
			want:    []string{"f:6: ", "seq 1: want 0"},
		},
		{
			name:    "a logged event without seq",
			lines:   []string{joins, `ana< welcome *`, `ana< user_left in lobby *`},
			answers: []string{welcome + "\n" + `{"room":"lobby","user_left":{}}`},
			want:    []string{"f:7: ", "seq 0: want 0 of an event that is in no log, and more of every other"},
		},
		{
			name:    "a place in no log",
			lines:   []string{joins, `ana< welcome *`, `ana< ack #1`},
			answers: []string{welcome + "\n" + `{"request_id":"1","ack":{"seq":"1"}}`},
			want:    []string{"f:7: ", "seq 1 of an ack without a room"},
		},
		{
			name:    "a list without an epoch",
			lines:   []string{joins, `ana< welcome *`, `ana< joined_users in lobby *`},
			answers: []string{welcome + "\n" + `{"room":"lobby","seq":"1","joined_users":{}}`},
			want:    []string{"f:7: ", "epoch of joined_users"},
		},
		{
			name:    "an unknown field",
			lines:   []string{joins, `ana< welcome *`},
			answers: []string{"unknown"},
			want:    []string{"f:6: ", "welcome has unknown fields: f8 07 01"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			transcript, err := Parse("f", []byte(lines(test.lines...)))
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				err := transcript.Play(t.Context(), func(ctx context.Context) (Peer, error) {
					return newFake(t, ctx, test.answers), nil
				})
				if (err != nil) != (test.want != nil) {
					t.Fatalf("Play returned %v, want %q", err, test.want)
				}
				for _, want := range test.want {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("Play returned:\n%v\nwant in it %q", err, want)
					}
				}
			})
		})
	}
}

// TestPlayDialError shows that a stream that cannot be opened is the fault of the line that opens it.
func TestPlayDialError(t *testing.T) {
	transcript, err := Parse("f", []byte(lines(`ana> ping`)))
	if err != nil {
		t.Fatal(err)
	}
	refused := errors.New("refused")
	err = transcript.Play(t.Context(), func(context.Context) (Peer, error) { return nil, refused })
	if !errors.Is(err, refused) || !strings.HasPrefix(err.Error(), "f:5: ana> ping\nopen the stream") {
		t.Errorf("Play returned %v, want it to be about line 5 and the refusal", err)
	}
}

// A fake is a stream to a server that knows beforehand what it will say.
type fake struct {
	t       *testing.T
	ctx     context.Context
	answers []string // That are left; see TestPlay.
	coming  chan any // *beckonv1.ConnectResponse or error; never closed.
}

func newFake(t *testing.T, ctx context.Context, answers []string) *fake {
	return &fake{t: t, ctx: ctx, answers: answers, coming: make(chan any, 16)}
}

func (f *fake) Send(message *beckonv1.ConnectRequest) error {
	if len(f.answers) == 0 {
		pong := &beckonv1.Pong{Payload: message.GetPing().GetPayload()}
		f.coming <- &beckonv1.ConnectResponse{Event: &beckonv1.ConnectResponse_Pong{Pong: pong}}
		return nil
	}
	answer := f.answers[0]
	f.answers = f.answers[1:]
	for line := range strings.SplitSeq(answer, "\n") {
		if line != "" {
			f.coming <- f.say(line, message)
		}
	}
	return nil
}

// say returns the event or the end that a line of an answer stands for.
func (f *fake) say(line string, message *beckonv1.ConnectRequest) any {
	event := &beckonv1.ConnectResponse{}
	reason, isEnd := strings.CutPrefix(line, "end: ")
	switch {
	case isEnd:
		info := &errdetails.ErrorInfo{Domain: "beckon", Reason: reason}
		end, err := status.New(codes.InvalidArgument, "no").WithDetails(info)
		if err != nil {
			f.t.Error(err)
		}
		return end.Err()
	case line == "echo":
		failure := &beckonv1.Failure{Detail: compactJSON(f.t, message.GetReceived())}
		event.Event = &beckonv1.ConnectResponse_Failure{Failure: failure}
	case line == "unknown":
		welcome := &beckonv1.Welcome{}
		welcome.ProtoReflect().SetUnknown([]byte{0xf8, 0x07, 0x01})
		event.Event = &beckonv1.ConnectResponse_Welcome{Welcome: welcome}
	default:
		if err := protojson.Unmarshal([]byte(line), event); err != nil {
			f.t.Error(err)
		}
	}
	return event
}

// compactJSON returns m as JSON without white space.
func compactJSON(t *testing.T, m proto.Message) string {
	data, err := protojson.Marshal(m)
	if err != nil {
		t.Error(err)
	}
	return strings.ReplaceAll(string(data), " ", "")
}

func (f *fake) CloseSend() error { return nil }

func (f *fake) Recv() (*beckonv1.ConnectResponse, error) {
	select {
	case coming := <-f.coming:
		if err, ok := coming.(error); ok {
			return nil, err
		}
		return coming.(*beckonv1.ConnectResponse), nil
	case <-f.ctx.Done():
		return nil, io.EOF
	}
}
