import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";

import { openingId } from "./channel/channel.js";
import { Failure } from "./errors.js";
import { type ConnectRequest, ConnectRequestSchema, FailureCode } from "./gen/beckon/v1/signal_pb.js";

/** How many messages without an outcome may be on the wire: the server remembers as many outcomes. */
const maxOnWire = 64;

/** The member of the oneof in ConnectRequest. */
export type Message = NonNullable<MessageInitShape<typeof ConnectRequestSchema>["message"]>;

/** What can be done twice: it does no more than once. */
const harmless: ReadonlySet<Message["case"]> = new Set<Message["case"]>(["join", "leave", "update"]);

/** A message without an outcome. */
export interface Entry {
  readonly request: ConnectRequest;
  /** Encoded, in bytes. */
  readonly size: number;
  /** Tells who waits what became of it; undefined if nobody does any more. */
  settle: ((failure?: Error) => void) | undefined;
  /** It was sent on a former stream, too. */
  isRepeated: boolean;
  /** It was sent on a stream that ended without telling whether it was recorded, and others would see it twice. */
  isDoubtful: boolean;
}

/**
 * The messages of a session that have had no outcome, in order. The first of them are on the wire; when a stream is
 * lost they are sent again, with the same ids. The others wait for their turn.
 */
export class Outstanding {
  readonly #transmit: (request: ConnectRequest) => void;
  /** By request id, in order. */
  readonly #onWire = new Map<bigint, Entry>();
  #waiting: Entry[] = [];
  /** The request id given last. */
  #lastId = openingId;

  /** `transmit` sends a message, if there is a stream. */
  constructor(transmit: (request: ConnectRequest) => void) {
    this.#transmit = transmit;
  }

  /** Whether messages wait for others to have their outcome. */
  get isFull(): boolean {
    return this.#waiting.length > 0;
  }

  /** Adds a message, of at most `limit` bytes unless that is 0. @throws Failure if it cannot be sent. */
  add(message: Message, limit: number, settle: Entry["settle"]): Entry {
    const request = create(ConnectRequestSchema, { requestId: this.#lastId + 1n, message });
    const size = encodedSize(request);
    if (limit > 0 && size > limit) throw tooLarge(`the message has ${size} bytes: the server takes at most ${limit}`);
    this.#lastId = request.requestId;
    const entry: Entry = { request, size, settle, isRepeated: false, isDoubtful: false };
    this.#waiting.push(entry);
    return entry;
  }

  /** Sends what waits, as far as it may be on the wire; with `all`, all of it. */
  advance(all = false): void {
    while (this.#waiting.length > 0 && (all || this.#onWire.size < maxOnWire)) {
      const entry = this.#waiting.shift()!;
      this.#onWire.set(entry.request.requestId, entry);
      this.#transmit(entry.request);
    }
  }

  /** Sends again what was on the wire. */
  repeat(): void {
    for (const entry of this.#onWire.values()) {
      entry.isRepeated = true;
      this.#transmit(entry.request);
    }
  }

  /** Takes out the message that has had its outcome; undefined if there is none. */
  take(requestId: bigint): Entry | undefined {
    const entry = this.#onWire.get(requestId);
    this.#onWire.delete(requestId);
    return entry;
  }

  /** Nobody waits for the message any more. If it was not sent it never is. */
  abandon(entry: Entry): void {
    entry.settle = undefined;
    this.#waiting = this.#waiting.filter((waiting) => waiting !== entry);
  }

  /** Whether the session is about to leave the room. */
  leaves(room: string): boolean {
    return [...this.#onWire.values(), ...this.#waiting].some(
      ({ request: { message } }) => message.case === "leave" && message.value.room === room,
    );
  }

  /** Takes down that the stream has ended before all that was handled was answered. */
  doubt(): void {
    for (const entry of this.#onWire.values()) entry.isDoubtful = !harmless.has(entry.request.message.case);
  }

  /** Fails what is doubtful: the server that knew what became of it is no more. */
  failDoubtful(): void {
    const detail = "the server was started anew: the message may have been recorded or not";
    for (const [id, { isDoubtful }] of [...this.#onWire]) {
      if (isDoubtful) this.#fail(id, new Failure({ code: FailureCode.UNAVAILABLE, detail }));
    }
  }

  /** Fails what on the wire is over so many bytes and has ended the stream. If nothing is, it was the largest. */
  failTooLarge(limit: number): void {
    const largest = Math.max(...Array.from(this.#onWire.values(), ({ size }) => size));
    const tolerated = limit > 0 && largest > limit ? limit : largest - 1;
    for (const [id, { size }] of [...this.#onWire]) {
      if (size > tolerated) this.#fail(id, tooLarge(`a message of ${size} bytes has ended the stream`));
    }
  }

  /** Fails everything. */
  failAll(error: Error): void {
    for (const { settle } of [...this.#onWire.values(), ...this.#waiting]) settle?.(error);
    this.#onWire.clear();
    this.#waiting = [];
  }

  #fail(requestId: bigint, failure: Failure): void {
    this.take(requestId)?.settle?.(failure);
  }
}

/** How large a message is. @throws Failure if it is none: a field has the wrong type. */
function encodedSize(request: ConnectRequest): number {
  try {
    return toBinary(ConnectRequestSchema, request).length;
  } catch (error) {
    throw new Failure({ code: FailureCode.INVALID, detail: String(error) });
  }
}

function tooLarge(detail: string): Failure {
  return new Failure({ code: FailureCode.TOO_LARGE, detail });
}
