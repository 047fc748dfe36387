import type { Presence, HangupReason, RejectReason } from "./gen/beckon/v1/signal_pb.js";

/** Enters a room, or changes how one is in it. */
export interface Join {
  /** Its name: any, for who is to meet. */
  room: string;
  /** What others see. Absent: the name that comes with the access, else none. */
  name?: string;
  /** What else others see, as they like to use it. At most 32 entries and 4 KiB. */
  attributes?: Record<string, string>;
  /** How much of the room to hear. Default: `Presence.FULL`. */
  presence?: Presence;
}

/** Where a relayed message goes. At least one of the two is set. */
export interface Address {
  /** A user's id. Absent: everybody else in `room`. */
  to?: string;
  /** A room. Absent: the only one that both users are in. */
  room?: string;
}

/** Calls somebody, or renegotiates within a call (same `callId`). */
export interface Offer extends Address {
  /** Chosen by the caller, unique between the two. */
  callId: string;
  /** The description, of type offer. */
  sdp: string;
}

/** Accepts an offer. */
export interface Answer extends Address {
  /** That of the offer. */
  callId: string;
  /** The description, of type answer or, if `provisional`, pranswer. */
  sdp: string;
  /** The description is of type pranswer: more answers will follow. */
  provisional?: boolean;
}

/** Tells of ICE candidates as they are found (trickle ICE, RFC 8838). */
export interface Candidate extends Address {
  /** That of the offer. */
  callId: string;
  /** At least one. An empty one is the end of candidates. */
  candidates: RTCIceCandidateInit[];
}

/** Declines a call. */
export interface Reject extends Address {
  /** That of the offer. */
  callId: string;
  /** Why, for a program. Default: simply declined. */
  reason?: RejectReason;
  /** Why, for a person; at most 1 KiB. */
  detail?: string;
}

/** Ends a call, before or after it was answered. */
export interface Hangup extends Address {
  /** That of the offer. */
  callId: string;
  /** Why, for a program. Default: its user ended it. */
  reason?: HangupReason;
  /** Why, for a person; at most 1 KiB. */
  detail?: string;
}

/** Carries a message of the application's own. */
export interface Data extends Address {
  /** What `payload` is, in the application's words. */
  type?: string;
  /** The message, which the server does not read. */
  payload?: Uint8Array;
}

/** Changes what others see of oneself in one room. */
export interface Update {
  /** The one room, in which one is. */
  room: string;
  /** The new name. Absent: as before. */
  name?: string;
  /** Merged into the present ones; an empty value removes its key. */
  attributes?: Record<string, string>;
}
