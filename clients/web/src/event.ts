import type { Message } from "@bufbuild/protobuf";

import type { EndError } from "./errors.js";
import type { ConnectResponse } from "./gen/beckon/v1/signal_pb.js";

type Happening = Extract<ConnectResponse["event"], { case: string }>;

/** What this package keeps to itself: it comes as `session.welcome` and as outcomes of calls. */
type Hidden = "welcome" | "ack" | "pong";

/** Fields that only the encoding needs. `more` is gone because lists are put together. */
type Encoding = keyof Message | "more";

/** Fields that the encoding could leave out, but the server never does. */
type Given = "sender" | "user" | "reconnectAfter";

interface Envelope<Kind> {
  /** What happened, in the word of the specification. (`type` is a field of `dataReceived`.) */
  readonly kind: Kind;
  /** The room that the event is about. Empty: the session itself. */
  readonly room: string;
  /** The event's number in the log of `room`. It never falls; gaps are normal. 0: the event is in no log. */
  readonly seq: bigint;
}

type Flat<H> = H extends { case: infer Kind; value: infer M }
  ? Kind extends Hidden
    ? never
    : Envelope<Kind> &
        (Kind extends "failure" ? Answering : unknown) & {
          readonly [F in keyof M as F extends Encoding | Given ? never : F]: M[F];
        } & {
          readonly [F in keyof M as F extends Given ? F : never]-?: NonNullable<M[F]>;
        }
  : never;

interface Answering {
  /** The message, by what the call that sent it has given; 0 if it was none. */
  readonly requestId: bigint;
}

type GoingOn<Kind> = Envelope<Kind> & {
  /** Whether the network became another, or came back, in between. */
  readonly networkChanged: boolean;
};

/**
 * What happens to the connection of a session: `reconnecting`, before each attempt to get another; `resumed`, when the
 * session goes on and nothing is missing; `resynced`, when it goes on but something could not be kept, so that a user
 * missing from a list counts as gone only once the `resumeWindow` of the welcome has passed; `ended`, the last event.
 */
export type ConnectionEvent =
  | (Envelope<"reconnecting"> & {
      /** Why there is no connection: how it was lost, or why the last attempt failed. */
      readonly cause: EndError;
      /** The number of the attempt to come: 1 for the first since the connection was lost, or the network came back. */
      readonly attempt: number;
      /** When it will be made, in milliseconds from now. */
      readonly delay: number;
    })
  | GoingOn<"resumed">
  | GoingOn<"resynced">
  | (Envelope<"ended"> & {
      /** Why; undefined if it ended as asked. */
      readonly error: EndError | undefined;
    });

/**
 * Something that happened, told apart by `kind`: the fields of the specification's message, and where it happened.
 *
 * ```ts
 * if (event.kind === "callMade") accept(event.sender, event.room, event.callId, event.sdp);
 * ```
 *
 * A `failure` comes as an event where no call waits for it: after the call's signal was aborted, for a room that could
 * not be joined anew, and for `UNDELIVERED`, which may come long after the call succeeded.
 *
 * Four kinds are not the specification's: see {@link ConnectionEvent}. Later versions may add kinds: leave those that are
 * not known alone.
 */
export type Event = Flat<Happening> | ConnectionEvent;

/** The event of one kind: `EventOf<"callMade">`. */
export type EventOf<Kind extends Event["kind"]> = Extract<Event, { kind: Kind }>;

/** An event of the connection. */
export function connectionEvent<Kind extends ConnectionEvent["kind"]>(
  kind: Kind,
  fields: Omit<EventOf<Kind>, keyof Envelope<Kind>>,
): Event {
  return { kind, room: "", seq: 0n, ...fields } as unknown as Event;
}

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
      if (happened.case === "failure") Object.assign(fields, { requestId: response.requestId });
      return { kind: happened.case, room: response.room, seq: response.seq, ...fields } as Event;
    }
  }
}
