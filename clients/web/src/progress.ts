import type { Event } from "./event.js";

/** After how many bytes of events the server is told what has arrived. */
const toldEvery = 64 << 10;

/** What a resume may bring again. How things stand is told anew instead. */
const repeatable: ReadonlySet<Event["kind"]> = new Set<Event["kind"]>([
  "callMade",
  "answerMade",
  "candidateReceived",
  "callRejected",
  "callEnded",
  "dataReceived",
  "failure",
]);

/** How far one log was read. */
interface Reading {
  /** Empty before the room's first list: there is no cursor yet. */
  epoch: string;
  seq: bigint;
  /** The seq that the server was told of; -1 if it was told nothing. */
  told: bigint;
}

/** A place in a log, as the specification's Cursor. */
export interface Place {
  room: string;
  epoch: string;
  seq: bigint;
}

/** Remembers what has arrived from the log of each room, to go on from there, and to tell what may be forgotten. */
export class Progress {
  readonly #self: string;
  /** By room. The session's own log, under "", is always there. */
  readonly #logs = new Map<string, Reading>();
  /** Bytes of events since the server was told. */
  #untold = 0;

  /** `epoch` is that of the session's own log. */
  constructor(self: string, epoch: string) {
    this.#self = self;
    this.begin(epoch);
  }

  /**
   * Takes down that a stream begins, and the epoch of the session's own log: in another one than before, all logs are
   * read from their beginning. The server is told of the stream's first event at once, with a cursor of the own log at
   * least: from then on it knows that what it is not told of has not arrived.
   */
  begin(epoch: string): void {
    let own = this.#logs.get("");
    if (own?.epoch !== epoch) {
      this.#logs.clear();
      own = this.#add("", epoch);
    }
    own.told = -1n; // It may have been lost with the stream before.
    this.#untold = toldEvery;
  }

  /**
   * Takes down that an event of so many bytes has arrived.
   *
   * @returns false if it has arrived before: what came before the room's first list comes again, since there was no cursor.
   */
  note(event: Event, bytes: number): boolean {
    if (event.kind === "userLeft" && event.user.id === this.#self) this.forget(event.room);
    else if (event.seq > 0n) {
      const log = this.#logOf(event);
      if (event.seq > log.seq) log.seq = event.seq;
      else if (repeatable.has(event.kind)) return false;
    }
    if (event.seq > 0n) this.#untold += bytes;
    return true;
  }

  /** Whether so much has arrived that the server should be told now. */
  get isDue(): boolean {
    return this.#untold >= toldEvery;
  }

  /** Takes down that the user has left a room. */
  forget(room: string): void {
    if (room !== "") this.#logs.delete(room);
  }

  /** A cursor for each log. */
  all(): Place[] {
    return this.#places(() => true);
  }

  /** A cursor for each log that was read on since the last call. */
  untold(): Place[] {
    this.#untold = 0;
    const places = this.#places(({ seq, told }) => seq > told);
    for (const { room, seq } of places) this.#logs.get(room)!.told = seq;
    return places;
  }

  #places(of: (log: Reading) => boolean): Place[] {
    return Array.from(this.#logs)
      .filter(([, log]) => log.epoch !== "" && of(log))
      .map(([room, { epoch, seq }]) => ({ room, epoch, seq }));
  }

  /** The log that an event is in. A room's is read from its first event on; its first list tells the epoch. */
  #logOf(event: Event): Reading {
    const log = this.#logs.get(event.room) ?? this.#add(event.room, "");
    if (event.kind !== "joinedUsers" || log.epoch === event.epoch) return log;
    if (log.epoch !== "") return this.#add(event.room, event.epoch);
    log.epoch = event.epoch;
    return log;
  }

  #add(room: string, epoch: string): Reading {
    const log = { epoch, seq: 0n, told: -1n };
    this.#logs.set(room, log);
    return log;
  }
}
