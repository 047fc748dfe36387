import type { WebSocketClass } from "./transport/socket.js";

/** How a session is opened; see {@link Session.connect}. */
export interface SessionOptions {
  /**
   * What carries the session: a websocket or, for networks that block those, requests of `fetch`. Default: a websocket,
   * or `fetch` if no websocket can be opened.
   */
  transport?: "websocket" | "fetch";
  /**
   * The access token, which is shown as `authorization: Bearer …` on each stream; empty: none.
   *
   * A function is asked for it before each stream, so that a session can outlive its tokens: it is also asked a minute
   * before access runs out, and when it has run out. With what it gives, another token or the same, the session goes on
   * by itself; then `resumed` is all that is told. The same token serves where a webhook decides, which may say that it
   * is good for longer. If the server says at once that access still runs out, the function is asked for another again
   * and again, and the same is shown again with pauses: of five seconds, ten, and then twenty. While the function fails,
   * it is asked again, after pauses that grow to five seconds. When access has run out, what it gives then is shown once
   * more; if that has run out, too, the session ends with TOKEN_EXPIRED. It may be asked anew when it has not answered
   * for `openTimeout`; only the first question waits as long as it takes.
   *
   * A text, or what `headers` show, is as a function that always gives the same, but for an event: a `failure`
   * TOKEN_EXPIRING tells that access is about to run out. It does so once, also if the server extends it then, and
   * whenever that is about to run out.
   */
  token?: string | (() => string | Promise<string>);
  /** Headers for the server. */
  headers?: HeadersInit;
  /** Ends the opening, not the session. */
  signal?: AbortSignal;
  /**
   * How long the server may take to say something on a websocket before it counts as blocked, and to take up a session
   * before that is tried again. In ms. Default: 5000.
   */
  openTimeout?: number;
  /** How many events may wait to be taken; then the session ends with SLOW_CONSUMER. At least 1. Default: 1024. */
  queue?: number;
  /** Default: the global one. For Node.js before 22, the one of the package `ws`. */
  webSocket?: WebSocketClass;
  /** Default: the global one. */
  fetch?: typeof globalThis.fetch;
}

/** How one message is sent. */
export interface SendOptions {
  /** Ends the waiting for the outcome. The message may have been recorded or not; a failure that comes is an event. */
  signal?: AbortSignal;
}

/** The `openTimeout` of a session, in milliseconds. */
export function openTimeout(options: SessionOptions): number {
  return options.openTimeout ?? 5000;
}
