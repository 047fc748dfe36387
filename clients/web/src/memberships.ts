import { create } from "@bufbuild/protobuf";

import { type ConnectRequest, type Join, JoinSchema } from "./gen/beckon/v1/signal_pb.js";

type Attributes = Join["attributes"];

/** The rooms that a session is in, each as it would be joined now. */
export class Memberships {
  readonly #joins = new Map<string, Join>();

  /** Takes down that the server has recorded a message. To join a room that one is in is an update. */
  recorded({ message }: ConnectRequest): void {
    if (message.case !== "join" && message.case !== "update") return;
    const { room, name, attributes } = message.value;
    const before = this.#joins.get(room);
    const presence = message.case === "join" ? message.value.presence : before?.presence;
    this.#joins.set(
      room,
      create(JoinSchema, {
        room,
        name: name ?? before?.name,
        attributes: merge(before?.attributes, attributes),
        presence,
      }),
    );
  }

  /** Takes down that the session is no longer in a room. */
  forget(room: string): void {
    this.#joins.delete(room);
  }

  /** How the session is in a room; undefined if it is not. */
  get(room: string): Join | undefined {
    return this.#joins.get(room);
  }

  /** How to join each of the rooms. */
  joins(): Join[] {
    return [...this.#joins.values()];
  }
}

/** Merges attributes as the server does: an empty value removes its key. */
function merge(before: Attributes | undefined, changes: Attributes): Attributes {
  return Object.fromEntries(Object.entries({ ...before, ...changes }).filter(([, value]) => value !== ""));
}
