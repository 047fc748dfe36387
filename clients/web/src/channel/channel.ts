import type { MessageInitShape } from "@bufbuild/protobuf";

import type { ConnectRequest, ConnectResponse, ResumeSchema } from "../gen/beckon/v1/signal_pb.js";
import type { SessionOptions } from "../options.js";

/** The request id of the message that opens a session; those of others are above it. */
export const openingId = 1n;

/** What carries a session, in words for people. */
export type Carrier = "websocket" | "fetch";

/** What a stream begins with that takes up a session. */
export type Resume = MessageInitShape<typeof ResumeSchema>;

/** One stream of a session. */
export interface Channel {
  /** What carries it. */
  readonly name: Carrier;
  /** What the server says, `welcome` first. Ends when the stream ends with OK, and throws in any other case. */
  readonly responses: AsyncIterator<ConnectResponse>;
  /** Sends a message, in order. That it could not be sent is the end of `responses`. */
  send(request: ConnectRequest): void;
  /**
   * Says that nothing more will be sent, so that the server ends the session. `vanishing`: the page is about to go.
   * Without a stream it is still said if there is a way.
   */
  finish(vanishing: boolean): void;
  /** Loses the stream. */
  abort(): void;
}

/** Opens a channel: of a new session or, with `resume`, of one that goes on. */
export type OpenChannel = (baseUrl: string, options: SessionOptions, resume?: Resume) => Channel;
