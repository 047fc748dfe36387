import type { Event } from "./event.js";

/** How far one log was read. */
interface Reading {
  readonly epoch: string;
  seq: bigint;
  /** The seq that the server knows of. */
  told: bigint;
}

/** A place in a log, as the specification's Cursor. */
export interface Place {
  room: string;
  epoch: string;
  seq: bigint;
}

/** Remembers what has arrived from the log of each room, to tell the server what it may forget. */
export class Progress {
  readonly #self: string;
  /** By room. The session's own log, under "", has no epoch and is always there. */
  readonly #logs = new Map<string, Reading>([["", { epoch: "", seq: 0n, told: 0n }]]);

  constructor(self: string) {
    this.#self = self;
  }

  /** Takes down that an event has arrived. A room's log is known from its first list on. */
  note(event: Event): void {
    if (event.kind === "joinedUsers" && this.#logs.get(event.room)?.epoch !== event.epoch) {
      this.#logs.set(event.room, { epoch: event.epoch, seq: 0n, told: 0n });
    }
    if (event.kind === "userLeft" && event.user.id === this.#self) this.forget(event.room);
    const log = this.#logs.get(event.room);
    if (log !== undefined && event.seq > log.seq) log.seq = event.seq;
  }

  /** Takes down that the user has left a room. */
  forget(room: string): void {
    if (room !== "") this.#logs.delete(room);
  }

  /** A cursor for each log that was read on since the last call. */
  untold(): Place[] {
    const places: Place[] = [];
    for (const [room, log] of this.#logs) {
      if (log.seq <= log.told) continue;
      log.told = log.seq;
      places.push({ room, epoch: log.epoch, seq: log.seq });
    }
    return places;
  }
}
