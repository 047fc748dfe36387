import type { JoinedUsers } from "./gen/beckon/v1/signal_pb.js";

/** Puts lists together that come in parts. */
export class Lists {
  /** By room: lists of which parts are still to come. */
  readonly #begun = new Map<string, JoinedUsers>();

  /** Adds a part. @returns the whole list, or undefined if there is more to come. */
  add(room: string, part: JoinedUsers): JoinedUsers | undefined {
    const begun = this.#begun.get(room);
    const list = begun === undefined ? part : { ...begun, users: begun.users.concat(part.users) };
    if (part.more) {
      this.#begun.set(room, list);
      return undefined;
    }
    this.#begun.delete(room);
    return list;
  }

  /** Forgets what has not come whole. */
  clear(): void {
    this.#begun.clear();
  }
}
