import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { WebSocket } from "ws";

import { EndError, type Event, Failure, Session } from "../../src/index.js";
import { type ConnectRequest, type ConnectResponse, ConnectResponseSchema } from "../../src/gen/beckon/v1/signal_pb.js";
import { Queue } from "../../src/queue.js";
import type { Peer } from "./stream.js";
import type { Transcript } from "./transcript.js";

/** Opens sessions of the library, and shows what they give as if it were the events of a stream. */
export function sessionPeers(url: string): () => Peer {
  return () => new SessionPeer(Session.connect(url, { webSocket: WebSocket }));
}

class SessionPeer implements Peer {
  readonly responses = new Queue<ConnectResponse>();
  readonly #session: Promise<Session>;
  /** The transcript's request ids by those of the session. */
  readonly #ids = new Map<unknown, bigint>();

  constructor(session: Promise<Session>) {
    this.#session = session;
    void session.then((session) => this.#read(session));
    session.catch((error: unknown) => this.#end(error));
  }

  send(request: ConnectRequest): void {
    void this.#session
      .then((session) => say(session, request))
      .then(
        (requestId) => {
          this.#ids.set(requestId, request.requestId);
          if (request.message.case === "ping") {
            this.#push({ case: "pong", value: request.message.value });
          } else if (request.requestId > 0n) this.#push({ case: "ack", value: {} }, request.requestId);
        },
        (error: unknown) => {
          if (error instanceof Failure) this.#push({ case: "failure", value: error }, request.requestId);
        },
      );
  }

  sendRaw(): void {
    throw new Error("a session takes messages");
  }

  halfClose(): void {
    void this.#session.then((session) => session.close());
  }

  cancel(): void {
    void this.#session.then((session) => session.abort());
  }

  async #read(session: Session): Promise<void> {
    this.#push({ case: "welcome", value: session.welcome });
    try {
      for await (const event of session.events())
        if (!local.includes(event.kind)) this.responses.push(this.#responseOf(event));
      this.responses.end();
    } catch (error) {
      this.#end(error);
    }
  }

  #push(event: object, requestId = 0n): void {
    this.responses.push(create(ConnectResponseSchema, { event: event as ConnectResponse["event"], requestId }));
  }

  /** Puts an event back into its envelope. */
  #responseOf({ kind, room, seq, ...fields }: Event): ConnectResponse {
    const requestId = "requestId" in fields ? this.#ids.get(fields.requestId) : undefined;
    const event = { case: kind, value: fields } as ConnectResponse["event"];
    return create(ConnectResponseSchema, { room, seq, requestId, event });
  }

  #end(error: unknown): void {
    if (error instanceof EndError) this.responses.end(error.cause ?? new ConnectError(error.detail, error.code));
    else this.responses.end(error);
  }
}

/** Has a session say what a message says. */
async function say(session: Session, { message }: ConnectRequest): Promise<unknown> {
  switch (message.case) {
    case "join":
      return session.join(message.value);
    case "leave":
      return session.leave(message.value.room);
    case "offer":
      return session.offer(message.value);
    case "answer":
      return session.answer(message.value);
    case "candidate":
      return session.candidate(message.value);
    case "reject":
      return session.reject(message.value);
    case "hangup":
      return session.hangup(message.value);
    case "data":
      return session.data(message.value);
    case "update":
      return session.update(message.value);
    case "ping":
      // A session pings by itself. Any message that has an outcome shows as well that the server has come so far.
      return session.leave("where nobody is").catch(() => {});
    default:
      throw new ConnectError(`a session does not say ${message.case}`, Code.Internal);
  }
}

/** What a session tells of itself. */
const local = ["reconnecting", "resumed", "resynced", "ended"];

const words = ["join", "leave", "offer", "answer", "candidate", "reject", "hangup", "data", "update"];

/** Whether a transcript says only what a session can say, and looks at nothing that it keeps to itself. */
export function isForSession({ lines }: Transcript): boolean {
  const ids = new Map<string, number>();
  return lines.every(({ who, action }) => {
    if (action.kind === "see")
      return action.word !== "pong" && !(action.word === "ack" && "seq" in (action.body as object));
    if (action.kind === "raw") return false;
    if (action.kind !== "send") return true;
    const { request_id: id, ...message } = action.message;
    // Sessions count their request ids by themselves, and refuse what is too large.
    if (id !== undefined && Number(id) <= (ids.get(who) ?? 0)) return false;
    if (id !== undefined) ids.set(who, Number(id));
    const tooLarge = /"v\*(\d+)"/.exec(JSON.stringify(message));
    return words.some((word) => word in message) && Number(tooLarge?.[1] ?? 0) < 200_000;
  });
}
