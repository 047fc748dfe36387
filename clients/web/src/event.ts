import type { Message } from "@bufbuild/protobuf";

import type { ConnectResponse } from "./gen/beckon/v1/signal_pb.js";

type Happening = Extract<ConnectResponse["event"], { case: string }>;

/** What this package keeps to itself: it comes as `session.welcome` and as outcomes of calls. */
type Hidden = "welcome" | "ack" | "pong";

/** Fields that only the encoding needs. `more` is gone because lists are put together. */
type Encoding = keyof Message | "more";

/** Fields that the encoding could leave out, but the server never does. */
type Given = "sender" | "user" | "reconnectAfter";

type Flat<H> = H extends { case: infer Kind; value: infer M }
  ? Kind extends Hidden
    ? never
    : {
        /** What happened, in the word of the specification. (`type` is a field of `dataReceived`.) */
        readonly kind: Kind;
        /** The room that the event is about. Empty: the session itself. */
        readonly room: string;
        /** The event's number in the log of `room`. It never falls; gaps are normal. 0: the event is in no log. */
        readonly seq: bigint;
      } & { readonly [F in keyof M as F extends Encoding | Given ? never : F]: M[F] } & {
        readonly [F in keyof M as F extends Given ? F : never]-?: NonNullable<M[F]>;
      }
  : never;

/**
 * Something that happened, told apart by `kind`: the fields of the specification's message, and where it happened.
 *
 * ```ts
 * if (event.kind === "callMade") accept(event.sender, event.room, event.callId, event.sdp);
 * ```
 *
 * A `failure` comes as an event where no call waits for it: after the call's signal was aborted, and for `UNDELIVERED`,
 * which may come long after the call succeeded. Later versions may add kinds: leave those that are not known alone.
 */
export type Event = Flat<Happening>;

/** The event of one kind: `EventOf<"callMade">`. */
export type EventOf<Kind extends Event["kind"]> = Extract<Event, { kind: Kind }>;

/**
 * Takes an event out of its envelope.
 *
 * @returns undefined if it is none that an application sees, or of a kind that this package does not know.
 */
export function eventOf(response: ConnectResponse): Event | undefined {
  const happened = response.event;
  switch (happened.case) {
    case undefined:
    case "welcome":
    case "ack":
    case "pong":
      return undefined;
    default: {
      const { $typeName, $unknown, ...fields } = happened.value;
      if (happened.case === "joinedUsers") delete (fields as { more?: boolean }).more;
      return { kind: happened.case, room: response.room, seq: response.seq, ...fields } as Event;
    }
  }
}
