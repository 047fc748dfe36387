export { Code } from "@connectrpc/connect";

export {
  Call,
  type CallEnd,
  type CallOptions,
  type CallState,
  type HangupWord,
  onCall,
  type RejectWord,
  type Route,
} from "./call.js";
export { verificationCode } from "./call/verify.js";
export { EndError, Failure, type Reason } from "./errors.js";
export type { ConnectionEvent, Event, EventOf } from "./event.js";
export {
  FailureCode,
  HangupReason,
  type IceCandidate,
  type IceServer,
  LeaveReason,
  type Limits,
  Presence,
  RejectReason,
  Resumption,
  type Sender,
  type User,
  UserStatus,
  type Welcome,
} from "./gen/beckon/v1/signal_pb.js";
export type { Address, Answer, Candidate, Data, Hangup, Join, Offer, Reject, Update } from "./message.js";
export type { SendOptions, SessionOptions } from "./options.js";
export { type Peer, Room, type RoomOptions } from "./room.js";
export { Session, type SessionState } from "./session.js";
export type { WebSocketClass, WebSocketLike } from "./transport/socket.js";
