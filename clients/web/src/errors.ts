import { Code, ConnectError } from "@connectrpc/connect";

import { FailureCode } from "./gen/beckon/v1/signal_pb.js";
import type { EventOf } from "./event.js";
import { reasonOf } from "./transport/error-info.js";

/**
 * A message was not recorded. It is what the promise of the call that sent it rejects with. The session goes on.
 *
 * ```ts
 * if (error instanceof Failure && error.code === FailureCode.NO_SUCH_USER) …
 * ```
 */
export class Failure extends Error {
  /** What went wrong, for a program. */
  readonly code: FailureCode;
  /** What was wrong and what was expected, for a person; not to be parsed. */
  readonly detail: string;
  /** The field that was wrong, by its name in the specification (`call_id`); empty if none was. */
  readonly field: string;
  /** As in the message. */
  readonly to: string;
  /** As in the message. */
  readonly callId: string;

  /** @internal */
  constructor(failure: Pick<EventOf<"failure">, "code" | "detail"> & Partial<Omit<EventOf<"failure">, "kind">>) {
    super(sentence(FailureCode[failure.code] ?? `code ${failure.code}`, failure.detail));
    this.code = failure.code;
    this.detail = failure.detail;
    this.field = failure.field ?? "";
    this.to = failure.to ?? "";
    this.callId = failure.callId ?? "";
  }
}
Failure.prototype.name = "Failure";

/**
 * Why a session ended or its connection was lost, for programs: the reasons that the specification lists, and
 * `ABANDONED`, when `abort()` was called or `close()` had no answer in time. `SILENT`, `SLOW_CONSUMER` and `NO_TOKEN` are
 * also given by this package: the server did not answer, or said nothing for three heartbeat intervals; too many events
 * waited to be taken; the application gave no access token, for which the code is UNAVAILABLE. Empty if the connection was lost or could not be made. Others are passed on.
 */
export type Reason =
  | ""
  | "NO_TOKEN"
  | "BAD_TOKEN"
  | "TOKEN_EXPIRED"
  | "NOT_ALLOWED"
  | "KICKED"
  | "SLOW_CONSUMER"
  | "MESSAGE_TOO_LARGE"
  | "LIMIT"
  | "TAKEN_OVER"
  | "NO_SUCH_SESSION"
  | "SILENT"
  | "SHUTTING_DOWN"
  | "NO_LOG"
  | "ABANDONED"
  | "CLOSED"
  | (string & {});

/**
 * Why a session ended in another way than as asked, could not be opened, or lost its connection. A call that the end overtook rejects with
 * it; after a clean end, with one whose reason is `CLOSED`.
 */
export class EndError extends Error {
  /** The stream's status; never OK, which has no code. */
  readonly code: Code;
  /** Why, for a program. */
  readonly reason: Reason;
  /** Why, for a person; not to be parsed. */
  readonly detail: string;

  /** @internal */
  constructor(code: Code, reason: Reason, detail: string, options?: ErrorOptions) {
    super(sentence(reason === "" ? Code[code] : `${Code[code]} ${reason}`, detail), options);
    this.code = code;
    this.reason = reason;
    this.detail = detail;
  }
}
EndError.prototype.name = "EndError";

/** Tells how a stream ended, from what its iterator threw. */
export function endOf(thrown: unknown): EndError {
  if (thrown instanceof EndError) return thrown;
  const error = ConnectError.from(thrown);
  return new EndError(error.code, reasonOf(error), error.rawMessage, { cause: error });
}

function sentence(what: string, how: string): string {
  return how === "" ? what : `${what}: ${how}`;
}
