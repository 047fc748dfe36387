package wire

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

const sdp = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\n"

// relayed are requests of each relayed kind, with the events that they become.
var relayed = []struct {
	request *beckonv1.ConnectRequest
	event   *beckonv1.ConnectResponse
}{
	{
		&beckonv1.ConnectRequest{RequestId: 300, Message: &beckonv1.ConnectRequest_Offer{Offer: &beckonv1.Offer{To: "bob", Room: "lobby", CallId: "1", Sdp: sdp}}},
		&beckonv1.ConnectResponse{Event: &beckonv1.ConnectResponse_CallMade{CallMade: &beckonv1.CallMade{Sender: ana, CallId: "1", Sdp: sdp}}},
	},
	{
		&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Answer{Answer: &beckonv1.Answer{To: "bob", CallId: "1", Sdp: sdp, Provisional: true}}},
		&beckonv1.ConnectResponse{Event: &beckonv1.ConnectResponse_AnswerMade{AnswerMade: &beckonv1.AnswerMade{Sender: ana, CallId: "1", Sdp: sdp, Provisional: true}}},
	},
	{
		&beckonv1.ConnectRequest{RequestId: 1, Message: &beckonv1.ConnectRequest_Candidate{Candidate: &beckonv1.Candidate{Room: "lobby", CallId: "1", Candidates: candidates}}},
		&beckonv1.ConnectResponse{Event: &beckonv1.ConnectResponse_CandidateReceived{CandidateReceived: &beckonv1.CandidateReceived{Sender: ana, CallId: "1", Candidates: candidates}}},
	},
	{
		&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Reject{Reject: &beckonv1.Reject{To: "bob", CallId: "1", Reason: beckonv1.RejectReason_REJECT_REASON_BUSY, Detail: "in a meeting"}}},
		&beckonv1.ConnectResponse{Event: &beckonv1.ConnectResponse_CallRejected{CallRejected: &beckonv1.CallRejected{Sender: ana, CallId: "1", Reason: beckonv1.RejectReason_REJECT_REASON_BUSY, Detail: "in a meeting"}}},
	},
	{
		&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Hangup{Hangup: &beckonv1.Hangup{To: "bob", CallId: "1", Reason: 99}}}, // A reason of the future.
		&beckonv1.ConnectResponse{Event: &beckonv1.ConnectResponse_CallEnded{CallEnded: &beckonv1.CallEnded{Sender: ana, CallId: "1", Reason: 99}}},
	},
	{
		&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Data{Data: &beckonv1.Data{Room: "lobby", Type: "chat", Payload: []byte{0xff, 0}}}},
		&beckonv1.ConnectResponse{Event: &beckonv1.ConnectResponse_DataReceived{DataReceived: &beckonv1.DataReceived{Sender: ana, Type: "chat", Payload: []byte{0xff, 0}}}},
	},
}

var (
	ana        = &beckonv1.Sender{Id: "ana's id", Name: "ana"}
	candidates = []*beckonv1.IceCandidate{
		{Candidate: "candidate:1 1 udp 2113937151 127.0.0.1 54400 typ host", SdpMid: proto.String("0"), SdpMLineIndex: proto.Uint32(0)},
		{SdpMid: proto.String(""), UsernameFragment: proto.String("EsAw")},
	}
)

// TestLayout: the fields that pass through mean the same on both sides, and the server's are apart from them.
func TestLayout(t *testing.T) {
	responses := (*beckonv1.ConnectResponse)(nil).ProtoReflect().Descriptor().Fields()
	for k := Offer; k <= Data; k++ {
		request := requestFields.ByNumber(protowire.Number(k)).Message()
		response := responses.ByNumber(responseCallMade + protowire.Number(k-Offer)).Message()
		describe := func(m protoreflect.MessageDescriptor) (passed []string) {
			for i := range m.Fields().Len() {
				if f := m.Fields().Get(i); f.Number() > 2 {
					passed = append(passed, fmt.Sprint(f.Number(), f.Name(), f.Kind(), f.Cardinality(), f.Message(), f.Enum()))
				}
			}
			return passed
		}
		if diff := cmp.Diff(describe(request), describe(response)); diff != "" {
			t.Errorf("%s and %s differ:\n%s", request.Name(), response.Name(), diff)
		}
		if f := response.Fields().ByNumber(1); f.Name() != "sender" {
			t.Errorf("field 1 of %s is %s, not sender", response.Name(), f.Name())
		}
	}
	list := (*beckonv1.JoinedUsers)(nil).ProtoReflect().Descriptor().Fields().ByNumber(1)
	for _, m := range []proto.Message{&beckonv1.UserJoined{}, &beckonv1.UserUpdated{}} {
		if f := m.ProtoReflect().Descriptor().Fields().ByNumber(1); f.Message() != list.Message() {
			t.Errorf("%s is no entry of %s", f.FullName(), list.FullName())
		}
	}
}

// decode decodes an event that came with number 7.
func decode(t testing.TB, event []byte) *beckonv1.ConnectResponse {
	t.Helper()
	m := new(beckonv1.ConnectResponse)
	if err := proto.Unmarshal(AppendSeq(event, 7), m); err != nil {
		t.Fatalf("an event cannot be decoded: %v", err)
	}
	if m.GetSeq() != 7 {
		t.Errorf("seq is %d, want 7", m.GetSeq())
	}
	m.Seq = 0
	return m
}

func TestRelay(t *testing.T) {
	for _, c := range relayed {
		plain, err := proto.Marshal(c.request)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := parsePlain(plain); !ok {
			t.Errorf("%v: not taken as plain", c.request)
		}
		unknown := protowire.AppendString(protowire.AppendTag(nil, 99, protowire.BytesType), "of the future")
		for _, b := range [][]byte{plain, append(unknown, plain...), append(plain[:len(plain):len(plain)], plain...)} {
			r, err := ParseRequest(b)
			if err != nil {
				t.Errorf("%v: %v", c.request, err)
				continue
			}
			if r.ID != c.request.GetRequestId() || r.Kind != kindOf(c.request) {
				t.Errorf("%v: parsed as %s with id %d", c.request, r.Kind, r.ID)
			}
			want := proto.CloneOf(c.event)
			want.Room = "lobby"
			if m := want.GetCandidateReceived(); m != nil && len(b) == 2*len(plain) {
				m.Candidates = append(m.Candidates, m.Candidates...) // A repeated message is merged.
			}
			got := decode(t, r.Relay.Event("lobby", Sender(ana.GetId(), ana.GetName())))
			if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
				t.Errorf("%v (-want +got):\n%s", c.request, diff)
			}
		}
	}
}

func TestParseOther(t *testing.T) {
	name := "ana"
	for _, m := range []*beckonv1.ConnectRequest{
		{},
		{RequestId: 5},
		{RequestId: 5, Message: &beckonv1.ConnectRequest_Join{Join: &beckonv1.Join{Room: "lobby", Name: &name}}},
		{Message: &beckonv1.ConnectRequest_Ping{Ping: &beckonv1.Ping{}}},
	} {
		b, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		r, err := ParseRequest(b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m, r.Message, protocmp.Transform()); diff != "" || r.ID != m.GetRequestId() || r.Kind != kindOf(m) {
			t.Errorf("parsed as %s with id %d:\n%s", r.Kind, r.ID, diff)
		}
	}
}

func TestAck(t *testing.T) {
	for _, seq := range []uint64{0, 1, 300, 1 << 63} {
		b := Ack("lobby", 9, seq)
		got := new(beckonv1.ConnectResponse)
		if err := proto.Unmarshal(b, got); err != nil {
			t.Fatal(err)
		}
		want := &beckonv1.ConnectResponse{Room: "lobby", RequestId: 9, Event: &beckonv1.ConnectResponse_Ack{Ack: &beckonv1.Ack{Seq: seq}}}
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Errorf("ack of %d (-want +got):\n%s", seq, diff)
		}
	}
}

// TestList: a list comes whole, in parts of a bounded size.
func TestList(t *testing.T) {
	for _, n := range []int{0, 1, 3, 2000} {
		var entries [][]byte
		var want, got []*beckonv1.User
		for i := range n {
			u := &beckonv1.User{Id: fmt.Sprint(i), Name: strings.Repeat("x", 100)}
			want = append(want, u)
			entries = append(entries, Entry(Event(&beckonv1.ConnectResponse{Room: "lobby", Event: &beckonv1.ConnectResponse_UserJoined{UserJoined: &beckonv1.UserJoined{User: u}}})))
		}
		parts := slices.Collect(NewList("lobby", "epoch", 7, entries).Events())
		for i, b := range parts {
			if len(b) > maxList+100 {
				t.Errorf("%d users: a part has %d bytes", n, len(b))
			}
			m := new(beckonv1.ConnectResponse)
			if err := proto.Unmarshal(b, m); err != nil || m.GetSeq() != 7 {
				t.Fatalf("%d users: part %d is %v: %v", n, i, m, err)
			}
			if more := i < len(parts)-1; m.GetRoom() != "lobby" || m.GetJoinedUsers().GetEpoch() != "epoch" || m.GetJoinedUsers().GetMore() != more {
				t.Errorf("%d users: part %d is of %q, epoch %q, more: %v", n, i, m.GetRoom(), m.GetJoinedUsers().GetEpoch(), m.GetJoinedUsers().GetMore())
			}
			got = append(got, m.GetJoinedUsers().GetUsers()...)
		}
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Errorf("%d users (-want +got):\n%s", n, diff)
		}
	}
}

// TestSpace: the number has its place already, so that completing an event copies nothing.
func TestSpace(t *testing.T) {
	b, _ := proto.Marshal(relayed[0].request)
	r, _ := ParseRequest(b)
	for name, event := range map[string][]byte{
		"relay": r.Relay.Event("lobby", Sender("id", "ana")),
		"event": Event(&beckonv1.ConnectResponse{Room: "lobby"}),
	} {
		if cap(event)-len(event) < seqSpace {
			t.Errorf("%s: %d bytes of space, want %d", name, cap(event)-len(event), seqSpace)
		}
	}
}

// FuzzRequest: whatever bytes come, they are refused exactly if protobuf refuses them; and what they become decodes to
// what was said, from who said it.
func FuzzRequest(f *testing.F) {
	for _, c := range relayed {
		b, err := proto.Marshal(c.request)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(append(b, b...))
	}
	f.Add([]byte{0x22, 0x05, 0x0a, 0x03, 0xff, 0xfe, 0xfd})                                     // A name that is not UTF-8.
	f.Add([]byte{0x22, 0x09, 0xa2, 0x80, 0x80, 0x80, 0x80, 0x00, 0x01, 'v'})                    // A tag that is longer than it need be.
	f.Add([]byte{0x22, 0x06, 0x22, 0x81, 0x80, 0x80, 0x00, 'v'})                                // A length that is.
	f.Add([]byte{0x2a, 0x0b, 0x28, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}) // A bool that is no bool.
	f.Fuzz(func(t *testing.T, b []byte) {
		sent := new(beckonv1.ConnectRequest)
		refused := proto.Unmarshal(b, sent)
		r, err := ParseRequest(b)
		if (err == nil) != (refused == nil) {
			t.Fatalf("ParseRequest: %v, Unmarshal: %v", err, refused)
		}
		if err != nil {
			return
		}
		if r.ID != sent.GetRequestId() || r.Kind != kindOf(sent) {
			t.Fatalf("parsed as %s with id %d, want %s with id %d", r.Kind, r.ID, kindOf(sent), sent.GetRequestId())
		}
		if !r.Kind.Relayed() {
			return
		}
		event := r.Relay.Event("lobby", Sender(ana.GetId(), ana.GetName()))
		checkPlain(t, event, (*beckonv1.ConnectResponse)(nil).ProtoReflect().Descriptor())
		got := decode(t, event)
		member := func(m proto.Message, oneof protoreflect.Name) protoreflect.Message {
			r := m.ProtoReflect()
			return r.Get(r.WhichOneof(r.Descriptor().Oneofs().ByName(oneof))).Message()
		}
		said, heard := member(sent, "message"), member(got, "event")
		for i := range said.Descriptor().Fields().Len() {
			f := said.Descriptor().Fields().Get(i)
			if f.Number() <= 2 {
				continue
			}
			one, other := dropUnknown(said, f), dropUnknown(heard, heard.Descriptor().Fields().ByNumber(f.Number()))
			if !one.Equal(other) {
				t.Errorf("%s was sent as %v and arrives as %v", f.FullName(), one, other)
			}
		}
		if string(r.Relay.To) != said.Get(said.Descriptor().Fields().ByNumber(1)).String() {
			t.Errorf("to is %q", r.Relay.To)
		}
		if sender := heard.Get(heard.Descriptor().Fields().ByNumber(1)).Message().Interface(); !proto.Equal(sender, ana) {
			t.Errorf("the sender is %v", sender)
		}
		if len(heard.GetUnknown()) > 0 || got.GetRoom() != "lobby" || got.GetRequestId() != 0 {
			t.Errorf("something got through: %v", got)
		}
	})
}

// checkPlain checks that every tag, length and number in b is as short as can be and in its type's range, which some
// decoders insist on.
func checkPlain(t *testing.T, b []byte, d protoreflect.MessageDescriptor) {
	t.Helper()
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		f := d.Fields().ByNumber(num)
		if f == nil || n != protowire.SizeTag(num) {
			t.Fatalf("in a %s, field %d has a tag of %d bytes", d.Name(), num, n)
		}
		b = b[n:]
		if typ == protowire.VarintType {
			v, n := protowire.ConsumeVarint(b)
			if n != protowire.SizeVarint(v) || f.Kind() == protoreflect.BoolKind && v > 1 || f.Kind() == protoreflect.Uint32Kind && v > math.MaxUint32 || f.Kind() == protoreflect.EnumKind && int64(v) != int64(int32(v)) {
				t.Fatalf("%s is %d, in %d bytes", f.FullName(), v, n)
			}
			b = b[n:]
			continue
		}
		v, n := protowire.ConsumeBytes(b)
		if n != protowire.SizeBytes(len(v)) {
			t.Fatalf("%s has %d bytes, in %d", f.FullName(), len(v), n)
		}
		if f.Message() != nil {
			checkPlain(t, v, f.Message())
		}
		b = b[n:]
	}
}

// dropUnknown returns the value of field f of m, without unknown fields in messages of it.
func dropUnknown(m protoreflect.Message, f protoreflect.FieldDescriptor) protoreflect.Value {
	v := m.Get(f)
	if f.IsList() {
		for i := range v.List().Len() {
			if f.Message() != nil {
				v.List().Get(i).Message().SetUnknown(nil)
			}
		}
	}
	return v
}

// BenchmarkRelay shows what a relayed message costs beside decoding and encoding it.
func BenchmarkRelay(b *testing.B) {
	sender := Sender(ana.GetId(), ana.GetName())
	for _, c := range []struct {
		name    string
		request *beckonv1.ConnectRequest
	}{
		{"candidate", relayed[2].request},
		{"offer", &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Offer{Offer: &beckonv1.Offer{To: "bob", Room: "lobby", CallId: "1", Sdp: strings.Repeat("a=rtpmap:111 opus/48000/2\r\n", 80)}}}},
	} {
		request, err := proto.Marshal(c.request)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.name+"/passed", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r, err := ParseRequest(request)
				if err != nil {
					b.Fatal(err)
				}
				AppendSeq(r.Relay.Event("lobby", sender), 7)
			}
		})
		b.Run(c.name+"/decoded", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m := new(beckonv1.ConnectRequest)
				if err := proto.Unmarshal(request, m); err != nil {
					b.Fatal(err)
				}
				e := &beckonv1.ConnectResponse{Room: "lobby", Seq: 7}
				if o := m.GetOffer(); o != nil {
					e.Event = &beckonv1.ConnectResponse_CallMade{CallMade: &beckonv1.CallMade{Sender: ana, CallId: o.CallId, Sdp: o.Sdp}}
				} else {
					o := m.GetCandidate()
					e.Event = &beckonv1.ConnectResponse_CandidateReceived{CandidateReceived: &beckonv1.CandidateReceived{Sender: ana, CallId: o.CallId, Candidates: o.Candidates}}
				}
				if _, err := proto.Marshal(e); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
