/** Why a side hung up, in the order of the specification's HangupReason. */
export type HangupWord = (typeof hangupWords)[number];
const hangupWords = ["hungUp", "cancelled", "timeout", "failed"] as const;

/** Why a side declined, in the order of the specification's RejectReason. */
export type RejectWord = (typeof rejectWords)[number];
const rejectWords = ["declined", "busy", "noAnswer", "unsupported"] as const;

/** How a call ended. */
export interface CallEnd {
  /** Who ended it: this side, the other, the room (the other side is no longer there), or the server. */
  readonly by: "us" | "peer" | "room" | "server";
  /**
   * Why, for a program: what a side gave as its reason, or
   *
   * - `left`: the other side has left the room;
   * - `unreachable`: the server did not take a message for the other side;
   * - `notAllowed`: it did not, since the access token does not allow calls;
   * - `lost`: this side's session was lost.
   */
  readonly reason: HangupWord | RejectWord | "left" | "unreachable" | "notAllowed" | "lost";
  /** Why, for a person; may be empty. */
  readonly detail: string;
}

export function hangupReason(word: HangupWord): number {
  return hangupWords.indexOf(word);
}

export function rejectReason(word: RejectWord): number {
  return rejectWords.indexOf(word);
}

/** How a call ended that the other side hung up. A reason that is not known counts as the first. */
export function hungUp({ reason, detail }: { reason: number; detail: string }): CallEnd {
  return { by: "peer", reason: hangupWords[reason] ?? "hungUp", detail };
}

/** How a call ended that the other side declined. */
export function rejected({ reason, detail }: { reason: number; detail: string }): CallEnd {
  return { by: "peer", reason: rejectWords[reason] ?? "declined", detail };
}
