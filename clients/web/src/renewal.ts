import { Code } from "@connectrpc/connect";

import { backoff } from "./backoff.js";
import type { Opened } from "./channel/open.js";
import { endOf, EndError } from "./errors.js";

/**
 * How long a token is not shown again to a server that says at once that access still runs out, in milliseconds; it
 * doubles each time that this happens in a row. At most it is less than half the minute that the server gives.
 */
const firstAgain = 5000;
const longestAgain = 20_000;

/** The answers by which the server refuses a token: it is none, allows nothing, or is somebody else's. */
const refusals: readonly Code[] = [Code.Unauthenticated, Code.PermissionDenied, Code.NotFound];

/** What a {@link Renewal} works with. */
export interface Means {
  /** Asks the application for a token. */
  ask(signal: AbortSignal): Promise<string>;
  /** Takes the session up on another stream, with that token. */
  open(token: string): Promise<Opened>;
  /** Told that there is such a stream: `opening` gives it. */
  opened(): void;
  /** Told that there is none, and that the present stream goes on. */
  failed(): void;
}

/**
 * Renews the access of one stream: gets a token from the application, and with it another stream, while the one that
 * there is goes on. So a token that the server does not take costs nothing as long as the former is good. It may be the
 * same token: a webhook may say now that it is good for longer. It is tried until it is done or the stream has ended.
 */
export class Renewal {
  /**
   * The other stream, from when it is asked for; undefined if there is none. Until this has resolved, with undefined if
   * it could not be had, nothing may be taken from the present one, and nothing said on it: the session goes on from
   * where it was then. Never rejects.
   */
  opening: Promise<Opened | undefined> | undefined;
  /** Whether it has begun. */
  begun = false;

  readonly #token: string;
  readonly #means: Means;
  readonly #over = new AbortController();

  /** `token` is that of the present stream. */
  constructor(token: string, means: Means) {
    this.#token = token;
    this.#means = means;
  }

  /** Begins. It is the `nth` renewal in a row, of streams that were told at once that access runs out. */
  begin(nth: number): void {
    this.begun = true;
    void this.#run(nth);
  }

  /** Makes no further attempt. One whose stream is asked for goes on. */
  stop(): void {
    this.#over.abort();
  }

  async #run(nth: number): Promise<void> {
    const { signal } = this.#over;
    let refused: string | undefined;
    let early = nth > 1;
    if (early) void pause(Math.min(firstAgain * 2 ** (nth - 2), longestAgain), signal).then(() => (early = false));
    for (let attempt = nth; ; attempt++) {
      await pause(backoff(attempt), signal);
      if (signal.aborted) return;
      const token = await this.#means.ask(signal).catch(() => undefined);
      if (signal.aborted) return;
      if (token === undefined || token === refused || (token === this.#token && early)) continue;
      this.opening = this.#means.open(token).catch((error: unknown) => {
        if (refusals.includes(endOf(error).code)) refused = token;
        return undefined;
      });
      if (await this.opening) return this.#means.opened();
      this.opening = undefined;
      if (!signal.aborted) this.#means.failed();
    }
  }
}

/** Adds to an end by which access has run out that it was tried to renew it. */
export function notRenewed(end: EndError | undefined): EndError | undefined {
  if (end?.reason !== "TOKEN_EXPIRED") return end;
  const detail = `access has run out and could not be renewed: ${end.detail}`;
  return new EndError(end.code, end.reason, detail, { cause: end });
}

/** Waits so many milliseconds, or until the signal. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
  });
}
