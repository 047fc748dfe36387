// Beckon introduces WebRTC peers to each other: it carries their offers, answers and ICE candidates, and nothing of
// their media. This file is the specification; where a server or a client differs from it, that one is wrong.
//
// # The flow
//
// 1. Open. A client opens Connect and sends a first message, usually `join`. The server answers with `welcome`, which
//    names the client (`user_id`), then with the outcome of that first message. A stream is one session; a session has
//    one user id.
// 2. Meet. A session may be in several rooms at once. For each it receives `joined_users`, the list of who is there,
//    and hears of changes in the way that it asked for (Presence).
// 3. Call. `offer`, `answer`, `candidate`, `reject`, `hangup` and `data` go to one user (`to`) or, with `to` empty, to
//    everybody else in `room`. They arrive as `call_made`, `answer_made`, `candidate_received`, `call_rejected`,
//    `call_ended` and `data_received`, with the `sender` that the server knows; nobody can speak as another.
// 4. Keep. Both sides send something at least every `heartbeat_interval`: the client a `ping`, the server a `pong`. A
//    client that never pings is held to the transport's own keepalive alone.
// 5. Resume. A client whose stream ended in any other way than by half-close or by a `leave` without a room may open
//    another within `resume_window` and send `resume` first. It receives what it missed, then one `joined_users` per
//    room. Nobody saw it leave; after two seconds others may have seen it AWAY. A client that does not come back in time
//    is LOST to its rooms, and what was sent to it and not received comes back to its senders as `failure` UNDELIVERED.
// 6. Drain. A server about to stop sends `draining`, then ends each stream with UNAVAILABLE; the clients resume.
// 7. End. Half-close, or `leave` with an empty room: what was sent before is answered, queued events are delivered, all
//    rooms are left, and the stream ends with OK.
//
// # Order
//
// In a room, what one user sends to another arrives in the order in which it was sent. Everybody sees changes of
// presence in the same order. Nothing is promised between rooms, nor between an outcome and other events.
//
// # The fate of a bad message
//
// A mistake in one message is answered with a `failure` event and harms nothing else: the stream goes on. What a stream
// cannot survive ends it with a gRPC status, whose google.rpc.ErrorInfo (domain "beckon") has a `reason` for programs:
//
//   status               reason              when                                              a client should
//   OK                   -                   the session was ended as asked                    stop
//   INVALID_ARGUMENT     UNDECODABLE         the bytes are no ConnectRequest, or have several  not retry
//                                            times as many cursors or rooms as there can be
//   INVALID_ARGUMENT     RESUME_NOT_FIRST    `resume` came after another message               not retry
//   INVALID_ARGUMENT     BAD_FIRST_MESSAGE   a Listen began with another message than `join`   not retry
//                                            or `resume`
//   UNIMPLEMENTED        -                   a message is compressed                           not retry
//   UNAUTHENTICATED      NO_TOKEN, BAD_TOKEN, TOKEN_EXPIRED
//                                            no, a bad or an expired access token              not retry with it
//   PERMISSION_DENIED    NOT_ALLOWED, KICKED the access does not allow it, or an operator      not retry with it
//                                            ended the session
//   RESOURCE_EXHAUSTED   SLOW_CONSUMER       the client does not read what it is sent          resume
//   RESOURCE_EXHAUSTED   MESSAGE_TOO_LARGE   a message beyond twice `max_message_bytes` (far   not send it again
//                                            beyond, the transport itself ends the stream:
//                                            gRPC with the status alone, a websocket with
//                                            the close code 1009)
//   RESOURCE_EXHAUSTED   LIMIT               too many sessions, on the server or from one      back off
//                                            address, far over the rate for long, or too many
//                                            tries from one address have failed
//   ABORTED              TAKEN_OVER          the session was resumed on another stream         stop, if that was not it
//   NOT_FOUND            NO_SUCH_SESSION     the resume token is none, or its session ended    connect anew
//   UNAVAILABLE          SILENT              a client that used to ping was not heard of for   resume
//                                            three heartbeat intervals, or one that began a
//                                            stream said nothing for one, or while too many
//                                            did the same
//   UNAVAILABLE          SHUTTING_DOWN, NO_LOG, UNAVAILABLE
//                                            the server stops, has lost its store, or cannot   resume, with jitter
//                                            tell at present who may do what
//
// # Rules that hold for every message
//
// A room, a name, a call id, a user id and a data type are at most 128 bytes of UTF-8 without control characters
// (U+0000 to U+001F, U+007F to U+009F). A string that is not UTF-8 makes the message undecodable, as in all of protobuf.
// Unknown fields are dropped. Unknown enum values are passed on and count as the zero value. Of a field that may not be
// empty a message says so.

// Code generated by protoc-gen-go. DO NOT EDIT.
// versions:
// 	protoc-gen-go v1.36.12
// 	protoc        (unknown)
// source: beckon/v1/signal.proto

package beckonv1

import (
	protoreflect "google.golang.org/protobuf/reflect/protoreflect"
	protoimpl "google.golang.org/protobuf/runtime/protoimpl"
	durationpb "google.golang.org/protobuf/types/known/durationpb"
	timestamppb "google.golang.org/protobuf/types/known/timestamppb"
	reflect "reflect"
	sync "sync"
	unsafe "unsafe"
)

const (
	// Verify that this generated code is sufficiently up-to-date.
	_ = protoimpl.EnforceVersion(20 - protoimpl.MinVersion)
	// Verify that runtime/protoimpl is sufficiently up-to-date.
	_ = protoimpl.EnforceVersion(protoimpl.MaxVersion - 20)
)

// How much of a room's presence a member hears.
type Presence int32

const (
	// As FULL.
	Presence_PRESENCE_UNSPECIFIED Presence = 0
	// `joined_users`, the whole list, oneself included, at every change. In a large room that changes quickly the newest
	// list is sent, not each step. For small rooms and simple clients.
	Presence_PRESENCE_FULL Presence = 1
	// `joined_users` once, then `user_joined`, `user_updated` and `user_left` for each change. In a large room they may be told
	// somewhat later, several at a time: before anything else that the room sends, though, and oneself at once.
	Presence_PRESENCE_DELTA Presence = 2
	// `joined_users` once, with oneself alone, then `user_updated` of oneself. Messages from anybody in the room arrive.
	Presence_PRESENCE_NONE Presence = 3
)

// Enum value maps for Presence.
var (
	Presence_name = map[int32]string{
		0: "PRESENCE_UNSPECIFIED",
		1: "PRESENCE_FULL",
		2: "PRESENCE_DELTA",
		3: "PRESENCE_NONE",
	}
	Presence_value = map[string]int32{
		"PRESENCE_UNSPECIFIED": 0,
		"PRESENCE_FULL":        1,
		"PRESENCE_DELTA":       2,
		"PRESENCE_NONE":        3,
	}
)

func (x Presence) Enum() *Presence {
	p := new(Presence)
	*p = x
	return p
}

func (x Presence) String() string {
	return protoimpl.X.EnumStringOf(x.Descriptor(), protoreflect.EnumNumber(x))
}

func (Presence) Descriptor() protoreflect.EnumDescriptor {
	return file_beckon_v1_signal_proto_enumTypes[0].Descriptor()
}

func (Presence) Type() protoreflect.EnumType {
	return &file_beckon_v1_signal_proto_enumTypes[0]
}

func (x Presence) Number() protoreflect.EnumNumber {
	return protoreflect.EnumNumber(x)
}

// Deprecated: Use Presence.Descriptor instead.
func (Presence) EnumDescriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{0}
}

// Why a call was declined.
type RejectReason int32

const (
	// Declined.
	RejectReason_REJECT_REASON_UNSPECIFIED RejectReason = 0
	// In another call.
	RejectReason_REJECT_REASON_BUSY RejectReason = 1
	// Nobody picked up.
	RejectReason_REJECT_REASON_NO_ANSWER RejectReason = 2
	// The offer cannot be served: no common codec, no such kind of call.
	RejectReason_REJECT_REASON_UNSUPPORTED RejectReason = 3
)

// Enum value maps for RejectReason.
var (
	RejectReason_name = map[int32]string{
		0: "REJECT_REASON_UNSPECIFIED",
		1: "REJECT_REASON_BUSY",
		2: "REJECT_REASON_NO_ANSWER",
		3: "REJECT_REASON_UNSUPPORTED",
	}
	RejectReason_value = map[string]int32{
		"REJECT_REASON_UNSPECIFIED": 0,
		"REJECT_REASON_BUSY":        1,
		"REJECT_REASON_NO_ANSWER":   2,
		"REJECT_REASON_UNSUPPORTED": 3,
	}
)

func (x RejectReason) Enum() *RejectReason {
	p := new(RejectReason)
	*p = x
	return p
}

func (x RejectReason) String() string {
	return protoimpl.X.EnumStringOf(x.Descriptor(), protoreflect.EnumNumber(x))
}

func (RejectReason) Descriptor() protoreflect.EnumDescriptor {
	return file_beckon_v1_signal_proto_enumTypes[1].Descriptor()
}

func (RejectReason) Type() protoreflect.EnumType {
	return &file_beckon_v1_signal_proto_enumTypes[1]
}

func (x RejectReason) Number() protoreflect.EnumNumber {
	return protoreflect.EnumNumber(x)
}

// Deprecated: Use RejectReason.Descriptor instead.
func (RejectReason) EnumDescriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{1}
}

// Why a call ended.
type HangupReason int32

const (
	// Ended by its user.
	HangupReason_HANGUP_REASON_UNSPECIFIED HangupReason = 0
	// Taken back before it was answered.
	HangupReason_HANGUP_REASON_CANCELLED HangupReason = 1
	// Not answered in time.
	HangupReason_HANGUP_REASON_TIMEOUT HangupReason = 2
	// The connection could not be made, or was lost.
	HangupReason_HANGUP_REASON_FAILED HangupReason = 3
)

// Enum value maps for HangupReason.
var (
	HangupReason_name = map[int32]string{
		0: "HANGUP_REASON_UNSPECIFIED",
		1: "HANGUP_REASON_CANCELLED",
		2: "HANGUP_REASON_TIMEOUT",
		3: "HANGUP_REASON_FAILED",
	}
	HangupReason_value = map[string]int32{
		"HANGUP_REASON_UNSPECIFIED": 0,
		"HANGUP_REASON_CANCELLED":   1,
		"HANGUP_REASON_TIMEOUT":     2,
		"HANGUP_REASON_FAILED":      3,
	}
)

func (x HangupReason) Enum() *HangupReason {
	p := new(HangupReason)
	*p = x
	return p
}

func (x HangupReason) String() string {
	return protoimpl.X.EnumStringOf(x.Descriptor(), protoreflect.EnumNumber(x))
}

func (HangupReason) Descriptor() protoreflect.EnumDescriptor {
	return file_beckon_v1_signal_proto_enumTypes[2].Descriptor()
}

func (HangupReason) Type() protoreflect.EnumType {
	return &file_beckon_v1_signal_proto_enumTypes[2]
}

func (x HangupReason) Number() protoreflect.EnumNumber {
	return protoreflect.EnumNumber(x)
}

// Deprecated: Use HangupReason.Descriptor instead.
func (HangupReason) EnumDescriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{2}
}

// What became of a session's past.
type Resumption int32

const (
	// Never sent.
	Resumption_RESUMPTION_UNSPECIFIED Resumption = 0
	// A new session.
	Resumption_RESUMPTION_NEW Resumption = 1
	// The session goes on, nothing is missing.
	Resumption_RESUMPTION_RESUMED Resumption = 2
	// The session goes on, but something could not be kept. A user missing from a list counts as gone only once a
	// `resume_window` has passed.
	Resumption_RESUMPTION_RESYNCED Resumption = 3
)

// Enum value maps for Resumption.
var (
	Resumption_name = map[int32]string{
		0: "RESUMPTION_UNSPECIFIED",
		1: "RESUMPTION_NEW",
		2: "RESUMPTION_RESUMED",
		3: "RESUMPTION_RESYNCED",
	}
	Resumption_value = map[string]int32{
		"RESUMPTION_UNSPECIFIED": 0,
		"RESUMPTION_NEW":         1,
		"RESUMPTION_RESUMED":     2,
		"RESUMPTION_RESYNCED":    3,
	}
)

func (x Resumption) Enum() *Resumption {
	p := new(Resumption)
	*p = x
	return p
}

func (x Resumption) String() string {
	return protoimpl.X.EnumStringOf(x.Descriptor(), protoreflect.EnumNumber(x))
}

func (Resumption) Descriptor() protoreflect.EnumDescriptor {
	return file_beckon_v1_signal_proto_enumTypes[3].Descriptor()
}

func (Resumption) Type() protoreflect.EnumType {
	return &file_beckon_v1_signal_proto_enumTypes[3]
}

func (x Resumption) Number() protoreflect.EnumNumber {
	return protoreflect.EnumNumber(x)
}

// Deprecated: Use Resumption.Descriptor instead.
func (Resumption) EnumDescriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{3}
}

// Whether a user's connection is up. A hint.
type UserStatus int32

const (
	// The user is there.
	UserStatus_USER_STATUS_UNSPECIFIED UserStatus = 0
	// The connection is lost, or the server that it was to. Messages are kept for the user, who may come back.
	UserStatus_USER_STATUS_AWAY UserStatus = 1
)

// Enum value maps for UserStatus.
var (
	UserStatus_name = map[int32]string{
		0: "USER_STATUS_UNSPECIFIED",
		1: "USER_STATUS_AWAY",
	}
	UserStatus_value = map[string]int32{
		"USER_STATUS_UNSPECIFIED": 0,
		"USER_STATUS_AWAY":        1,
	}
)

func (x UserStatus) Enum() *UserStatus {
	p := new(UserStatus)
	*p = x
	return p
}

func (x UserStatus) String() string {
	return protoimpl.X.EnumStringOf(x.Descriptor(), protoreflect.EnumNumber(x))
}

func (UserStatus) Descriptor() protoreflect.EnumDescriptor {
	return file_beckon_v1_signal_proto_enumTypes[4].Descriptor()
}

func (UserStatus) Type() protoreflect.EnumType {
	return &file_beckon_v1_signal_proto_enumTypes[4]
}

func (x UserStatus) Number() protoreflect.EnumNumber {
	return protoreflect.EnumNumber(x)
}

// Deprecated: Use UserStatus.Descriptor instead.
func (UserStatus) EnumDescriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{4}
}

// Why a user is no longer in a room.
type LeaveReason int32

const (
	// Never sent.
	LeaveReason_LEAVE_REASON_UNSPECIFIED LeaveReason = 0
	// The user left the room or ended the session.
	LeaveReason_LEAVE_REASON_LEFT LeaveReason = 1
	// The user's connection was lost and did not come back.
	LeaveReason_LEAVE_REASON_LOST LeaveReason = 2
	// An operator took the user out.
	LeaveReason_LEAVE_REASON_KICKED LeaveReason = 3
	// The same identity came in anew.
	LeaveReason_LEAVE_REASON_REPLACED LeaveReason = 4
	// The access ran out.
	LeaveReason_LEAVE_REASON_EXPIRED LeaveReason = 5
)

// Enum value maps for LeaveReason.
var (
	LeaveReason_name = map[int32]string{
		0: "LEAVE_REASON_UNSPECIFIED",
		1: "LEAVE_REASON_LEFT",
		2: "LEAVE_REASON_LOST",
		3: "LEAVE_REASON_KICKED",
		4: "LEAVE_REASON_REPLACED",
		5: "LEAVE_REASON_EXPIRED",
	}
	LeaveReason_value = map[string]int32{
		"LEAVE_REASON_UNSPECIFIED": 0,
		"LEAVE_REASON_LEFT":        1,
		"LEAVE_REASON_LOST":        2,
		"LEAVE_REASON_KICKED":      3,
		"LEAVE_REASON_REPLACED":    4,
		"LEAVE_REASON_EXPIRED":     5,
	}
)

func (x LeaveReason) Enum() *LeaveReason {
	p := new(LeaveReason)
	*p = x
	return p
}

func (x LeaveReason) String() string {
	return protoimpl.X.EnumStringOf(x.Descriptor(), protoreflect.EnumNumber(x))
}

func (LeaveReason) Descriptor() protoreflect.EnumDescriptor {
	return file_beckon_v1_signal_proto_enumTypes[5].Descriptor()
}

func (LeaveReason) Type() protoreflect.EnumType {
	return &file_beckon_v1_signal_proto_enumTypes[5]
}

func (x LeaveReason) Number() protoreflect.EnumNumber {
	return protoreflect.EnumNumber(x)
}

// Deprecated: Use LeaveReason.Descriptor instead.
func (LeaveReason) EnumDescriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{5}
}

// What went wrong with a message.
type FailureCode int32

const (
	// Never sent.
	FailureCode_FAILURE_CODE_UNSPECIFIED FailureCode = 0
	// A field breaks its rule; `field` names it.
	FailureCode_FAILURE_CODE_INVALID FailureCode = 1
	// The sender is not in the room.
	FailureCode_FAILURE_CODE_NOT_IN_ROOM FailureCode = 2
	// The user is not in the room, or no longer.
	FailureCode_FAILURE_CODE_NO_SUCH_USER FailureCode = 3
	// The access does not allow it.
	FailureCode_FAILURE_CODE_PERMISSION_DENIED FailureCode = 4
	// Too many messages; try again later.
	FailureCode_FAILURE_CODE_RATE_LIMITED FailureCode = 5
	// Over `max_message_bytes`.
	FailureCode_FAILURE_CODE_TOO_LARGE FailureCode = 6
	// The room has no place left.
	FailureCode_FAILURE_CODE_ROOM_FULL FailureCode = 7
	// The message was recorded, but its target went, or its time or space was used up, before the target was known to have
	// received it. It comes in the session's own log, with the message's `request_id`; after its `ack`, but for an `ack`
	// that is repeated after a resume.
	FailureCode_FAILURE_CODE_UNDELIVERED FailureCode = 8
	// The message was not recorded, since the server cannot at present; try again. If it cannot tell whether the message was
	// recorded, the stream ends with UNAVAILABLE, reason NO_LOG, and the message is to be repeated after the resume.
	FailureCode_FAILURE_CODE_UNAVAILABLE FailureCode = 9
	// The access is about to run out: resume with a new access token, or show again what let the client in.
	FailureCode_FAILURE_CODE_TOKEN_EXPIRING FailureCode = 10
)

// Enum value maps for FailureCode.
var (
	FailureCode_name = map[int32]string{
		0:  "FAILURE_CODE_UNSPECIFIED",
		1:  "FAILURE_CODE_INVALID",
		2:  "FAILURE_CODE_NOT_IN_ROOM",
		3:  "FAILURE_CODE_NO_SUCH_USER",
		4:  "FAILURE_CODE_PERMISSION_DENIED",
		5:  "FAILURE_CODE_RATE_LIMITED",
		6:  "FAILURE_CODE_TOO_LARGE",
		7:  "FAILURE_CODE_ROOM_FULL",
		8:  "FAILURE_CODE_UNDELIVERED",
		9:  "FAILURE_CODE_UNAVAILABLE",
		10: "FAILURE_CODE_TOKEN_EXPIRING",
	}
	FailureCode_value = map[string]int32{
		"FAILURE_CODE_UNSPECIFIED":       0,
		"FAILURE_CODE_INVALID":           1,
		"FAILURE_CODE_NOT_IN_ROOM":       2,
		"FAILURE_CODE_NO_SUCH_USER":      3,
		"FAILURE_CODE_PERMISSION_DENIED": 4,
		"FAILURE_CODE_RATE_LIMITED":      5,
		"FAILURE_CODE_TOO_LARGE":         6,
		"FAILURE_CODE_ROOM_FULL":         7,
		"FAILURE_CODE_UNDELIVERED":       8,
		"FAILURE_CODE_UNAVAILABLE":       9,
		"FAILURE_CODE_TOKEN_EXPIRING":    10,
	}
)

func (x FailureCode) Enum() *FailureCode {
	p := new(FailureCode)
	*p = x
	return p
}

func (x FailureCode) String() string {
	return protoimpl.X.EnumStringOf(x.Descriptor(), protoreflect.EnumNumber(x))
}

func (FailureCode) Descriptor() protoreflect.EnumDescriptor {
	return file_beckon_v1_signal_proto_enumTypes[6].Descriptor()
}

func (FailureCode) Type() protoreflect.EnumType {
	return &file_beckon_v1_signal_proto_enumTypes[6]
}

func (x FailureCode) Number() protoreflect.EnumNumber {
	return protoreflect.EnumNumber(x)
}

// Deprecated: Use FailureCode.Descriptor instead.
func (FailureCode) EnumDescriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{6}
}

// A message from a client.
type ConnectRequest struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// Other than 0: asks for an outcome of this message, which is exactly one `ack` (it was recorded) or one `failure` (it
	// was not). Strictly increasing within a session; numbers may be left out. A repeated id is answered with its first
	// outcome and has no second effect, as long as the server remembers it (the last 64). One that is older, or was left
	// out, is refused as INVALID. So a client that lost its connection can safely send again, in the order of their ids,
	// what has had no outcome, as long as that is no more than 64 messages.
	//
	// With 0 a success is silent; a failure is still sent, with `request_id` 0.
	RequestId uint64 `protobuf:"varint,1,opt,name=request_id,json=requestId,proto3" json:"request_id,omitempty"`
	// Exactly one. None: `failure` INVALID, field `message`.
	//
	// Types that are valid to be assigned to Message:
	//
	//	*ConnectRequest_Join
	//	*ConnectRequest_Leave
	//	*ConnectRequest_Offer
	//	*ConnectRequest_Answer
	//	*ConnectRequest_Candidate
	//	*ConnectRequest_Reject
	//	*ConnectRequest_Hangup
	//	*ConnectRequest_Data
	//	*ConnectRequest_Update
	//	*ConnectRequest_Resume
	//	*ConnectRequest_Received
	//	*ConnectRequest_Ping
	Message       isConnectRequest_Message `protobuf_oneof:"message"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *ConnectRequest) Reset() {
	*x = ConnectRequest{}
	mi := &file_beckon_v1_signal_proto_msgTypes[0]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *ConnectRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*ConnectRequest) ProtoMessage() {}

func (x *ConnectRequest) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[0]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use ConnectRequest.ProtoReflect.Descriptor instead.
func (*ConnectRequest) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{0}
}

func (x *ConnectRequest) GetRequestId() uint64 {
	if x != nil {
		return x.RequestId
	}
	return 0
}

func (x *ConnectRequest) GetMessage() isConnectRequest_Message {
	if x != nil {
		return x.Message
	}
	return nil
}

func (x *ConnectRequest) GetJoin() *Join {
	if x != nil {
		if x, ok := x.Message.(*ConnectRequest_Join); ok {
			return x.Join
		}
	}
	return nil
}

func (x *ConnectRequest) GetLeave() *Leave {
	if x != nil {
		if x, ok := x.Message.(*ConnectRequest_Leave); ok {
			return x.Leave
		}
	}
	return nil
}

func (x *ConnectRequest) GetOffer() *Offer {
	if x != nil {
		if x, ok := x.Message.(*ConnectRequest_Offer); ok {
			return x.Offer
		}
	}
	return nil
}

func (x *ConnectRequest) GetAnswer() *Answer {
	if x != nil {
		if x, ok := x.Message.(*ConnectRequest_Answer); ok {
			return x.Answer
		}
	}
	return nil
}

func (x *ConnectRequest) GetCandidate() *Candidate {
	if x != nil {
		if x, ok := x.Message.(*ConnectRequest_Candidate); ok {
			return x.Candidate
		}
	}
	return nil
}

func (x *ConnectRequest) GetReject() *Reject {
	if x != nil {
		if x, ok := x.Message.(*ConnectRequest_Reject); ok {
			return x.Reject
		}
	}
	return nil
}

func (x *ConnectRequest) GetHangup() *Hangup {
	if x != nil {
		if x, ok := x.Message.(*ConnectRequest_Hangup); ok {
			return x.Hangup
		}
	}
	return nil
}

func (x *ConnectRequest) GetData() *Data {
	if x != nil {
		if x, ok := x.Message.(*ConnectRequest_Data); ok {
			return x.Data
		}
	}
	return nil
}

func (x *ConnectRequest) GetUpdate() *Update {
	if x != nil {
		if x, ok := x.Message.(*ConnectRequest_Update); ok {
			return x.Update
		}
	}
	return nil
}

func (x *ConnectRequest) GetResume() *Resume {
	if x != nil {
		if x, ok := x.Message.(*ConnectRequest_Resume); ok {
			return x.Resume
		}
	}
	return nil
}

func (x *ConnectRequest) GetReceived() *Received {
	if x != nil {
		if x, ok := x.Message.(*ConnectRequest_Received); ok {
			return x.Received
		}
	}
	return nil
}

func (x *ConnectRequest) GetPing() *Ping {
	if x != nil {
		if x, ok := x.Message.(*ConnectRequest_Ping); ok {
			return x.Ping
		}
	}
	return nil
}

type isConnectRequest_Message interface {
	isConnectRequest_Message()
}

type ConnectRequest_Join struct {
	// Enter a room, or change how one is in it.
	Join *Join `protobuf:"bytes,2,opt,name=join,proto3,oneof"`
}

type ConnectRequest_Leave struct {
	// Leave a room, or end the session.
	Leave *Leave `protobuf:"bytes,3,opt,name=leave,proto3,oneof"`
}

type ConnectRequest_Offer struct {
	// Call, or renegotiate.
	Offer *Offer `protobuf:"bytes,4,opt,name=offer,proto3,oneof"`
}

type ConnectRequest_Answer struct {
	// Accept a call.
	Answer *Answer `protobuf:"bytes,5,opt,name=answer,proto3,oneof"`
}

type ConnectRequest_Candidate struct {
	// Tell of ICE candidates.
	Candidate *Candidate `protobuf:"bytes,6,opt,name=candidate,proto3,oneof"`
}

type ConnectRequest_Reject struct {
	// Decline a call.
	Reject *Reject `protobuf:"bytes,7,opt,name=reject,proto3,oneof"`
}

type ConnectRequest_Hangup struct {
	// End a call.
	Hangup *Hangup `protobuf:"bytes,8,opt,name=hangup,proto3,oneof"`
}

type ConnectRequest_Data struct {
	// Carry a message of the application's own.
	Data *Data `protobuf:"bytes,9,opt,name=data,proto3,oneof"`
}

type ConnectRequest_Update struct {
	// Change what others see of oneself.
	Update *Update `protobuf:"bytes,10,opt,name=update,proto3,oneof"`
}

type ConnectRequest_Resume struct {
	// Take up a session again; only as the first message.
	Resume *Resume `protobuf:"bytes,11,opt,name=resume,proto3,oneof"`
}

type ConnectRequest_Received struct {
	// Tell what has arrived.
	Received *Received `protobuf:"bytes,12,opt,name=received,proto3,oneof"`
}

type ConnectRequest_Ping struct {
	// Show that one is there.
	Ping *Ping `protobuf:"bytes,13,opt,name=ping,proto3,oneof"`
}

func (*ConnectRequest_Join) isConnectRequest_Message() {}

func (*ConnectRequest_Leave) isConnectRequest_Message() {}

func (*ConnectRequest_Offer) isConnectRequest_Message() {}

func (*ConnectRequest_Answer) isConnectRequest_Message() {}

func (*ConnectRequest_Candidate) isConnectRequest_Message() {}

func (*ConnectRequest_Reject) isConnectRequest_Message() {}

func (*ConnectRequest_Hangup) isConnectRequest_Message() {}

func (*ConnectRequest_Data) isConnectRequest_Message() {}

func (*ConnectRequest_Update) isConnectRequest_Message() {}

func (*ConnectRequest_Resume) isConnectRequest_Message() {}

func (*ConnectRequest_Received) isConnectRequest_Message() {}

func (*ConnectRequest_Ping) isConnectRequest_Message() {}

// An event for a client.
type ConnectResponse struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// The room that the event is about. Empty: the session itself.
	Room string `protobuf:"bytes,1,opt,name=room,proto3" json:"room,omitempty"`
	// The event's number in the log of `room` (empty `room`: in the session's own log, which has what came back). Within
	// one room it never falls on a stream; gaps are normal. 0: the event is in no log and is not sent again on resume.
	Seq uint64 `protobuf:"varint,2,opt,name=seq,proto3" json:"seq,omitempty"`
	// Of `ack`, `failure` and `pong`: the message that it answers, 0 if that had no id.
	RequestId uint64 `protobuf:"varint,3,opt,name=request_id,json=requestId,proto3" json:"request_id,omitempty"`
	// Types that are valid to be assigned to Event:
	//
	//	*ConnectResponse_Welcome
	//	*ConnectResponse_JoinedUsers
	//	*ConnectResponse_UserJoined
	//	*ConnectResponse_UserUpdated
	//	*ConnectResponse_UserLeft
	//	*ConnectResponse_CallMade
	//	*ConnectResponse_AnswerMade
	//	*ConnectResponse_CandidateReceived
	//	*ConnectResponse_CallRejected
	//	*ConnectResponse_CallEnded
	//	*ConnectResponse_DataReceived
	//	*ConnectResponse_Ack
	//	*ConnectResponse_Failure
	//	*ConnectResponse_Pong
	//	*ConnectResponse_IceServersChanged
	//	*ConnectResponse_Draining
	Event         isConnectResponse_Event `protobuf_oneof:"event"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *ConnectResponse) Reset() {
	*x = ConnectResponse{}
	mi := &file_beckon_v1_signal_proto_msgTypes[1]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *ConnectResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*ConnectResponse) ProtoMessage() {}

func (x *ConnectResponse) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[1]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use ConnectResponse.ProtoReflect.Descriptor instead.
func (*ConnectResponse) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{1}
}

func (x *ConnectResponse) GetRoom() string {
	if x != nil {
		return x.Room
	}
	return ""
}

func (x *ConnectResponse) GetSeq() uint64 {
	if x != nil {
		return x.Seq
	}
	return 0
}

func (x *ConnectResponse) GetRequestId() uint64 {
	if x != nil {
		return x.RequestId
	}
	return 0
}

func (x *ConnectResponse) GetEvent() isConnectResponse_Event {
	if x != nil {
		return x.Event
	}
	return nil
}

func (x *ConnectResponse) GetWelcome() *Welcome {
	if x != nil {
		if x, ok := x.Event.(*ConnectResponse_Welcome); ok {
			return x.Welcome
		}
	}
	return nil
}

func (x *ConnectResponse) GetJoinedUsers() *JoinedUsers {
	if x != nil {
		if x, ok := x.Event.(*ConnectResponse_JoinedUsers); ok {
			return x.JoinedUsers
		}
	}
	return nil
}

func (x *ConnectResponse) GetUserJoined() *UserJoined {
	if x != nil {
		if x, ok := x.Event.(*ConnectResponse_UserJoined); ok {
			return x.UserJoined
		}
	}
	return nil
}

func (x *ConnectResponse) GetUserUpdated() *UserUpdated {
	if x != nil {
		if x, ok := x.Event.(*ConnectResponse_UserUpdated); ok {
			return x.UserUpdated
		}
	}
	return nil
}

func (x *ConnectResponse) GetUserLeft() *UserLeft {
	if x != nil {
		if x, ok := x.Event.(*ConnectResponse_UserLeft); ok {
			return x.UserLeft
		}
	}
	return nil
}

func (x *ConnectResponse) GetCallMade() *CallMade {
	if x != nil {
		if x, ok := x.Event.(*ConnectResponse_CallMade); ok {
			return x.CallMade
		}
	}
	return nil
}

func (x *ConnectResponse) GetAnswerMade() *AnswerMade {
	if x != nil {
		if x, ok := x.Event.(*ConnectResponse_AnswerMade); ok {
			return x.AnswerMade
		}
	}
	return nil
}

func (x *ConnectResponse) GetCandidateReceived() *CandidateReceived {
	if x != nil {
		if x, ok := x.Event.(*ConnectResponse_CandidateReceived); ok {
			return x.CandidateReceived
		}
	}
	return nil
}

func (x *ConnectResponse) GetCallRejected() *CallRejected {
	if x != nil {
		if x, ok := x.Event.(*ConnectResponse_CallRejected); ok {
			return x.CallRejected
		}
	}
	return nil
}

func (x *ConnectResponse) GetCallEnded() *CallEnded {
	if x != nil {
		if x, ok := x.Event.(*ConnectResponse_CallEnded); ok {
			return x.CallEnded
		}
	}
	return nil
}

func (x *ConnectResponse) GetDataReceived() *DataReceived {
	if x != nil {
		if x, ok := x.Event.(*ConnectResponse_DataReceived); ok {
			return x.DataReceived
		}
	}
	return nil
}

func (x *ConnectResponse) GetAck() *Ack {
	if x != nil {
		if x, ok := x.Event.(*ConnectResponse_Ack); ok {
			return x.Ack
		}
	}
	return nil
}

func (x *ConnectResponse) GetFailure() *Failure {
	if x != nil {
		if x, ok := x.Event.(*ConnectResponse_Failure); ok {
			return x.Failure
		}
	}
	return nil
}

func (x *ConnectResponse) GetPong() *Pong {
	if x != nil {
		if x, ok := x.Event.(*ConnectResponse_Pong); ok {
			return x.Pong
		}
	}
	return nil
}

func (x *ConnectResponse) GetIceServersChanged() *IceServersChanged {
	if x != nil {
		if x, ok := x.Event.(*ConnectResponse_IceServersChanged); ok {
			return x.IceServersChanged
		}
	}
	return nil
}

func (x *ConnectResponse) GetDraining() *Draining {
	if x != nil {
		if x, ok := x.Event.(*ConnectResponse_Draining); ok {
			return x.Draining
		}
	}
	return nil
}

type isConnectResponse_Event interface {
	isConnectResponse_Event()
}

type ConnectResponse_Welcome struct {
	// The first event of every stream.
	Welcome *Welcome `protobuf:"bytes,4,opt,name=welcome,proto3,oneof"`
}

type ConnectResponse_JoinedUsers struct {
	// Who is in the room.
	JoinedUsers *JoinedUsers `protobuf:"bytes,5,opt,name=joined_users,json=joinedUsers,proto3,oneof"`
}

type ConnectResponse_UserJoined struct {
	// Somebody came.
	UserJoined *UserJoined `protobuf:"bytes,6,opt,name=user_joined,json=userJoined,proto3,oneof"`
}

type ConnectResponse_UserUpdated struct {
	// Somebody changed.
	UserUpdated *UserUpdated `protobuf:"bytes,7,opt,name=user_updated,json=userUpdated,proto3,oneof"`
}

type ConnectResponse_UserLeft struct {
	// Somebody went.
	UserLeft *UserLeft `protobuf:"bytes,8,opt,name=user_left,json=userLeft,proto3,oneof"`
}

type ConnectResponse_CallMade struct {
	// From an `offer`.
	CallMade *CallMade `protobuf:"bytes,9,opt,name=call_made,json=callMade,proto3,oneof"`
}

type ConnectResponse_AnswerMade struct {
	// From an `answer`.
	AnswerMade *AnswerMade `protobuf:"bytes,10,opt,name=answer_made,json=answerMade,proto3,oneof"`
}

type ConnectResponse_CandidateReceived struct {
	// From a `candidate`.
	CandidateReceived *CandidateReceived `protobuf:"bytes,11,opt,name=candidate_received,json=candidateReceived,proto3,oneof"`
}

type ConnectResponse_CallRejected struct {
	// From a `reject`.
	CallRejected *CallRejected `protobuf:"bytes,12,opt,name=call_rejected,json=callRejected,proto3,oneof"`
}

type ConnectResponse_CallEnded struct {
	// From a `hangup`.
	CallEnded *CallEnded `protobuf:"bytes,13,opt,name=call_ended,json=callEnded,proto3,oneof"`
}

type ConnectResponse_DataReceived struct {
	// From a `data`.
	DataReceived *DataReceived `protobuf:"bytes,14,opt,name=data_received,json=dataReceived,proto3,oneof"`
}

type ConnectResponse_Ack struct {
	// A message was recorded.
	Ack *Ack `protobuf:"bytes,15,opt,name=ack,proto3,oneof"`
}

type ConnectResponse_Failure struct {
	// A message was not recorded, or came back.
	Failure *Failure `protobuf:"bytes,16,opt,name=failure,proto3,oneof"`
}

type ConnectResponse_Pong struct {
	// The answer to a `ping`, or a heartbeat.
	Pong *Pong `protobuf:"bytes,17,opt,name=pong,proto3,oneof"`
}

type ConnectResponse_IceServersChanged struct {
	// New servers or credentials for ICE.
	IceServersChanged *IceServersChanged `protobuf:"bytes,18,opt,name=ice_servers_changed,json=iceServersChanged,proto3,oneof"`
}

type ConnectResponse_Draining struct {
	// The server is about to stop.
	Draining *Draining `protobuf:"bytes,19,opt,name=draining,proto3,oneof"`
}

func (*ConnectResponse_Welcome) isConnectResponse_Event() {}

func (*ConnectResponse_JoinedUsers) isConnectResponse_Event() {}

func (*ConnectResponse_UserJoined) isConnectResponse_Event() {}

func (*ConnectResponse_UserUpdated) isConnectResponse_Event() {}

func (*ConnectResponse_UserLeft) isConnectResponse_Event() {}

func (*ConnectResponse_CallMade) isConnectResponse_Event() {}

func (*ConnectResponse_AnswerMade) isConnectResponse_Event() {}

func (*ConnectResponse_CandidateReceived) isConnectResponse_Event() {}

func (*ConnectResponse_CallRejected) isConnectResponse_Event() {}

func (*ConnectResponse_CallEnded) isConnectResponse_Event() {}

func (*ConnectResponse_DataReceived) isConnectResponse_Event() {}

func (*ConnectResponse_Ack) isConnectResponse_Event() {}

func (*ConnectResponse_Failure) isConnectResponse_Event() {}

func (*ConnectResponse_Pong) isConnectResponse_Event() {}

func (*ConnectResponse_IceServersChanged) isConnectResponse_Event() {}

func (*ConnectResponse_Draining) isConnectResponse_Event() {}

// Join enters a room; a room exists while somebody is in it. The answer is `joined_users`.
//
// Joining a room that one is in is an update: name and attributes as in Update, `presence` replaces the mode, and the
// list comes again.
//
// INVALID: bad or empty `room`, bad or empty `name`, bad `attributes`, more rooms than `max_rooms`. PERMISSION_DENIED:
// not allowed in this room. ROOM_FULL.
type Join struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// Not empty.
	Room string `protobuf:"bytes,1,opt,name=room,proto3" json:"room,omitempty"`
	// What others see. Absent: the name that comes with the access, else none.
	Name *string `protobuf:"bytes,2,opt,name=name,proto3,oneof" json:"name,omitempty"`
	// What else others see, as they like to use it. At most 32 entries and 4 KiB, keys and values together; keys are 1 to
	// 128 bytes without control characters.
	Attributes map[string]string `protobuf:"bytes,3,rep,name=attributes,proto3" json:"attributes,omitempty" protobuf_key:"bytes,1,opt,name=key" protobuf_val:"bytes,2,opt,name=value"`
	// How much of the room to hear.
	Presence      Presence `protobuf:"varint,4,opt,name=presence,proto3,enum=beckon.v1.Presence" json:"presence,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Join) Reset() {
	*x = Join{}
	mi := &file_beckon_v1_signal_proto_msgTypes[2]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Join) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Join) ProtoMessage() {}

func (x *Join) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[2]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Join.ProtoReflect.Descriptor instead.
func (*Join) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{2}
}

func (x *Join) GetRoom() string {
	if x != nil {
		return x.Room
	}
	return ""
}

func (x *Join) GetName() string {
	if x != nil && x.Name != nil {
		return *x.Name
	}
	return ""
}

func (x *Join) GetAttributes() map[string]string {
	if x != nil {
		return x.Attributes
	}
	return nil
}

func (x *Join) GetPresence() Presence {
	if x != nil {
		return x.Presence
	}
	return Presence_PRESENCE_UNSPECIFIED
}

// Leave leaves a room: everybody else hears that the user LEFT. With an empty room it ends the session as a half-close
// does.
//
// NOT_IN_ROOM: not a member of `room`.
type Leave struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// Empty: every room, and the session.
	Room          string `protobuf:"bytes,1,opt,name=room,proto3" json:"room,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Leave) Reset() {
	*x = Leave{}
	mi := &file_beckon_v1_signal_proto_msgTypes[3]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Leave) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Leave) ProtoMessage() {}

func (x *Leave) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[3]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Leave.ProtoReflect.Descriptor instead.
func (*Leave) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{3}
}

func (x *Leave) GetRoom() string {
	if x != nil {
		return x.Room
	}
	return ""
}

// Offer calls somebody, or renegotiates within a call (same `call_id`). Arrives as `call_made`.
type Offer struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// The user to call; empty: everybody else in `room`.
	To string `protobuf:"bytes,1,opt,name=to,proto3" json:"to,omitempty"`
	// The room to call in.
	Room string `protobuf:"bytes,2,opt,name=room,proto3" json:"room,omitempty"`
	// The call, chosen by the caller, unique between the two; not empty.
	CallId string `protobuf:"bytes,3,opt,name=call_id,json=callId,proto3" json:"call_id,omitempty"`
	// A session description (RFC 8866) of type offer; not empty, otherwise carried unread.
	Sdp           string `protobuf:"bytes,4,opt,name=sdp,proto3" json:"sdp,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Offer) Reset() {
	*x = Offer{}
	mi := &file_beckon_v1_signal_proto_msgTypes[4]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Offer) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Offer) ProtoMessage() {}

func (x *Offer) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[4]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Offer.ProtoReflect.Descriptor instead.
func (*Offer) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{4}
}

func (x *Offer) GetTo() string {
	if x != nil {
		return x.To
	}
	return ""
}

func (x *Offer) GetRoom() string {
	if x != nil {
		return x.Room
	}
	return ""
}

func (x *Offer) GetCallId() string {
	if x != nil {
		return x.CallId
	}
	return ""
}

func (x *Offer) GetSdp() string {
	if x != nil {
		return x.Sdp
	}
	return ""
}

// Answer accepts an offer. Arrives as `answer_made`.
type Answer struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// The user who called; empty: everybody else in `room`.
	To string `protobuf:"bytes,1,opt,name=to,proto3" json:"to,omitempty"`
	// The room of the call.
	Room string `protobuf:"bytes,2,opt,name=room,proto3" json:"room,omitempty"`
	// The call that is answered; not empty.
	CallId string `protobuf:"bytes,3,opt,name=call_id,json=callId,proto3" json:"call_id,omitempty"`
	// A session description of type answer; not empty, otherwise carried unread.
	Sdp string `protobuf:"bytes,4,opt,name=sdp,proto3" json:"sdp,omitempty"`
	// The description is of type pranswer: more answers will follow.
	Provisional   bool `protobuf:"varint,5,opt,name=provisional,proto3" json:"provisional,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Answer) Reset() {
	*x = Answer{}
	mi := &file_beckon_v1_signal_proto_msgTypes[5]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Answer) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Answer) ProtoMessage() {}

func (x *Answer) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[5]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Answer.ProtoReflect.Descriptor instead.
func (*Answer) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{5}
}

func (x *Answer) GetTo() string {
	if x != nil {
		return x.To
	}
	return ""
}

func (x *Answer) GetRoom() string {
	if x != nil {
		return x.Room
	}
	return ""
}

func (x *Answer) GetCallId() string {
	if x != nil {
		return x.CallId
	}
	return ""
}

func (x *Answer) GetSdp() string {
	if x != nil {
		return x.Sdp
	}
	return ""
}

func (x *Answer) GetProvisional() bool {
	if x != nil {
		return x.Provisional
	}
	return false
}

// Candidate tells of ICE candidates as they are found (trickle ICE, RFC 8838). Arrives as `candidate_received`, never
// before the offer or answer that was sent before it.
type Candidate struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// The other side of the call; empty: everybody else in `room`.
	To string `protobuf:"bytes,1,opt,name=to,proto3" json:"to,omitempty"`
	// The room of the call.
	Room string `protobuf:"bytes,2,opt,name=room,proto3" json:"room,omitempty"`
	// The call; not empty.
	CallId string `protobuf:"bytes,3,opt,name=call_id,json=callId,proto3" json:"call_id,omitempty"`
	// At least one. Those found within some milliseconds of each other may travel together.
	Candidates    []*IceCandidate `protobuf:"bytes,4,rep,name=candidates,proto3" json:"candidates,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Candidate) Reset() {
	*x = Candidate{}
	mi := &file_beckon_v1_signal_proto_msgTypes[6]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Candidate) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Candidate) ProtoMessage() {}

func (x *Candidate) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[6]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Candidate.ProtoReflect.Descriptor instead.
func (*Candidate) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{6}
}

func (x *Candidate) GetTo() string {
	if x != nil {
		return x.To
	}
	return ""
}

func (x *Candidate) GetRoom() string {
	if x != nil {
		return x.Room
	}
	return ""
}

func (x *Candidate) GetCallId() string {
	if x != nil {
		return x.CallId
	}
	return ""
}

func (x *Candidate) GetCandidates() []*IceCandidate {
	if x != nil {
		return x.Candidates
	}
	return nil
}

// An ICE candidate: the dictionary RTCIceCandidateInit of W3C WebRTC 1.0, field for field.
type IceCandidate struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// The candidate-attribute of RFC 8839, section 5.1. Empty: there will be no more for this ufrag. (Native libraries
	// have no such candidate; they drop it.)
	Candidate string `protobuf:"bytes,1,opt,name=candidate,proto3" json:"candidate,omitempty"`
	// The media stream identification (RFC 5888) of the m-line.
	SdpMid *string `protobuf:"bytes,2,opt,name=sdp_mid,json=sdpMid,proto3,oneof" json:"sdp_mid,omitempty"`
	// The m-line's index, from 0.
	SdpMLineIndex *uint32 `protobuf:"varint,3,opt,name=sdp_m_line_index,json=sdpMLineIndex,proto3,oneof" json:"sdp_m_line_index,omitempty"`
	// The ICE ufrag that tells ICE generations apart.
	UsernameFragment *string `protobuf:"bytes,4,opt,name=username_fragment,json=usernameFragment,proto3,oneof" json:"username_fragment,omitempty"`
	unknownFields    protoimpl.UnknownFields
	sizeCache        protoimpl.SizeCache
}

func (x *IceCandidate) Reset() {
	*x = IceCandidate{}
	mi := &file_beckon_v1_signal_proto_msgTypes[7]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *IceCandidate) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*IceCandidate) ProtoMessage() {}

func (x *IceCandidate) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[7]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use IceCandidate.ProtoReflect.Descriptor instead.
func (*IceCandidate) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{7}
}

func (x *IceCandidate) GetCandidate() string {
	if x != nil {
		return x.Candidate
	}
	return ""
}

func (x *IceCandidate) GetSdpMid() string {
	if x != nil && x.SdpMid != nil {
		return *x.SdpMid
	}
	return ""
}

func (x *IceCandidate) GetSdpMLineIndex() uint32 {
	if x != nil && x.SdpMLineIndex != nil {
		return *x.SdpMLineIndex
	}
	return 0
}

func (x *IceCandidate) GetUsernameFragment() string {
	if x != nil && x.UsernameFragment != nil {
		return *x.UsernameFragment
	}
	return ""
}

// Reject declines a call. Arrives as `call_rejected`.
type Reject struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// The user who called; empty: everybody else in `room`.
	To string `protobuf:"bytes,1,opt,name=to,proto3" json:"to,omitempty"`
	// The room of the call.
	Room string `protobuf:"bytes,2,opt,name=room,proto3" json:"room,omitempty"`
	// The call that is declined; not empty.
	CallId string `protobuf:"bytes,3,opt,name=call_id,json=callId,proto3" json:"call_id,omitempty"`
	// Why, for a program.
	Reason RejectReason `protobuf:"varint,4,opt,name=reason,proto3,enum=beckon.v1.RejectReason" json:"reason,omitempty"`
	// Why, for a person; at most 1 KiB.
	Detail        string `protobuf:"bytes,5,opt,name=detail,proto3" json:"detail,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Reject) Reset() {
	*x = Reject{}
	mi := &file_beckon_v1_signal_proto_msgTypes[8]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Reject) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Reject) ProtoMessage() {}

func (x *Reject) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[8]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Reject.ProtoReflect.Descriptor instead.
func (*Reject) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{8}
}

func (x *Reject) GetTo() string {
	if x != nil {
		return x.To
	}
	return ""
}

func (x *Reject) GetRoom() string {
	if x != nil {
		return x.Room
	}
	return ""
}

func (x *Reject) GetCallId() string {
	if x != nil {
		return x.CallId
	}
	return ""
}

func (x *Reject) GetReason() RejectReason {
	if x != nil {
		return x.Reason
	}
	return RejectReason_REJECT_REASON_UNSPECIFIED
}

func (x *Reject) GetDetail() string {
	if x != nil {
		return x.Detail
	}
	return ""
}

// Hangup ends a call, before or after it was answered. Arrives as `call_ended`.
type Hangup struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// The other side of the call; empty: everybody else in `room`.
	To string `protobuf:"bytes,1,opt,name=to,proto3" json:"to,omitempty"`
	// The room of the call.
	Room string `protobuf:"bytes,2,opt,name=room,proto3" json:"room,omitempty"`
	// The call that ends; not empty.
	CallId string `protobuf:"bytes,3,opt,name=call_id,json=callId,proto3" json:"call_id,omitempty"`
	// Why, for a program.
	Reason HangupReason `protobuf:"varint,4,opt,name=reason,proto3,enum=beckon.v1.HangupReason" json:"reason,omitempty"`
	// Why, for a person; at most 1 KiB.
	Detail        string `protobuf:"bytes,5,opt,name=detail,proto3" json:"detail,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Hangup) Reset() {
	*x = Hangup{}
	mi := &file_beckon_v1_signal_proto_msgTypes[9]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Hangup) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Hangup) ProtoMessage() {}

func (x *Hangup) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[9]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Hangup.ProtoReflect.Descriptor instead.
func (*Hangup) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{9}
}

func (x *Hangup) GetTo() string {
	if x != nil {
		return x.To
	}
	return ""
}

func (x *Hangup) GetRoom() string {
	if x != nil {
		return x.Room
	}
	return ""
}

func (x *Hangup) GetCallId() string {
	if x != nil {
		return x.CallId
	}
	return ""
}

func (x *Hangup) GetReason() HangupReason {
	if x != nil {
		return x.Reason
	}
	return HangupReason_HANGUP_REASON_UNSPECIFIED
}

func (x *Hangup) GetDetail() string {
	if x != nil {
		return x.Detail
	}
	return ""
}

// Data carries a message of the application's own: chat, "muted", "hand raised". Arrives as `data_received`.
type Data struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// The user it is for; empty: everybody else in `room`.
	To string `protobuf:"bytes,1,opt,name=to,proto3" json:"to,omitempty"`
	// The room to speak in.
	Room string `protobuf:"bytes,2,opt,name=room,proto3" json:"room,omitempty"`
	// What `payload` is, in the application's words; may be empty.
	Type string `protobuf:"bytes,3,opt,name=type,proto3" json:"type,omitempty"`
	// Anything.
	Payload       []byte `protobuf:"bytes,4,opt,name=payload,proto3" json:"payload,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Data) Reset() {
	*x = Data{}
	mi := &file_beckon_v1_signal_proto_msgTypes[10]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Data) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Data) ProtoMessage() {}

func (x *Data) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[10]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Data.ProtoReflect.Descriptor instead.
func (*Data) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{10}
}

func (x *Data) GetTo() string {
	if x != nil {
		return x.To
	}
	return ""
}

func (x *Data) GetRoom() string {
	if x != nil {
		return x.Room
	}
	return ""
}

func (x *Data) GetType() string {
	if x != nil {
		return x.Type
	}
	return ""
}

func (x *Data) GetPayload() []byte {
	if x != nil {
		return x.Payload
	}
	return nil
}

// Update changes what others see of the sender in one room. They hear it as Presence says.
//
// NOT_IN_ROOM. INVALID: bad or empty `name`, or `attributes` that would break their bounds once merged.
// PERMISSION_DENIED: the access does not let the user choose a name, or fixes an attribute.
type Update struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// Not empty.
	Room string `protobuf:"bytes,1,opt,name=room,proto3" json:"room,omitempty"`
	// The new name. Absent: as before.
	Name *string `protobuf:"bytes,2,opt,name=name,proto3,oneof" json:"name,omitempty"`
	// Merged into the present ones; an empty value removes its key.
	Attributes    map[string]string `protobuf:"bytes,3,rep,name=attributes,proto3" json:"attributes,omitempty" protobuf_key:"bytes,1,opt,name=key" protobuf_val:"bytes,2,opt,name=value"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Update) Reset() {
	*x = Update{}
	mi := &file_beckon_v1_signal_proto_msgTypes[11]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Update) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Update) ProtoMessage() {}

func (x *Update) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[11]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Update.ProtoReflect.Descriptor instead.
func (*Update) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{11}
}

func (x *Update) GetRoom() string {
	if x != nil {
		return x.Room
	}
	return ""
}

func (x *Update) GetName() string {
	if x != nil && x.Name != nil {
		return *x.Name
	}
	return ""
}

func (x *Update) GetAttributes() map[string]string {
	if x != nil {
		return x.Attributes
	}
	return nil
}

// Resume takes up the session of a stream that was lost. The newest stream wins: an older one, if the server still has
// it, ends with ABORTED. The stream ends with NOT_FOUND if the session is not to be had.
//
// A server that was started anew knows no sessions. If it has kept the key that its tokens are made with, it takes one up
// for as long as `resume_window` after its start: under the same `user_id`, in the rooms of `rejoin`, RESYNCED.
//
// After `welcome` come the messages of the session's own log and of each room that were not received, in order, and then
// one `joined_users` per room. A room of `rejoin` that cannot be joined anew is a `failure` with `request_id` 0.
type Resume struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// From `welcome`.
	ResumeToken string `protobuf:"bytes,1,opt,name=resume_token,json=resumeToken,proto3" json:"resume_token,omitempty"`
	// Per room how far the client has read; a room left out is read from the join. The session's own log has an empty
	// `room`. (A room whose first `joined_users` has not arrived has no epoch and so no cursor, though messages may have
	// arrived: they come again, and the client knows them by their `seq`, as long as `welcome` has the same `epoch`.)
	Cursors []*Cursor `protobuf:"bytes,2,rep,name=cursors,proto3" json:"cursors,omitempty"`
	// Rooms that the client was in, each as it would be joined now. One that the server no longer knows it to be in is
	// joined anew, permissions checked; of the others nothing changes.
	Rejoin        []*Join `protobuf:"bytes,3,rep,name=rejoin,proto3" json:"rejoin,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Resume) Reset() {
	*x = Resume{}
	mi := &file_beckon_v1_signal_proto_msgTypes[12]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Resume) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Resume) ProtoMessage() {}

func (x *Resume) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[12]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Resume.ProtoReflect.Descriptor instead.
func (*Resume) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{12}
}

func (x *Resume) GetResumeToken() string {
	if x != nil {
		return x.ResumeToken
	}
	return ""
}

func (x *Resume) GetCursors() []*Cursor {
	if x != nil {
		return x.Cursors
	}
	return nil
}

func (x *Resume) GetRejoin() []*Join {
	if x != nil {
		return x.Rejoin
	}
	return nil
}

// A place in a log.
type Cursor struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// Empty: the session's own log.
	Room string `protobuf:"bytes,1,opt,name=room,proto3" json:"room,omitempty"`
	// From the room's last `joined_users`; of the session's own log, from `welcome`. A cursor of another epoch does not
	// count.
	Epoch string `protobuf:"bytes,2,opt,name=epoch,proto3" json:"epoch,omitempty"`
	// The number of the last event that arrived.
	Seq           uint64 `protobuf:"varint,3,opt,name=seq,proto3" json:"seq,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Cursor) Reset() {
	*x = Cursor{}
	mi := &file_beckon_v1_signal_proto_msgTypes[13]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Cursor) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Cursor) ProtoMessage() {}

func (x *Cursor) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[13]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Cursor.ProtoReflect.Descriptor instead.
func (*Cursor) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{13}
}

func (x *Cursor) GetRoom() string {
	if x != nil {
		return x.Room
	}
	return ""
}

func (x *Cursor) GetEpoch() string {
	if x != nil {
		return x.Epoch
	}
	return ""
}

func (x *Cursor) GetSeq() uint64 {
	if x != nil {
		return x.Seq
	}
	return 0
}

// Received tells which events have arrived, so that the server can forget them. Optional: without it events are kept
// until their time or space is used up, and a message counts as received once it was written to the transport; so it
// does when a client on a stream leaves the room or ends the session. A client that says it once should go on, with
// every `ping` and after every 64 KiB: what was not received when its time or space is used up comes back to its sender.
// Cursors for rooms that one is not in, or of another epoch, are ignored.
type Received struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// Everything up to each has arrived.
	Cursors       []*Cursor `protobuf:"bytes,1,rep,name=cursors,proto3" json:"cursors,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Received) Reset() {
	*x = Received{}
	mi := &file_beckon_v1_signal_proto_msgTypes[14]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Received) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Received) ProtoMessage() {}

func (x *Received) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[14]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Received.ProtoReflect.Descriptor instead.
func (*Received) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{14}
}

func (x *Received) GetCursors() []*Cursor {
	if x != nil {
		return x.Cursors
	}
	return nil
}

// Ping shows that the client is there. Answered by `pong`, never by `ack`. A client that has sent one promises to send
// one every `heartbeat_interval`. Its `request_id` may be any: it is only echoed.
//
// INVALID: `payload` of more than 64 bytes.
type Ping struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// Comes back in `pong`; at most 64 bytes.
	Payload []byte `protobuf:"bytes,1,opt,name=payload,proto3" json:"payload,omitempty"`
	// As in Received.
	Received      []*Cursor `protobuf:"bytes,2,rep,name=received,proto3" json:"received,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Ping) Reset() {
	*x = Ping{}
	mi := &file_beckon_v1_signal_proto_msgTypes[15]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Ping) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Ping) ProtoMessage() {}

func (x *Ping) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[15]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Ping.ProtoReflect.Descriptor instead.
func (*Ping) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{15}
}

func (x *Ping) GetPayload() []byte {
	if x != nil {
		return x.Payload
	}
	return nil
}

func (x *Ping) GetReceived() []*Cursor {
	if x != nil {
		return x.Received
	}
	return nil
}

// Welcome is the first event of every stream: who the client is and what the server allows.
type Welcome struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// The client, for as long as the session lives. What others put into `to`.
	UserId string `protobuf:"bytes,1,opt,name=user_id,json=userId,proto3" json:"user_id,omitempty"`
	// What `resume` and Send need; a secret, the same for the whole session.
	ResumeToken string `protobuf:"bytes,2,opt,name=resume_token,json=resumeToken,proto3" json:"resume_token,omitempty"`
	// How long the server keeps a session whose stream was lost.
	ResumeWindow *durationpb.Duration `protobuf:"bytes,3,opt,name=resume_window,json=resumeWindow,proto3" json:"resume_window,omitempty"`
	// How often each side shows that it is there.
	HeartbeatInterval *durationpb.Duration `protobuf:"bytes,4,opt,name=heartbeat_interval,json=heartbeatInterval,proto3" json:"heartbeat_interval,omitempty"`
	// For RTCConfiguration.iceServers.
	IceServers []*IceServer `protobuf:"bytes,5,rep,name=ice_servers,json=iceServers,proto3" json:"ice_servers,omitempty"`
	// What the server allows this session.
	Limits *Limits `protobuf:"bytes,6,opt,name=limits,proto3" json:"limits,omitempty"`
	// For people and logs; not to be parsed.
	ServerVersion string `protobuf:"bytes,7,opt,name=server_version,json=serverVersion,proto3" json:"server_version,omitempty"`
	// Whether this is the session that the client asked for.
	Resumption Resumption `protobuf:"varint,8,opt,name=resumption,proto3,enum=beckon.v1.Resumption" json:"resumption,omitempty"`
	// Which life of the session's own log `seq` counts in; for Cursor. If it changes on resume, the server was started anew
	// and has forgotten the outcomes of messages, too.
	Epoch         string `protobuf:"bytes,9,opt,name=epoch,proto3" json:"epoch,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Welcome) Reset() {
	*x = Welcome{}
	mi := &file_beckon_v1_signal_proto_msgTypes[16]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Welcome) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Welcome) ProtoMessage() {}

func (x *Welcome) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[16]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Welcome.ProtoReflect.Descriptor instead.
func (*Welcome) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{16}
}

func (x *Welcome) GetUserId() string {
	if x != nil {
		return x.UserId
	}
	return ""
}

func (x *Welcome) GetResumeToken() string {
	if x != nil {
		return x.ResumeToken
	}
	return ""
}

func (x *Welcome) GetResumeWindow() *durationpb.Duration {
	if x != nil {
		return x.ResumeWindow
	}
	return nil
}

func (x *Welcome) GetHeartbeatInterval() *durationpb.Duration {
	if x != nil {
		return x.HeartbeatInterval
	}
	return nil
}

func (x *Welcome) GetIceServers() []*IceServer {
	if x != nil {
		return x.IceServers
	}
	return nil
}

func (x *Welcome) GetLimits() *Limits {
	if x != nil {
		return x.Limits
	}
	return nil
}

func (x *Welcome) GetServerVersion() string {
	if x != nil {
		return x.ServerVersion
	}
	return ""
}

func (x *Welcome) GetResumption() Resumption {
	if x != nil {
		return x.Resumption
	}
	return Resumption_RESUMPTION_UNSPECIFIED
}

func (x *Welcome) GetEpoch() string {
	if x != nil {
		return x.Epoch
	}
	return ""
}

// A STUN or TURN server: the dictionary RTCIceServer of W3C WebRTC 1.0, and an expiry.
type IceServer struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// Such as "stun:stun.example.org" or "turns:turn.example.org:5349?transport=tcp" (RFC 7064, RFC 7065).
	Urls []string `protobuf:"bytes,1,rep,name=urls,proto3" json:"urls,omitempty"`
	// For TURN.
	Username string `protobuf:"bytes,2,opt,name=username,proto3" json:"username,omitempty"`
	// For TURN: a password.
	Credential string `protobuf:"bytes,3,opt,name=credential,proto3" json:"credential,omitempty"`
	// When `credential` ends to be valid. Absent: never.
	Expires       *timestamppb.Timestamp `protobuf:"bytes,4,opt,name=expires,proto3" json:"expires,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *IceServer) Reset() {
	*x = IceServer{}
	mi := &file_beckon_v1_signal_proto_msgTypes[17]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *IceServer) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*IceServer) ProtoMessage() {}

func (x *IceServer) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[17]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use IceServer.ProtoReflect.Descriptor instead.
func (*IceServer) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{17}
}

func (x *IceServer) GetUrls() []string {
	if x != nil {
		return x.Urls
	}
	return nil
}

func (x *IceServer) GetUsername() string {
	if x != nil {
		return x.Username
	}
	return ""
}

func (x *IceServer) GetCredential() string {
	if x != nil {
		return x.Credential
	}
	return ""
}

func (x *IceServer) GetExpires() *timestamppb.Timestamp {
	if x != nil {
		return x.Expires
	}
	return nil
}

// What a session may use. 0: no limit.
type Limits struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// The size of one ConnectRequest, in bytes. Over it: `failure` TOO_LARGE; beyond twice it, the stream ends.
	MaxMessageBytes uint32 `protobuf:"varint,1,opt,name=max_message_bytes,json=maxMessageBytes,proto3" json:"max_message_bytes,omitempty"`
	// Rooms at one time.
	MaxRooms uint32 `protobuf:"varint,2,opt,name=max_rooms,json=maxRooms,proto3" json:"max_rooms,omitempty"`
	// The rate of ConnectRequests that can be kept up.
	MaxMessagesPerSecond uint32 `protobuf:"varint,3,opt,name=max_messages_per_second,json=maxMessagesPerSecond,proto3" json:"max_messages_per_second,omitempty"`
	unknownFields        protoimpl.UnknownFields
	sizeCache            protoimpl.SizeCache
}

func (x *Limits) Reset() {
	*x = Limits{}
	mi := &file_beckon_v1_signal_proto_msgTypes[18]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Limits) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Limits) ProtoMessage() {}

func (x *Limits) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[18]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Limits.ProtoReflect.Descriptor instead.
func (*Limits) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{18}
}

func (x *Limits) GetMaxMessageBytes() uint32 {
	if x != nil {
		return x.MaxMessageBytes
	}
	return 0
}

func (x *Limits) GetMaxRooms() uint32 {
	if x != nil {
		return x.MaxRooms
	}
	return 0
}

func (x *Limits) GetMaxMessagesPerSecond() uint32 {
	if x != nil {
		return x.MaxMessagesPerSecond
	}
	return 0
}

// JoinedUsers is the list of who is in the room, oneself included, in the order in which they came; with PRESENCE_NONE,
// oneself alone.
type JoinedUsers struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// The list, or a part of it.
	Users []*User `protobuf:"bytes,1,rep,name=users,proto3" json:"users,omitempty"`
	// Which life of the room's log `seq` counts in; for Cursor.
	Epoch string `protobuf:"bytes,2,opt,name=epoch,proto3" json:"epoch,omitempty"`
	// The list goes on in the next `joined_users` of this room. A list over 128 KiB comes in parts.
	More          bool `protobuf:"varint,3,opt,name=more,proto3" json:"more,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *JoinedUsers) Reset() {
	*x = JoinedUsers{}
	mi := &file_beckon_v1_signal_proto_msgTypes[19]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *JoinedUsers) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*JoinedUsers) ProtoMessage() {}

func (x *JoinedUsers) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[19]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use JoinedUsers.ProtoReflect.Descriptor instead.
func (*JoinedUsers) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{19}
}

func (x *JoinedUsers) GetUsers() []*User {
	if x != nil {
		return x.Users
	}
	return nil
}

func (x *JoinedUsers) GetEpoch() string {
	if x != nil {
		return x.Epoch
	}
	return ""
}

func (x *JoinedUsers) GetMore() bool {
	if x != nil {
		return x.More
	}
	return false
}

// A user in a room.
type User struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// Given by the server, unique.
	Id string `protobuf:"bytes,1,opt,name=id,proto3" json:"id,omitempty"`
	// Chosen by the user, or fixed by the access; not unique; may be empty.
	Name string `protobuf:"bytes,2,opt,name=name,proto3" json:"name,omitempty"`
	// Who this is, as the access token (its subject), the certificate or the webhook says. Empty without one.
	Identity string `protobuf:"bytes,3,opt,name=identity,proto3" json:"identity,omitempty"`
	// Chosen by the user; some may be fixed by the access.
	Attributes map[string]string `protobuf:"bytes,4,rep,name=attributes,proto3" json:"attributes,omitempty" protobuf_key:"bytes,1,opt,name=key" protobuf_val:"bytes,2,opt,name=value"`
	// Whether the user's connection is up.
	Status        UserStatus `protobuf:"varint,5,opt,name=status,proto3,enum=beckon.v1.UserStatus" json:"status,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *User) Reset() {
	*x = User{}
	mi := &file_beckon_v1_signal_proto_msgTypes[20]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *User) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*User) ProtoMessage() {}

func (x *User) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[20]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use User.ProtoReflect.Descriptor instead.
func (*User) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{20}
}

func (x *User) GetId() string {
	if x != nil {
		return x.Id
	}
	return ""
}

func (x *User) GetName() string {
	if x != nil {
		return x.Name
	}
	return ""
}

func (x *User) GetIdentity() string {
	if x != nil {
		return x.Identity
	}
	return ""
}

func (x *User) GetAttributes() map[string]string {
	if x != nil {
		return x.Attributes
	}
	return nil
}

func (x *User) GetStatus() UserStatus {
	if x != nil {
		return x.Status
	}
	return UserStatus_USER_STATUS_UNSPECIFIED
}

// UserJoined tells a PRESENCE_DELTA member that somebody came.
type UserJoined struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// Who.
	User          *User `protobuf:"bytes,1,opt,name=user,proto3" json:"user,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *UserJoined) Reset() {
	*x = UserJoined{}
	mi := &file_beckon_v1_signal_proto_msgTypes[21]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *UserJoined) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*UserJoined) ProtoMessage() {}

func (x *UserJoined) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[21]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use UserJoined.ProtoReflect.Descriptor instead.
func (*UserJoined) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{21}
}

func (x *UserJoined) GetUser() *User {
	if x != nil {
		return x.User
	}
	return nil
}

// UserUpdated tells a PRESENCE_DELTA member that somebody changed, perhaps itself.
type UserUpdated struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// The user as it is now, whole.
	User          *User `protobuf:"bytes,1,opt,name=user,proto3" json:"user,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *UserUpdated) Reset() {
	*x = UserUpdated{}
	mi := &file_beckon_v1_signal_proto_msgTypes[22]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *UserUpdated) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*UserUpdated) ProtoMessage() {}

func (x *UserUpdated) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[22]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use UserUpdated.ProtoReflect.Descriptor instead.
func (*UserUpdated) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{22}
}

func (x *UserUpdated) GetUser() *User {
	if x != nil {
		return x.User
	}
	return nil
}

// UserLeft tells a PRESENCE_DELTA member that somebody went. It tells any member of itself if it did not ask to go.
type UserLeft struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// The user as it last was.
	User *User `protobuf:"bytes,1,opt,name=user,proto3" json:"user,omitempty"`
	// Why.
	Reason        LeaveReason `protobuf:"varint,2,opt,name=reason,proto3,enum=beckon.v1.LeaveReason" json:"reason,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *UserLeft) Reset() {
	*x = UserLeft{}
	mi := &file_beckon_v1_signal_proto_msgTypes[23]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *UserLeft) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*UserLeft) ProtoMessage() {}

func (x *UserLeft) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[23]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use UserLeft.ProtoReflect.Descriptor instead.
func (*UserLeft) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{23}
}

func (x *UserLeft) GetUser() *User {
	if x != nil {
		return x.User
	}
	return nil
}

func (x *UserLeft) GetReason() LeaveReason {
	if x != nil {
		return x.Reason
	}
	return LeaveReason_LEAVE_REASON_UNSPECIFIED
}

// Who sent an event, as the server knows it.
type Sender struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// The user's id; goes into `to` of an answer.
	Id string `protobuf:"bytes,1,opt,name=id,proto3" json:"id,omitempty"`
	// The user's name in the room when it sent this.
	Name          string `protobuf:"bytes,2,opt,name=name,proto3" json:"name,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Sender) Reset() {
	*x = Sender{}
	mi := &file_beckon_v1_signal_proto_msgTypes[24]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Sender) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Sender) ProtoMessage() {}

func (x *Sender) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[24]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Sender.ProtoReflect.Descriptor instead.
func (*Sender) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{24}
}

func (x *Sender) GetId() string {
	if x != nil {
		return x.Id
	}
	return ""
}

func (x *Sender) GetName() string {
	if x != nil {
		return x.Name
	}
	return ""
}

// CallMade is an Offer as it arrives. In this and the next five messages, fields 1 and 2 are the server's; those from 3
// on are the sender's own.
type CallMade struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// Who calls.
	Sender *Sender `protobuf:"bytes,1,opt,name=sender,proto3" json:"sender,omitempty"`
	// On resume: how long ago the offer was made, in milliseconds. Otherwise 0.
	AgeMs uint32 `protobuf:"varint,2,opt,name=age_ms,json=ageMs,proto3" json:"age_ms,omitempty"`
	// The call.
	CallId string `protobuf:"bytes,3,opt,name=call_id,json=callId,proto3" json:"call_id,omitempty"`
	// The offer.
	Sdp           string `protobuf:"bytes,4,opt,name=sdp,proto3" json:"sdp,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *CallMade) Reset() {
	*x = CallMade{}
	mi := &file_beckon_v1_signal_proto_msgTypes[25]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *CallMade) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*CallMade) ProtoMessage() {}

func (x *CallMade) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[25]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use CallMade.ProtoReflect.Descriptor instead.
func (*CallMade) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{25}
}

func (x *CallMade) GetSender() *Sender {
	if x != nil {
		return x.Sender
	}
	return nil
}

func (x *CallMade) GetAgeMs() uint32 {
	if x != nil {
		return x.AgeMs
	}
	return 0
}

func (x *CallMade) GetCallId() string {
	if x != nil {
		return x.CallId
	}
	return ""
}

func (x *CallMade) GetSdp() string {
	if x != nil {
		return x.Sdp
	}
	return ""
}

// AnswerMade is an Answer as it arrives.
type AnswerMade struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// Who answers.
	Sender *Sender `protobuf:"bytes,1,opt,name=sender,proto3" json:"sender,omitempty"`
	// The call.
	CallId string `protobuf:"bytes,3,opt,name=call_id,json=callId,proto3" json:"call_id,omitempty"`
	// The answer.
	Sdp string `protobuf:"bytes,4,opt,name=sdp,proto3" json:"sdp,omitempty"`
	// The description is of type pranswer.
	Provisional   bool `protobuf:"varint,5,opt,name=provisional,proto3" json:"provisional,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *AnswerMade) Reset() {
	*x = AnswerMade{}
	mi := &file_beckon_v1_signal_proto_msgTypes[26]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *AnswerMade) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*AnswerMade) ProtoMessage() {}

func (x *AnswerMade) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[26]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use AnswerMade.ProtoReflect.Descriptor instead.
func (*AnswerMade) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{26}
}

func (x *AnswerMade) GetSender() *Sender {
	if x != nil {
		return x.Sender
	}
	return nil
}

func (x *AnswerMade) GetCallId() string {
	if x != nil {
		return x.CallId
	}
	return ""
}

func (x *AnswerMade) GetSdp() string {
	if x != nil {
		return x.Sdp
	}
	return ""
}

func (x *AnswerMade) GetProvisional() bool {
	if x != nil {
		return x.Provisional
	}
	return false
}

// CandidateReceived is a Candidate as it arrives.
type CandidateReceived struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// The other side of the call.
	Sender *Sender `protobuf:"bytes,1,opt,name=sender,proto3" json:"sender,omitempty"`
	// The call.
	CallId string `protobuf:"bytes,3,opt,name=call_id,json=callId,proto3" json:"call_id,omitempty"`
	// At least one.
	Candidates    []*IceCandidate `protobuf:"bytes,4,rep,name=candidates,proto3" json:"candidates,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *CandidateReceived) Reset() {
	*x = CandidateReceived{}
	mi := &file_beckon_v1_signal_proto_msgTypes[27]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *CandidateReceived) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*CandidateReceived) ProtoMessage() {}

func (x *CandidateReceived) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[27]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use CandidateReceived.ProtoReflect.Descriptor instead.
func (*CandidateReceived) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{27}
}

func (x *CandidateReceived) GetSender() *Sender {
	if x != nil {
		return x.Sender
	}
	return nil
}

func (x *CandidateReceived) GetCallId() string {
	if x != nil {
		return x.CallId
	}
	return ""
}

func (x *CandidateReceived) GetCandidates() []*IceCandidate {
	if x != nil {
		return x.Candidates
	}
	return nil
}

// CallRejected is a Reject as it arrives.
type CallRejected struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// Who declines.
	Sender *Sender `protobuf:"bytes,1,opt,name=sender,proto3" json:"sender,omitempty"`
	// The call.
	CallId string `protobuf:"bytes,3,opt,name=call_id,json=callId,proto3" json:"call_id,omitempty"`
	// Why, for a program.
	Reason RejectReason `protobuf:"varint,4,opt,name=reason,proto3,enum=beckon.v1.RejectReason" json:"reason,omitempty"`
	// Why, for a person.
	Detail        string `protobuf:"bytes,5,opt,name=detail,proto3" json:"detail,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *CallRejected) Reset() {
	*x = CallRejected{}
	mi := &file_beckon_v1_signal_proto_msgTypes[28]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *CallRejected) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*CallRejected) ProtoMessage() {}

func (x *CallRejected) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[28]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use CallRejected.ProtoReflect.Descriptor instead.
func (*CallRejected) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{28}
}

func (x *CallRejected) GetSender() *Sender {
	if x != nil {
		return x.Sender
	}
	return nil
}

func (x *CallRejected) GetCallId() string {
	if x != nil {
		return x.CallId
	}
	return ""
}

func (x *CallRejected) GetReason() RejectReason {
	if x != nil {
		return x.Reason
	}
	return RejectReason_REJECT_REASON_UNSPECIFIED
}

func (x *CallRejected) GetDetail() string {
	if x != nil {
		return x.Detail
	}
	return ""
}

// CallEnded is a Hangup as it arrives.
type CallEnded struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// Who hung up.
	Sender *Sender `protobuf:"bytes,1,opt,name=sender,proto3" json:"sender,omitempty"`
	// The call.
	CallId string `protobuf:"bytes,3,opt,name=call_id,json=callId,proto3" json:"call_id,omitempty"`
	// Why, for a program.
	Reason HangupReason `protobuf:"varint,4,opt,name=reason,proto3,enum=beckon.v1.HangupReason" json:"reason,omitempty"`
	// Why, for a person.
	Detail        string `protobuf:"bytes,5,opt,name=detail,proto3" json:"detail,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *CallEnded) Reset() {
	*x = CallEnded{}
	mi := &file_beckon_v1_signal_proto_msgTypes[29]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *CallEnded) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*CallEnded) ProtoMessage() {}

func (x *CallEnded) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[29]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use CallEnded.ProtoReflect.Descriptor instead.
func (*CallEnded) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{29}
}

func (x *CallEnded) GetSender() *Sender {
	if x != nil {
		return x.Sender
	}
	return nil
}

func (x *CallEnded) GetCallId() string {
	if x != nil {
		return x.CallId
	}
	return ""
}

func (x *CallEnded) GetReason() HangupReason {
	if x != nil {
		return x.Reason
	}
	return HangupReason_HANGUP_REASON_UNSPECIFIED
}

func (x *CallEnded) GetDetail() string {
	if x != nil {
		return x.Detail
	}
	return ""
}

// DataReceived is a Data as it arrives.
type DataReceived struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// Who sent it.
	Sender *Sender `protobuf:"bytes,1,opt,name=sender,proto3" json:"sender,omitempty"`
	// What `payload` is, in the application's words.
	Type string `protobuf:"bytes,3,opt,name=type,proto3" json:"type,omitempty"`
	// Anything.
	Payload       []byte `protobuf:"bytes,4,opt,name=payload,proto3" json:"payload,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *DataReceived) Reset() {
	*x = DataReceived{}
	mi := &file_beckon_v1_signal_proto_msgTypes[30]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *DataReceived) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*DataReceived) ProtoMessage() {}

func (x *DataReceived) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[30]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use DataReceived.ProtoReflect.Descriptor instead.
func (*DataReceived) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{30}
}

func (x *DataReceived) GetSender() *Sender {
	if x != nil {
		return x.Sender
	}
	return nil
}

func (x *DataReceived) GetType() string {
	if x != nil {
		return x.Type
	}
	return ""
}

func (x *DataReceived) GetPayload() []byte {
	if x != nil {
		return x.Payload
	}
	return nil
}

// IceServersChanged replaces the servers of `welcome`, before their credentials expire.
type IceServersChanged struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// All of them.
	IceServers    []*IceServer `protobuf:"bytes,1,rep,name=ice_servers,json=iceServers,proto3" json:"ice_servers,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *IceServersChanged) Reset() {
	*x = IceServersChanged{}
	mi := &file_beckon_v1_signal_proto_msgTypes[31]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *IceServersChanged) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*IceServersChanged) ProtoMessage() {}

func (x *IceServersChanged) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[31]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use IceServersChanged.ProtoReflect.Descriptor instead.
func (*IceServersChanged) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{31}
}

func (x *IceServersChanged) GetIceServers() []*IceServer {
	if x != nil {
		return x.IceServers
	}
	return nil
}

// Draining tells that the server is about to stop. The stream goes on until the time has come; then the server ends it
// with UNAVAILABLE, once all that was handled is answered, and the client resumes.
type Draining struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// When to resume, from now; differs between clients, so that they do not all come at once.
	ReconnectAfter *durationpb.Duration `protobuf:"bytes,1,opt,name=reconnect_after,json=reconnectAfter,proto3" json:"reconnect_after,omitempty"`
	unknownFields  protoimpl.UnknownFields
	sizeCache      protoimpl.SizeCache
}

func (x *Draining) Reset() {
	*x = Draining{}
	mi := &file_beckon_v1_signal_proto_msgTypes[32]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Draining) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Draining) ProtoMessage() {}

func (x *Draining) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[32]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Draining.ProtoReflect.Descriptor instead.
func (*Draining) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{32}
}

func (x *Draining) GetReconnectAfter() *durationpb.Duration {
	if x != nil {
		return x.ReconnectAfter
	}
	return nil
}

// Ack tells that the message with this `request_id` was recorded.
type Ack struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// Its number in the log of the event's `room`. 0: it had nothing to record (`leave` of the session, `received`, an
	// update that changes nothing).
	Seq           uint64 `protobuf:"varint,1,opt,name=seq,proto3" json:"seq,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Ack) Reset() {
	*x = Ack{}
	mi := &file_beckon_v1_signal_proto_msgTypes[33]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Ack) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Ack) ProtoMessage() {}

func (x *Ack) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[33]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Ack.ProtoReflect.Descriptor instead.
func (*Ack) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{33}
}

func (x *Ack) GetSeq() uint64 {
	if x != nil {
		return x.Seq
	}
	return 0
}

// Failure tells that a message was not recorded. It is an event, not the end of the stream.
type Failure struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// What went wrong, for a program.
	Code FailureCode `protobuf:"varint,1,opt,name=code,proto3,enum=beckon.v1.FailureCode" json:"code,omitempty"`
	// What was wrong and what was expected, for a person; not to be parsed.
	Detail string `protobuf:"bytes,2,opt,name=detail,proto3" json:"detail,omitempty"`
	// The field that was wrong, by its name in the message (`room`, `sdp`); empty if none was. Of TOO_LARGE: the one that
	// can be large.
	Field string `protobuf:"bytes,3,opt,name=field,proto3" json:"field,omitempty"`
	// As in the message, but for what is beyond 128 bytes.
	To string `protobuf:"bytes,4,opt,name=to,proto3" json:"to,omitempty"`
	// As in the message, but for what is beyond 128 bytes.
	CallId        string `protobuf:"bytes,5,opt,name=call_id,json=callId,proto3" json:"call_id,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Failure) Reset() {
	*x = Failure{}
	mi := &file_beckon_v1_signal_proto_msgTypes[34]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Failure) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Failure) ProtoMessage() {}

func (x *Failure) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[34]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Failure.ProtoReflect.Descriptor instead.
func (*Failure) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{34}
}

func (x *Failure) GetCode() FailureCode {
	if x != nil {
		return x.Code
	}
	return FailureCode_FAILURE_CODE_UNSPECIFIED
}

func (x *Failure) GetDetail() string {
	if x != nil {
		return x.Detail
	}
	return ""
}

func (x *Failure) GetField() string {
	if x != nil {
		return x.Field
	}
	return ""
}

func (x *Failure) GetTo() string {
	if x != nil {
		return x.To
	}
	return ""
}

func (x *Failure) GetCallId() string {
	if x != nil {
		return x.CallId
	}
	return ""
}

// Pong answers a `ping`. Without `request_id` and `payload` it may also be a heartbeat, sent because the server had
// nothing else to say.
type Pong struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// From the `ping`.
	Payload       []byte `protobuf:"bytes,1,opt,name=payload,proto3" json:"payload,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Pong) Reset() {
	*x = Pong{}
	mi := &file_beckon_v1_signal_proto_msgTypes[35]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Pong) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Pong) ProtoMessage() {}

func (x *Pong) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[35]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Pong.ProtoReflect.Descriptor instead.
func (*Pong) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{35}
}

func (x *Pong) GetPayload() []byte {
	if x != nil {
		return x.Payload
	}
	return nil
}

// The first message of a session without a bidirectional stream.
type ListenRequest struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// A `join` or a `resume`.
	First         *ConnectRequest `protobuf:"bytes,1,opt,name=first,proto3" json:"first,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *ListenRequest) Reset() {
	*x = ListenRequest{}
	mi := &file_beckon_v1_signal_proto_msgTypes[36]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *ListenRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*ListenRequest) ProtoMessage() {}

func (x *ListenRequest) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[36]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use ListenRequest.ProtoReflect.Descriptor instead.
func (*ListenRequest) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{36}
}

func (x *ListenRequest) GetFirst() *ConnectRequest {
	if x != nil {
		return x.First
	}
	return nil
}

// An event of a session without a bidirectional stream.
type ListenResponse struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// The event.
	Event         *ConnectResponse `protobuf:"bytes,1,opt,name=event,proto3" json:"event,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *ListenResponse) Reset() {
	*x = ListenResponse{}
	mi := &file_beckon_v1_signal_proto_msgTypes[37]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *ListenResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*ListenResponse) ProtoMessage() {}

func (x *ListenResponse) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[37]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use ListenResponse.ProtoReflect.Descriptor instead.
func (*ListenResponse) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{37}
}

func (x *ListenResponse) GetEvent() *ConnectResponse {
	if x != nil {
		return x.Event
	}
	return nil
}

// Messages of a session without a bidirectional stream.
type SendRequest struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// At least one; their outcomes come as events.
	Messages      []*ConnectRequest `protobuf:"bytes,1,rep,name=messages,proto3" json:"messages,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *SendRequest) Reset() {
	*x = SendRequest{}
	mi := &file_beckon_v1_signal_proto_msgTypes[38]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *SendRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*SendRequest) ProtoMessage() {}

func (x *SendRequest) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[38]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use SendRequest.ProtoReflect.Descriptor instead.
func (*SendRequest) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{38}
}

func (x *SendRequest) GetMessages() []*ConnectRequest {
	if x != nil {
		return x.Messages
	}
	return nil
}

// SendResponse tells that all messages were tried.
type SendResponse struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *SendResponse) Reset() {
	*x = SendResponse{}
	mi := &file_beckon_v1_signal_proto_msgTypes[39]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *SendResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*SendResponse) ProtoMessage() {}

func (x *SendResponse) ProtoReflect() protoreflect.Message {
	mi := &file_beckon_v1_signal_proto_msgTypes[39]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use SendResponse.ProtoReflect.Descriptor instead.
func (*SendResponse) Descriptor() ([]byte, []int) {
	return file_beckon_v1_signal_proto_rawDescGZIP(), []int{39}
}

var File_beckon_v1_signal_proto protoreflect.FileDescriptor

const file_beckon_v1_signal_proto_rawDesc = "" +
	"\n" +
	"\x16beckon/v1/signal.proto\x12\tbeckon.v1\x1a\x1egoogle/protobuf/duration.proto\x1a\x1fgoogle/protobuf/timestamp.proto\"\xcd\x04\n" +
	"\x0eConnectRequest\x12\x1d\n" +
	"\n" +
	"request_id\x18\x01 \x01(\x04R\trequestId\x12%\n" +
	"\x04join\x18\x02 \x01(\v2\x0f.beckon.v1.JoinH\x00R\x04join\x12(\n" +
	"\x05leave\x18\x03 \x01(\v2\x10.beckon.v1.LeaveH\x00R\x05leave\x12(\n" +
	"\x05offer\x18\x04 \x01(\v2\x10.beckon.v1.OfferH\x00R\x05offer\x12+\n" +
	"\x06answer\x18\x05 \x01(\v2\x11.beckon.v1.AnswerH\x00R\x06answer\x124\n" +
	"\tcandidate\x18\x06 \x01(\v2\x14.beckon.v1.CandidateH\x00R\tcandidate\x12+\n" +
	"\x06reject\x18\a \x01(\v2\x11.beckon.v1.RejectH\x00R\x06reject\x12+\n" +
	"\x06hangup\x18\b \x01(\v2\x11.beckon.v1.HangupH\x00R\x06hangup\x12%\n" +
	"\x04data\x18\t \x01(\v2\x0f.beckon.v1.DataH\x00R\x04data\x12+\n" +
	"\x06update\x18\n" +
	" \x01(\v2\x11.beckon.v1.UpdateH\x00R\x06update\x12+\n" +
	"\x06resume\x18\v \x01(\v2\x11.beckon.v1.ResumeH\x00R\x06resume\x121\n" +
	"\breceived\x18\f \x01(\v2\x13.beckon.v1.ReceivedH\x00R\breceived\x12%\n" +
	"\x04ping\x18\r \x01(\v2\x0f.beckon.v1.PingH\x00R\x04pingB\t\n" +
	"\amessage\"\xe9\a\n" +
	"\x0fConnectResponse\x12\x12\n" +
	"\x04room\x18\x01 \x01(\tR\x04room\x12\x10\n" +
	"\x03seq\x18\x02 \x01(\x04R\x03seq\x12\x1d\n" +
	"\n" +
	"request_id\x18\x03 \x01(\x04R\trequestId\x12.\n" +
	"\awelcome\x18\x04 \x01(\v2\x12.beckon.v1.WelcomeH\x00R\awelcome\x12;\n" +
	"\fjoined_users\x18\x05 \x01(\v2\x16.beckon.v1.JoinedUsersH\x00R\vjoinedUsers\x128\n" +
	"\vuser_joined\x18\x06 \x01(\v2\x15.beckon.v1.UserJoinedH\x00R\n" +
	"userJoined\x12;\n" +
	"\fuser_updated\x18\a \x01(\v2\x16.beckon.v1.UserUpdatedH\x00R\vuserUpdated\x122\n" +
	"\tuser_left\x18\b \x01(\v2\x13.beckon.v1.UserLeftH\x00R\buserLeft\x122\n" +
	"\tcall_made\x18\t \x01(\v2\x13.beckon.v1.CallMadeH\x00R\bcallMade\x128\n" +
	"\vanswer_made\x18\n" +
	" \x01(\v2\x15.beckon.v1.AnswerMadeH\x00R\n" +
	"answerMade\x12M\n" +
	"\x12candidate_received\x18\v \x01(\v2\x1c.beckon.v1.CandidateReceivedH\x00R\x11candidateReceived\x12>\n" +
	"\rcall_rejected\x18\f \x01(\v2\x17.beckon.v1.CallRejectedH\x00R\fcallRejected\x125\n" +
	"\n" +
	"call_ended\x18\r \x01(\v2\x14.beckon.v1.CallEndedH\x00R\tcallEnded\x12>\n" +
	"\rdata_received\x18\x0e \x01(\v2\x17.beckon.v1.DataReceivedH\x00R\fdataReceived\x12\"\n" +
	"\x03ack\x18\x0f \x01(\v2\x0e.beckon.v1.AckH\x00R\x03ack\x12.\n" +
	"\afailure\x18\x10 \x01(\v2\x12.beckon.v1.FailureH\x00R\afailure\x12%\n" +
	"\x04pong\x18\x11 \x01(\v2\x0f.beckon.v1.PongH\x00R\x04pong\x12N\n" +
	"\x13ice_servers_changed\x18\x12 \x01(\v2\x1c.beckon.v1.IceServersChangedH\x00R\x11iceServersChanged\x121\n" +
	"\bdraining\x18\x13 \x01(\v2\x13.beckon.v1.DrainingH\x00R\bdrainingB\a\n" +
	"\x05event\"\xed\x01\n" +
	"\x04Join\x12\x12\n" +
	"\x04room\x18\x01 \x01(\tR\x04room\x12\x17\n" +
	"\x04name\x18\x02 \x01(\tH\x00R\x04name\x88\x01\x01\x12?\n" +
	"\n" +
	"attributes\x18\x03 \x03(\v2\x1f.beckon.v1.Join.AttributesEntryR\n" +
	"attributes\x12/\n" +
	"\bpresence\x18\x04 \x01(\x0e2\x13.beckon.v1.PresenceR\bpresence\x1a=\n" +
	"\x0fAttributesEntry\x12\x10\n" +
	"\x03key\x18\x01 \x01(\tR\x03key\x12\x14\n" +
	"\x05value\x18\x02 \x01(\tR\x05value:\x028\x01B\a\n" +
	"\x05_name\"\x1b\n" +
	"\x05Leave\x12\x12\n" +
	"\x04room\x18\x01 \x01(\tR\x04room\"V\n" +
	"\x05Offer\x12\x0e\n" +
	"\x02to\x18\x01 \x01(\tR\x02to\x12\x12\n" +
	"\x04room\x18\x02 \x01(\tR\x04room\x12\x17\n" +
	"\acall_id\x18\x03 \x01(\tR\x06callId\x12\x10\n" +
	"\x03sdp\x18\x04 \x01(\tR\x03sdp\"y\n" +
	"\x06Answer\x12\x0e\n" +
	"\x02to\x18\x01 \x01(\tR\x02to\x12\x12\n" +
	"\x04room\x18\x02 \x01(\tR\x04room\x12\x17\n" +
	"\acall_id\x18\x03 \x01(\tR\x06callId\x12\x10\n" +
	"\x03sdp\x18\x04 \x01(\tR\x03sdp\x12 \n" +
	"\vprovisional\x18\x05 \x01(\bR\vprovisional\"\x81\x01\n" +
	"\tCandidate\x12\x0e\n" +
	"\x02to\x18\x01 \x01(\tR\x02to\x12\x12\n" +
	"\x04room\x18\x02 \x01(\tR\x04room\x12\x17\n" +
	"\acall_id\x18\x03 \x01(\tR\x06callId\x127\n" +
	"\n" +
	"candidates\x18\x04 \x03(\v2\x17.beckon.v1.IceCandidateR\n" +
	"candidates\"\xe1\x01\n" +
	"\fIceCandidate\x12\x1c\n" +
	"\tcandidate\x18\x01 \x01(\tR\tcandidate\x12\x1c\n" +
	"\asdp_mid\x18\x02 \x01(\tH\x00R\x06sdpMid\x88\x01\x01\x12,\n" +
	"\x10sdp_m_line_index\x18\x03 \x01(\rH\x01R\rsdpMLineIndex\x88\x01\x01\x120\n" +
	"\x11username_fragment\x18\x04 \x01(\tH\x02R\x10usernameFragment\x88\x01\x01B\n" +
	"\n" +
	"\b_sdp_midB\x13\n" +
	"\x11_sdp_m_line_indexB\x14\n" +
	"\x12_username_fragment\"\x8e\x01\n" +
	"\x06Reject\x12\x0e\n" +
	"\x02to\x18\x01 \x01(\tR\x02to\x12\x12\n" +
	"\x04room\x18\x02 \x01(\tR\x04room\x12\x17\n" +
	"\acall_id\x18\x03 \x01(\tR\x06callId\x12/\n" +
	"\x06reason\x18\x04 \x01(\x0e2\x17.beckon.v1.RejectReasonR\x06reason\x12\x16\n" +
	"\x06detail\x18\x05 \x01(\tR\x06detail\"\x8e\x01\n" +
	"\x06Hangup\x12\x0e\n" +
	"\x02to\x18\x01 \x01(\tR\x02to\x12\x12\n" +
	"\x04room\x18\x02 \x01(\tR\x04room\x12\x17\n" +
	"\acall_id\x18\x03 \x01(\tR\x06callId\x12/\n" +
	"\x06reason\x18\x04 \x01(\x0e2\x17.beckon.v1.HangupReasonR\x06reason\x12\x16\n" +
	"\x06detail\x18\x05 \x01(\tR\x06detail\"X\n" +
	"\x04Data\x12\x0e\n" +
	"\x02to\x18\x01 \x01(\tR\x02to\x12\x12\n" +
	"\x04room\x18\x02 \x01(\tR\x04room\x12\x12\n" +
	"\x04type\x18\x03 \x01(\tR\x04type\x12\x18\n" +
	"\apayload\x18\x04 \x01(\fR\apayload\"\xc0\x01\n" +
	"\x06Update\x12\x12\n" +
	"\x04room\x18\x01 \x01(\tR\x04room\x12\x17\n" +
	"\x04name\x18\x02 \x01(\tH\x00R\x04name\x88\x01\x01\x12A\n" +
	"\n" +
	"attributes\x18\x03 \x03(\v2!.beckon.v1.Update.AttributesEntryR\n" +
	"attributes\x1a=\n" +
	"\x0fAttributesEntry\x12\x10\n" +
	"\x03key\x18\x01 \x01(\tR\x03key\x12\x14\n" +
	"\x05value\x18\x02 \x01(\tR\x05value:\x028\x01B\a\n" +
	"\x05_name\"\x81\x01\n" +
	"\x06Resume\x12!\n" +
	"\fresume_token\x18\x01 \x01(\tR\vresumeToken\x12+\n" +
	"\acursors\x18\x02 \x03(\v2\x11.beckon.v1.CursorR\acursors\x12'\n" +
	"\x06rejoin\x18\x03 \x03(\v2\x0f.beckon.v1.JoinR\x06rejoin\"D\n" +
	"\x06Cursor\x12\x12\n" +
	"\x04room\x18\x01 \x01(\tR\x04room\x12\x14\n" +
	"\x05epoch\x18\x02 \x01(\tR\x05epoch\x12\x10\n" +
	"\x03seq\x18\x03 \x01(\x04R\x03seq\"7\n" +
	"\bReceived\x12+\n" +
	"\acursors\x18\x01 \x03(\v2\x11.beckon.v1.CursorR\acursors\"O\n" +
	"\x04Ping\x12\x18\n" +
	"\apayload\x18\x01 \x01(\fR\apayload\x12-\n" +
	"\breceived\x18\x02 \x03(\v2\x11.beckon.v1.CursorR\breceived\"\xa5\x03\n" +
	"\aWelcome\x12\x17\n" +
	"\auser_id\x18\x01 \x01(\tR\x06userId\x12!\n" +
	"\fresume_token\x18\x02 \x01(\tR\vresumeToken\x12>\n" +
	"\rresume_window\x18\x03 \x01(\v2\x19.google.protobuf.DurationR\fresumeWindow\x12H\n" +
	"\x12heartbeat_interval\x18\x04 \x01(\v2\x19.google.protobuf.DurationR\x11heartbeatInterval\x125\n" +
	"\vice_servers\x18\x05 \x03(\v2\x14.beckon.v1.IceServerR\n" +
	"iceServers\x12)\n" +
	"\x06limits\x18\x06 \x01(\v2\x11.beckon.v1.LimitsR\x06limits\x12%\n" +
	"\x0eserver_version\x18\a \x01(\tR\rserverVersion\x125\n" +
	"\n" +
	"resumption\x18\b \x01(\x0e2\x15.beckon.v1.ResumptionR\n" +
	"resumption\x12\x14\n" +
	"\x05epoch\x18\t \x01(\tR\x05epoch\"\x91\x01\n" +
	"\tIceServer\x12\x12\n" +
	"\x04urls\x18\x01 \x03(\tR\x04urls\x12\x1a\n" +
	"\busername\x18\x02 \x01(\tR\busername\x12\x1e\n" +
	"\n" +
	"credential\x18\x03 \x01(\tR\n" +
	"credential\x124\n" +
	"\aexpires\x18\x04 \x01(\v2\x1a.google.protobuf.TimestampR\aexpires\"\x88\x01\n" +
	"\x06Limits\x12*\n" +
	"\x11max_message_bytes\x18\x01 \x01(\rR\x0fmaxMessageBytes\x12\x1b\n" +
	"\tmax_rooms\x18\x02 \x01(\rR\bmaxRooms\x125\n" +
	"\x17max_messages_per_second\x18\x03 \x01(\rR\x14maxMessagesPerSecond\"^\n" +
	"\vJoinedUsers\x12%\n" +
	"\x05users\x18\x01 \x03(\v2\x0f.beckon.v1.UserR\x05users\x12\x14\n" +
	"\x05epoch\x18\x02 \x01(\tR\x05epoch\x12\x12\n" +
	"\x04more\x18\x03 \x01(\bR\x04more\"\xf5\x01\n" +
	"\x04User\x12\x0e\n" +
	"\x02id\x18\x01 \x01(\tR\x02id\x12\x12\n" +
	"\x04name\x18\x02 \x01(\tR\x04name\x12\x1a\n" +
	"\bidentity\x18\x03 \x01(\tR\bidentity\x12?\n" +
	"\n" +
	"attributes\x18\x04 \x03(\v2\x1f.beckon.v1.User.AttributesEntryR\n" +
	"attributes\x12-\n" +
	"\x06status\x18\x05 \x01(\x0e2\x15.beckon.v1.UserStatusR\x06status\x1a=\n" +
	"\x0fAttributesEntry\x12\x10\n" +
	"\x03key\x18\x01 \x01(\tR\x03key\x12\x14\n" +
	"\x05value\x18\x02 \x01(\tR\x05value:\x028\x01\"1\n" +
	"\n" +
	"UserJoined\x12#\n" +
	"\x04user\x18\x01 \x01(\v2\x0f.beckon.v1.UserR\x04user\"2\n" +
	"\vUserUpdated\x12#\n" +
	"\x04user\x18\x01 \x01(\v2\x0f.beckon.v1.UserR\x04user\"_\n" +
	"\bUserLeft\x12#\n" +
	"\x04user\x18\x01 \x01(\v2\x0f.beckon.v1.UserR\x04user\x12.\n" +
	"\x06reason\x18\x02 \x01(\x0e2\x16.beckon.v1.LeaveReasonR\x06reason\",\n" +
	"\x06Sender\x12\x0e\n" +
	"\x02id\x18\x01 \x01(\tR\x02id\x12\x12\n" +
	"\x04name\x18\x02 \x01(\tR\x04name\"w\n" +
	"\bCallMade\x12)\n" +
	"\x06sender\x18\x01 \x01(\v2\x11.beckon.v1.SenderR\x06sender\x12\x15\n" +
	"\x06age_ms\x18\x02 \x01(\rR\x05ageMs\x12\x17\n" +
	"\acall_id\x18\x03 \x01(\tR\x06callId\x12\x10\n" +
	"\x03sdp\x18\x04 \x01(\tR\x03sdp\"\x84\x01\n" +
	"\n" +
	"AnswerMade\x12)\n" +
	"\x06sender\x18\x01 \x01(\v2\x11.beckon.v1.SenderR\x06sender\x12\x17\n" +
	"\acall_id\x18\x03 \x01(\tR\x06callId\x12\x10\n" +
	"\x03sdp\x18\x04 \x01(\tR\x03sdp\x12 \n" +
	"\vprovisional\x18\x05 \x01(\bR\vprovisional\"\x90\x01\n" +
	"\x11CandidateReceived\x12)\n" +
	"\x06sender\x18\x01 \x01(\v2\x11.beckon.v1.SenderR\x06sender\x12\x17\n" +
	"\acall_id\x18\x03 \x01(\tR\x06callId\x127\n" +
	"\n" +
	"candidates\x18\x04 \x03(\v2\x17.beckon.v1.IceCandidateR\n" +
	"candidates\"\x9b\x01\n" +
	"\fCallRejected\x12)\n" +
	"\x06sender\x18\x01 \x01(\v2\x11.beckon.v1.SenderR\x06sender\x12\x17\n" +
	"\acall_id\x18\x03 \x01(\tR\x06callId\x12/\n" +
	"\x06reason\x18\x04 \x01(\x0e2\x17.beckon.v1.RejectReasonR\x06reason\x12\x16\n" +
	"\x06detail\x18\x05 \x01(\tR\x06detail\"\x98\x01\n" +
	"\tCallEnded\x12)\n" +
	"\x06sender\x18\x01 \x01(\v2\x11.beckon.v1.SenderR\x06sender\x12\x17\n" +
	"\acall_id\x18\x03 \x01(\tR\x06callId\x12/\n" +
	"\x06reason\x18\x04 \x01(\x0e2\x17.beckon.v1.HangupReasonR\x06reason\x12\x16\n" +
	"\x06detail\x18\x05 \x01(\tR\x06detail\"g\n" +
	"\fDataReceived\x12)\n" +
	"\x06sender\x18\x01 \x01(\v2\x11.beckon.v1.SenderR\x06sender\x12\x12\n" +
	"\x04type\x18\x03 \x01(\tR\x04type\x12\x18\n" +
	"\apayload\x18\x04 \x01(\fR\apayload\"J\n" +
	"\x11IceServersChanged\x125\n" +
	"\vice_servers\x18\x01 \x03(\v2\x14.beckon.v1.IceServerR\n" +
	"iceServers\"N\n" +
	"\bDraining\x12B\n" +
	"\x0freconnect_after\x18\x01 \x01(\v2\x19.google.protobuf.DurationR\x0ereconnectAfter\"\x17\n" +
	"\x03Ack\x12\x10\n" +
	"\x03seq\x18\x01 \x01(\x04R\x03seq\"\x8c\x01\n" +
	"\aFailure\x12*\n" +
	"\x04code\x18\x01 \x01(\x0e2\x16.beckon.v1.FailureCodeR\x04code\x12\x16\n" +
	"\x06detail\x18\x02 \x01(\tR\x06detail\x12\x14\n" +
	"\x05field\x18\x03 \x01(\tR\x05field\x12\x0e\n" +
	"\x02to\x18\x04 \x01(\tR\x02to\x12\x17\n" +
	"\acall_id\x18\x05 \x01(\tR\x06callId\" \n" +
	"\x04Pong\x12\x18\n" +
	"\apayload\x18\x01 \x01(\fR\apayload\"@\n" +
	"\rListenRequest\x12/\n" +
	"\x05first\x18\x01 \x01(\v2\x19.beckon.v1.ConnectRequestR\x05first\"B\n" +
	"\x0eListenResponse\x120\n" +
	"\x05event\x18\x01 \x01(\v2\x1a.beckon.v1.ConnectResponseR\x05event\"D\n" +
	"\vSendRequest\x125\n" +
	"\bmessages\x18\x01 \x03(\v2\x19.beckon.v1.ConnectRequestR\bmessages\"\x0e\n" +
	"\fSendResponse*^\n" +
	"\bPresence\x12\x18\n" +
	"\x14PRESENCE_UNSPECIFIED\x10\x00\x12\x11\n" +
	"\rPRESENCE_FULL\x10\x01\x12\x12\n" +
	"\x0ePRESENCE_DELTA\x10\x02\x12\x11\n" +
	"\rPRESENCE_NONE\x10\x03*\x81\x01\n" +
	"\fRejectReason\x12\x1d\n" +
	"\x19REJECT_REASON_UNSPECIFIED\x10\x00\x12\x16\n" +
	"\x12REJECT_REASON_BUSY\x10\x01\x12\x1b\n" +
	"\x17REJECT_REASON_NO_ANSWER\x10\x02\x12\x1d\n" +
	"\x19REJECT_REASON_UNSUPPORTED\x10\x03*\x7f\n" +
	"\fHangupReason\x12\x1d\n" +
	"\x19HANGUP_REASON_UNSPECIFIED\x10\x00\x12\x1b\n" +
	"\x17HANGUP_REASON_CANCELLED\x10\x01\x12\x19\n" +
	"\x15HANGUP_REASON_TIMEOUT\x10\x02\x12\x18\n" +
	"\x14HANGUP_REASON_FAILED\x10\x03*m\n" +
	"\n" +
	"Resumption\x12\x1a\n" +
	"\x16RESUMPTION_UNSPECIFIED\x10\x00\x12\x12\n" +
	"\x0eRESUMPTION_NEW\x10\x01\x12\x16\n" +
	"\x12RESUMPTION_RESUMED\x10\x02\x12\x17\n" +
	"\x13RESUMPTION_RESYNCED\x10\x03*?\n" +
	"\n" +
	"UserStatus\x12\x1b\n" +
	"\x17USER_STATUS_UNSPECIFIED\x10\x00\x12\x14\n" +
	"\x10USER_STATUS_AWAY\x10\x01*\xa7\x01\n" +
	"\vLeaveReason\x12\x1c\n" +
	"\x18LEAVE_REASON_UNSPECIFIED\x10\x00\x12\x15\n" +
	"\x11LEAVE_REASON_LEFT\x10\x01\x12\x15\n" +
	"\x11LEAVE_REASON_LOST\x10\x02\x12\x17\n" +
	"\x13LEAVE_REASON_KICKED\x10\x03\x12\x19\n" +
	"\x15LEAVE_REASON_REPLACED\x10\x04\x12\x18\n" +
	"\x14LEAVE_REASON_EXPIRED\x10\x05*\xda\x02\n" +
	"\vFailureCode\x12\x1c\n" +
	"\x18FAILURE_CODE_UNSPECIFIED\x10\x00\x12\x18\n" +
	"\x14FAILURE_CODE_INVALID\x10\x01\x12\x1c\n" +
	"\x18FAILURE_CODE_NOT_IN_ROOM\x10\x02\x12\x1d\n" +
	"\x19FAILURE_CODE_NO_SUCH_USER\x10\x03\x12\"\n" +
	"\x1eFAILURE_CODE_PERMISSION_DENIED\x10\x04\x12\x1d\n" +
	"\x19FAILURE_CODE_RATE_LIMITED\x10\x05\x12\x1a\n" +
	"\x16FAILURE_CODE_TOO_LARGE\x10\x06\x12\x1a\n" +
	"\x16FAILURE_CODE_ROOM_FULL\x10\a\x12\x1c\n" +
	"\x18FAILURE_CODE_UNDELIVERED\x10\b\x12\x1c\n" +
	"\x18FAILURE_CODE_UNAVAILABLE\x10\t\x12\x1f\n" +
	"\x1bFAILURE_CODE_TOKEN_EXPIRING\x10\n" +
	"2\xc8\x01\n" +
	"\x06Signal\x12D\n" +
	"\aConnect\x12\x19.beckon.v1.ConnectRequest\x1a\x1a.beckon.v1.ConnectResponse(\x010\x01\x12?\n" +
	"\x06Listen\x12\x18.beckon.v1.ListenRequest\x1a\x19.beckon.v1.ListenResponse0\x01\x127\n" +
	"\x04Send\x12\x16.beckon.v1.SendRequest\x1a\x17.beckon.v1.SendResponseBk\n" +
	"\x16io.github.beckonrtc.v1B\vSignalProtoP\x01Z2github.com/beckonrtc/beckon/gen/beckon/v1;beckonv1\xa2\x02\x03BKN\xba\x02\aBeckon_b\x06proto3"

var (
	file_beckon_v1_signal_proto_rawDescOnce sync.Once
	file_beckon_v1_signal_proto_rawDescData []byte
)

func file_beckon_v1_signal_proto_rawDescGZIP() []byte {
	file_beckon_v1_signal_proto_rawDescOnce.Do(func() {
		file_beckon_v1_signal_proto_rawDescData = protoimpl.X.CompressGZIP(unsafe.Slice(unsafe.StringData(file_beckon_v1_signal_proto_rawDesc), len(file_beckon_v1_signal_proto_rawDesc)))
	})
	return file_beckon_v1_signal_proto_rawDescData
}

var file_beckon_v1_signal_proto_enumTypes = make([]protoimpl.EnumInfo, 7)
var file_beckon_v1_signal_proto_msgTypes = make([]protoimpl.MessageInfo, 43)
var file_beckon_v1_signal_proto_goTypes = []any{
	(Presence)(0),                 // 0: beckon.v1.Presence
	(RejectReason)(0),             // 1: beckon.v1.RejectReason
	(HangupReason)(0),             // 2: beckon.v1.HangupReason
	(Resumption)(0),               // 3: beckon.v1.Resumption
	(UserStatus)(0),               // 4: beckon.v1.UserStatus
	(LeaveReason)(0),              // 5: beckon.v1.LeaveReason
	(FailureCode)(0),              // 6: beckon.v1.FailureCode
	(*ConnectRequest)(nil),        // 7: beckon.v1.ConnectRequest
	(*ConnectResponse)(nil),       // 8: beckon.v1.ConnectResponse
	(*Join)(nil),                  // 9: beckon.v1.Join
	(*Leave)(nil),                 // 10: beckon.v1.Leave
	(*Offer)(nil),                 // 11: beckon.v1.Offer
	(*Answer)(nil),                // 12: beckon.v1.Answer
	(*Candidate)(nil),             // 13: beckon.v1.Candidate
	(*IceCandidate)(nil),          // 14: beckon.v1.IceCandidate
	(*Reject)(nil),                // 15: beckon.v1.Reject
	(*Hangup)(nil),                // 16: beckon.v1.Hangup
	(*Data)(nil),                  // 17: beckon.v1.Data
	(*Update)(nil),                // 18: beckon.v1.Update
	(*Resume)(nil),                // 19: beckon.v1.Resume
	(*Cursor)(nil),                // 20: beckon.v1.Cursor
	(*Received)(nil),              // 21: beckon.v1.Received
	(*Ping)(nil),                  // 22: beckon.v1.Ping
	(*Welcome)(nil),               // 23: beckon.v1.Welcome
	(*IceServer)(nil),             // 24: beckon.v1.IceServer
	(*Limits)(nil),                // 25: beckon.v1.Limits
	(*JoinedUsers)(nil),           // 26: beckon.v1.JoinedUsers
	(*User)(nil),                  // 27: beckon.v1.User
	(*UserJoined)(nil),            // 28: beckon.v1.UserJoined
	(*UserUpdated)(nil),           // 29: beckon.v1.UserUpdated
	(*UserLeft)(nil),              // 30: beckon.v1.UserLeft
	(*Sender)(nil),                // 31: beckon.v1.Sender
	(*CallMade)(nil),              // 32: beckon.v1.CallMade
	(*AnswerMade)(nil),            // 33: beckon.v1.AnswerMade
	(*CandidateReceived)(nil),     // 34: beckon.v1.CandidateReceived
	(*CallRejected)(nil),          // 35: beckon.v1.CallRejected
	(*CallEnded)(nil),             // 36: beckon.v1.CallEnded
	(*DataReceived)(nil),          // 37: beckon.v1.DataReceived
	(*IceServersChanged)(nil),     // 38: beckon.v1.IceServersChanged
	(*Draining)(nil),              // 39: beckon.v1.Draining
	(*Ack)(nil),                   // 40: beckon.v1.Ack
	(*Failure)(nil),               // 41: beckon.v1.Failure
	(*Pong)(nil),                  // 42: beckon.v1.Pong
	(*ListenRequest)(nil),         // 43: beckon.v1.ListenRequest
	(*ListenResponse)(nil),        // 44: beckon.v1.ListenResponse
	(*SendRequest)(nil),           // 45: beckon.v1.SendRequest
	(*SendResponse)(nil),          // 46: beckon.v1.SendResponse
	nil,                           // 47: beckon.v1.Join.AttributesEntry
	nil,                           // 48: beckon.v1.Update.AttributesEntry
	nil,                           // 49: beckon.v1.User.AttributesEntry
	(*durationpb.Duration)(nil),   // 50: google.protobuf.Duration
	(*timestamppb.Timestamp)(nil), // 51: google.protobuf.Timestamp
}
var file_beckon_v1_signal_proto_depIdxs = []int32{
	9,  // 0: beckon.v1.ConnectRequest.join:type_name -> beckon.v1.Join
	10, // 1: beckon.v1.ConnectRequest.leave:type_name -> beckon.v1.Leave
	11, // 2: beckon.v1.ConnectRequest.offer:type_name -> beckon.v1.Offer
	12, // 3: beckon.v1.ConnectRequest.answer:type_name -> beckon.v1.Answer
	13, // 4: beckon.v1.ConnectRequest.candidate:type_name -> beckon.v1.Candidate
	15, // 5: beckon.v1.ConnectRequest.reject:type_name -> beckon.v1.Reject
	16, // 6: beckon.v1.ConnectRequest.hangup:type_name -> beckon.v1.Hangup
	17, // 7: beckon.v1.ConnectRequest.data:type_name -> beckon.v1.Data
	18, // 8: beckon.v1.ConnectRequest.update:type_name -> beckon.v1.Update
	19, // 9: beckon.v1.ConnectRequest.resume:type_name -> beckon.v1.Resume
	21, // 10: beckon.v1.ConnectRequest.received:type_name -> beckon.v1.Received
	22, // 11: beckon.v1.ConnectRequest.ping:type_name -> beckon.v1.Ping
	23, // 12: beckon.v1.ConnectResponse.welcome:type_name -> beckon.v1.Welcome
	26, // 13: beckon.v1.ConnectResponse.joined_users:type_name -> beckon.v1.JoinedUsers
	28, // 14: beckon.v1.ConnectResponse.user_joined:type_name -> beckon.v1.UserJoined
	29, // 15: beckon.v1.ConnectResponse.user_updated:type_name -> beckon.v1.UserUpdated
	30, // 16: beckon.v1.ConnectResponse.user_left:type_name -> beckon.v1.UserLeft
	32, // 17: beckon.v1.ConnectResponse.call_made:type_name -> beckon.v1.CallMade
	33, // 18: beckon.v1.ConnectResponse.answer_made:type_name -> beckon.v1.AnswerMade
	34, // 19: beckon.v1.ConnectResponse.candidate_received:type_name -> beckon.v1.CandidateReceived
	35, // 20: beckon.v1.ConnectResponse.call_rejected:type_name -> beckon.v1.CallRejected
	36, // 21: beckon.v1.ConnectResponse.call_ended:type_name -> beckon.v1.CallEnded
	37, // 22: beckon.v1.ConnectResponse.data_received:type_name -> beckon.v1.DataReceived
	40, // 23: beckon.v1.ConnectResponse.ack:type_name -> beckon.v1.Ack
	41, // 24: beckon.v1.ConnectResponse.failure:type_name -> beckon.v1.Failure
	42, // 25: beckon.v1.ConnectResponse.pong:type_name -> beckon.v1.Pong
	38, // 26: beckon.v1.ConnectResponse.ice_servers_changed:type_name -> beckon.v1.IceServersChanged
	39, // 27: beckon.v1.ConnectResponse.draining:type_name -> beckon.v1.Draining
	47, // 28: beckon.v1.Join.attributes:type_name -> beckon.v1.Join.AttributesEntry
	0,  // 29: beckon.v1.Join.presence:type_name -> beckon.v1.Presence
	14, // 30: beckon.v1.Candidate.candidates:type_name -> beckon.v1.IceCandidate
	1,  // 31: beckon.v1.Reject.reason:type_name -> beckon.v1.RejectReason
	2,  // 32: beckon.v1.Hangup.reason:type_name -> beckon.v1.HangupReason
	48, // 33: beckon.v1.Update.attributes:type_name -> beckon.v1.Update.AttributesEntry
	20, // 34: beckon.v1.Resume.cursors:type_name -> beckon.v1.Cursor
	9,  // 35: beckon.v1.Resume.rejoin:type_name -> beckon.v1.Join
	20, // 36: beckon.v1.Received.cursors:type_name -> beckon.v1.Cursor
	20, // 37: beckon.v1.Ping.received:type_name -> beckon.v1.Cursor
	50, // 38: beckon.v1.Welcome.resume_window:type_name -> google.protobuf.Duration
	50, // 39: beckon.v1.Welcome.heartbeat_interval:type_name -> google.protobuf.Duration
	24, // 40: beckon.v1.Welcome.ice_servers:type_name -> beckon.v1.IceServer
	25, // 41: beckon.v1.Welcome.limits:type_name -> beckon.v1.Limits
	3,  // 42: beckon.v1.Welcome.resumption:type_name -> beckon.v1.Resumption
	51, // 43: beckon.v1.IceServer.expires:type_name -> google.protobuf.Timestamp
	27, // 44: beckon.v1.JoinedUsers.users:type_name -> beckon.v1.User
	49, // 45: beckon.v1.User.attributes:type_name -> beckon.v1.User.AttributesEntry
	4,  // 46: beckon.v1.User.status:type_name -> beckon.v1.UserStatus
	27, // 47: beckon.v1.UserJoined.user:type_name -> beckon.v1.User
	27, // 48: beckon.v1.UserUpdated.user:type_name -> beckon.v1.User
	27, // 49: beckon.v1.UserLeft.user:type_name -> beckon.v1.User
	5,  // 50: beckon.v1.UserLeft.reason:type_name -> beckon.v1.LeaveReason
	31, // 51: beckon.v1.CallMade.sender:type_name -> beckon.v1.Sender
	31, // 52: beckon.v1.AnswerMade.sender:type_name -> beckon.v1.Sender
	31, // 53: beckon.v1.CandidateReceived.sender:type_name -> beckon.v1.Sender
	14, // 54: beckon.v1.CandidateReceived.candidates:type_name -> beckon.v1.IceCandidate
	31, // 55: beckon.v1.CallRejected.sender:type_name -> beckon.v1.Sender
	1,  // 56: beckon.v1.CallRejected.reason:type_name -> beckon.v1.RejectReason
	31, // 57: beckon.v1.CallEnded.sender:type_name -> beckon.v1.Sender
	2,  // 58: beckon.v1.CallEnded.reason:type_name -> beckon.v1.HangupReason
	31, // 59: beckon.v1.DataReceived.sender:type_name -> beckon.v1.Sender
	24, // 60: beckon.v1.IceServersChanged.ice_servers:type_name -> beckon.v1.IceServer
	50, // 61: beckon.v1.Draining.reconnect_after:type_name -> google.protobuf.Duration
	6,  // 62: beckon.v1.Failure.code:type_name -> beckon.v1.FailureCode
	7,  // 63: beckon.v1.ListenRequest.first:type_name -> beckon.v1.ConnectRequest
	8,  // 64: beckon.v1.ListenResponse.event:type_name -> beckon.v1.ConnectResponse
	7,  // 65: beckon.v1.SendRequest.messages:type_name -> beckon.v1.ConnectRequest
	7,  // 66: beckon.v1.Signal.Connect:input_type -> beckon.v1.ConnectRequest
	43, // 67: beckon.v1.Signal.Listen:input_type -> beckon.v1.ListenRequest
	45, // 68: beckon.v1.Signal.Send:input_type -> beckon.v1.SendRequest
	8,  // 69: beckon.v1.Signal.Connect:output_type -> beckon.v1.ConnectResponse
	44, // 70: beckon.v1.Signal.Listen:output_type -> beckon.v1.ListenResponse
	46, // 71: beckon.v1.Signal.Send:output_type -> beckon.v1.SendResponse
	69, // [69:72] is the sub-list for method output_type
	66, // [66:69] is the sub-list for method input_type
	66, // [66:66] is the sub-list for extension type_name
	66, // [66:66] is the sub-list for extension extendee
	0,  // [0:66] is the sub-list for field type_name
}

func init() { file_beckon_v1_signal_proto_init() }
func file_beckon_v1_signal_proto_init() {
	if File_beckon_v1_signal_proto != nil {
		return
	}
	file_beckon_v1_signal_proto_msgTypes[0].OneofWrappers = []any{
		(*ConnectRequest_Join)(nil),
		(*ConnectRequest_Leave)(nil),
		(*ConnectRequest_Offer)(nil),
		(*ConnectRequest_Answer)(nil),
		(*ConnectRequest_Candidate)(nil),
		(*ConnectRequest_Reject)(nil),
		(*ConnectRequest_Hangup)(nil),
		(*ConnectRequest_Data)(nil),
		(*ConnectRequest_Update)(nil),
		(*ConnectRequest_Resume)(nil),
		(*ConnectRequest_Received)(nil),
		(*ConnectRequest_Ping)(nil),
	}
	file_beckon_v1_signal_proto_msgTypes[1].OneofWrappers = []any{
		(*ConnectResponse_Welcome)(nil),
		(*ConnectResponse_JoinedUsers)(nil),
		(*ConnectResponse_UserJoined)(nil),
		(*ConnectResponse_UserUpdated)(nil),
		(*ConnectResponse_UserLeft)(nil),
		(*ConnectResponse_CallMade)(nil),
		(*ConnectResponse_AnswerMade)(nil),
		(*ConnectResponse_CandidateReceived)(nil),
		(*ConnectResponse_CallRejected)(nil),
		(*ConnectResponse_CallEnded)(nil),
		(*ConnectResponse_DataReceived)(nil),
		(*ConnectResponse_Ack)(nil),
		(*ConnectResponse_Failure)(nil),
		(*ConnectResponse_Pong)(nil),
		(*ConnectResponse_IceServersChanged)(nil),
		(*ConnectResponse_Draining)(nil),
	}
	file_beckon_v1_signal_proto_msgTypes[2].OneofWrappers = []any{}
	file_beckon_v1_signal_proto_msgTypes[7].OneofWrappers = []any{}
	file_beckon_v1_signal_proto_msgTypes[11].OneofWrappers = []any{}
	type x struct{}
	out := protoimpl.TypeBuilder{
		File: protoimpl.DescBuilder{
			GoPackagePath: reflect.TypeOf(x{}).PkgPath(),
			RawDescriptor: unsafe.Slice(unsafe.StringData(file_beckon_v1_signal_proto_rawDesc), len(file_beckon_v1_signal_proto_rawDesc)),
			NumEnums:      7,
			NumMessages:   43,
			NumExtensions: 0,
			NumServices:   1,
		},
		GoTypes:           file_beckon_v1_signal_proto_goTypes,
		DependencyIndexes: file_beckon_v1_signal_proto_depIdxs,
		EnumInfos:         file_beckon_v1_signal_proto_enumTypes,
		MessageInfos:      file_beckon_v1_signal_proto_msgTypes,
	}.Build()
	File_beckon_v1_signal_proto = out.File
	file_beckon_v1_signal_proto_goTypes = nil
	file_beckon_v1_signal_proto_depIdxs = nil
}
