import type { ConnectRequest, ConnectResponse } from "../gen/beckon/v1/signal_pb.js";

/** The request id of the message that opens a session; those of others are above it. */
export const openingId = 1n;

/** What carries a session. */
export interface Channel {
  /** What carries it, for people. */
  readonly name: "websocket" | "fetch";
  /** What the server says, `welcome` first. Ends when the stream ends with OK, and throws in any other case. */
  readonly responses: AsyncIterator<ConnectResponse>;
  /** Sends a message, in order. That it could not be sent is the end of `responses`. */
  send(request: ConnectRequest): void;
  /** Says that nothing more will be sent, so that the server ends the session. `vanishing`: the page is about to go. */
  finish(vanishing: boolean): void;
  /** Loses the stream. */
  abort(): void;
}
