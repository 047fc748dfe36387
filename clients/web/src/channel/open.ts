import { Code, ConnectError } from "@connectrpc/connect";

import { endOf, EndError } from "../errors.js";
import type { Welcome } from "../gen/beckon/v1/signal_pb.js";
import type { SessionOptions } from "../options.js";
import { authorized, tokenOf } from "../token.js";
import { NotOpened } from "../transport/socket.js";
import type { Carrier, Channel, OpenChannel, Resume } from "./channel.js";
import { openListen } from "./listen.js";
import { openStream } from "./stream.js";

/** A stream on which the server has welcomed the client. */
export interface Opened {
  readonly channel: Channel;
  readonly welcome: Welcome;
  /** The access token that was shown on it; empty if there was none. */
  readonly token: string;
}

/** Opens a session with what the options ask for: if nothing, a websocket or, where that does not open, fetch. */
export async function open(baseUrl: string, options: SessionOptions): Promise<Opened> {
  const token = (): Promise<string> => tokenOf(options, options.signal);
  if (options.transport === "fetch") return greet(openListen, baseUrl, options, await token());
  try {
    return await greet(openStream, baseUrl, options, await token());
  } catch (blocked) {
    if (options.transport === "websocket" || !isBlocked(blocked)) throw blocked;
    return greet(openListen, baseUrl, options, await token()).catch((error: unknown) => {
      if (!(error instanceof EndError)) throw error;
      throw new EndError(error.code, error.reason, `${error.detail}; ${blocked.detail}`, { cause: error.cause });
    });
  }
}

/** Takes up a session on another stream, on which that token is shown. What `resume` says is said at once. */
export function reopen(
  carrier: Carrier,
  baseUrl: string,
  options: SessionOptions,
  token: string,
  resume: Resume,
): Promise<Opened> {
  return greet(carrier === "fetch" ? openListen : openStream, baseUrl, options, token, resume);
}

/** Opens a channel and waits to be welcomed. */
async function greet(
  openChannel: OpenChannel,
  baseUrl: string,
  options: SessionOptions,
  token: string,
  resume?: Resume,
): Promise<Opened> {
  const { signal } = options;
  signal?.throwIfAborted();
  const channel = openChannel(baseUrl, { ...options, headers: authorized(options.headers, token) }, resume);
  const abort = (): void => channel.abort();
  signal?.addEventListener("abort", abort);
  try {
    const first = await channel.responses.next();
    signal?.throwIfAborted();
    if (first.done !== true && first.value.event.case === "welcome")
      return { channel, welcome: first.value.event.value, token };
    const what = first.done === true ? "its end" : first.value.event.case;
    throw new EndError(
      Code.Internal,
      "",
      `the stream began with ${what}: expected a welcome; is this a Beckon server?`,
    );
  } catch (error) {
    channel.abort();
    signal?.throwIfAborted();
    throw endOf(error);
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

function isBlocked(error: unknown): error is EndError {
  return error instanceof EndError && error.cause instanceof ConnectError && error.cause.cause instanceof NotOpened;
}
