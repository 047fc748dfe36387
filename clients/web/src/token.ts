import { Code } from "@connectrpc/connect";

import { EndError } from "./errors.js";
import type { SessionOptions } from "./options.js";

/** What a header can carry as it is. */
const visible = /^[\x21-\x7e]*$/;

/** Whether the application can be asked for another token. Else it is told when access is about to run out. */
export function isRenewable({ token }: SessionOptions): boolean {
  return typeof token === "function";
}

/**
 * Gives the access token for a stream; empty if there is to be none. An application that is asked has `timeout`
 * milliseconds to give it; undefined: as long as it takes.
 *
 * @throws EndError UNAVAILABLE, reason NO_TOKEN, or the reason of the signal.
 */
export async function tokenOf(options: SessionOptions, signal?: AbortSignal, timeout?: number): Promise<string> {
  const { token: given } = options;
  const token = typeof given === "function" ? await answer(given, signal, timeout) : (given ?? "");
  if (typeof token !== "string") throw noToken(`expected a string, not ${typeof token}`);
  const trimmed = token.trim();
  // Who shows the error must not show the token.
  if (!visible.test(trimmed)) throw noToken("expected visible ASCII characters alone");
  return trimmed;
}

/** The headers of a stream on which that token is shown. */
export function authorized(headers: HeadersInit | undefined, token: string): Headers {
  const all = new Headers(headers);
  if (token !== "") all.set("authorization", `Bearer ${token}`);
  return all;
}

/** Asks, and waits no longer than it may. */
function answer(
  ask: () => string | Promise<string>,
  signal: AbortSignal | undefined,
  timeout: number | undefined,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal?.reason);
    signal?.addEventListener("abort", stop);
    const late = (): void => reject(noToken(`the application gave none within ${timeout} ms`));
    const timer = timeout === undefined ? undefined : setTimeout(late, timeout);
    Promise.resolve()
      .then(ask)
      .then(resolve, (error: unknown) => reject(noToken(String(error), { cause: error })))
      .finally(() => {
        signal?.removeEventListener("abort", stop);
        clearTimeout(timer);
      });
    if (signal?.aborted) stop();
  });
}

function noToken(why: string, options?: ErrorOptions): EndError {
  return new EndError(Code.Unavailable, "NO_TOKEN", `no access token to show: ${why}`, options);
}
