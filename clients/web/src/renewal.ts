import { Code } from "@connectrpc/connect";

import { backoff } from "./backoff.js";
import type { Opened } from "./channel/open.js";
import { endOf } from "./errors.js";

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
 * Renews the access token of one stream: gets another from the application, and with it another stream, while the one
 * that there is goes on. So a token that the server does not take costs nothing as long as the former is good. It is
 * tried until it is done or the stream has ended.
 */
export class Renewal {
  /**
   * The other stream, from when it is asked for; undefined if there is none. Until this has resolved, with undefined if
   * it could not be had, nothing may be taken from the present one, and nothing said on it: the session goes on from
   * where it was then. Never rejects.
   */
  opening: Promise<Opened | undefined> | undefined;

  readonly #token: string;
  readonly #means: Means;
  readonly #over = new AbortController();
  #begun = false;

  /** `token` is that of the present stream. */
  constructor(token: string, means: Means) {
    this.#token = token;
    this.#means = means;
  }

  /** Begins, if it has not begun. `attempt` is the number of the first one, from which the pause before it follows. */
  begin(attempt: number): void {
    if (this.#begun) return;
    this.#begun = true;
    void this.#run(attempt);
  }

  /** Makes no further attempt. One whose stream is asked for goes on. */
  stop(): void {
    this.#over.abort();
  }

  async #run(first: number): Promise<void> {
    const { signal } = this.#over;
    let refused = this.#token;
    for (let attempt = first; ; attempt++) {
      await pause(backoff(attempt), signal);
      const token = signal.aborted ? "" : await this.#means.ask(signal).catch(() => this.#token);
      if (signal.aborted) return;
      if (token === this.#token || token === refused) continue;
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
