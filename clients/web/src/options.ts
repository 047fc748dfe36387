import type { WebSocketClass } from "./transport/socket.js";

/** How a session is opened; see {@link Session.connect}. */
export interface SessionOptions {
  /**
   * What carries the session: a websocket or, for networks that block those, requests of `fetch`. Default: a websocket,
   * or `fetch` if no websocket can be opened.
   */
  transport?: "websocket" | "fetch";
  /** Headers for the server, such as `Authorization`. */
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
