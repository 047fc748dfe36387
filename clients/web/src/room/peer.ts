import type { Call, CallEnd } from "../call.js";
import { type User, UserStatus } from "../gen/beckon/v1/signal_pb.js";

/** How long to wait before a call that failed is made again, in milliseconds: the first time, and at most. */
const firstRetry = 1000;
const lastRetry = 30_000;

/** Somebody else in a room, and the call with them. */
export class Peer {
  /** As the user was last seen. */
  user: User;
  /** What the peer sends. Tracks are added as they come. */
  stream = new MediaStream();
  /** The call; undefined until one side has called. */
  call: Call | undefined;

  /** @internal When it was missing from a list that may not be complete. */
  missing = false;
  /** @internal Whether it is for this side to call. */
  weCall = false;
  #retryAfter = firstRetry;
  #retry: ReturnType<typeof setTimeout> | undefined;

  /** @internal */
  constructor(user: User) {
    this.user = user;
  }

  /** Whether the peer has lost the server and may come back. The call goes on in the meantime. */
  get away(): boolean {
    return this.user.status === UserStatus.AWAY;
  }

  /** @internal Makes `call` the call with this peer. `changed` and `retry` are called until the peer has gone. */
  attend(call: Call, { changed, retry }: { changed: () => void; retry: () => void }): void {
    clearTimeout(this.#retry);
    this.call = call;
    this.stream = new MediaStream();
    call.onTrack = (track) => {
      this.stream.addTrack(track);
      changed();
    };
    call.onState = (state) => {
      if (this.call !== call) return;
      if (state === "connected") this.#retryAfter = firstRetry;
      if (call.end && this.weCall && isMishap(call.end)) {
        this.#retry = setTimeout(retry, this.#retryAfter);
        this.#retryAfter = Math.min(2 * this.#retryAfter, lastRetry);
      }
      changed();
    };
    changed();
  }

  /** @internal The peer is no longer in the room. */
  gone(): void {
    clearTimeout(this.#retry);
    const { call } = this;
    this.call = undefined;
    call?.hangup();
  }
}

/** Whether nobody wanted the call to end. */
function isMishap({ reason }: CallEnd): boolean {
  return reason === "failed" || reason === "timeout" || reason === "unreachable";
}
