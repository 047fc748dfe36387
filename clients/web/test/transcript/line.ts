import { ConnectRequestSchema, ConnectResponseSchema } from "../../src/gen/beckon/v1/signal_pb.js";
import { Code } from "../../src/index.js";
import type { Json } from "./value.js";

/** What a line does, or is to see. */
export type Action =
  | { kind: "send"; message: { [field: string]: Json } }
  | { kind: "raw"; bytes: Uint8Array }
  | { kind: "half-close" | "cancel" }
  | { kind: "see"; word: string; requestId: string; room: string; seq: string; body: Json }
  | { kind: "end"; status: string };

/** One line of a conversation. */
export interface Line {
  /** In the file, from 1. */
  readonly number: number;
  /** As written, on one line. */
  readonly text: string;
  readonly who: string;
  readonly action: Action;
}

const messageWords = words(ConnectRequestSchema.oneofs[0]);
const eventWords = words(ConnectResponseSchema.oneofs[0]);

function words(oneof: { fields: { name: string }[] } | undefined): Set<string> {
  return new Set(oneof?.fields.map((field) => field.name));
}

/** The names of status codes: NOT_FOUND. */
const statuses = new Set(["OK", ...Object.keys(Code).map(upperCase)]);

/** Writes the name of a code, `NotFound`, as gRPC does: `NOT_FOUND`. */
export function upperCase(name: string): string {
  return name.replace(/(?<=[a-z])[A-Z]/g, "_$&").toUpperCase();
}

/** Parses the conversation in `text`, whose first line is the file's line `first`. */
export function parseLines(text: string, first: number): Line[] {
  const joined: { number: number; text: string }[] = [];
  text.split("\n").forEach((line, i) => {
    const trimmed = line.trim();
    const number = first + i;
    if (trimmed === "" || line.startsWith("#")) return;
    if (trimmed[0] === line[0]) joined.push({ number, text: trimmed });
    else {
      const last = joined.at(-1);
      if (last === undefined) throw new Error(`${number}: nothing stands before "${trimmed}" for it to go on with`);
      last.text += ` ${trimmed}`;
    }
  });
  return joined.map((line) => {
    try {
      return { ...line, ...parseLine(line.text) };
    } catch (error) {
      throw new Error(`${line.number}: ${line.text}\n${String(error)}`);
    }
  });
}

function parseLine(text: string): { who: string; action: Action } {
  const [, who = "", direction, word = "", rest = ""] =
    /^([a-z][a-z0-9]*)([<>])\s+(\S+)\s*(.*)$/.exec(text) ?? fail("want a line such as: ana> join {…}, or: ana< ack #1");
  return { who, action: direction === ">" ? parseDeed(word, rest) : parseSight(word, rest) };
}

/** Parses what follows `ana>`. */
function parseDeed(word: string, rest: string): Action {
  if (word === "raw") {
    const hex = rest.replaceAll(" ", "");
    if (!/^([0-9a-f]{2})*$/i.test(hex)) fail("raw: want bytes in hexadecimal");
    return { kind: "raw", bytes: Uint8Array.from(Buffer.from(hex, "hex")) };
  }
  if ((word === "half-close" || word === "cancel") && rest === "") return { kind: word };
  if (word !== "nothing" && !messageWords.has(word)) fail("want a message, nothing, raw, half-close or cancel");
  const frame = parseFrame(rest);
  if (frame.room !== "" || frame.seq !== "" || frame.body === "*")
    fail("want a request id or none, then a body or none");
  const message: { [field: string]: Json } = {};
  if (frame.requestId !== "") message["request_id"] = frame.requestId;
  if (word !== "nothing") message[word] = frame.body;
  return { kind: "send", message };
}

/** Parses what follows `ana<`. */
function parseSight(word: string, rest: string): Action {
  if (word === "end") {
    const [status = "", reason, more] = rest.split(/\s+/);
    if (!statuses.has(status) || more !== undefined) fail("want a status such as NOT_FOUND, then a reason or nothing");
    return { kind: "end", status: reason === undefined ? status : `${status} ${reason}` };
  }
  if (!eventWords.has(word)) fail("want an event, or end");
  const frame = parseFrame(rest);
  if (frame.room === "*" && !isOutcome(word)) fail("the room tells which event is meant, and is not left open");
  return { kind: "see", word, ...frame };
}

/** Whether an event is in the lane of outcomes. */
export function isOutcome(word: string): boolean {
  return word === "ack" || word === "failure" || word === "pong";
}

/** Parses what follows the word: request id, room, seq and body. */
function parseFrame(text: string): { requestId: string; room: string; seq: string; body: Json } {
  const [, requestId = "", room = "", seq = "", body] =
    /^(?:#(\d+)(?:\s+|$))?(?:in ("(?:[^"\\]|\\.)*"|[^\s"]+)(?:\s+|$))?(?:at (\$[a-z][a-z0-9]*)(?:\s+|$))?(\{.*\}|\*)?$/.exec(
      text,
    ) ?? fail("want #7, in lobby, at $seen, then a JSON object or *; each may be absent");
  return {
    requestId,
    room: room.startsWith('"') ? (JSON.parse(room) as string) : room,
    seq,
    body: body === undefined ? {} : body === "*" ? "*" : (JSON.parse(body) as Json),
  };
}

function fail(message: string): never {
  throw new Error(message);
}
