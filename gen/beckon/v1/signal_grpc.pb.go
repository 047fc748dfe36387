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

// Code generated by protoc-gen-go-grpc. DO NOT EDIT.
// versions:
// - protoc-gen-go-grpc v1.6.2
// - protoc             (unknown)
// source: beckon/v1/signal.proto

package beckonv1

import (
	context "context"
	grpc "google.golang.org/grpc"
	codes "google.golang.org/grpc/codes"
	status "google.golang.org/grpc/status"
)

// This is a compile-time assertion to ensure that this generated file
// is compatible with the grpc package it is being compiled against.
// Requires gRPC-Go v1.64.0 or later.
const _ = grpc.SupportPackageIsVersion9

const (
	Signal_Connect_FullMethodName = "/beckon.v1.Signal/Connect"
	Signal_Listen_FullMethodName  = "/beckon.v1.Signal/Listen"
	Signal_Send_FullMethodName    = "/beckon.v1.Signal/Send"
)

// SignalClient is the client API for Signal service.
//
// For semantics around ctx use and closing/ending streaming RPCs, please refer to https://pkg.go.dev/google.golang.org/grpc/?tab=doc#ClientConn.NewStream.
//
// Signal lets peers find each other in rooms and set up calls.
type SignalClient interface {
	// Connect carries one session, from its first message to its end. Everything above is about it.
	Connect(ctx context.Context, opts ...grpc.CallOption) (grpc.BidiStreamingClient[ConnectRequest, ConnectResponse], error)
	// Listen and Send together serve clients that cannot have a bidirectional stream. Listen opens a session with a `join`
	// or takes it up with a `resume`, and carries all of its events, outcomes included. It ends as the session's stream
	// does, with the statuses above; its client ends the session with a `leave` without a room. Any other first message
	// ends it with INVALID_ARGUMENT, reason BAD_FIRST_MESSAGE.
	Listen(ctx context.Context, in *ListenRequest, opts ...grpc.CallOption) (grpc.ServerStreamingClient[ListenResponse], error)
	// Send carries messages of a session opened by Listen, and returns when they have been tried: in order, a later one
	// after an earlier one failed. What becomes of each is told on the Listen stream, and if one of them ends the session,
	// so is that. A session that has lost its stream takes messages, too; what became of them is told when they are sent
	// again after a resume. The metadata `beckon-session` holds the session's resume token.
	//
	// A mistake in the call itself fails the call, and harms nothing else:
	//
	//	status               reason              when
	//	INVALID_ARGUMENT     UNDECODABLE         the bytes are no SendRequest
	//	INVALID_ARGUMENT     NO_MESSAGES         there are none
	//	INVALID_ARGUMENT     NO_SESSION          the metadata is not there exactly once
	//	NOT_FOUND            NO_SUCH_SESSION     the token is none, or the session ended before all messages were tried
	//	FAILED_PRECONDITION  NOT_LISTENING       the session's newest stream is a Connect
	//	FAILED_PRECONDITION  SEND_UNDER_WAY      another Send of the session has not returned; one that was cancelled is
	//	                                         under way until its messages have been tried
	//	RESOURCE_EXHAUSTED   -                   all messages together are beyond four times `max_message_bytes`
	//	UNAVAILABLE          SHUTTING_DOWN       the server is about to stop and the session's stream has ended: nothing was tried
	Send(ctx context.Context, in *SendRequest, opts ...grpc.CallOption) (*SendResponse, error)
}

type signalClient struct {
	cc grpc.ClientConnInterface
}

func NewSignalClient(cc grpc.ClientConnInterface) SignalClient {
	return &signalClient{cc}
}

func (c *signalClient) Connect(ctx context.Context, opts ...grpc.CallOption) (grpc.BidiStreamingClient[ConnectRequest, ConnectResponse], error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	stream, err := c.cc.NewStream(ctx, &Signal_ServiceDesc.Streams[0], Signal_Connect_FullMethodName, cOpts...)
	if err != nil {
		return nil, err
	}
	x := &grpc.GenericClientStream[ConnectRequest, ConnectResponse]{ClientStream: stream}
	return x, nil
}

// This type alias is provided for backwards compatibility with existing code that references the prior non-generic stream type by name.
type Signal_ConnectClient = grpc.BidiStreamingClient[ConnectRequest, ConnectResponse]

func (c *signalClient) Listen(ctx context.Context, in *ListenRequest, opts ...grpc.CallOption) (grpc.ServerStreamingClient[ListenResponse], error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	stream, err := c.cc.NewStream(ctx, &Signal_ServiceDesc.Streams[1], Signal_Listen_FullMethodName, cOpts...)
	if err != nil {
		return nil, err
	}
	x := &grpc.GenericClientStream[ListenRequest, ListenResponse]{ClientStream: stream}
	if err := x.ClientStream.SendMsg(in); err != nil {
		return nil, err
	}
	if err := x.ClientStream.CloseSend(); err != nil {
		return nil, err
	}
	return x, nil
}

// This type alias is provided for backwards compatibility with existing code that references the prior non-generic stream type by name.
type Signal_ListenClient = grpc.ServerStreamingClient[ListenResponse]

func (c *signalClient) Send(ctx context.Context, in *SendRequest, opts ...grpc.CallOption) (*SendResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(SendResponse)
	err := c.cc.Invoke(ctx, Signal_Send_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// SignalServer is the server API for Signal service.
// All implementations must embed UnimplementedSignalServer
// for forward compatibility.
//
// Signal lets peers find each other in rooms and set up calls.
type SignalServer interface {
	// Connect carries one session, from its first message to its end. Everything above is about it.
	Connect(grpc.BidiStreamingServer[ConnectRequest, ConnectResponse]) error
	// Listen and Send together serve clients that cannot have a bidirectional stream. Listen opens a session with a `join`
	// or takes it up with a `resume`, and carries all of its events, outcomes included. It ends as the session's stream
	// does, with the statuses above; its client ends the session with a `leave` without a room. Any other first message
	// ends it with INVALID_ARGUMENT, reason BAD_FIRST_MESSAGE.
	Listen(*ListenRequest, grpc.ServerStreamingServer[ListenResponse]) error
	// Send carries messages of a session opened by Listen, and returns when they have been tried: in order, a later one
	// after an earlier one failed. What becomes of each is told on the Listen stream, and if one of them ends the session,
	// so is that. A session that has lost its stream takes messages, too; what became of them is told when they are sent
	// again after a resume. The metadata `beckon-session` holds the session's resume token.
	//
	// A mistake in the call itself fails the call, and harms nothing else:
	//
	//	status               reason              when
	//	INVALID_ARGUMENT     UNDECODABLE         the bytes are no SendRequest
	//	INVALID_ARGUMENT     NO_MESSAGES         there are none
	//	INVALID_ARGUMENT     NO_SESSION          the metadata is not there exactly once
	//	NOT_FOUND            NO_SUCH_SESSION     the token is none, or the session ended before all messages were tried
	//	FAILED_PRECONDITION  NOT_LISTENING       the session's newest stream is a Connect
	//	FAILED_PRECONDITION  SEND_UNDER_WAY      another Send of the session has not returned; one that was cancelled is
	//	                                         under way until its messages have been tried
	//	RESOURCE_EXHAUSTED   -                   all messages together are beyond four times `max_message_bytes`
	//	UNAVAILABLE          SHUTTING_DOWN       the server is about to stop and the session's stream has ended: nothing was tried
	Send(context.Context, *SendRequest) (*SendResponse, error)
	mustEmbedUnimplementedSignalServer()
}

// UnimplementedSignalServer must be embedded to have
// forward compatible implementations.
//
// NOTE: this should be embedded by value instead of pointer to avoid a nil
// pointer dereference when methods are called.
type UnimplementedSignalServer struct{}

func (UnimplementedSignalServer) Connect(grpc.BidiStreamingServer[ConnectRequest, ConnectResponse]) error {
	return status.Error(codes.Unimplemented, "method Connect not implemented")
}
func (UnimplementedSignalServer) Listen(*ListenRequest, grpc.ServerStreamingServer[ListenResponse]) error {
	return status.Error(codes.Unimplemented, "method Listen not implemented")
}
func (UnimplementedSignalServer) Send(context.Context, *SendRequest) (*SendResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method Send not implemented")
}
func (UnimplementedSignalServer) mustEmbedUnimplementedSignalServer() {}
func (UnimplementedSignalServer) testEmbeddedByValue()                {}

// UnsafeSignalServer may be embedded to opt out of forward compatibility for this service.
// Use of this interface is not recommended, as added methods to SignalServer will
// result in compilation errors.
type UnsafeSignalServer interface {
	mustEmbedUnimplementedSignalServer()
}

func RegisterSignalServer(s grpc.ServiceRegistrar, srv SignalServer) {
	// If the following call panics, it indicates UnimplementedSignalServer was
	// embedded by pointer and is nil.  This will cause panics if an
	// unimplemented method is ever invoked, so we test this at initialization
	// time to prevent it from happening at runtime later due to I/O.
	if t, ok := srv.(interface{ testEmbeddedByValue() }); ok {
		t.testEmbeddedByValue()
	}
	s.RegisterService(&Signal_ServiceDesc, srv)
}

func _Signal_Connect_Handler(srv interface{}, stream grpc.ServerStream) error {
	return srv.(SignalServer).Connect(&grpc.GenericServerStream[ConnectRequest, ConnectResponse]{ServerStream: stream})
}

// This type alias is provided for backwards compatibility with existing code that references the prior non-generic stream type by name.
type Signal_ConnectServer = grpc.BidiStreamingServer[ConnectRequest, ConnectResponse]

func _Signal_Listen_Handler(srv interface{}, stream grpc.ServerStream) error {
	m := new(ListenRequest)
	if err := stream.RecvMsg(m); err != nil {
		return err
	}
	return srv.(SignalServer).Listen(m, &grpc.GenericServerStream[ListenRequest, ListenResponse]{ServerStream: stream})
}

// This type alias is provided for backwards compatibility with existing code that references the prior non-generic stream type by name.
type Signal_ListenServer = grpc.ServerStreamingServer[ListenResponse]

func _Signal_Send_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(SendRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(SignalServer).Send(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: Signal_Send_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(SignalServer).Send(ctx, req.(*SendRequest))
	}
	return interceptor(ctx, in, info, handler)
}

// Signal_ServiceDesc is the grpc.ServiceDesc for Signal service.
// It's only intended for direct use with grpc.RegisterService,
// and not to be introspected or modified (even as a copy)
var Signal_ServiceDesc = grpc.ServiceDesc{
	ServiceName: "beckon.v1.Signal",
	HandlerType: (*SignalServer)(nil),
	Methods: []grpc.MethodDesc{
		{
			MethodName: "Send",
			Handler:    _Signal_Send_Handler,
		},
	},
	Streams: []grpc.StreamDesc{
		{
			StreamName:    "Connect",
			Handler:       _Signal_Connect_Handler,
			ServerStreams: true,
			ClientStreams: true,
		},
		{
			StreamName:    "Listen",
			Handler:       _Signal_Listen_Handler,
			ServerStreams: true,
		},
	},
	Metadata: "beckon/v1/signal.proto",
}
