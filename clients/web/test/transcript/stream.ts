import { create, type DescMessage, equals, type Message, toJson } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { ConnectError } from "@connectrpc/connect";

import { Code, FailureCode } from "../../src/index.js";
import {
  type ConnectRequest,
  ConnectRequestSchema,
  type ConnectResponse,
  ConnectResponseSchema,
} from "../../src/gen/beckon/v1/signal_pb.js";
import { reasonOf } from "../../src/transport/error-info.js";
import { isOutcome, upperCase } from "./line.js";
import type { Json } from "./value.js";

/** The client's end of a stream. */
export interface Peer {
  send(request: ConnectRequest): void;
  sendRaw(bytes: Uint8Array): void;
  halfClose(): void;
  cancel(): void;
  /** Ends with OK, throws a ConnectError with any other status. */
  readonly responses: AsyncIterator<ConnectResponse>;
}

/** How long a line waits for what it wants to see, in milliseconds. */
const patience = 5000;

/** The stream of one participant, with what came on it. */
export class Stream {
  readonly name: string;
  readonly peer: Peer;
  /** A line has seen the end, or has lost the stream. */
  done = false;
  /** What came and no line has taken. */
  readonly unread: ConnectResponse[] = [];
  /** Once it came: `NOT_FOUND NO_SUCH_SESSION`. */
  end: string | undefined;

  readonly #newest = new Map<string, bigint>();
  #welcomed = false;
  #broken: Error | undefined;
  #wake = (): void => {};

  constructor(name: string, peer: Peer) {
    this.name = name;
    this.peer = peer;
    void this.#receive();
  }

  async #receive(): Promise<void> {
    try {
      for (;;) {
        const next = await this.peer.responses.next();
        if (next.done === true) break;
        if (isHeartbeat(next.value)) continue;
        this.unread.push(next.value);
        this.#hold(next.value);
        this.#wake();
      }
      this.end = "OK";
    } catch (error) {
      this.end = endNotation(ConnectError.from(error));
    }
    this.#wake();
  }

  /** Takes the next event of a lane, and waits for it if it has not come. */
  next(word: string, room: string): Promise<ConnectResponse> {
    return this.#until("an event of its lane", () => {
      const i = this.unread.findIndex((event) =>
        isOutcome(word) ? isOutcome(wordOf(event)) : !isOutcome(wordOf(event)) && event.room === room,
      );
      if (i >= 0) return this.unread.splice(i, 1)[0];
      if (this.end !== undefined) throw new Error(`the stream ended: ${this.end}`);
      return undefined;
    });
  }

  /** Waits for the end of the stream, before which nothing may be unread. */
  async untilEnd(): Promise<string> {
    const end = await this.#until("the end", () => this.end);
    if (this.unread.length > 0) throw new Error(`${this.name} has events left before the end`);
    return end;
  }

  /** Makes sure that an open stream has nothing unread: the answer to a ping is the next event. */
  async nothingLeft(): Promise<void> {
    const payload = new TextEncoder().encode("that is all");
    this.peer.send(create(ConnectRequestSchema, { message: { case: "ping", value: { payload } } }));
    const pong = create(ConnectResponseSchema, { event: { case: "pong", value: { payload } } });
    const first = await this.#until("the pong", () => {
      if (this.end !== undefined) throw new Error(`the stream ended: ${this.end}`);
      return this.unread[0];
    });
    if (!equals(ConnectResponseSchema, first, pong)) throw new Error(`${this.name} has events left`);
    this.unread.shift();
  }

  /** Waits until `attempt` gives something. */
  async #until<T>(what: string, attempt: () => T | undefined): Promise<T> {
    const late = AbortSignal.timeout(patience);
    for (;;) {
      if (this.#broken !== undefined) throw this.#broken;
      const result = attempt();
      if (result !== undefined) return result;
      if (late.aborted) throw new Error(`${what} did not come`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        late.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  }

  /** Holds an event to what the protocol promises about all of them. */
  #hold(event: ConnectResponse): void {
    const word = wordOf(event);
    const fail = (why: string): void => {
      this.#broken ??= new Error(`came: ${notation(this.name, event)}\n${why}`);
    };
    if (this.#welcomed === (word === "welcome")) fail("want welcome as the first event, and only there");
    this.#welcomed = true;
    if (isLogged(event) !== event.seq > 0n) fail("want seq 0 of an event that is in no log, more of every other");
    if (event.seq > 0n) {
      if (event.seq < (this.#newest.get(event.room) ?? 0n)) fail(`want seq not to fall within room "${event.room}"`);
      this.#newest.set(event.room, event.seq);
    }
    if (event.event.case === "ack" && event.room === "" && event.event.value.seq > 0n)
      fail("want 0 of an ack without room");
    if (event.event.case === "joinedUsers" && event.event.value.epoch === "") fail("epoch: want it not to be empty");
    if (hasUnknown(ConnectResponseSchema, event)) fail("want no unknown fields");
  }
}

/** The name of the oneof member that is set. */
export function wordOf(event: ConnectResponse): string {
  const name = event.event.case;
  return ConnectResponseSchema.oneofs[0]?.fields.find((field) => field.localName === name)?.name ?? "";
}

/** An event as JSON, with the names of the proto file. */
export function asJson(event: ConnectResponse): { [key: string]: Json } {
  return toJson(ConnectResponseSchema, event, { useProtoFieldName: true }) as { [key: string]: Json };
}

/** An event as it would be written on a line, shortened if it is very long. */
export function notation(who: string, event: ConnectResponse): string {
  const word = wordOf(event);
  const room = /^[^\s"]*$/.test(event.room) ? event.room : JSON.stringify(event.room);
  const marks = [
    event.requestId === 0n ? "" : ` #${event.requestId}`,
    room === "" ? "" : ` in ${room}`,
    event.seq === 0n ? "" : ` at ${event.seq}`,
  ].join("");
  return shorten(`${who}< ${word}${marks} ${JSON.stringify(asJson(event)[word])}`);
}

/** Cuts a text that is too long to be read. */
export function shorten(text: string): string {
  return text.length <= 1000 ? text : `${text.slice(0, 1000)}… (${text.length} characters)`;
}

function endNotation(error: ConnectError): string {
  const reason = reasonOf(error);
  return upperCase(Code[error.code]) + (reason === "" ? "" : ` ${reason}`);
}

/** Whether an event may have come unasked. */
function isHeartbeat(event: ConnectResponse): boolean {
  return event.event.case === "pong" && event.event.value.payload.length === 0 && event.requestId === 0n;
}

/** Whether an event is in a log and so has a number. */
function isLogged(event: ConnectResponse): boolean {
  if (event.event.case === "failure") return event.event.value.code === FailureCode.UNDELIVERED;
  return !["welcome", "ack", "pong", "ice_servers_changed", "draining"].includes(wordOf(event));
}

function hasUnknown(schema: DescMessage, message: Message): boolean {
  if ((message.$unknown?.length ?? 0) > 0) return true;
  const reflected = reflect(schema, message);
  return schema.fields.some((field) => {
    if (!reflected.isSet(field)) return false;
    if (field.fieldKind === "message") return hasUnknown(field.message, reflected.get(field).message);
    if (field.fieldKind === "list" && field.listKind === "message") {
      return [...reflected.get(field)].some((item) =>
        hasUnknown(field.message, (item as { message: Message }).message),
      );
    }
    return false;
  });
}
