import { fromJson } from "@bufbuild/protobuf";
import { isDeepStrictEqual } from "node:util";

import { ConnectRequestSchema } from "../../src/gen/beckon/v1/signal_pb.js";
import { type Action, isOutcome, type Line } from "./line.js";
import { asJson, notation, type Peer, shorten, Stream } from "./stream.js";
import type { Transcript } from "./transcript.js";
import { type Json, Variables } from "./value.js";

/** How a transcript is played. */
export interface PlayOptions {
  /** Outcomes come without the room: whoever plays does not see it. */
  roomlessOutcomes?: boolean;
}

/** Plays a transcript on streams that `open` opens. Throws at the first line that does not go as written. */
export async function play(transcript: Transcript, open: () => Peer, options: PlayOptions = {}): Promise<void> {
  const values = new Variables(transcript.texts);
  const streams = new Map<string, Stream>();
  const attempt = async (line: { number: number; text: string }, deed: () => Promise<void>): Promise<void> => {
    await deed().catch((error: unknown) => {
      const unread = [...streams.values()].flatMap((stream) => [
        ...stream.unread.map((event) => `\nunread: ${notation(stream.name, event)}`),
        ...(stream.end === undefined || stream.done ? [] : [`\nunread: ${stream.name}< end ${stream.end}`]),
      ]);
      const { message } = error as Error;
      throw new Error(`${transcript.file}:${line.number}: ${shorten(line.text)}\n${message}${unread.join("")}`);
    });
  };
  try {
    for (const line of transcript.lines) {
      let stream = streams.get(line.who);
      if (stream === undefined) streams.set(line.who, (stream = new Stream(line.who, open())));
      await attempt(line, () => act(line, stream, values, options));
    }
    const last = transcript.lines.at(-1) as Line;
    for (const stream of streams.values()) {
      if (!stream.done) await attempt({ number: last.number, text: "the end" }, () => stream.nothingLeft());
    }
  } finally {
    for (const stream of streams.values()) stream.peer.cancel();
  }
}

async function act({ action }: Line, stream: Stream, values: Variables, options: PlayOptions): Promise<void> {
  switch (action.kind) {
    case "send":
      stream.peer.send(fromJson(ConnectRequestSchema, values.fill(action.message, undefined)));
      break;
    case "raw":
      stream.peer.sendRaw(action.bytes);
      break;
    case "half-close":
      stream.peer.halfClose();
      break;
    case "cancel":
      stream.peer.cancel();
      stream.done = true;
      break;
    case "see":
      await see(action, stream, values, options);
      break;
    case "end": {
      const end = await stream.untilEnd();
      if (end !== action.status) throw new Error(`came instead: ${stream.name}< end ${end}`);
      stream.done = true;
    }
  }
}

async function see(
  action: Extract<Action, { kind: "see" }>,
  stream: Stream,
  values: Variables,
  options: PlayOptions,
): Promise<void> {
  const event = await stream.next(action.word, values.text(action.room) ?? action.room);
  const got = asJson(event);
  // Places in a log are compared only if the line writes them.
  if (action.seq === "") delete got["seq"];
  const place = { joined_users: "epoch", ack: "seq" }[action.word];
  if (place !== undefined && !(typeof action.body === "object" && place in (action.body as object))) {
    delete (got[action.word] as { [key: string]: Json } | undefined)?.[place];
  }
  const want: { [key: string]: Json } = { [action.word]: action.body };
  if (action.requestId !== "") want["request_id"] = action.requestId;
  if (action.room !== "" && !(options.roomlessOutcomes === true && isOutcome(action.word))) want["room"] = action.room;
  if (action.seq !== "") want["seq"] = action.seq;
  const filled = values.fill(want, got);
  if (!isDeepStrictEqual(filled, got)) {
    const [wanted, came] = [filled, got].map((value) => shorten(JSON.stringify(value)));
    throw new Error(`came instead: ${notation(stream.name, event)}\nwant ${wanted}\ngot  ${came}`);
  }
}
