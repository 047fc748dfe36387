import type { EndError } from "../errors.js";
import type { Event, EventOf } from "../event.js";
import type { Session } from "../session.js";

/** One end of a call, as the switchboard sees it. */
export interface Line {
  readonly room: string;
  readonly peer: string;
  callId(): string;
  /** Whether the other side has not answered. An offer with another call id then means that both called at once. */
  isOpen(): boolean;
  /** Told of every event of this call's two sides in this room, of what came back, and of the session's connection. */
  hear(event: Event): void;
  /** Told that the session has ended, and how. */
  cut(error: EndError | undefined): void;
}

/** How many calls that have ended are remembered, so that an offer that was under way does not ring again. */
const maxEnded = 64;

/** Leads the events of one session to its calls. */
export class Switchboard {
  readonly #lines = new Set<Line>();
  readonly #ringers = new Map<string, (offer: EventOf<"callMade">) => void>(); // By room.
  readonly #ended = new Set<string>();

  constructor(session: Session) {
    session.subscribe((event) => this.#lead(event));
    void session.ended.then((error) => {
      for (const line of this.#lines) line.cut(error);
    });
  }

  /** Adds a line, until the returned function is called. */
  plug(line: Line): () => void {
    this.#lines.add(line);
    return () => {
      if (this.#lines.delete(line)) this.#remember(line);
    };
  }

  /** Takes the offers in a room that begin a call, until the returned function is called. */
  ring(room: string, ringer: (offer: EventOf<"callMade">) => void): () => void {
    if (this.#ringers.has(room)) throw new Error(`calls in the room "${room}" are taken already`);
    this.#ringers.set(room, ringer);
    return () => {
      if (this.#ringers.get(room) === ringer) this.#ringers.delete(room);
    };
  }

  #lead(event: Event): void {
    switch (event.kind) {
      case "callMade":
        this.#offer(event);
        break;
      case "answerMade":
      case "candidateReceived":
      case "callRejected":
      case "callEnded":
        for (const line of this.#between(event.room, event.sender.id)) line.hear(event);
        break;
      case "userLeft":
        for (const line of this.#between(event.room, event.user.id)) line.hear(event);
        break;
      case "failure": // It came back, and tells no room.
        for (const line of this.#lines) if (line.callId() === event.callId) line.hear(event);
        break;
      case "resumed":
      case "resynced":
      case "iceServersChanged":
        for (const line of this.#lines) line.hear(event);
    }
  }

  #offer(offer: EventOf<"callMade">): void {
    const { room, callId, sender } = offer;
    const lines = this.#between(room, sender.id);
    const line = lines.find((line) => line.callId() === callId) ?? lines.find((line) => line.isOpen());
    if (line) line.hear(offer);
    else if (!this.#ended.has(key(room, sender.id, callId))) this.#ringers.get(room)?.(offer);
  }

  #remember({ room, peer, callId }: Line): void {
    this.#ended.add(key(room, peer, callId()));
    const [oldest] = this.#ended;
    if (this.#ended.size > maxEnded) this.#ended.delete(oldest!);
  }

  #between(room: string, peer: string): Line[] {
    return [...this.#lines].filter((line) => line.room === room && line.peer === peer);
  }
}

/** None of the three holds a control character. */
function key(room: string, peer: string, callId: string): string {
  return [room, peer, callId].join("\n");
}

const switchboards = new WeakMap<Session, Switchboard>();

/** The switchboard of a session, made at the first call. */
export function switchboard(session: Session): Switchboard {
  let board = switchboards.get(session);
  if (!board) switchboards.set(session, (board = new Switchboard(session)));
  return board;
}
